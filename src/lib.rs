#![cfg_attr(docsrs, feature(doc_cfg))]
#![doc = "TODO"]

mod algorithm;
mod authorization;
mod clock;
mod component;
mod http_date;
mod key;
mod rejection;
mod request_head;
mod scheme;
mod sign;
mod signer;
mod signing_string;
mod verifier;

pub use self::{
    algorithm::{Algorithm, UnknownAlgorithm},
    authorization::Malformed,
    clock::{Clock, ManualClock, SystemClock},
    component::DateHeader,
    key::{KeyError, KeyId, KeyPair, SecretKey},
    rejection::{Excerpt, Rejection},
    request_head::RequestHead,
    sign::{SignLayer, SignService},
    signer::{BuildError, SignError, SignedHeaders, Signer, SignerBuilder},
    signing_string::SigningString,
    verifier::{
        Binding, Covered, Credentials, Lookup, PlainDate, Verified, VerifiedKey, Verifier,
        VerifyingKey,
    },
};
