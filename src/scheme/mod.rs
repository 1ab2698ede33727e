//! The gateways' schemes, and the types for their settings and signing strings.
//!
//! Every gateway is described by data in a file of its own. No other code in the crate depends on
//! which scheme it works for.

mod apisix;
mod build_error;
mod builder;
mod cavage;
mod checks;
mod date_policy;
mod dialect;
mod iflytek;
mod kong;
mod response_text;
mod tencent;
mod tencent_app;
mod tencent_market;
mod traefik_hub;
mod tyk;

use std::{borrow::Cow, fmt, str::FromStr};

use http::StatusCode;

pub use self::{
    build_error::BuildError,
    builder::{CustomScheme, SchemeBuilder},
    date_policy::{DatePolicy, ParseDatePolicyError},
};
pub(crate) use self::{
    checks::{check_list, check_none_repeated, check_signed_list, owned_names},
    dialect::{Dialect, PLAIN_TARGET},
    tencent::MAX_SKEW as DEFAULT_MAX_SKEW,
};
use crate::Rejection;
pub use crate::{
    form::FormParameters,
    header::{DateHeader, ParseDateHeaderError, X_NONCE},
    wire::{
        component::DerivedComponent,
        signing_string::{MissingHeaderLine, SigningString},
    },
};

/// Generates [`Scheme`] and what has to name every preset. An entry is the variant with its docs,
/// the file's module, and the row of the table in the docs of [`Scheme`].
macro_rules! presets {
    ($($(#[$attribute:meta])* $preset:ident => $module:ident, $row:literal;)+) => {
        /// Selects a gateway's variant of HMAC key-pair authentication.
        ///
        /// | | `Authorization` | signed by default | algorithm by default | age of a date |
        /// |---|---|---|---|---|
        $(#[doc = $row])+
        ///
        /// A request's `Source` is signed as well and, except in Tencent's scheme, its `Digest`.
        /// Tencent Cloud Market's scheme signs neither, iFlytek's no `Source`.
        ///
        /// Some requests have the same signing string in several schemes, so a verifier accepts
        /// exactly one scheme.
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
            $($(#[$attribute])* $preset,)+
            /// A gateway that this crate has no preset for, described with [`Scheme::builder`].
            Custom(CustomScheme),
        }

        impl Scheme {
            /// Every preset.
            pub const ALL: [Self; [$(Self::$preset),+].len()] = [$(Self::$preset),+];

            pub(crate) fn dialect(self) -> &'static Dialect {
                match self {
                    $(Self::$preset => &$module::DIALECT,)+
                    Self::Custom(custom) => custom.dialect(),
                }
            }
        }
    };
}

presets! {
    /// Tencent Cloud API Gateway, "key pair authentication".
    #[default]
    Tencent => tencent,
    r#"| [`Tencent`](Self::Tencent) | `hmac id="…", algorithm="…", headers="…", signature="…"` | `x-date source` | `hmac-sha1` | 900 s, `Date` any |"#;

    /// Tencent Cloud API Gateway, "application authentication", the other type of the same gateway.
    /// Pudu Robotics' open platform uses it too.
    ///
    /// The signature covers the method, `Accept`, `Content-Type`, `Content-MD5`, the path, and the
    /// parameters of the query and of a form, without listing them. It does not cover the host.
    /// Credentials have the same form as those of [`Tencent`](Self::Tencent), so a server that
    /// takes both needs a path or a host for each. [The
    /// guide](crate::guide::gateways#tencent-clouds-application-authentication) says what differs
    /// from the gateway, and how to sign forms.
    TencentApp => tencent_app,
    r#"| [`TencentApp`](Self::TencentApp) | `hmac id="…", algorithm="…", headers="…", signature="…"` | `source x-date`, and the method, target and three headers | `hmac-sha1` | 900 s |"#;

    /// Tencent Cloud Market, as its clients use it: a JSON object with the date in it.
    ///
    /// **The signature covers the date alone**: not the method, the target, a header or the body.
    /// Whoever has read one request can send any other with its `Authorization` for 15 minutes. The
    /// list cannot be changed, because it is not sent. Use it over TLS only, and with
    /// [`allowed_hosts`](crate::sign::SignerBuilder::allowed_hosts).
    ///
    /// A signed request without `request-id` gets one, a random UUID, as with the market's own
    /// samples. It finds a request in the gateway's log and is not signed. One that the request has
    /// is kept.
    TencentMarket => tencent_market,
    r#"| [`TencentMarket`](Self::TencentMarket) | `{"id":"…", "x-date":"…", "signature":"…"}` | `x-date` | `hmac-sha1` | 900 s |"#;

    /// Kong's plugin `hmac-auth`.
    ///
    /// Kong only sees the first 100 header fields, reads `Proxy-Authorization` before
    /// `Authorization`, and uses the first value of a repeated header. So send fewer fields, no
    /// `Proxy-Authorization`, and no repeated headers. A verifier of this scheme only reads
    /// `Authorization`.
    Kong => kong,
    r#"| [`Kong`](Self::Kong) | `hmac username="…", algorithm="…", headers="…", signature="…"` | `x-date @request-target` | `hmac-sha256` | 300 s |"#;

    /// Apache APISIX's plugin `hmac-auth`, from version 3.11 on.
    Apisix => apisix,
    r#"| [`Apisix`](Self::Apisix) | `Signature keyId="…",algorithm="…",headers="…",signature="…"` | `@request-target date` | `hmac-sha256` | 300 s |"#;

    /// iFlytek's open platform, over HTTP and for WebSocket handshakes.
    ///
    /// The signature covers the host, the date, the method and the path, **not the query**, and the
    /// body only if there is a `Digest`. Credentials are sent in `Authorization`, or with
    /// [`credentials_in_query`](crate::sign::SignerBuilder::credentials_in_query) in the target's
    /// query. A verifier accepts both forms.
    Iflytek => iflytek,
    r#"| [`Iflytek`](Self::Iflytek) | `api_key="…", algorithm="…", headers="…", signature="…"`, or in the query | `host date request-line` | `hmac-sha256` | 300 s |"#;

    /// draft-cavage-http-signatures-12 with an HMAC, as in Joyent's libraries. The signature is in
    /// `Authorization`, not in a header `Signature`.
    Cavage => cavage,
    r#"| [`Cavage`](Self::Cavage) | `Signature keyId="…",algorithm="…",headers="…",signature="…"` | `(request-target) host date` | `hmac-sha256` | 300 s |"#;

    /// Tyk's "HTTP signature validation".
    ///
    /// **The query is never signed**, nor can `Host` be. Anyone who has seen a signed request can
    /// send it again with another query.
    Tyk => tyk,
    r#"| [`Tyk`](Self::Tyk) | `Signature keyId="…",algorithm="…",headers="…",signature="…"`, the signature percent-encoded | `(request-target) date`, **without the query** | `hmac-sha256` | 300 s |"#;

    /// Traefik Hub's middleware `hmac`: draft-cavage with the word `Hmac` and with times in quotes.
    TraefikHub => traefik_hub,
    r#"| [`TraefikHub`](Self::TraefikHub) | `Hmac keyId="…",algorithm="…",created="…",expires="…",headers="…",signature="…"` | `(request-target) (created) (expires)` | `hmac-sha256` | 300 s, none ahead |"#;
}

impl Scheme {
    /// Returns the name in lower case, for settings and command lines. [`FromStr`] reads the names
    /// of the presets.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.dialect().name
    }

    /// Returns the preset that a described scheme starts from, also if it does so through another
    /// described scheme. A preset returns itself.
    ///
    /// What [`Scheme::builder`] cannot change is as in that preset: a description that starts from
    /// [`TencentApp`](Self::TencentApp) signs the parameters of forms, for example.
    ///
    /// ```
    /// use tower_hmac_auth::Scheme;
    ///
    /// let release = Scheme::builder("tencent-app-release", Scheme::TencentApp)
    ///     .path_prefix("/release")
    ///     .build()?;
    /// assert_eq!(release.nearest(), Scheme::TencentApp);
    /// assert_eq!(Scheme::Kong.nearest(), Scheme::Kong);
    /// # Ok::<(), tower_hmac_auth::error::BuildError>(())
    /// ```
    #[must_use]
    pub fn nearest(self) -> Self {
        match self {
            Self::Custom(custom) => custom.nearest(),
            preset => preset,
        }
    }

    /// Returns the status with which this gateway refuses a request for this reason. Where it
    /// documents none, it is [`Rejection::status`], and 403 for a key without access to the API.
    ///
    /// ```
    /// use http::StatusCode;
    /// use tower_hmac_auth::{Rejection, Scheme};
    ///
    /// let rejection = Rejection::SignatureMismatch;
    /// assert_eq!(Scheme::Kong.status(&rejection), StatusCode::UNAUTHORIZED);
    /// assert_eq!(Scheme::Tyk.status(&rejection), StatusCode::BAD_REQUEST);
    /// ```
    #[must_use]
    pub fn status(self, why: &Rejection) -> StatusCode {
        (self.dialect().status)(why)
    }

    /// Returns the text that this gateway sends to a client that it refuses for this reason.
    #[must_use]
    pub fn text(self, why: &Rejection) -> Cow<'static, str> {
        (self.dialect().text)(why)
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Scheme {
    type Err = ParseSchemeError;

    /// Reads the name of a preset, in lower case.
    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let mut all = Self::ALL.into_iter();
        all.find(|scheme| scheme.name() == name)
            .ok_or(ParseSchemeError)
    }
}

/// Reports that a name is not one of those in [`Scheme::ALL`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ParseSchemeError;

impl fmt::Display for ParseSchemeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = Scheme::ALL.map(Scheme::name).join(", ");
        write!(f, "unknown scheme: use one of {names}")
    }
}

impl std::error::Error for ParseSchemeError {}
