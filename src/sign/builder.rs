//! The options of a signer.

use std::{sync::Arc, time::Duration};

use http::{HeaderName, HeaderValue, uri::Authority};

use super::{
    cache,
    components::{SignedComponent, SignedComponents},
    faults::Faults,
    hosts::{Destinations, Hosts},
    signer::Inner,
};
use crate::{
    Algorithm, Scheme, Signer,
    header::{DIGESTS, DateHeader, MICRO_SERVICE_NAME, NAME_SPACE_CODE, SOURCE},
    rejection::Excerpt,
    scheme::{BuildError, check_list},
    sign::RotatingKeyPair,
    wire::{
        component::{Component, DerivedComponent, ListedComponent},
        credentials::{HS2019, Template},
    },
};

/// Builds a [`Signer`].
///
/// Setters can be called in any order and never fail; [`build`](Self::build) checks all options
/// together.
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
    source: Option<HeaderValue>,
    /// The name space's code and the service's name.
    microservice: Option<(HeaderValue, HeaderValue)>,
    authority: Option<Authority>,
    allowed_hosts: Option<Vec<String>>,
    https_only: bool,
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
            source: None,
            microservice: None,
            authority: None,
            allowed_hosts: None,
            https_only: false,
        }
    }

    /// Signs in this gateway's dialect. Default: [`Scheme::Tencent`].
    pub fn scheme(mut self, scheme: Scheme) -> Self {
        self.scheme = scheme;
        self
    }

    /// Signs with this algorithm. Default: the scheme's, for Tencent's [`Algorithm::HmacSha1`].
    pub fn algorithm(mut self, algorithm: Algorithm) -> Self {
        self.algorithm = Some(algorithm);
        self
    }

    /// Sends and signs this of the two date headers. Default: the scheme's, for Tencent's [`DateHeader::XDate`].
    pub fn date_header(mut self, date_header: DateHeader) -> Self {
        self.date_header = Some(date_header);
        self
    }

    /// Signs these headers after what the scheme signs by default, in this order, on requests that have them.
    /// Default: none.
    ///
    /// Kong's and APISIX's settings (`enforce_headers`, `signed_headers`) are compared with the list in upper and lower
    /// case; so with these two schemes the names are sent in the spelling given, else in lower case.
    ///
    /// A header that a connection or a proxy writes or removes on the way does not arrive as it was signed, and
    /// [`build`](Self::build) returns an error for it: `connection`, `expect`, `http2-settings`, `keep-alive`,
    /// `proxy-connection`, `proxy-authenticate`, `proxy-authorization`, `te`, `trailer`, `transfer-encoding`, `upgrade`.
    ///
    /// Other headers can be named, and whether they arrive as they were signed depends on what lies on the way:
    ///
    /// - `content-length`: hyper sets it below all layers, so that it is signed only on requests that the caller has put it
    ///   on. A request without a body may be sent without it, also where the caller has set it to 0.
    /// - `host`: signed only where it is known when the request is signed, see
    ///   [`authority`](Self::authority). A proxy that connects to another host changes it (nginx does
    ///   unless told `proxy_set_header Host $http_host`).
    /// - Names with other characters than letters, digits and `-`: nginx, in front of Kong and APISIX too, drops headers with
    ///   `.`, `!` and the like (`ignore_invalid_headers`), and those with `_` (`underscores_in_headers`; Kong and APISIX keep them).
    /// - `cookie`, `accept` and `accept-encoding`: clients that add them below this layer (reqwest's cookie store) send what was not
    ///   signed.
    /// - `via`, `forwarded`, `x-forwarded-for` and `max-forwards`: each proxy changes them (RFC 9110, section 7.6).
    ///
    /// Together with the default list there is room for 64 names, of which `digest` and `content-digest` take two, whether
    /// they are listed or not: `DigestLayer` adds them to the list.
    pub fn signed_headers(mut self, names: impl IntoIterator<Item: AsRef<str>>) -> Self {
        self.signed_headers = owned(names);
        self
    }

    /// Signs exactly this list, in this order, in place of what the scheme signs by default; what a request lacks is
    /// left out. (A digest that `DigestLayer` has computed, or that a reqwest request has, is signed behind it.) Besides headers it can name what the scheme has beside them:
    ///
    /// | scheme | name | what is signed |
    /// |---|---|---|
    /// | Kong | `@request-target` | method and target, as sent |
    /// | Kong | `request-line` | the same with the HTTP version: **wrong** where ALPN may pick HTTP/2, as the version is not known when the request is signed |
    /// | APISIX | `@request-target` | method and target, the path decoded |
    /// | draft-cavage | `(request-target)` | method and target, as sent |
    /// | draft-cavage | `(created)`, `(expires)` | the times, with [`hs2019`](Self::hs2019) |
    ///
    /// It has to name `date` or `x-date` (which makes it the header that is sent), or `(created)`.
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
        self.components = Some(owned(names));
        self
    }

    /// Names the algorithm `hs2019`, which leaves it to the key which hash is used: the one set here. Default: `false`.
    ///
    /// draft-cavage-http-signatures-12, section 2.3, allows `(created)` and `(expires)` with it only.
    pub fn hs2019(mut self, hs2019: bool) -> Self {
        self.hs2019 = hs2019;
        self
    }

    /// For how long a signature is good from its making on, in whole seconds, at least one: what is sent as `expires`.
    /// Needed if `(expires)` is listed, and an error otherwise.
    pub fn expires_after(mut self, lifetime: Duration) -> Self {
        self.lifetime = Some(lifetime);
        self
    }

    /// Sends this `Source` with requests that have none, and signs it unless
    /// [`components`](Self::components) leaves it out of the list. Any value is allowed, also an empty
    /// one. Default: none.
    ///
    /// Tencent Cloud calls it the signature watermark. It has no meaning for the gateway.
    pub fn source(mut self, source: HeaderValue) -> Self {
        self.source = Some(source);
        self
    }

    /// Sends `X-NameSpace-Code` and `X-MicroService-Name`, which a microservice API needs, with
    /// requests that have none. They are signed only if [`signed_headers`](Self::signed_headers)
    /// names them. Default: neither.
    pub fn microservice(mut self, name_space_code: HeaderValue, name: HeaderValue) -> Self {
        self.microservice = Some((name_space_code, name));
        self
    }

    /// Sets the host and port that the client will send, for clients whose layers do not see it in
    /// the request's target (tonic's). It is used where `host` is signed, and by
    /// [`allowed_hosts`](Self::allowed_hosts) for requests that name no host. Default: that of the
    /// target.
    ///
    /// If `host` is to be signed and neither this, the target nor `Host` says what it is, the
    /// request is signed without it: [`Signer::requests_without_host`] counts that.
    pub fn authority(mut self, authority: Authority) -> Self {
        self.authority = Some(authority);
        self
    }

    /// Signs only requests to these hosts; all others are sent unsigned. Default: every host.
    ///
    /// A signature over a date and a source is valid for every API that the key may call. So a host
    /// that is not the gateway must not receive one, neither by a mistake in a URL nor by a redirect.
    ///
    /// A pattern is a host, or `*.` and a domain for all hosts below it (not the domain itself). With
    /// a port it matches that port only. Case does not matter, and neither does the dot that ends a
    /// full domain name. The pattern is compared with the authority of the request's target; if it
    /// has none, with its `Host`; if it has none either, with [`authority`](Self::authority).
    ///
    /// A request to another host gets no date, source or `Authorization`, and loses those that an
    /// earlier signature has left on it, also one of another layer that uses the same scheme word:
    /// two gateways need a stack each. An `Authorization` of another kind, a `Bearer` token for
    /// example, stays. A target whose port is empty, or not a number up to 65535, matches no pattern.
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
    /// client's requests name none, unless the client is made with its origin. For such a client set
    /// [`authority`](Self::authority) to one of these hosts.
    ///
    /// [`SignError::DestinationUnknown`]: crate::error::SignError::DestinationUnknown
    pub fn allowed_hosts(mut self, patterns: impl IntoIterator<Item: AsRef<str>>) -> Self {
        self.allowed_hosts = Some(owned(patterns));
        self
    }

    /// Leaves requests unsigned that do not go over `https`, unless they go to this machine.
    /// Default: `false`.
    ///
    /// Anyone who can read a signed request on its way can send another one with its signature.
    ///
    /// What counts is the scheme of the request's target. **A request whose target has no scheme is
    /// not signed** ([`SignError::SchemeUnknown`]). A tonic client's target has none unless the
    /// client is made with its origin (`with_origin(service,
    /// Uri::from_static("https://gateway.example"))` instead of `new`); [`authority`](Self::authority)
    /// does not say `https`. The channel below sends to its own endpoint whatever the origin says:
    /// give both the same.
    ///
    /// [`SignError::SchemeUnknown`]: crate::error::SignError::SchemeUnknown
    pub fn https_only(mut self, https_only: bool) -> Self {
        self.https_only = https_only;
        self
    }

    /// Makes the signer.
    ///
    /// # Errors
    ///
    /// [`BuildError`] if the scheme cannot carry an option, if a header that should be signed cannot be, is signed
    /// anyway, is named twice or does not outlive the first connection, if more than 64 components are to be signed, if
    /// signatures are to be valid for less than a second, if a host pattern is invalid or there is none, or if none allows
    /// the authority.
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
        if self
            .lifetime
            .is_some_and(|lifetime| lifetime.as_secs() == 0)
        {
            return Err(BuildError::LifetimeTooShort);
        }
        let list = self.list()?;
        self.check(&list)?;
        let destinations = Destinations {
            authority: self.authority.clone(),
            allowed_hosts: self.allowed_hosts.as_ref().map(Hosts::parse).transpose()?,
            https_only: self.https_only,
        };
        destinations.check()?;
        Ok(self.with(list, destinations))
    }

    /// Makes the signer of a builder that was given keys only, which Tencent's defaults suit.
    pub(super) fn with_defaults(self) -> Signer {
        let list = self.list().unwrap_or_default();
        self.with(list, Destinations::default())
    }

    fn with(self, list: Vec<SignedComponent>, destinations: Destinations) -> Signer {
        let default = self.scheme.dialect().algorithms.first().copied();
        let algorithm = self.algorithm.or(default).unwrap_or(Algorithm::HmacSha1);
        let name = if self.hs2019 {
            HS2019
        } else {
            algorithm.name()
        };
        let mut components = SignedComponents::new(list, self.lifetime);
        if let Some(source) = self.source {
            components.supply(&SOURCE, source);
        }
        if let Some((name_space_code, name)) = self.microservice {
            components.supply(&NAME_SPACE_CODE, name_space_code);
            components.supply(&MICRO_SERVICE_NAME, name);
        }
        Signer {
            inner: Arc::new(Inner {
                keys: self.keys,
                scheme: self.scheme,
                algorithm,
                template: Template::new(&self.scheme.dialect().syntax, name),
                components,
                destinations,
                signer_id: cache::next_id(),
                faults: Faults::default(),
            }),
        }
    }

    /// What is signed, entry by entry.
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
        let names = named.iter().copied().chain(further);
        names.map(|name| self.listed(name)).collect()
    }

    /// Resolves one name, and spells it as it is sent.
    fn listed(&self, name: &str) -> Result<SignedComponent, BuildError> {
        let (scheme, dialect) = (self.scheme, self.scheme.dialect());
        // APISIX looks for the date in lower case only.
        let name = match is_date(name) && !dialect.sends_date_as_spelled {
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

    /// Refuses lists that no verifier accepts.
    fn check(&self, list: &[SignedComponent]) -> Result<(), BuildError> {
        let is_listed = |name: &HeaderName| {
            let mut list = list.iter();
            list.any(
                |listed| matches!(&listed.component, Component::Header(other) if other == name),
            )
        };
        let unlisted_digests = DIGESTS.iter().filter(|name| !is_listed(name));
        let names = list.iter().map(|listed| &*listed.name);
        check_list(names.chain(unlisted_digests.map(HeaderName::as_str)))?;
        let mut dates = 0;
        for (position, ListedComponent { name, component }) in list.iter().enumerate() {
            let mut before = list.iter().take(position);
            if before.any(|other| other.name.eq_ignore_ascii_case(name)) {
                let name = Excerpt::new(name);
                return Err(BuildError::NamedTwice { name });
            }
            match component {
                Component::Date(_) if dates > 0 => return Err(BuildError::TwoDates),
                Component::Date(header)
                    if self.date_header.is_some_and(|other| other != *header) =>
                {
                    return Err(BuildError::TwoDates);
                }
                Component::Date(_) => dates += 1,
                Component::Derived(DerivedComponent::Expires) if self.lifetime.is_none() => {
                    return Err(BuildError::NoLifetime);
                }
                _ => {}
            }
        }
        let is_created = |listed: &SignedComponent| {
            listed.component == Component::Derived(DerivedComponent::Created)
        };
        if dates == 0 && !list.iter().any(is_created) {
            return Err(BuildError::NoDate {
                scheme: self.scheme,
            });
        }
        let is_expires = |listed: &SignedComponent| {
            listed.component == Component::Derived(DerivedComponent::Expires)
        };
        if self.lifetime.is_some() && !list.iter().any(is_expires) {
            return Err(BuildError::LifetimeNotSigned);
        }
        Ok(())
    }
}

fn owned(names: impl IntoIterator<Item: AsRef<str>>) -> Vec<String> {
    let names = names.into_iter();
    names.map(|name| name.as_ref().to_owned()).collect()
}

fn is_date(name: &str) -> bool {
    let mut dates = [DateHeader::Date, DateHeader::XDate].into_iter();
    dates.any(|header| name.eq_ignore_ascii_case(header.name().as_str()))
}

fn is_in(names: &[&str], name: &str) -> bool {
    names.iter().any(|other| other.eq_ignore_ascii_case(name))
}
