//! Key pairs: the public key id and the secret key.

use std::{borrow::Borrow, fmt};

use zeroize::Zeroizing;

use crate::limits::MAX_PARAMETER_LEN;

/// Names a key pair: the public half, by which a gateway finds the secret key.
///
/// Tencent Cloud calls it `SecretId`, Kong `username`, APISIX and draft-cavage `keyId`. It consists
/// of one or more visible ASCII characters or spaces, without `"`: it is sent in a quoted parameter
/// of the `Authorization` header, and no gateway knows an escape there.
///
/// ```
/// use tower_hmac_auth::KeyId;
///
/// let id = KeyId::new("AKIDtestkey0001")?;
/// assert_eq!(id.as_str(), "AKIDtestkey0001");
/// assert!(KeyId::new("AKID\n").is_err());
/// # Ok::<(), tower_hmac_auth::error::KeyError>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(Box<str>);

impl KeyId {
    /// Creates a key id from a text that can be sent in an `Authorization` header.
    ///
    /// # Errors
    ///
    /// Returns [`KeyError`] if the id is empty or longer than 8,192 bytes, or has a `"`, a control
    /// character or a byte above 127.
    pub fn new(id: impl Into<String>) -> Result<Self, KeyError> {
        let id = id.into();
        if id.is_empty() {
            return Err(KeyError::EmptyKeyId);
        }
        if id.len() > MAX_PARAMETER_LEN {
            return Err(KeyError::KeyIdTooLong);
        }
        for (position, byte) in id.bytes().enumerate() {
            match byte {
                b'"' => return Err(KeyError::QuoteInKeyId { position }),
                0..=0x1f | 0x7f => return Err(KeyError::ControlInKeyId { position }),
                0x80.. => return Err(KeyError::NonAsciiInKeyId { position }),
                _ => {}
            }
        }
        Ok(Self(id.into_boxed_str()))
    }

    /// Returns the id as it is sent.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Borrows the text, so that a map with key ids can be searched by a `&str`. `Eq`, `Ord` and `Hash`
/// are derived and so those of the text, as `Borrow` requires.
impl Borrow<str> for KeyId {
    fn borrow(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Holds the secret half of a key pair: any bytes, at least one.
///
/// It is never sent. It has no `Display`, its `Debug` is redacted, and its memory is overwritten
/// when it is dropped. Keys longer than the hash's block are allowed; HMAC hashes them first (RFC
/// 2104, section 2).
#[derive(Clone)]
pub struct SecretKey(Zeroizing<Vec<u8>>);

impl SecretKey {
    /// Creates a secret key from these bytes, without trimming or decoding them.
    ///
    /// A trailing newline, often left over from a file, becomes part of the key, and every
    /// signature will be rejected.
    ///
    /// # Errors
    ///
    /// Returns [`KeyError::EmptySecretKey`] if there are no bytes.
    pub fn new(secret: impl Into<Vec<u8>>) -> Result<Self, KeyError> {
        let secret = Zeroizing::new(secret.into());
        if secret.is_empty() {
            return Err(KeyError::EmptySecretKey);
        }
        Ok(Self(secret))
    }

    /// Returns a key that belongs to no id, for computing tags that no signature is compared with.
    /// An unknown id then takes as long as a known one.
    pub(crate) fn dummy() -> Self {
        Self(Zeroizing::new(vec![0]))
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey([redacted])")
    }
}

/// Holds a key id and its secret key.
///
/// ```
/// use tower_hmac_auth::{KeyPair, error::KeyError};
///
/// let keys = KeyPair::new("AKIDtestkey0001", "test-secret-key-0001")?;
/// assert_eq!(format!("{keys:?}"), r#"KeyPair { id: "AKIDtestkey0001", secret: [redacted] }"#);
///
/// let error = KeyPair::new("AKIDtestkey0001\n", "test-secret-key-0001").unwrap_err();
/// assert_eq!(error, KeyError::ControlInKeyId { position: 15 });
/// # Ok::<(), KeyError>(())
/// ```
#[derive(Clone)]
pub struct KeyPair {
    id: KeyId,
    secret: SecretKey,
}

impl KeyPair {
    /// Creates a key pair from an id and its secret key.
    ///
    /// # Errors
    ///
    /// Returns [`KeyError`] if the id is empty or longer than 8,192 bytes, or has a `"`, a control
    /// character or a byte above 127, or if the secret key is empty.
    pub fn new(id: impl Into<String>, secret: impl Into<Vec<u8>>) -> Result<Self, KeyError> {
        // The secret is converted before the id is checked. Otherwise an invalid id would return
        // early and drop the caller's plain `Vec`, whose memory is not overwritten.
        let secret = SecretKey::new(secret);
        Ok(Self {
            id: KeyId::new(id)?,
            secret: secret?,
        })
    }

    /// Returns the public half.
    #[must_use]
    pub fn id(&self) -> &KeyId {
        &self.id
    }

    /// Returns the secret half.
    #[must_use]
    pub fn secret(&self) -> &SecretKey {
        &self.secret
    }

    pub(crate) fn into_parts(self) -> (KeyId, SecretKey) {
        (self.id, self.secret)
    }
}

impl fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyPair")
            .field("id", &self.id)
            .field("secret", &format_args!("[redacted]"))
            .finish()
    }
}

impl From<(KeyId, SecretKey)> for KeyPair {
    fn from((id, secret): (KeyId, SecretKey)) -> Self {
        Self { id, secret }
    }
}

/// Says why a key id or a secret key is invalid.
///
/// Positions count bytes from 0. The texts never repeat the input, because id and secret may have
/// been swapped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyError {
    /// The key id has no characters.
    EmptyKeyId,
    /// The secret key has no bytes.
    EmptySecretKey,
    /// The key id has more than 8,192 bytes.
    KeyIdTooLong,
    /// The key id has a `"`, which would end the quoted parameter it is sent in.
    QuoteInKeyId {
        /// The byte's position in the id.
        position: usize,
    },
    /// The key id has a control character (0 to 31, or 127), which no header can carry.
    ControlInKeyId {
        /// The byte's position in the id.
        position: usize,
    },
    /// The key id has a byte above 127.
    NonAsciiInKeyId {
        /// The byte's position in the id.
        position: usize,
    },
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EmptyKeyId => f.write_str("the key id is empty: give the id the gateway issued"),
            Self::EmptySecretKey => {
                f.write_str("the secret key is empty: give the key the gateway issued with the id")
            }
            Self::KeyIdTooLong => write!(
                f,
                "the key id is longer than {MAX_PARAMETER_LEN} bytes: give the id the \
                 gateway issued"
            ),
            Self::QuoteInKeyId { position } => write!(
                f,
                "the key id has a double quote at byte {position}: give the id without quotes \
                 around it"
            ),
            Self::ControlInKeyId { position } => write!(
                f,
                "the key id has a control character at byte {position}: remove it (a newline at \
                 the end is often left over from a file)"
            ),
            Self::NonAsciiInKeyId { position } => write!(
                f,
                "the key id has a byte that is not ASCII at byte {position}: give the id as the \
                 gateway issued it"
            ),
        }
    }
}

impl std::error::Error for KeyError {}
