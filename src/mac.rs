//! The MAC algorithms, and the keyed state that is made once per key.

use std::{fmt, str::FromStr, sync::OnceLock};

use digest::{
    CtOutput, Digest, Key, Output,
    array::Array,
    block_api::{Buffer, EagerHash, FixedOutputCore, UpdateCore},
    common::BlockSizeUser,
};
use hmac::{KeyInit, block_api::HmacCore};
use sha1::Sha1;
use sha2::{Sha256, Sha384, Sha512};
use zeroize::Zeroize;

use crate::key::SecretKey;

/// An HMAC algorithm (RFC 2104) under the name the gateways give it.
///
/// All four are documented by Tencent Cloud API Gateway and Kong. The documentation's samples use
/// `hmac-sha1`, which is therefore the default there; HMAC-SHA1 is not broken by SHA-1's collisions, but
/// [`HmacSha256`](Self::HmacSha256) is the better choice wherever the other side allows it.
///
/// ```
/// use tower_hmac_auth::Algorithm;
///
/// assert_eq!("hmac-sha256".parse(), Ok(Algorithm::HmacSha256));
/// assert_eq!(Algorithm::HmacSha1.to_string(), "hmac-sha1");
/// assert_eq!(Algorithm::HmacSha512.signature_len(), 64);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Algorithm {
    /// `hmac-sha1`: 20 bytes.
    HmacSha1,
    /// `hmac-sha256`: 32 bytes.
    HmacSha256,
    /// `hmac-sha384`: 48 bytes.
    HmacSha384,
    /// `hmac-sha512`: 64 bytes.
    HmacSha512,
}

impl Algorithm {
    /// Every algorithm, weakest first.
    pub const ALL: [Self; 4] = [
        Self::HmacSha1,
        Self::HmacSha256,
        Self::HmacSha384,
        Self::HmacSha512,
    ];

    /// The name on the wire, in lower case.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::HmacSha1 => "hmac-sha1",
            Self::HmacSha256 => "hmac-sha256",
            Self::HmacSha384 => "hmac-sha384",
            Self::HmacSha512 => "hmac-sha512",
        }
    }

    /// The length of a signature in bytes, before base64.
    #[must_use]
    pub const fn signature_len(self) -> usize {
        match self {
            Self::HmacSha1 => 20,
            Self::HmacSha256 => 32,
            Self::HmacSha384 => 48,
            Self::HmacSha512 => 64,
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Algorithm {
    type Err = ParseAlgorithmError;

    /// Reads the name on the wire, exactly: the gateways compare it case-sensitively.
    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|algorithm| algorithm.name() == name)
            .ok_or(ParseAlgorithmError)
    }
}

/// The name is not one of [`Algorithm::ALL`]'s.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ParseAlgorithmError;

impl fmt::Display for ParseAlgorithmError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "unknown algorithm: use hmac-sha1, hmac-sha256, hmac-sha384 or hmac-sha512, in lower case",
        )
    }
}

impl std::error::Error for ParseAlgorithmError {}

/// The longest signature of all algorithms, in bytes.
pub(crate) const MAX_SIGNATURE_LEN: usize = Algorithm::HmacSha512.signature_len();

/// A MAC state that has taken in its key, and is copied for each message. As secret as the key itself.
///
/// The crate's block-level type has no buffer: that of `Hmac` would be copied and overwritten for each message, though
/// all that is ever in it is no secret.
#[derive(Clone)]
pub(crate) enum KeyedMac {
    Sha1(HmacCore<Sha1>),
    Sha256(HmacCore<Sha256>),
    // Twice as large, and seldom used.
    Sha384(Box<HmacCore<Sha384>>),
    Sha512(Box<HmacCore<Sha512>>),
}

impl KeyedMac {
    pub(crate) fn new(algorithm: Algorithm, secret: &SecretKey) -> Self {
        let secret = secret.as_bytes();
        match algorithm {
            Algorithm::HmacSha1 => Self::Sha1(keyed(secret)),
            Algorithm::HmacSha256 => Self::Sha256(keyed(secret)),
            Algorithm::HmacSha384 => Self::Sha384(Box::new(keyed(secret))),
            Algorithm::HmacSha512 => Self::Sha512(Box::new(keyed(secret))),
        }
    }

    /// The MAC of a message.
    #[inline(always)]
    pub(crate) fn tag(&self, message: &[u8]) -> Tag {
        match self {
            Self::Sha1(keyed) => tag(keyed, message),
            Self::Sha256(keyed) => tag(keyed, message),
            Self::Sha384(keyed) => tag(keyed, message),
            Self::Sha512(keyed) => tag(keyed, message),
        }
    }

