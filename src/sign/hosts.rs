//! Host patterns that limit which destinations receive a signature.

use std::{
    borrow::Cow,
    net::{Ipv4Addr, Ipv6Addr},
};

use http::{header, uri::Authority};

use crate::{
    RequestHead,
    header::{Repeated, single_value},
    rejection::Excerpt,
    scheme::BuildError,
    sign::SignError,
    wire::authority::{InvalidPort, default_port, is_tls, named_port, without_user},
};

/// Where a client sends requests, and which of them are signed.
#[derive(Debug, Clone, Default)]
pub(crate) struct Destinations {
    /// The authority of requests that name none.
    pub(crate) authority: Option<Authority>,
    /// The hosts that requests are signed for; any host if there are no patterns.
    pub(crate) allowed_hosts: Option<Hosts>,
    /// Whether a request to another machine is signed only if it goes over `https`.
    pub(crate) https_only: bool,
}

impl Destinations {
    /// Checks that a pattern allows the authority; otherwise no request that relies on it would be
    /// signed.
    ///
    /// An authority without a port is allowed if its host is, because its port depends on the
    /// scheme of each request's target.
    pub(crate) fn check(&self) -> Result<(), BuildError> {
        let (Some(authority), Some(hosts)) = (&self.authority, &self.allowed_hosts) else {
            return Ok(());
        };
        let is_allowed = match named_port(authority) {
            Ok(None) => hosts.contain_host(authority),
            _ => hosts.contain(authority, None),
        };
        if is_allowed {
            return Ok(());
        }
        let host = Excerpt::new(without_user(authority));
        Err(BuildError::AuthorityExcluded { host })
    }

    /// Returns whether there are destinations that requests are not signed for.
    pub(crate) fn are_limited(&self) -> bool {
        self.allowed_hosts.is_some() || self.https_only
    }

    /// Checks that a request goes to a destination that it is signed for.
    pub(crate) fn check_request(&self, head: RequestHead<'_>) -> Result<(), SignError> {
        if !self.are_limited() {
            return Ok(());
        }
        let scheme = head.uri().scheme_str();
        let destination = self.destination(head);
        if let Some(hosts) = &self.allowed_hosts {
            let destination = destination.as_ref().map_err(SignError::clone)?;
            if !hosts.contain(destination, scheme) {
                return Err(excluded(hosts, destination, head));
            }
        }
        if self.https_only && !scheme.is_some_and(is_tls) && !self.stays_on_this_machine(head) {
            let host = Excerpt::new(destination.as_ref().map_or("", |to| to.host()));
            return Err(match scheme {
                None => SignError::SchemeUnknown { host },
                Some(_) => SignError::NotHttps { host },
            });
        }
        Ok(())
    }

    /// Returns `true` if the request's target, or the configured authority of a request that names
    /// no host, is on this machine. A `Host` header does not say where the client below connects
    /// to, and in a proxy it is the caller's: with it alone, `Host: localhost` would do.
    fn stays_on_this_machine(&self, head: RequestHead<'_>) -> bool {
        let authority = match head.uri().authority() {
            None if !names_host(head) => self.authority.as_ref(),
            authority => authority,
        };
        authority.is_some_and(|authority| is_loopback(authority.host()))
    }

    /// Returns the authority that the client below sends the request to.
    ///
    /// The target comes first: a client connects to its authority whatever `Host` says, so that a
    /// `Host` with the gateway's name must not allow a signature for another destination.
    fn destination<'a>(&'a self, head: RequestHead<'a>) -> Result<Cow<'a, Authority>, SignError> {
        let destination = match head.uri().authority() {
            Some(authority) => Some(Cow::Borrowed(authority)),
            None => match single_value(head.headers(), header::HOST) {
                Ok(Some(host)) => host.as_bytes().try_into().ok().map(Cow::Owned),
                Ok(None) => self.authority.as_ref().map(Cow::Borrowed),
                Err(Repeated) => return Err(SignError::RepeatedHeader { name: header::HOST }),
            },
        };
        let has_host = |authority: &Cow<'_, Authority>| !authority.host().is_empty();
        destination.filter(has_host).ok_or(match names_host(head) {
            true => SignError::InvalidHost,
            false => SignError::DestinationUnknown,
        })
    }
}

