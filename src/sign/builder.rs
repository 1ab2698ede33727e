//! The options of a signer, and the checks of them when it is built.

use std::{sync::Arc, time::Duration};

use http::{HeaderName, HeaderValue, uri::Authority};

use super::{
    cache,
    components::{Additions, Placement, SignedComponent, SignedComponents},
    faults::Faults,
    hosts::{Destinations, Hosts},
    nonce::{NonceFunction, NonceParameter},
    signer::Inner,
};
use crate::{
    Algorithm, Scheme, Signer,
    header::{DateHeader, MICRO_SERVICE_NAME, NAME_SPACE_CODE, SOURCE},
    mac::HS2019,
    rejection::Excerpt,
    scheme::{BuildError, check_none_repeated, check_signed_list, owned_names},
    sign::RotatingKeyPair,
    wire::{
        authority::without_user,
        component::{Component, DerivedComponent, ListedComponent},
        credentials::{Carrier, Template},
    },
};

/// Builds a [`Signer`].
///
/// Setters can be called in any order and never fail; [`build`](Self::build) checks all options
/// together. A setter that is called again replaces what the earlier call has set, lists too.
///
/// ```
/// use http::{HeaderValue, header};
/// use tower_hmac_auth::{Algorithm, KeyPair, Scheme, SignLayer, Signer};
///
/// let keys = KeyPair::new("AKIDtestkey0001", "test-secret-key-0001")?;
/// let signer = Signer::builder(keys.clone())
///     .allowed_hosts(["api.example.com"])
///     .algorithm(Algorithm::HmacSha256)
///     .signed_headers(["host", "x-tenant"])
///     .source(HeaderValue::from_static("billing"))
///     .build()?;
/// let layer = SignLayer::new(signer);
///
/// let signer = Signer::builder(keys.clone()).scheme(Scheme::Kong).build()?;
/// assert_eq!(signer.algorithm(), Algorithm::HmacSha256);
///
/// let error = Signer::builder(keys).signed_headers([header::AUTHORIZATION]).build().unwrap_err();
/// assert!(error.to_string().starts_with("authorization cannot be signed"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
#[must_use = "a builder does nothing until it is built"]
pub struct SignerBuilder {
    keys: RotatingKeyPair,
    scheme: Scheme,
    algorithm: Option<Algorithm>,
    date_header: Option<DateHeader>,
    components: Option<Vec<String>>,
    signed_headers: Vec<String>,
    hs2019: bool,
    lifetime: Option<Duration>,
    in_query: bool,
    source: Option<HeaderValue>,
    /// The name space's code and the service's name.
    microservice: Option<(HeaderValue, HeaderValue)>,
    authority: Option<Authority>,
    allowed_hosts: Option<Vec<String>>,
    https_only: bool,
    nonce: Option<HeaderName>,
    nonce_parameter: Option<NonceFunction>,
}

impl SignerBuilder {
    pub(super) fn new(keys: RotatingKeyPair) -> Self {
        Self {
            keys,
            scheme: Scheme::default(),
            algorithm: None,
            date_header: None,
            components: None,
            signed_headers: Vec::new(),
            hs2019: false,
            lifetime: None,
            in_query: false,
            source: None,
            microservice: None,
            authority: None,
            allowed_hosts: None,
            https_only: false,
            nonce: None,
            nonce_parameter: None,
        }
    }

    /// Sets the gateway's scheme. Default: [`Scheme::Tencent`].
    pub fn scheme(mut self, scheme: Scheme) -> Self {
        self.scheme = scheme;
        self
    }

    /// Sets the algorithm. Default: the scheme's first, which for Tencent is
    /// [`Algorithm::HmacSha1`].
    pub fn algorithm(mut self, algorithm: Algorithm) -> Self {
        self.algorithm = Some(algorithm);
        self
    }

    /// Sets the date header that is sent and signed. Default: the scheme's first, which for Tencent
    /// is [`DateHeader::XDate`].
    pub fn date_header(mut self, date_header: DateHeader) -> Self {
        self.date_header = Some(date_header);
        self
    }