    /// Whether `signature` is the MAC of a message; in constant time for the right length.
    pub(crate) fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        match self {
            Self::Sha1(keyed) => is_mac(keyed, message, signature),
            Self::Sha256(keyed) => is_mac(keyed, message, signature),
            Self::Sha384(keyed) => is_mac(keyed, message, signature),
            Self::Sha512(keyed) => is_mac(keyed, message, signature),
        }
    }
}

#[inline(always)]
fn write_mac<D: EagerHash>(keyed: &HmacCore<D>, message: &[u8], place: &mut Output<HmacCore<D>>) {
    let mut core = keyed.clone();
    let mut buffer = Buffer::<HmacCore<D>>::default();
    buffer.digest_blocks(message, |blocks| core.update_blocks(blocks));
    core.finalize_fixed_core(&mut buffer, place);
}

#[inline(always)]
fn tag<D: EagerHash>(keyed: &HmacCore<D>, message: &[u8]) -> Tag {
    let mut tag = Tag {
        bytes: [0; MAX_SIGNATURE_LEN],
        len: <D as Digest>::output_size(),
    };
    // There is room for the longest of all.
    if let Some(place) = tag.bytes.get_mut(..tag.len)
        && let Ok(place) = place.try_into()
    {
        write_mac(keyed, message, place);
    }
    tag
}

fn is_mac<D: EagerHash>(keyed: &HmacCore<D>, message: &[u8], signature: &[u8]) -> bool {
    let Ok(signature) = Array::try_from(signature) else {
        return false;
    };
    let mut mac = Output::<HmacCore<D>>::default();
    write_mac(keyed, message, &mut mac);
    // It is this type's `==` that compares in constant time.
    CtOutput::<HmacCore<D>>::new(mac) == CtOutput::new(signature)
}

/// A secret key and the MAC states made of it, each when it is first needed and then for good.
#[derive(Clone)]
pub(crate) struct LazyMacs {
    secret: SecretKey,
    /// That of the algorithm that was needed first, as most keys are used with one. Boxed, as all that holds a key is:
    /// what is moved leaves a copy behind that nobody overwrites.
    first: OnceLock<Box<(Algorithm, KeyedMac)>>,
    others: OnceLock<Box<[OnceLock<KeyedMac>; Algorithm::ALL.len()]>>,
}

impl LazyMacs {
    pub(crate) fn new(secret: SecretKey) -> Self {
        Self {
            secret,
            first: OnceLock::new(),
            others: OnceLock::new(),
        }
    }

    /// A MAC state that has taken in the key and nothing else.
    #[inline]
    pub(crate) fn keyed(&self, algorithm: Algorithm) -> &KeyedMac {
        let keyed = || KeyedMac::new(algorithm, &self.secret);
        match &**self.first.get_or_init(|| Box::new((algorithm, keyed()))) {
            (first, state) if *first == algorithm => state,
            _ => self.other(algorithm).get_or_init(keyed),
        }
    }

    #[cold]
    fn other(&self, algorithm: Algorithm) -> &OnceLock<KeyedMac> {
        let [sha1, sha256, sha384, sha512] = &**self.others.get_or_init(Box::default);
        match algorithm {
            Algorithm::HmacSha1 => sha1,
            Algorithm::HmacSha256 => sha256,
            Algorithm::HmacSha384 => sha384,
            Algorithm::HmacSha512 => sha512,
        }
    }
}

/// Fits the secret to the hash's block (RFC 2104, section 2), so that keying cannot fail: `new_from_slice`
/// takes any length too, but its type has an error that would have to be carried everywhere.
fn keyed<D: EagerHash + Digest + BlockSizeUser>(secret: &[u8]) -> HmacCore<D>
where
    HmacCore<D>: KeyInit,
{
    let mut block = Key::<HmacCore<D>>::default();
    if secret.len() <= block.len() {
        fill(&mut block, secret);
    } else {
        let mut hashed: Output<D> = D::digest(secret);
        fill(&mut block, &hashed);
        hashed.as_mut_slice().zeroize();
    }
    let mac = HmacCore::new(&block);
    block.as_mut_slice().zeroize();
    mac
}

fn fill(block: &mut [u8], bytes: &[u8]) {
    for (to, from) in block.iter_mut().zip(bytes) {
        *to = *from;
    }
}

/// A finished MAC, at most [`MAX_SIGNATURE_LEN`] bytes.
pub(crate) struct Tag {
    bytes: [u8; MAX_SIGNATURE_LEN],
    len: usize,
}

impl Tag {
    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}