/// Returns whether the request itself names its destination.
fn names_host(head: RequestHead<'_>) -> bool {
    head.uri().authority().is_some() || head.headers().contains_key(header::HOST)
}

/// Returns why `hosts` do not contain this destination of a request.
fn excluded(hosts: &Hosts, destination: &Authority, head: RequestHead<'_>) -> SignError {
    let host = destination.host();
    let host = match named_port(destination) {
        _ if !hosts.contain_host(destination) => Excerpt::new(host),
        // The host is allowed, but not on this port.
        Ok(port) => match port.or_else(|| default_port(head.uri().scheme_str())) {
            Some(port) => Excerpt::new(&format!("{host}:{port}")),
            None => Excerpt::new(host),
        },
        Err(InvalidPort) => {
            let host = Excerpt::new(without_user(destination));
            return SignError::InvalidPort { host };
        }
    };
    match names_host(head) {
        true => SignError::NotForThisHost { host },
        false => SignError::AuthorityExcluded { host },
    }
}

/// A pattern of hosts that requests are signed for.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Pattern {
    /// The host; with `any_label`, the domain whose subdomains match.
    host: Host<String>,
    /// Whether the pattern begins with `*.`.
    any_label: bool,
    /// The port; `None` matches every port.
    port: Option<u16>,
}

/// The hosts that requests are signed for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Hosts(Vec<Pattern>);

impl Hosts {
    pub(crate) fn parse<P: AsRef<str>>(
        patterns: impl IntoIterator<Item = P>,
    ) -> Result<Self, BuildError> {
        let parse = |pattern: P| {
            let pattern = pattern.as_ref();
            Pattern::parse(pattern).ok_or_else(|| BuildError::InvalidHostPattern {
                pattern: Excerpt::new(pattern),
            })
        };
        let patterns: Vec<_> = patterns.into_iter().map(parse).collect::<Result<_, _>>()?;
        if patterns.is_empty() {
            return Err(BuildError::NoHostPattern);
        }
        Ok(Self(patterns))
    }

    /// Returns whether a pattern matches this authority. If it has no port, it is compared with the
    /// default port of `scheme`.
    pub(crate) fn contain(&self, authority: &Authority, scheme: Option<&str>) -> bool {
        let Some(host) = Host::of(authority.host()) else {
            return false;
        };
        // Clients connect to the default port where they cannot read the port, so such an authority
        // must not match a pattern by its host alone.
        let Ok(port) = named_port(authority) else {
            return false;
        };
        let port = port.or_else(|| default_port(scheme));
        self.0.iter().any(|pattern| pattern.matches(host, port))
    }

    /// Returns whether a pattern matches this authority's host, whatever the port is.
    pub(crate) fn contain_host(&self, authority: &Authority) -> bool {
        let host = Host::of(authority.host());
        let mut patterns = self.0.iter();
        host.is_some_and(|host| patterns.any(|pattern| pattern.matches(host, pattern.port)))
    }
}

impl Pattern {
    fn parse(pattern: &str) -> Option<Self> {
        let (any_label, rest) = match pattern.strip_prefix("*.") {
            Some(rest) => (true, rest),
            None => (false, pattern),
        };
        let authority: Authority = rest.parse().ok()?;
        let host = Host::of(authority.host())?;
        let port = authority.port_u16();
        let spelled = match port {
            Some(port) => format!("{}:{port}", authority.host()),
            None => authority.host().to_owned(),
        };
        // `Authority` accepts more than a host and a port: user information, a port that is not a
        // number, an asterisk anywhere. A pattern with one of them would match other hosts than it
        // seems to.
        let is_whole = spelled == rest && !rest.contains('*');
        let is_address = match host {
            Host::Address(_) => true,
            Host::Name(name) => name.bytes().all(|b| b == b'.' || b.is_ascii_digit()),
        };
        (is_whole && !(any_label && is_address)).then(|| Self {
            host: host.to_owned(),
            any_label,
            port,
        })
    }

