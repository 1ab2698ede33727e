//! `Scheme::builder`: describes a gateway that has no preset.

mod checks;
mod custom;

use std::time::Duration;

use http::HeaderName;

pub use self::custom::CustomScheme;
use super::{BuildError, DatePolicy, Scheme, checks::owned_names};
use crate::{
    Algorithm,
    header::DateHeader,
    wire::{component::DerivedComponent, signing_string::MissingHeaderLine},
};

/// Describes a gateway that this crate has no preset for, starting from the nearest preset.
///
/// [`Scheme::builder`] returns it.
///
/// What is not set is as in that preset, including the refusal texts. Setters can be called in any
/// order and never fail; [`build`](Self::build) checks the whole description. A setter that is
/// called again replaces what the earlier call has set, lists too.
///
/// SenseCore uses Kong's scheme and names the key id `accesskey`:
///
/// ```
/// use std::time::{Duration, UNIX_EPOCH};
/// use http::Request;
/// use tower_hmac_auth::{KeyPair, Scheme, Signer};
///
/// let sensecore = Scheme::builder("sensecore", Scheme::Kong)
///     .key_id_parameter("accesskey")
///     .default_list(["date", "host", "@request-target"])
///     .build()?;
/// let keys = KeyPair::new("AKIDfamily0000000001", "family-secret-0123456789abcdef")?;
/// let signer = Signer::builder(keys).scheme(sensecore).build()?;
/// let request =
///     Request::get("https://management.example.cn/rmh/v1/resources?page_size=10").body(())?;
/// let signed = signer.sign(&request, UNIX_EPOCH + Duration::from_secs(1_795_579_506))?;
/// let authorization = signed.iter().last().ok_or("no Authorization")?.1.to_str()?;
/// assert_eq!(
///     authorization,
///     "hmac accesskey=\"AKIDfamily0000000001\", algorithm=\"hmac-sha256\", \
///      headers=\"date host @request-target\", \
///      signature=\"0x5wvoKoZ1bLijW3iHHd2YcNlvBAZzIvIOVAUaYdKJw=\"",
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Mekari signs the request line. It is wrong where TLS may negotiate HTTP/2, because the HTTP
/// version is not known when the request is signed; [the
/// guide](crate::guide::own_gateway#mekari-and-messagemedia) says how to force HTTP/1.1.
///
/// ```
/// use tower_hmac_auth::Scheme;
///
/// let mekari = Scheme::builder("mekari", Scheme::Kong)
///     .default_list(["date", "request-line"])
///     .build()?;
/// # use std::time::{Duration, UNIX_EPOCH};
/// # use tower_hmac_auth::{KeyPair, Signer};
/// # let keys = KeyPair::new("AKIDfamily0000000001", "family-secret-0123456789abcdef")?;
/// # let signer = Signer::builder(keys).scheme(mekari).build()?;
/// # let request = http::Request::post("/qontak/chat/v1/broadcasts/whatsapp/direct").body(())?;
/// # let signed = signer.sign(&request, UNIX_EPOCH + Duration::from_secs(1_795_579_506))?;
/// # let authorization = signed.iter().last().ok_or("no Authorization")?.1.to_str()?;
/// # assert!(authorization.contains(r#"headers="date request-line""#), "{authorization}");
/// # let signature = "mJ/O4TUc/qJ5Mfr02Em/ktdz3bZCIPgcRA0uE4Femuw=";
/// # assert!(authorization.contains(signature), "{authorization}");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// MessageMedia signs with SHA-1 and keeps the case of names:
///
/// ```
/// use tower_hmac_auth::{Algorithm, Scheme};
///
/// let messagemedia = Scheme::builder("messagemedia", Scheme::Kong)
///     .algorithms([Algorithm::HmacSha1])
///     .keep_name_case(true)
///     .default_list(["Date", "x-Content-MD5", "request-line"])
///     .build()?;
/// # use std::time::{Duration, UNIX_EPOCH};
/// # use tower_hmac_auth::{KeyPair, Signer};
/// # let keys = KeyPair::new("AKIDfamily0000000001", "family-secret-0123456789abcdef")?;
/// # let signer = Signer::builder(keys).scheme(messagemedia).build()?;
/// # let request = http::Request::post("/v1/messages")
/// #     .header("x-Content-MD5", "394daf1a187e2f2a82ac593c04a0f637")
/// #     .body(())?;
/// # let signed = signer.sign(&request, UNIX_EPOCH + Duration::from_secs(1_795_579_506))?;
/// # let authorization = signed.iter().last().ok_or("no Authorization")?.1.to_str()?;
/// # let headers = r#"headers="Date x-Content-MD5 request-line""#;
/// # assert!(authorization.contains(headers), "{authorization}");
/// # assert!(authorization.contains("fh8EJzC8FFI6nZQ5ofRGgyEmf7w="), "{authorization}");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Modulr uses Tyk's scheme with SHA-512, and signs the date and a nonce in a header:
///
/// ```
/// use tower_hmac_auth::{Algorithm, Scheme};
///
/// let modulr = Scheme::builder("modulr", Scheme::Tyk)
///     .algorithms([Algorithm::HmacSha512])
///     .default_list(["date", "x-mod-nonce"])
///     .build()?;
/// # use std::time::{Duration, UNIX_EPOCH};
/// # use tower_hmac_auth::{KeyPair, Signer};
/// # let keys = KeyPair::new("AKIDfamily0000000001", "family-secret-0123456789abcdef")?;
/// # let signer = Signer::builder(keys).scheme(modulr).build()?;
/// # let request = http::Request::get("/api-sandbox/accounts")
/// #     .header("x-mod-nonce", "28154b2-9c62b93cc22a-24c9e2-5536d7d")
/// #     .body(())?;
/// # let signed = signer.sign(&request, UNIX_EPOCH + Duration::from_secs(1_795_579_506))?;
/// # let authorization = signed.iter().last().ok_or("no Authorization")?.1.to_str()?;
/// # assert_eq!(
/// #     authorization,
/// #     "Signature keyId=\"AKIDfamily0000000001\",algorithm=\"hmac-sha512\",\
/// #      headers=\"date x-mod-nonce\",signature=\"TmQs1R4j8ijOUUDdMdQ0e%2FDX59IYnTY5e4miQebBU%2B8\
/// #      rrW6I5IVKHjSezP2CrslF69tHFxdPLQlcHsiUaAcB9Q%3D%3D\"",
/// # );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// DNSE uses Tyk's scheme in a header of its own, with a nonce as a parameter. A server takes the
/// same description. This is a request as a client in another language sends it:
///
/// ```
/// use std::time::{Duration, UNIX_EPOCH};
/// use http::{HeaderName, Request};
/// use tower_hmac_auth::{KeyPair, Scheme, Signer, Verifier};
///
/// let dnse = Scheme::builder("dnse", Scheme::Tyk)
///     .credentials_header(HeaderName::from_static("x-signature"))
///     .nonce_parameter("nonce")
///     .default_list(["(request-target)", "date"])
///     .build()?;
///
/// let request = Request::get("/price/ohlc?symbol=HPG")
///     .header("date", "Wed, 25 Nov 2026 04:05:06 +0000")
///     .header(
///         "x-signature",
///         "Signature keyId=\"AKIDfamily0000000001\",algorithm=\"hmac-sha256\",\
///          headers=\"(request-target) date\",\
///          signature=\"EyDxn%2FORuOJklxYvbYP68vbBedZGfu%2BgXtW%2F3NvwuYQ%3D\",\
///          nonce=\"0f1e2d3c4b5a69788796a5b4c3d2e1f0\"",
///     )
///     .body(())?;
/// let now = UNIX_EPOCH + Duration::from_secs(1_795_579_506);
/// let keys = KeyPair::new("AKIDfamily0000000001", "family-secret-0123456789abcdef")?;
/// let verifier = Verifier::builder().scheme(dnse).require(["(request-target)"]).build()?;
/// # use tower_hmac_auth::verify::{KeyAccess, KeyLookup, VerifyingKey};
/// # let key = VerifyingKey::from(&keys);
/// let credentials = verifier.read(&request, now)?;
/// # verifier.verify(credentials.clone(), KeyLookup::Key(&key, KeyAccess::Bound))?;
/// assert_eq!(credentials.key_id(), "AKIDfamily0000000001");
///
/// // A client needs a nonce for each signature, for example a UUID.
/// let signer = Signer::builder(keys)
///     .scheme(dnse)
///     .nonce_parameter(|| "0f1e2d3c4b5a69788796a5b4c3d2e1f0".to_owned())
///     .build()?;
/// let mut request = Request::get("/price/ohlc?symbol=HPG").body(())?;
/// signer.sign_request(&mut request, now)?;
/// assert!(request.headers().contains_key("x-signature"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// A [`Verifier`](crate::Verifier) takes such a scheme in the same way.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "a builder does nothing until it is built"]
pub struct SchemeBuilder {
    name: String,
    nearest: Scheme,
    credentials_header: Option<HeaderName>,
    auth_scheme: Option<String>,
    key_id_parameter: Option<String>,
    nonce_parameter: Option<String>,
    separator: Option<String>,
    any_parameter_order: Option<bool>,
    ignore_unknown_parameters: Option<bool>,
    default_list: Option<Vec<String>>,
    derived_components: Option<Vec<(String, DerivedComponent)>>,
    algorithms: Option<Vec<Algorithm>>,
    date_headers: Option<Vec<DateHeader>>,
    keep_name_case: Option<bool>,
    key_id_line: Option<bool>,
    final_newline: Option<bool>,
    missing_headers: Option<Option<MissingHeaderLine>>,
    join_repeated_headers: Option<bool>,
    path_prefix: Option<String>,
    max_skew: Option<Duration>,
    date_policy: Option<DatePolicy>,
}

