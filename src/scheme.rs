//! Every difference between the gateways, as data: nothing else in the crate asks which scheme it serves.

mod texts;

use std::{borrow::Cow, fmt, str::FromStr};

use http::{HeaderMap, HeaderValue, header};

use crate::{Algorithm, DateHeader, PlainDate, Rejection, component::SOURCE};

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
    Kong,
    /// Apache APISIX's plugin `hmac-auth`, from version 3.11 on.
    Apisix,
    /// draft-cavage-http-signatures-12 with an HMAC, as Joyent's libraries speak it.
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

/// The facts of one gateway's dialect.
#[derive(Debug)]
pub(crate) struct Facts {
    pub(crate) name: &'static str,
    pub(crate) grammar: Grammar,
    pub(crate) layout: Layout,
    /// What a list may name beside headers.
    pub(crate) specials: &'static [(&'static str, Special)],
    /// What is signed, in order, unless the caller says otherwise. `date` stands for either date header; what a
    /// request lacks is left out.
    pub(crate) default_list: &'static [&'static str],
    /// What can be carried, the default first.
    pub(crate) algorithms: &'static [Algorithm],
    /// The headers a date is taken from, the default first.
    pub(crate) date_headers: &'static [DateHeader],
    /// Whether the list may name the date in upper case too.
    pub(crate) any_case_date: bool,
    /// Characters that key ids must not have.
    pub(crate) not_in_key_id: &'static [char],
    /// How far a date may be from the server's clock unless the server says otherwise, in seconds.
    pub(crate) max_skew: u64,
    pub(crate) plain_date: PlainDate,
    /// What a refused client is told.
    pub(crate) text: fn(&Rejection) -> Cow<'static, str>,
    /// The `WWW-Authenticate` of a refusal.
    pub(crate) challenge: &'static str,
}

/// How `Authorization` is written.
#[derive(Debug)]
pub(crate) struct Grammar {
    /// The word it begins with, as it is sent.
    pub(crate) auth_scheme: &'static str,
    /// The spellings of that word that are read; any case (RFC 9110, section 11.1) if there are none.
    pub(crate) auth_scheme_spellings: &'static [&'static str],
    /// The parameter that carries the key id.
    pub(crate) key_id: &'static str,
    /// What is sent between two parameters.
    pub(crate) separator: &'static str,
    /// Whether parameters are read in the order in which they are sent only.
    pub(crate) is_ordered: bool,
    /// Whether there are parameters `created` and `expires`, and the algorithm `hs2019`, which leaves the hash to be
    /// known from the key.
    pub(crate) has_times: bool,
    /// What is signed where `headers` is left out: under `hs2019`, and under other algorithms.
    pub(crate) implied_list: Option<[&'static str; 2]>,
}

/// How the signing string is written.
#[derive(Debug)]
pub(crate) struct Layout {
    /// Whether names are written in lower case whatever the list's spelling.
    pub(crate) lower_case_names: bool,
    /// Whether the key id is the first line.
    pub(crate) begins_with_key_id: bool,
    /// Whether a newline ends the last line too.
    pub(crate) ends_with_newline: bool,
    /// What stands for a listed header that the request lacks; an error if nothing can.
    pub(crate) absent: Option<Absent>,
    /// What joins the values of a repeated header; an error if nothing does.
    pub(crate) join: fn(&str) -> Option<&'static [u8]>,
}

/// What stands for a listed header that the request lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Absent {
    /// `name:`, without the space.
    NameAlone,
    /// No line.
    NoLine,
}

/// What a list may name beside headers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Special {
    /// `name: method /path?query`, the method in lower case, the target as sent.
    RequestTarget,
    /// `METHOD /path?query`, the path decoded and normalised.
    DecodedTarget,
    /// `METHOD /path?query HTTP/1.1`, as sent.
    RequestLine,
    /// The parameter `created`: when it was signed.
    Created,
    /// The parameter `expires`: until when it is good.
    Expires,
}

impl Special {
    /// Whether it is about the request's target.
    pub(crate) fn is_target(self) -> bool {
        matches!(
            self,
            Self::RequestTarget | Self::DecodedTarget | Self::RequestLine
        )
    }
}

impl Facts {
    /// What the list's `name` stands for, if not for a header.
    pub(crate) fn special(&self, name: &str) -> Option<Special> {
        let mut specials = self.specials.iter();
        specials
            .find(|(other, _)| *other == name)
            .map(|(_, special)| *special)
    }

    /// Whether another gateway reads this header's name as something else than a header, so that a list with it would
    /// mean two things.
    pub(crate) fn is_ambiguous(&self, name: &str) -> bool {
        let mut all = Scheme::ALL
            .into_iter()
            .flat_map(|other| other.facts().specials);
        all.any(|(other, _)| other.eq_ignore_ascii_case(name)) && self.special(name).is_none()
    }

    pub(crate) fn carries_key_id(&self, key_id: &str) -> bool {
        !key_id.contains(self.not_in_key_id)
    }

    /// Whether an `Authorization` is of this scheme.
    pub(crate) fn wrote(&self, authorization: &HeaderValue) -> bool {
        let bytes = authorization.as_bytes();
        let word = bytes.split(|byte| *byte == b' ').next().unwrap_or_default();
        word.eq_ignore_ascii_case(self.grammar.auth_scheme.as_bytes())
    }

    /// Takes a signature of this scheme off a request that must not carry one, with the date and the source that came
    /// with it. Another scheme's `Authorization` stays.
    pub(crate) fn remove_signature(&self, headers: &mut HeaderMap) {
        let (ours, others): (Vec<_>, Vec<_>) = headers
            .get_all(header::AUTHORIZATION)
            .iter()
            .cloned()
            .partition(|authorization| self.wrote(authorization));
        if ours.is_empty() {
            return;
        }
        headers.remove(header::AUTHORIZATION);
        headers.remove(DateHeader::XDate.name());
        headers.remove(&SOURCE);
        for authorization in others {
            headers.append(header::AUTHORIZATION, authorization);
        }
    }
}

fn never_joined(_: &str) -> Option<&'static [u8]> {
    None
}

/// Source: Tencent Cloud API Gateway, "key pair authentication" and "signature generation instructions".
static TENCENT: Facts = Facts {
    name: "tencent",
    grammar: Grammar {
        auth_scheme: "hmac",
        auth_scheme_spellings: &[],
        key_id: "id",
        separator: ", ",
        is_ordered: false,
        has_times: false,
        implied_list: None,
    },
    layout: Layout {
        lower_case_names: true,
        begins_with_key_id: false,
        ends_with_newline: false,
        absent: None,
        join: never_joined,
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
        has_times: false,
        implied_list: None,
    },
    layout: Layout {
        lower_case_names: false,
        begins_with_key_id: false,
        ends_with_newline: false,
        absent: Some(Absent::NameAlone),
        join: |name| name.eq_ignore_ascii_case("cookie").then_some(b"; "),
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
        has_times: false,
        implied_list: None,
    },
    layout: Layout {
        lower_case_names: false,
        begins_with_key_id: true,
        ends_with_newline: true,
        absent: Some(Absent::NoLine),
        join: never_joined,
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
        has_times: true,
        implied_list: Some(["(created)", "date"]),
    },
    layout: Layout {
        lower_case_names: true,
        begins_with_key_id: false,
        ends_with_newline: false,
        absent: None,
        join: |_| Some(b", "),
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