    fn matches(&self, host: Host<&str>, port: Option<u16>) -> bool {
        let is_host = match (&self.host, host) {
            (Host::Address(wanted), Host::Address(address)) => *wanted == address,
            (Host::Name(wanted), Host::Name(name)) if self.any_label => {
                let labels = name.len().checked_sub(wanted.len());
                let parts = labels.and_then(|labels| name.split_at_checked(labels));
                parts.is_some_and(|(labels, domain)| {
                    labels.ends_with('.') && domain.eq_ignore_ascii_case(wanted)
                })
            }
            (Host::Name(wanted), Host::Name(name)) => wanted.eq_ignore_ascii_case(name),
            _ => false,
        };
        is_host && (self.port.is_none() || self.port == port)
    }
}

/// A host: a name without the dot that ends a full domain name, or an IPv6 address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Host<T> {
    Name(T),
    Address(Ipv6Addr),
}

impl<'a> Host<&'a str> {
    /// Returns the host, or `None` if it is empty or has an empty label at an end.
    fn of(host: &'a str) -> Option<Self> {
        if let Some(literal) = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'))
        {
            return literal.parse().ok().map(Self::Address);
        }
        let host = host.strip_suffix('.').unwrap_or(host);
        let is_name = !host.is_empty() && !host.starts_with('.') && !host.ends_with('.');
        is_name.then_some(Self::Name(host))
    }

    fn to_owned(self) -> Host<String> {
        match self {
            Self::Name(name) => Host::Name(name.to_owned()),
            Self::Address(address) => Host::Address(address),
        }
    }
}

/// Returns whether what is sent to this host stays on this machine.
pub(crate) fn is_loopback(host: &str) -> bool {
    match Host::of(host) {
        Some(Host::Address(address)) => address.is_loopback(),
        Some(Host::Name(name)) => {
            let top_label = name.rsplit('.').next().unwrap_or_default();
            let address = name.parse::<Ipv4Addr>();
            top_label.eq_ignore_ascii_case("localhost")
                || address.is_ok_and(|address| address.is_loopback())
        }
        None => false,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn contain(pattern: &str, authority: &str, scheme: &str) -> bool {
        let hosts = Hosts::parse([pattern]).unwrap();
        hosts.contain(&authority.parse().unwrap(), Some(scheme))
    }

    /// Source: RFC 3986, section 3.2.2: a host's case does not matter, and the dot that ends a name
    /// may be left out.
    #[test]
    fn a_host_is_the_same_in_any_case_and_spelling() {
        assert!(contain("gateway.example", "GATEWAY.Example", "https"));
        assert!(contain("gateway.example", "gateway.example.", "https"));
        assert!(contain("[2001:db8::1]", "[2001:DB8:0:0:0:0:0:1]", "https"));
        assert!(!contain("gateway.example", "gateway.example.org", "https"));
        assert!(!contain("gateway.example", "api.gateway.example", "https"));
    }

    #[test]
    fn an_asterisk_stands_for_one_or_more_labels() {
        assert!(contain("*.example.com", "api.example.com", "https"));
        assert!(contain("*.example.com", "a.b.example.com", "https"));
        for other in [
            "example.com",
            "badexample.com",
            "example.com.evil.test",
            ".example.com",
        ] {
            assert!(!contain("*.example.com", other, "https"), "{other}");
        }
    }

    /// Source: RFC 9110, sections 4.2.1 and 4.2.2: 80 and 443 are the default ports.
    #[test]
    fn a_pattern_with_a_port_matches_it_written_or_by_default() {
        assert!(contain("example.com:443", "example.com", "https"));
        assert!(contain("example.com:443", "example.com:443", "http"));
        assert!(contain("example.com:80", "example.com", "http"));
        assert!(!contain("example.com:443", "example.com", "http"));
        assert!(!contain("example.com:443", "example.com:8443", "https"));
        assert!(contain("example.com", "example.com:8443", "https"));
    }

    #[test]
    fn what_is_more_than_a_host_and_a_port_is_no_pattern() {
        let user = "user@example.com";
        for pattern in [
            "", "*", "*.*.com", "a.*.com", user, "a:port", "*.0.0.1", "*.[::1]", "[::1",
        ] {
            let error = Hosts::parse([pattern]).unwrap_err();
            let pattern = Excerpt::new(pattern);
            assert_eq!(error, BuildError::InvalidHostPattern { pattern });
        }
        assert_eq!(Hosts::parse([""; 0]), Err(BuildError::NoHostPattern));
    }
}
