//! Every difference between the gateways, as data: nothing else in the crate asks which scheme it serves.

mod allowed;
mod dialect;
mod texts;

use std::{borrow::Cow, fmt, str::FromStr};

pub(crate) use self::{
    allowed::{Signable, check_list},
    dialect::{Absent, Facts, Grammar, Layout, Special},
};
use crate::{Algorithm, DateHeader, PlainDate, Rejection};

/// A gateway's dialect of HMAC key-pair authentication.
///
/// | | `Authorization` | signed by default | algorithm by default | age of a date |
/// |---|---|---|---|---|
/// | [`Tencent`](Self::Tencent) | `hmac id="…", algorithm="…", headers="…", signature="…"` | `x-date source` | `hmac-sha1` | 900 s, `Date` any |
/// | [`Kong`](Self::Kong) | `hmac username="…", algorithm="…", headers="…", signature="…"` | `x-date @request-target` | `hmac-sha256` | 300 s |
/// | [`Apisix`](Self::Apisix) | `Signature keyId="…",algorithm="…",headers="…",signature="…"` | `@request-target date` | `hmac-sha256` | 300 s |
/// | [`Cavage`](Self::Cavage) | `Signature keyId="…",algorithm="…",headers="…",signature="…"` | `(request-target) host date` | `hmac-sha256` | 300 s |
///
/// A `Source` and, but for Tencent's, a `Digest` on a request are signed as well.
///
/// The schemes build equal strings for some requests, so a verifier speaks exactly one of them.
///
/// ```
/// use tower_hmac_auth::Scheme;
///
/// assert_eq!("kong".parse(), Ok(Scheme::Kong));
/// assert_eq!(Scheme::default(), Scheme::Tencent);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Scheme {
    /// Tencent Cloud API Gateway, "key pair authentication".
    #[default]
    Tencent,
    /// Kong's plugin `hmac-auth`.
    ///
    /// Kong sees the first 100 header fields only, reads `Proxy-Authorization` before `Authorization`, and takes the first
    /// value of a repeated header: send fewer, none, and one. A verifier of this scheme reads `Authorization` alone.
    Kong,
    /// Apache APISIX's plugin `hmac-auth`, from version 3.11 on.
    Apisix,
    /// draft-cavage-http-signatures-12 with an HMAC, as Joyent's libraries speak it. In `Authorization`, not in a header
    /// `Signature`.
    Cavage,
}

impl Scheme {
    /// Every scheme.
    pub const ALL: [Self; 4] = [Self::Tencent, Self::Kong, Self::Apisix, Self::Cavage];

    /// A name in lower case, for settings and command lines: what [`FromStr`] reads.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.facts().name
    }

    /// What this gateway tells a client that it refuses for this reason.
    #[must_use]
    pub fn text(self, why: &Rejection) -> Cow<'static, str> {
        (self.facts().text)(why)
    }

    pub(crate) fn facts(self) -> &'static Facts {
        match self {
            Self::Tencent => &TENCENT,
            Self::Kong => &KONG,
            Self::Apisix => &APISIX,
            Self::Cavage => &CAVAGE,
        }
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Scheme {
    type Err = UnknownScheme;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let mut all = Self::ALL.into_iter();
        all.find(|scheme| scheme.name() == name)
            .ok_or(UnknownScheme)
    }
}

/// The name is not one of [`Scheme::ALL`]'s.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct UnknownScheme;

impl fmt::Display for UnknownScheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = Scheme::ALL.map(Scheme::name).join(", ");
        write!(f, "unknown scheme: use one of {names}")
    }
}

impl std::error::Error for UnknownScheme {}

/// Source: Tencent Cloud API Gateway, "key pair authentication" and "signature generation instructions".
static TENCENT: Facts = Facts {
    name: "tencent",
    grammar: Grammar {
        auth_scheme: "hmac",
        auth_scheme_spellings: &[],
        key_id: "id",
        separator: ", ",
        is_ordered: false,
        ignores_unknown: false,
        has_times: false,
        implied_list: None,
    },
    layout: Layout {
        lower_case_names: true,
        begins_with_key_id: false,
        ends_with_newline: false,
        absent: None,
        join: None,
    },
    specials: &[],
    default_list: &["date", "source"],
    algorithms: &Algorithm::ALL,
    date_headers: &[DateHeader::XDate, DateHeader::Date],
    any_case_date: true,
    not_in_key_id: &[],
    max_skew: 900,
    plain_date: PlainDate::AnyAge,
    text: texts::tencent,
    challenge: "hmac",
};