    /// Signs these headers after the scheme's default list, in this order, on requests that have
    /// them. A second call replaces the list. Default: none.
    ///
    /// Kong's and APISIX's settings (`enforce_headers`, `signed_headers`) are compared with the
    /// list case-sensitively. So with these two schemes and iFlytek's the names are sent in the
    /// spelling given; with the other presets, in lower case. A described scheme does as its
    /// [`keep_name_case`](crate::scheme::SchemeBuilder::keep_name_case) says.
    ///
    /// Some headers are written or removed by each connection or proxy, so they would not arrive as
    /// they were signed. [`build`](Self::build) returns an error for them: `connection`, `expect`,
    /// `http2-settings`, `keep-alive`, `proxy-connection`, `proxy-authenticate`,
    /// `proxy-authorization`, `te`, `trailer`, `transfer-encoding`, `upgrade`.
    ///
    /// Other headers can be named. Whether they arrive as they were signed depends on the client
    /// and the proxies:
    ///
    /// - `content-length`: hyper sets it below all layers, so it is signed only if the caller has
    ///   set it. A request without a body may be sent without it, even where the caller has set it
    ///   to 0.
    /// - `host`: signed only where it is known when the request is signed, see
    ///   [`authority`](Self::authority). A proxy that connects to another host changes it (nginx
    ///   does, unless configured with `proxy_set_header Host $http_host`).
    /// - Names with other characters than letters, digits and `-`: nginx, in front of Kong and
    ///   APISIX too, drops headers with `.`, `!` and the like (`ignore_invalid_headers`), and those
    ///   with `_` (`underscores_in_headers`; Kong and APISIX keep them).
    /// - `cookie`, `accept` and `accept-encoding`: some clients add them below this layer
    ///   (reqwest's cookie store), so that what is sent was not signed.
    /// - `via`, `forwarded`, `x-forwarded-for` and `max-forwards`: each proxy changes them (RFC
    ///   9110, section 7.6).
    ///
    /// With [`Scheme::TencentApp`] the whole list is sorted by name.
    ///
    /// Together with the default list there can be 64 names. `digest` and `content-digest` count as
    /// two of them even if they are not listed, because `DigestLayer` adds them to the list.
    pub fn signed_headers(mut self, names: impl IntoIterator<Item: AsRef<str>>) -> Self {
        self.signed_headers = owned_names(names);
        self
    }

