//! Every text that a server of this crate sends is recognized as the rejection that it was made of.

use std::{collections::BTreeMap, fs, path::Path, time::UNIX_EPOCH};

use http::Request;
use tower_hmac_auth::{
    Rejection, Scheme, Verifier,
    error::{CredentialsError, Excerpt, RejectionKind, TargetError},
    scheme::DateHeader,
};

use super::assert_understood;

/// What a request can have in a name, with all that answers escape; nothing else makes excerpts.
fn excerpt() -> Excerpt {
    let authorization =
        r#"hmac id="a", algorithm="<i>% %41 &amp;'\*7 twice", headers="date", signature="AAAA""#;
    let request = Request::get("/").header("authorization", authorization);
    let request = request.body(()).unwrap();
    match Verifier::new().read(&request, UNIX_EPOCH) {
        Err(Rejection::AlgorithmNotSupported { algorithm }) => algorithm,
        other => panic!("{other:?}"),
    }
}

fn malformed() -> Vec<CredentialsError> {
    let name = excerpt;
    vec![
        CredentialsError::NotAscii,
        CredentialsError::OtherScheme {
            expected: "Signature",
        },
        CredentialsError::NotJson,
        CredentialsError::QueryNotBase64,
        CredentialsError::NotAParameter { position: 17 },
        CredentialsError::UnknownParameter {
            name: name(),
            is_key_id: true,
            key_id_parameter: "username",
        },
        CredentialsError::UnknownParameter {
            name: name(),
            is_key_id: false,
            key_id_parameter: "username",
        },
        CredentialsError::RepeatedParameter { name: name() },
        CredentialsError::OutOfOrder { name: name() },
        CredentialsError::TooManyParameters,
        CredentialsError::ParameterTooLong { name: name() },
        CredentialsError::TooManyNames,
        CredentialsError::EmptyName,
        CredentialsError::ListSeparator,
        CredentialsError::NotSignable { name: name() },
        CredentialsError::RepeatedName { name: name() },
        CredentialsError::SignatureNotBase64,
        CredentialsError::SignatureLength,
    ]
}

fn target_errors() -> Vec<TargetError> {
    vec![
        TargetError::NoPath,
        TargetError::BadEscape,
        TargetError::ControlCharacter,
        TargetError::AboveRoot,
        TargetError::EscapedQuestionMark,
        TargetError::NotNormal,
        TargetError::LowerCaseMethod,
        TargetError::AmbiguousParameter,
        TargetError::RepeatedParameter,
        TargetError::TooManyParameters,
        TargetError::FormNotRead,
        TargetError::OtherPathPrefix,
    ]
}

fn rejections() -> Vec<Rejection> {
    let (name, skew, max_skew) = (excerpt, 901, 900);
    let mut rejections = vec![
        Rejection::AuthorizationMissing,
        Rejection::KeyIdOrSignatureMissing {
            key_id_parameter: "username",
        },
        Rejection::AlgorithmNotSupported { algorithm: name() },
        Rejection::HeaderRepeated { name: name() },
        Rejection::HeaderMissing { name: name() },
        Rejection::NotCovered { name: name() },
        Rejection::HostMismatch,
        Rejection::XDateNotCovered,
        Rejection::CreatedOutOfRange { skew, max_skew },
        Rejection::Expired { since: 3 },
        Rejection::KeyUnknown,
        Rejection::SignatureMismatch,
        Rejection::KeyNotBound,
        Rejection::NoUsagePlan,
        Rejection::DigestMalformed { name: name() },
        Rejection::DigestMismatch,
        Rejection::BodyTooLarge {
            size: None,
            limit: 1024,
        },
        Rejection::BodyTooLarge {
            size: Some(2048),
            limit: 1024,
        },
        Rejection::BodyUnreadable,
        Rejection::NotVerified,
        Rejection::KeyStoreUnavailable,
        Rejection::NonceInvalid { name: name() },
        Rejection::Replayed,
        Rejection::ClaimsLost,
        Rejection::ReplayGuardFull,
        Rejection::ReplayGuardUnavailable,
        Rejection::NoClaim,
    ];
    for parameter in ["algorithm", "headers"] {
        rejections.push(Rejection::ParameterMissing { parameter });
    }
    for header in [DateHeader::Date, DateHeader::XDate] {
        rejections.push(Rejection::DateNotCovered { wanted: header });
        rejections.push(Rejection::DateUnreadable { header });
        rejections.push(Rejection::DateNotUtc { header });
        rejections.push(Rejection::DateOutOfRange {
            header,
            skew,
            max_skew,
        });
    }
    let malformed = malformed().into_iter();
    rejections.extend(malformed.map(Rejection::AuthorizationMalformed));
    rejections.extend(target_errors().into_iter().map(Rejection::Target));
    rejections
}