/// Source: Kong's documentation of the plugin `hmac-auth`, and what the plugin does.
static KONG: Facts = Facts {
    name: "kong",
    grammar: Grammar {
        auth_scheme: "hmac",
        auth_scheme_spellings: &["hmac", "Hmac"],
        key_id: "username",
        separator: ", ",
        is_ordered: true,
        ignores_unknown: false,
        has_times: false,
        implied_list: None,
    },
    layout: Layout {
        lower_case_names: false,
        begins_with_key_id: false,
        ends_with_newline: false,
        absent: Some(Absent::NameAlone),
        join: None,
    },
    specials: &[
        ("@request-target", Special::RequestTarget),
        ("request-line", Special::RequestLine),
    ],
    default_list: &["date", "@request-target", "source", "digest"],
    algorithms: &[
        Algorithm::HmacSha256,
        Algorithm::HmacSha1,
        Algorithm::HmacSha384,
        Algorithm::HmacSha512,
    ],
    date_headers: &[DateHeader::XDate, DateHeader::Date],
    any_case_date: true,
    not_in_key_id: &[],
    max_skew: 300,
    plain_date: PlainDate::CheckAge,
    text: texts::kong,
    challenge: "hmac",
};

/// Source: Apache APISIX's documentation of the plugin `hmac-auth`, and what the plugin does.
static APISIX: Facts = Facts {
    name: "apisix",
    grammar: Grammar {
        auth_scheme: "Signature",
        auth_scheme_spellings: &[],
        key_id: "keyId",
        separator: ",",
        is_ordered: false,
        ignores_unknown: true,
        has_times: false,
        implied_list: None,
    },
    layout: Layout {
        lower_case_names: false,
        begins_with_key_id: true,
        ends_with_newline: true,
        absent: Some(Absent::NoLine),
        join: None,
    },
    specials: &[("@request-target", Special::DecodedTarget)],
    default_list: &["@request-target", "date", "source", "digest"],
    algorithms: &[
        Algorithm::HmacSha256,
        Algorithm::HmacSha1,
        Algorithm::HmacSha512,
    ],
    date_headers: &[DateHeader::Date],
    any_case_date: false,
    not_in_key_id: &[','],
    max_skew: 300,
    plain_date: PlainDate::CheckAge,
    text: texts::apisix,
    challenge: "hmac realm=\"hmac\"",
};

/// Source: draft-cavage-http-signatures-12, sections 2 and 3. It has no rule for the age of a date; 300 seconds is what
/// Joyent's library allows.
static CAVAGE: Facts = Facts {
    name: "cavage",
    grammar: Grammar {
        auth_scheme: "Signature",
        auth_scheme_spellings: &[],
        key_id: "keyId",
        separator: ",",
        is_ordered: false,
        ignores_unknown: true,
        has_times: true,
        implied_list: Some(["(created)", "date"]),
    },
    layout: Layout {
        lower_case_names: true,
        begins_with_key_id: false,
        ends_with_newline: false,
        absent: None,
        join: Some(b", "),
    },
    specials: &[
        ("(request-target)", Special::RequestTarget),
        ("(created)", Special::Created),
        ("(expires)", Special::Expires),
    ],
    default_list: &[
        "(request-target)",
        "host",
        "date",
        "source",
        "digest",
        "content-digest",
    ],
    algorithms: &[Algorithm::HmacSha256, Algorithm::HmacSha512],
    date_headers: &[DateHeader::Date, DateHeader::XDate],
    any_case_date: true,
    not_in_key_id: &[],
    max_skew: 300,
    plain_date: PlainDate::CheckAge,
    text: texts::cavage,
    challenge: "Signature realm=\"hmac\",headers=\"(request-target) host date\"",
};