impl Scheme {
    /// Returns a builder that describes a gateway without a preset, starting from the nearest
    /// preset. `name` is used in settings, logs and error messages. It consists of lower-case
    /// letters, digits and `-`.
    ///
    /// `nearest` can itself be a described scheme. Whatever is not set is then as in that one.
    ///
    /// Build the scheme once, when the program starts: its description stays in memory until the
    /// program ends, also if it is refused with an error that names the scheme. Building an equal
    /// description again returns the same scheme and takes no more memory.
    pub fn builder(name: impl Into<String>, nearest: Self) -> SchemeBuilder {
        SchemeBuilder {
            name: name.into(),
            nearest,
            credentials_header: None,
            auth_scheme: None,
            key_id_parameter: None,
            nonce_parameter: None,
            separator: None,
            any_parameter_order: None,
            ignore_unknown_parameters: None,
            default_list: None,
            derived_components: None,
            algorithms: None,
            date_headers: None,
            keep_name_case: None,
            key_id_line: None,
            final_newline: None,
            missing_headers: None,
            join_repeated_headers: None,
            path_prefix: None,
            max_skew: None,
            date_policy: None,
        }
    }
}

impl SchemeBuilder {
    /// Sets the header that carries the signature instead of `Authorization`, such as
    /// `x-signature`. It must have no other meaning at the gateway. Default: the preset's, which is
    /// `Authorization`.
    ///
    /// An `Authorization` with other credentials can be sent beside it. Clients that follow
    /// redirects remove `Authorization` when the host changes, but not this header: set
    /// [`allowed_hosts`](crate::sign::SignerBuilder::allowed_hosts). A
    /// [`ServerClock`](crate::sign::ServerClock) learns nothing from answers to such requests.
    pub fn credentials_header(mut self, header: HeaderName) -> Self {
        self.credentials_header = Some(header);
        self
    }