/// The texts that rejections of several kinds have, and the kind they are understood as.
const SHARED: [(&str, RejectionKind); 9] = [
    (
        "HMAC signature cannot be verified.",
        RejectionKind::KeyUnknown,
    ),
    (
        "HMAC signature cannot be verified",
        RejectionKind::KeyUnknown,
    ),
    (
        "HMAC signature does not match.",
        RejectionKind::SignatureMismatch,
    ),
    (
        "HMAC signature does not match",
        RejectionKind::SignatureMismatch,
    ),
    (
        "HMAC signature cannot be verified, a valid date or x-date header is required.",
        RejectionKind::DateMissing,
    ),
    (
        "HMAC signature cannot be verified, a valid date or x-date header is required for HMAC Authentication",
        RejectionKind::DateMissing,
    ),
    (
        "You cannot consume this service",
        RejectionKind::KeyNotBound,
    ),
    (
        "Access to this API has been disallowed",
        RejectionKind::KeyNotBound,
    ),
    (
        "The consumer_name is forbidden.",
        RejectionKind::KeyNotBound,
    ),
];

#[test]
fn every_text_of_every_scheme_is_understood_as_its_rejections_kind() {
    for scheme in Scheme::ALL {
        let mut kinds = BTreeMap::<_, Vec<_>>::new();
        for rejection in rejections() {
            let text = scheme.text(&rejection).into_owned();
            kinds.entry(text).or_default().push(rejection.kind());
        }
        for (text, kinds) in kinds {
            let is_shared = kinds.iter().any(|kind| *kind != kinds[0]);
            let kind = match SHARED.iter().find(|(shared, _)| *shared == text) {
                Some((_, kind)) if is_shared => *kind,
                _ if is_shared && [Scheme::Apisix, Scheme::Tyk].contains(&scheme) => {
                    RejectionKind::Unspecified
                }
                _ => kinds[0],
            };
            assert!(!is_shared || scheme != Scheme::Cavage, "{text}: {kinds:?}");
            understood_in_every_form(&text, kind);
        }
    }
}

fn understood_in_every_form(text: &str, kind: RejectionKind) {
    assert_understood(text, kind);
    assert_understood(&format!("{text}\nrequest_id: 0"), kind);
    let json = serde_json::json!({ "message": text }).to_string();
    assert_understood(&json, kind);
    let in_grpc = text.replace('%', "%25");
    assert_understood(&in_grpc, kind);
    let escape = |byte: u8| match byte.is_ascii() {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    };
    assert_understood(&in_grpc.bytes().map(escape).collect::<String>(), kind);
    assert_understood(&in_grpc.replace(' ', "%20").replace('"', "%22"), kind);
    let escaped = text.replace('&', "&amp;").replace('<', "&lt;");
    let escaped = escaped.replace('>', "&gt;").replace('"', "&quot;");
    assert_understood(&format!("<title>Error</title><p>\n{escaped}\n</p>"), kind);
}

#[test]
fn every_rejections_hint_is_a_short_line() {
    for rejection in rejections() {
        let hint = rejection.hint();
        assert!(hint.ends_with('.') && !hint.contains('\n') && hint.len() < 300);
        assert_eq!(hint, rejection.kind().hint());
    }
}

/// Rejections that are added have to be added here too: so that they are, the names of the source
/// are looked up.
#[test]
fn no_rejection_is_left_out() {
    let shown = format!("{:?}", rejections());
    let shown: Vec<_> = shown.split(|c: char| !c.is_alphanumeric()).collect();
    for (file, name) in [
        ("src/rejection.rs", "Rejection"),
        ("src/rejection/credentials_error.rs", "CredentialsError"),
        ("src/rejection/target_error.rs", "TargetError"),
    ] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
        let source = fs::read_to_string(path).unwrap();
        let (_, variants) = source.split_once(&format!("pub enum {name} {{\n")).unwrap();
        let (variants, _) = variants.split_once("\n}\n").unwrap();
        let names = variants.lines().filter_map(|line| {
            let name = line.strip_prefix("    ")?;
            let name = name.split(|c: char| !c.is_alphanumeric()).next()?;
            (!name.is_empty()).then_some(name)
        });
        let mut looked_up = 0;
        for name in names {
            assert!(shown.contains(&name), "{file}: {name}");
            looked_up += 1;
        }
        assert!(looked_up >= 5, "{file}");
    }
}

/// The server's own mistakes and troubles are none of the client's business.
#[test]
fn no_text_shows_a_client_how_the_server_is_built() {
    for scheme in Scheme::ALL {
        for rejection in [
            Rejection::NotVerified,
            Rejection::KeyStoreUnavailable,
            Rejection::ClaimsLost,
            Rejection::ReplayGuardFull,
            Rejection::ReplayGuardUnavailable,
            Rejection::NoClaim,
        ] {
            let text = scheme.text(&rejection).to_lowercase();
            for word in [
                "layer",
                "verified before",
                "store",
                "log",
                "digest",
                "guard",
                "full",
            ] {
                assert!(!text.contains(word), "{scheme}: {text}");
            }
        }
    }
}