    /// Signs exactly this list, in this order, instead of the scheme's default list. A second call
    /// replaces the list.
    ///
    /// What a request lacks is left out. A digest that `DigestLayer` has computed, or that a
    /// reqwest request has, is signed after the list. Beside headers, the list can have these
    /// names:
    ///
    /// | scheme | name | what is signed |
    /// |---|---|---|
    /// | Kong | `@request-target` | method and target, as sent |
    /// | Kong | `request-line` | the same with the HTTP version: **wrong** where ALPN may choose HTTP/2, because the version is not known when the request is signed |
    /// | APISIX | `@request-target` | method and target, the path decoded |
    /// | iFlytek | `request-line` | method and path, without the query |
    /// | draft-cavage | `(request-target)` | method and target, as sent |
    /// | draft-cavage | `(created)`, `(expires)` | the times, with [`hs2019`](Self::hs2019) |
    /// | Tyk | `(request-target)` | method and decoded path, **without the query** |
    /// | Traefik Hub | `(request-target)` | method and target, as sent |
    /// | Traefik Hub | `(created)`, `(expires)` | the times |
    ///
    /// [`Scheme::TencentApp`] signs the method, the target and three headers after the list,
    /// without a name. Its gateway wants the list sorted.
    ///
    /// A header of the name `request-target`, `created` or the like is refused where the scheme has
    /// such a component: an `@` or the parentheses were forgotten, and no request has that header.
    ///
    /// The list must have `date` or `x-date`, which is then the date header that is sent, or
    /// `(created)`. Tencent Cloud Market's scheme sends no list, so its can only be `x-date`.
    ///
    /// ```
    /// use tower_hmac_auth::{KeyPair, Scheme, Signer};
    ///
    /// let keys = KeyPair::new("AKIDtestkey0001", "test-secret-key-0001")?;
    /// let signer = Signer::builder(keys)
    ///     .scheme(Scheme::Apisix)
    ///     .components(["@request-target", "date", "X-Custom-A"])
    ///     .build()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn components(mut self, names: impl IntoIterator<Item: AsRef<str>>) -> Self {
        self.components = Some(owned_names(names));
        self
    }

    /// Sends `hs2019` as the algorithm's name. Default: `false`.
    ///
    /// With this name the hash is agreed on together with the key. The signer uses the one of
    /// [`algorithm`](Self::algorithm).
    ///
    /// draft-cavage-http-signatures-12, section 2.3, allows `(created)` and `(expires)` only with
    /// this name.
    pub fn hs2019(mut self, hs2019: bool) -> Self {
        self.hs2019 = hs2019;
        self
    }

    /// Sets how long a signature is valid, in whole seconds, at least one. A fraction of a second
    /// is dropped. The time at which it ends is sent as `expires`.
    ///
    /// It must be set if `(expires)` is listed, and is an error otherwise. With
    /// [`Scheme::TraefikHub`] it need not be set. Default there: 60 seconds.
    pub fn expires_after(mut self, lifetime: Duration) -> Self {
        self.lifetime = Some(lifetime);
        self
    }

    /// Sends the credentials in the query of the request's target instead of in `Authorization`, in
    /// a scheme that has such a form (iFlytek). Default: `false`.
    ///
    /// It is for WebSocket handshakes. The query gains the parameters `authorization`, `date` and
    /// `host`. They replace those that it has; all other parameters stay as they are, byte for
    /// byte. The request's headers get no date and no `Authorization`. As the query changes after
    /// it is signed, [`build`](Self::build) refuses a list with a component that contains the
    /// query.
    ///
    /// **The URL is then a credential.** Do not log it: with iFlytek's scheme it is valid for five
    /// minutes.
    pub fn credentials_in_query(mut self, in_query: bool) -> Self {
        self.in_query = in_query;
        self
    }

    /// Sends this `Source` with requests that have none. Default: none.
    ///
    /// It is signed unless [`components`](Self::components) leaves it out of the list. Any value is
    /// allowed, even an empty one.
    ///
    /// Tencent Cloud calls it the signature watermark. The gateway does not interpret it.
    pub fn source(mut self, source: HeaderValue) -> Self {
        self.source = Some(source);
        self
    }

    /// Sends `X-NameSpace-Code` and `X-MicroService-Name` with requests that have none. Default:
    /// neither.
    ///
    /// A microservice API needs them. They are signed only if
    /// [`signed_headers`](Self::signed_headers) names them.
    pub fn microservice(mut self, name_space_code: HeaderValue, name: HeaderValue) -> Self {
        self.microservice = Some((name_space_code, name));
        self
    }

    /// Sets the host and port that the client will send. Default: that of the request's target.
    ///
    /// It is for clients whose layers do not see the authority in the target (tonic's). It is used
    /// where `host` is signed, and by [`allowed_hosts`](Self::allowed_hosts) for requests that name
    /// no host.
    ///
    /// If `host` is to be signed, and neither this, the target nor a `Host` header names it, the
    /// request is signed without it. [`Signer::requests_without_host`] counts such requests.
    pub fn authority(mut self, authority: Authority) -> Self {
        // Clients do not send user information, and it can be a password.
        let sent = without_user(&authority).parse();
        self.authority = Some(sent.unwrap_or(authority));
        self
    }

    /// Signs only requests to these hosts; all others are sent unsigned. A second call replaces the
    /// list. Default: every host.
    ///
    /// A signature over a date and a source is valid for every API that the key may call. A host
    /// that receives one by a wrong URL or a redirect could call these APIs with it.
    ///
    /// A pattern is a host, or `*.` and a domain for all hosts below it (not the domain itself).
    /// With a port it matches that port only. Case does not matter, and neither does the dot that
    /// ends a full domain name. The pattern is compared with the authority of the request's target;
    /// if it has none, with its `Host`; if it has none either, with [`authority`](Self::authority).
    ///
    /// A request to another host gets no date, source, request id or `Authorization`. Those of an
    /// earlier signature are removed, even if another layer with the same scheme word made it: two
    /// gateways need two stacks of layers. An `Authorization` of another kind, a `Bearer` token for
    /// example, is kept. A target whose port is empty, or not a number up to 65535, matches no
    /// pattern.
    ///
    /// ```
    /// use tower_hmac_auth::{KeyPair, Signer};
    ///
    /// let signer = Signer::builder(KeyPair::new("AKIDtestkey0001", "test-secret-key-0001")?)
    ///     .allowed_hosts(["api.example.com", "*.apigateway.example:8443"])
    ///     .build()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// A request that names no host is not signed ([`SignError::DestinationUnknown`]). A tonic
    /// client's requests name none, unless the client is made with its origin. For such a client
    /// set [`authority`](Self::authority) to one of these hosts.
    ///
    /// [`SignError::DestinationUnknown`]: crate::error::SignError::DestinationUnknown
    pub fn allowed_hosts(mut self, patterns: impl IntoIterator<Item: AsRef<str>>) -> Self {
        self.allowed_hosts = Some(owned_names(patterns));
        self
    }

    /// Signs only requests over `https` or to this machine. Default: `false`.
    ///
    /// Anyone who can read a signed request on its way can send another request with its signature.
    ///
    /// The scheme of the request's target decides. **A request whose target has no scheme is not
    /// signed** ([`SignError::SchemeUnknown`]). A tonic client's target has none unless the client
    /// is made with its origin (`with_origin(service, Uri::from_static("https://gateway.example"))`
    /// instead of `new`); [`authority`](Self::authority) does not say `https`. The channel below
    /// sends to its own endpoint whatever the origin says, so set both to the same.
    ///
    /// [`SignError::SchemeUnknown`]: crate::error::SignError::SchemeUnknown
    pub fn https_only(mut self, https_only: bool) -> Self {
        self.https_only = https_only;
        self
    }

    /// Sends and signs a nonce in this header: 128 random bits as 22 characters of base64url, new
    /// in every signature, so that a verifier can refuse requests that were sent before. Default:
    /// none. [`X_NONCE`](crate::scheme::X_NONCE) is the usual name.
    ///
    /// Requires the feature `nonce`.
    ///
    /// A header of this name that the request has is replaced. If the list does not name the
    /// header, it is signed last. Each attempt of a retry has a nonce of its own if the retry is
    /// outside this layer.
    ///
    /// No gateway of this family checks nonces in a header by itself: see
    /// [`ReplayLayer`](crate::verify::ReplayLayer) for the server's side. A nonce that the scheme
    /// itself sends, as a parameter of the credentials, is set with
    /// [`nonce_parameter`](Self::nonce_parameter) instead. Signatures with a nonce are computed for
    /// every request, not once a second.
    #[cfg(feature = "nonce")]
    #[cfg_attr(docsrs, doc(cfg(feature = "nonce")))]
    pub fn nonce(mut self, header: HeaderName) -> Self {
        self.nonce = Some(header);
        self
    }

    /// Sets what returns the nonce of each signature, in a scheme that [sends one as a
    /// parameter](crate::scheme::SchemeBuilder::nonce_parameter). It must be set there, and is an
    /// error otherwise.
    ///
    /// It has to return another text each time, such as a UUID or 128 random bits in hexadecimal: 1
    /// to 8,192 characters of visible ASCII, without `"` and `\`. It is called for every signature,
    /// so each attempt of a retry outside this layer has a nonce of its own.
    ///
    /// The gateway checks this nonce. A server of this crate takes up to 128 characters: see
    /// [`VerifierBuilder::nonce`](crate::verify::VerifierBuilder::nonce). A nonce in a header is
    /// another one: `SignerBuilder::nonce` sends it, with the feature `nonce`.
    pub fn nonce_parameter(mut self, nonces: impl Fn() -> String + Send + Sync + 'static) -> Self {
        self.nonce_parameter = Some(NonceFunction::new(nonces));
        self
    }

    /// Builds the signer.
    ///
    /// # Errors
    ///
    /// Returns [`BuildError`] if
    ///
    /// - the scheme cannot carry an option or the key id,
    /// - a header in the list cannot be signed, is signed anyway, is named twice or is specific to
    ///   one connection,
    /// - the list has no date, two dates, or more than 64 names,
    /// - a name in the list lacks the `@` or the parentheses of a derived component,
    /// - the credentials are to be sent in the query, and the list has a component that contains
    ///   the query,
    /// - signatures are to be valid for less than a second,
    /// - nonces are missing, or the scheme has no parameter for them,
    /// - a host pattern is invalid, there is none, or no pattern allows the authority.
    pub fn build(self) -> Result<Signer, BuildError> {
        let (scheme, dialect) = (self.scheme, self.scheme.dialect());
        if let Some(algorithm) = self.algorithm {
            scheme.check_algorithm(algorithm)?;
        }
        if let Some(header) = self.date_header
            && !dialect.date_headers.contains(&header)
        {
            return Err(BuildError::DateHeaderNotCarried { scheme, header });
        }
        if !dialect.carries_key_id(self.keys.key_id().as_str()) {
            let characters = dialect.not_in_key_id;
            return Err(BuildError::KeyIdNotCarried { scheme, characters });
        }
        if self.hs2019 {
            scheme.check_hs2019()?;
        }
        if self.in_query && dialect.syntax.carrier != Carrier::ParametersOrQuery {
            return Err(BuildError::QueryNotCarried { scheme });
        }
        if self
            .lifetime
            .is_some_and(|lifetime| lifetime.as_secs() == 0)
        {
            return Err(BuildError::LifetimeTooShort);
        }
        match (dialect.syntax.nonce, &self.nonce_parameter) {
            (Some(_), None) => return Err(BuildError::NoNonces { scheme }),
            (None, Some(_)) => return Err(BuildError::NonceNotCarried { scheme }),
            _ => {}
        }
        if let Some(header) = &self.nonce {
            scheme.check_nonce(header)?;
        }
        let list = self.list()?;
        self.check(&list)?;
        let destinations = Destinations {
            authority: self.authority.clone(),
            allowed_hosts: self.allowed_hosts.as_ref().map(Hosts::parse).transpose()?,
            https_only: self.https_only,
        };
        destinations.check()?;
        Ok(self.build_with(list, destinations))
    }

    /// Builds the signer of a builder on which nothing is set. Its list is Tencent's default, which
    /// has no errors, so the empty list is never used.
    pub(super) fn build_default(self) -> Signer {
        let list = self.list().unwrap_or_default();
        self.build_with(list, Destinations::default())
    }

    /// Builds the signer from options that were checked.
    fn build_with(self, list: Vec<SignedComponent>, destinations: Destinations) -> Signer {
        let dialect = self.scheme.dialect();
        let default = dialect.algorithms.first().copied();
        let algorithm = self.algorithm.or(default).unwrap_or(Algorithm::HmacSha1);
        let name = if self.hs2019 {
            HS2019
        } else {
            algorithm.name()
        };
        let mut supplied = Vec::new();
        if let Some(source) = self.source {
            supplied.push((SOURCE.clone(), source));
        }
        if let Some((name_space_code, name)) = self.microservice {
            supplied.push((NAME_SPACE_CODE.clone(), name_space_code));
            supplied.push((MICRO_SERVICE_NAME.clone(), name));
        }
        let additions = Additions {
            placement: Placement::new(dialect.syntax.carrier, self.in_query),
            lifetime: self.lifetime.or(dialect.lifetime),
            supplied,
            nonce: self.nonce,
            nonce_parameter: dialect
                .syntax
                .nonce
                .zip(self.nonce_parameter)
                .map(|(name, function)| NonceParameter { name, function }),
            request_id: dialect.request_id,
        };
        let components = SignedComponents::new(&dialect.format, list, additions);
        Signer {
            inner: Arc::new(Inner {
                keys: self.keys,
                scheme: self.scheme,
                algorithm,
                template: Template::new(&dialect.syntax, name),
                components,
                destinations,
                signer_id: cache::next_id(),
                faults: Faults::default(),
            }),
        }
    }

    /// Returns the entries of the signed list, in signing order.
    fn list(&self) -> Result<Vec<SignedComponent>, BuildError> {
        let dialect = self.scheme.dialect();
        let date_header = self.date_header.or(dialect.date_headers.first().copied());
        let date = date_header.map_or("", |header| header.name().as_str());
        let default = dialect.default_list.iter().copied();
        let default = default.map(|name| if name == "date" { date } else { name });
        let named: Vec<&str> = match &self.components {
            Some(components) => components.iter().map(String::as_str).collect(),
            None => default.collect(),
        };
        let further = self.signed_headers.iter().map(String::as_str);
        if let Some(name) = further
            .clone()
            .find(|name| is_date(name) || is_in(&named, name))
        {
            let name = Excerpt::new(name);
            return Err(BuildError::SignedAnyway { name });
        }
        let nonce = self.nonce.as_ref().map(HeaderName::as_str);
        let nonce = nonce.filter(|name| {
            !further
                .clone()
                .chain(named.iter().copied())
                .any(|other| other.eq_ignore_ascii_case(name))
        });
        let names = named.iter().copied().chain(further).chain(nonce);
        let mut names: Vec<&str> = names.collect();
        if dialect.list.is_sorted && self.components.is_none() {
            names.sort_by_key(|name| name.to_ascii_lowercase());
        }
        names.into_iter().map(|name| self.listed(name)).collect()
    }

    /// Resolves one name, and returns it in the spelling that is sent.
    fn listed(&self, name: &str) -> Result<SignedComponent, BuildError> {
        let (scheme, dialect) = (self.scheme, self.scheme.dialect());
        // APISIX looks up the date by its lower-case name. Listed as `Date`, it would not be found,
        // and the request would be refused for having no date.
        let name = match is_date(name) && !dialect.list.sends_date_as_spelled {
            true => &name.to_ascii_lowercase(),
            false => name,
        };
        let component = scheme.signable(name, self.hs2019)?;
        let spelling = match &component {
            Component::Date(header) if !dialect.date_headers.contains(header) => {
                let header = *header;
                return Err(BuildError::DateHeaderNotCarried { scheme, header });
            }
            Component::Header(header) if dialect.format.lower_case_names => header.as_str(),
            _ => name,
        };
        Ok(ListedComponent {
            name: spelling.into(),
            component,
        })
    }

    /// Checks the list against what verifiers accept: its length, each name once, one time of
    /// signing, and a lifetime where `expires` is listed.
    fn check(&self, list: &[SignedComponent]) -> Result<(), BuildError> {
        let (scheme, dialect) = (self.scheme, self.scheme.dialect());
        let names = list.iter().map(|listed| &*listed.name);
        check_signed_list(names.clone())?;
        check_none_repeated(names)?;
        let lists = |derived| {
            let mut components = list.iter().map(|listed| &listed.component);
            components.any(|component| *component == Component::Derived(derived))
        };
        let dates = list.iter().filter_map(|listed| match listed.component {
            Component::Date(header) => Some(header),
            _ => None,
        });
        match *dates.collect::<Vec<_>>() {
            [] if !lists(DerivedComponent::Created) => return Err(BuildError::NoDate { scheme }),
            [] => {}
            [header] if self.date_header.is_some_and(|other| other != header) => {
                return Err(BuildError::TwoDates);
            }
            // The query's parameter is named `date`.
            [header @ DateHeader::XDate] if self.in_query => {
                return Err(BuildError::DateHeaderNotCarried { scheme, header });
            }
            [_] => {}
            [_, _, ..] => return Err(BuildError::TwoDates),
        }
        let has_query = |listed: &&SignedComponent| match listed.component {
            Component::Derived(derived) => derived.is_whole_target(),
            _ => false,
        };
        if self.in_query
            && let Some(listed) = list.iter().find(has_query)
        {
            let name = Excerpt::new(&listed.name);
            return Err(BuildError::QuerySigned { name });
        }
        match (lists(DerivedComponent::Expires), self.lifetime) {
            (true, None) if dialect.lifetime.is_none() => Err(BuildError::NoLifetime),
            (false, Some(_)) => Err(BuildError::LifetimeNotSigned),
            _ => Ok(()),
        }
    }
}

fn is_date(name: &str) -> bool {
    name.parse::<DateHeader>().is_ok()
}

fn is_in(names: &[&str], name: &str) -> bool {
    names.iter().any(|other| other.eq_ignore_ascii_case(name))
}