    /// Sets the word that the credentials begin with, such as `hmac`. Verifiers accept it in any
    /// case.
    pub fn auth_scheme(mut self, word: impl Into<String>) -> Self {
        self.auth_scheme = Some(word.into());
        self
    }

    /// Sets the name of the parameter that carries the key id, such as `username`.
    pub fn key_id_parameter(mut self, name: impl Into<String>) -> Self {
        self.key_id_parameter = Some(name.into());
        self
    }

    /// Sets the name of a parameter that carries a nonce, such as `nonce`. Default: the preset's,
    /// which is none.
    ///
    /// Signers send it after the signature, and sign it in a last line `name: value` that the list
    /// does not name. They have to be given
    /// [nonces](crate::sign::SignerBuilder::nonce_parameter). Verifiers refuse requests without it.
    /// They refuse replays if [`VerifierBuilder::nonce`](crate::verify::VerifierBuilder::nonce)
    /// names it, and there is a [`ReplayLayer`](crate::verify::ReplayLayer).
    pub fn nonce_parameter(mut self, name: impl Into<String>) -> Self {
        self.nonce_parameter = Some(name.into());
        self
    }

    /// Sets what signers write between two parameters: a comma, optionally followed by whitespace.
    /// Verifiers accept any whitespace there.
    pub fn separator(mut self, separator: impl Into<String>) -> Self {
        self.separator = Some(separator.into());
        self
    }

