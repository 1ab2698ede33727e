//! Credentials that travel as a JSON object of strings.

use std::{borrow::Cow, fmt};

use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error as _, MapAccess, Visitor};

use super::{Authorization, CarriedValues, CredentialsSyntax, ImpliedParameters, is_printable};
use crate::{
    KeyId, Rejection,
    header::DateHeader,
    limits::MAX_PARAMETER_LEN,
    mac::Tag,
    rejection::{CredentialsError, Excerpt},
};

/// The member that carries the signature.
const SIGNATURE: &str = "signature";

/// The members of a JSON object: exactly these, each a string of printable ASCII and none empty.
#[derive(Debug, Clone)]
pub(crate) struct JsonCredentials {
    implied: ImpliedParameters,
    key_id: String,
    date: String,
    signature: String,
}

impl JsonCredentials {
    /// Reads the members. Their order and the whitespace between them do not matter.
    ///
    /// The work is linear in the text's length, and its depth is one: a value that is not a string
    /// is refused before it is read.
    pub(super) fn read(
        syntax: &CredentialsSyntax,
        implied: ImpliedParameters,
        text: &str,
    ) -> Result<Self, Rejection> {
        let mut members = Members {
            names: [syntax.key_id, implied.list, SIGNATURE],
            values: [const { None }; 3],
            error: None,
        };
        let mut json = serde_json::Deserializer::from_str(text);
        let read = members.deserialize(&mut json).and_then(|()| json.end());
        if let Some(error) = members.error {
            return Err(error.into());
        }
        if read.is_err() {
            return Err(CredentialsError::NotJson.into());
        }
        let [key_id, date, signature] = members.values.map(Option::unwrap_or_default);
        if key_id.is_empty() || signature.is_empty() {
            return Err(Rejection::KeyIdOrSignatureMissing {
                key_id_parameter: syntax.key_id,
            });
        }
        if date.is_empty() {
            return Err(Rejection::ParameterMissing {
                parameter: implied.list,
            });
        }
        Ok(Self {
            implied,
            key_id,
            date,
            signature,
        })
    }

    pub(super) fn authorization(&self) -> Authorization<'_> {
        Authorization {
            key_id: &self.key_id,
            algorithm: Some(self.implied.algorithm.name()),
            headers: self.implied.list,
            signature: &self.signature,
            ..Authorization::default()
        }
    }

    pub(super) fn carried(&self) -> CarriedValues<'_> {
        let header: Option<DateHeader> = self.implied.list.parse().ok();
        CarriedValues {
            date: header.map(|header| (header, &*self.date)),
            host: None,
        }
    }
}

/// What has been read of an object.
struct Members {
    /// The members' names, that of the key id first.
    names: [&'static str; 3],
    values: [Option<String>; 3],
    /// Why the object is refused, if it is not because of its syntax. `serde_json`'s own errors
    /// have no such variants.
    error: Option<CredentialsError>,
}

impl Members {
    fn insert(&mut self, name: &str, value: String) -> Result<(), CredentialsError> {
        let excerpt = || Excerpt::new(name);
        let mut places = self.names.iter().zip(&mut self.values);
        let Some((_, place)) = places.find(|(known, _)| **known == name) else {
            let [key_id_parameter, ..] = self.names;
            return Err(CredentialsError::UnknownParameter {
                name: excerpt(),
                is_key_id: false,
                key_id_parameter,
            });
        };
        if value.len() > MAX_PARAMETER_LEN {
            return Err(CredentialsError::ParameterTooLong { name: excerpt() });
        }
        // An escape (`\n`) can put any character into a value. A newline would add a line to the
        // signing string, so only what a header can have is accepted.
        if !is_printable(&value) {
            return Err(CredentialsError::NotAscii);
        }
        match place.replace(value) {
            None => Ok(()),
            Some(_) => Err(CredentialsError::RepeatedParameter { name: excerpt() }),
        }
    }
}

impl<'de> DeserializeSeed<'de> for &mut Members {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for &mut Members {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of strings")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some((Name(name), value)) = map.next_entry::<_, String>()? {
            if let Err(error) = self.insert(&name, value) {
                self.error = Some(error);
                return Err(A::Error::custom("refused"));
            }
        }
        Ok(())
    }
}

/// A member's name, borrowed unless it has an escape.
struct Name<'de>(Cow<'de, str>);

impl<'de> Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(NameVisitor)
    }
}

struct NameVisitor;

impl<'de> Visitor<'de> for NameVisitor {
    type Value = Name<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Name<'de>, E> {
        Ok(Name(name.into()))
    }

    fn visit_str<E>(self, name: &str) -> Result<Name<'de>, E> {
        Ok(Name(name.to_owned().into()))
    }
}

/// Writes the object as Tencent Cloud Market's sample in Go does: a space after each comma, none
/// after a colon.
pub(crate) fn write(
    text: &mut Vec<u8>,
    syntax: &CredentialsSyntax,
    implied: ImpliedParameters,
    key_id: &KeyId,
    date: &[u8],
    signature: &Tag,
) {
    let mut put = |part: &[u8]| text.extend_from_slice(part);
    // A key id can contain a backslash, which JSON has to escape. Writing a string cannot fail.
    let key_id = serde_json::to_string(key_id.as_str()).unwrap_or_default();
    put(b"{\"");
    put(syntax.key_id.as_bytes());
    put(b"\":");
    put(key_id.as_bytes());
    put(b", \"");
    put(implied.list.as_bytes());
    put(b"\":\"");
    put(date);
    put(b"\", \"");
    put(SIGNATURE.as_bytes());
    put(b"\":\"");
    syntax.signature.write(signature, text);
    text.extend_from_slice(b"\"}");
}