    /// Sets whether verifiers accept parameters in any order, or only in the order in which signers
    /// send them: key id, algorithm, headers, signature.
    pub fn any_parameter_order(mut self, any_order: bool) -> Self {
        self.any_parameter_order = Some(any_order);
        self
    }

    /// Sets whether verifiers ignore unknown parameters (draft-cavage-http-signatures-12, section
    /// 2.2) or refuse them.
    pub fn ignore_unknown_parameters(mut self, ignore: bool) -> Self {
        self.ignore_unknown_parameters = Some(ignore);
        self
    }

    /// Sets what is signed by default, in this order. What a request does not have is left out. The
    /// list must contain `date` or `x-date`; that is the date header that signers send by default.
    /// A second call replaces the list.
    pub fn default_list(mut self, names: impl IntoIterator<Item: AsRef<str>>) -> Self {
        self.default_list = Some(owned_names(names));
        self
    }

    /// Sets the derived components that a list can name besides headers. They replace those of the
    /// preset, and those of an earlier call.
    ///
    /// A name is visible ASCII without spaces, quotes, commas and semicolons. It must not be a
    /// valid header name, so it has a character such as `(` or `@`. `request-line` and
    /// `request-target` are exceptions, because gateways use them. A request with a header of that
    /// name is then neither signed nor accepted.
    ///
    /// A name that gateways have for a target, such as `(request-target)`, cannot stand for a time,
    /// and `(created)` and `(expires)` stand for these two.
    pub fn derived_components(
        mut self,
        components: impl IntoIterator<Item = (impl Into<String>, DerivedComponent)>,
    ) -> Self {
        let components = components.into_iter();
        let components = components.map(|(name, derived)| (name.into(), derived));
        self.derived_components = Some(components.collect());
        self
    }

    /// Sets the algorithms. The first is the default. A second call replaces the list.
    pub fn algorithms(mut self, algorithms: impl IntoIterator<Item = Algorithm>) -> Self {
        self.algorithms = Some(algorithms.into_iter().collect());
        self
    }

    /// Sets the headers that a date is read from. The first is the default. A second call replaces
    /// the list.
    pub fn date_headers(mut self, headers: impl IntoIterator<Item = DateHeader>) -> Self {
        self.date_headers = Some(headers.into_iter().collect());
        self
    }

    /// Sets whether names, including the date header's, are signed and listed as they are spelled
    /// or in lower case. It cannot be `true` if the preset is [`Scheme::TencentMarket`], which
    /// sends no list.
    pub fn keep_name_case(mut self, keep: bool) -> Self {
        self.keep_name_case = Some(keep);
        self
    }

    /// Sets whether the signing string begins with a line that contains the key id.
    pub fn key_id_line(mut self, key_id_line: bool) -> Self {
        self.key_id_line = Some(key_id_line);
        self
    }

    /// Sets whether the last line of the signing string ends with a newline too.
    pub fn final_newline(mut self, final_newline: bool) -> Self {
        self.final_newline = Some(final_newline);
        self
    }

    /// Sets what a verifier's signing string contains for a listed header that is missing from the
    /// request. With `None` such requests are refused. With a line they are accepted if the
    /// verifier [allows missing headers](crate::verify::VerifierBuilder::allow_missing_headers).
    ///
    /// Signers send no such lists: they [leave out](crate::sign::SignerBuilder::components) what a
    /// request lacks.
    pub fn missing_headers(mut self, line: Option<MissingHeaderLine>) -> Self {
        self.missing_headers = Some(line);
        self
    }

    /// Sets whether the values of a repeated header in the list are joined with `, ` or refused.
    /// Those that [`Scheme::TencentApp`] signs without listing them are always refused.
    pub fn join_repeated_headers(mut self, join: bool) -> Self {
        self.join_repeated_headers = Some(join);
        self
    }

    /// Sets what every path begins with and is not signed: the stage, such as `/release`, in the
    /// default domains of Tencent Cloud API Gateway. Default: nothing. It can be set if the preset
    /// is [`Scheme::TencentApp`].
    ///
    /// A request to another path is neither signed nor accepted
    /// ([`TargetError::OtherPathPrefix`](crate::error::TargetError::OtherPathPrefix)). Otherwise
    /// one signature would be valid for `/release/a`, `/test/a` and `/a`. `/release` itself is
    /// another path too, because it would have the signature of `/release/`.
    ///
    /// ```
    /// use tower_hmac_auth::Scheme;
    ///
    /// let release = Scheme::builder("tencent-app-release", Scheme::TencentApp)
    ///     .path_prefix("/release")
    ///     .build()?;
    /// # Ok::<(), tower_hmac_auth::error::BuildError>(())
    /// ```
    pub fn path_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.path_prefix = Some(prefix.into());
        self
    }

    /// Sets how far a date may be from the server's clock by default, in whole seconds.
    pub fn max_skew(mut self, max_skew: Duration) -> Self {
        self.max_skew = Some(max_skew);
        self
    }

    /// Sets how servers treat requests that sign only `Date`, by default.
    pub fn date_policy(mut self, date_policy: DatePolicy) -> Self {
        self.date_policy = Some(date_policy);
        self
    }

    /// Builds the scheme.
    ///
    /// # Errors
    ///
    /// Returns a [`BuildError`] if a verifier could not read the signatures of this scheme, or
    /// could read them in two ways. The causes are an invalid name, scheme word, parameter,
    /// separator or derived component; a word, a rule for parameters or the case of names where the
    /// preset's credentials are a JSON object; a name that a preset has; a header for the
    /// credentials that has another meaning; a parameter or derived component that is already
    /// taken; no algorithm or no date header, or one that is named twice; a default list that
    /// cannot be signed, has no date, or has a time that needs `hs2019`; and [`DatePolicy::Refuse`]
    /// with `Date` as the only date header.
    ///
    /// Only the presets' names count as taken. Two different descriptions can have the same name,
    /// because two libraries in one program may each describe a gateway. They are different
    /// schemes, and a verifier of one accepts only what that one describes. A name does not select
    /// a description anywhere.
    pub fn build(self) -> Result<Scheme, BuildError> {
        self.check()?;
        // The errors from here on name the scheme, so they need its dialect.
        let scheme = Scheme::Custom(CustomScheme::new(&self));
        self.check_default_list(scheme)?;
        scheme.check_date_policy(scheme.dialect().date_policy)?;
        Ok(scheme)
    }
}
