//! Which hosts are the gateway: everyone else is a stranger, who gets no signature.

use std::{
    fmt,
    net::{Ipv4Addr, Ipv6Addr},
};

use http::uri::Authority;

use crate::wire::authority::{default_port, named_port};

/// One of the hosts that are signed for.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Pattern {
    /// With `any_label`, the domain below which all are meant.
    host: Host<String>,
    any_label: bool,
    /// Any port, if there is none.
    port: Option<u16>,
}

/// The hosts that are signed for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Hosts(Vec<Pattern>);

impl Hosts {
    pub(crate) fn parse<P: AsRef<str>>(
        patterns: impl IntoIterator<Item = P>,
    ) -> Result<Self, HostPatternError> {
        let parse = |pattern: P| {
            let pattern = pattern.as_ref();
            Pattern::parse(pattern).ok_or_else(|| HostPatternError::new(pattern))
        };
        let patterns: Vec<_> = patterns.into_iter().map(parse).collect::<Result<_, _>>()?;
        if patterns.is_empty() {
            return Err(HostPatternError { pattern: None });
        }
        Ok(Self(patterns))
    }

    /// Whether a request that is sent to this authority is sent to one of them. `scheme` tells which port is meant
    /// if none is named.
    pub(crate) fn contain(&self, authority: &Authority, scheme: Option<&str>) -> bool {
        let Some(host) = Host::of(authority.host()) else {
            return false;
        };
        let Ok(port) = named_port(authority) else {
            return false;
        };
        let port = port.or_else(|| default_port(scheme));
        self.0.iter().any(|pattern| pattern.matches(host, port))
    }

    /// Whether this is one of them, whatever its port is.
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
        // Nothing else may be there: no user information, no port that is not a number, no second asterisk.
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
    /// `None` if it is none.
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

/// Whether what is sent to this host stays on this machine.
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

/// A host pattern that is invalid, or a list without any pattern, with which no request would ever be signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostPatternError {
    /// `None` for an empty list.
    pattern: Option<Box<str>>,
}

impl HostPatternError {
    fn new(pattern: &str) -> Self {
        Self {
            pattern: Some(pattern.into()),
        }
    }
}

impl fmt::Display for HostPatternError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.pattern {
            Some(pattern) => write!(
                f,
                "{pattern:?} is no host: write it like api.example.com, *.example.com, 192.0.2.1:8443 or [2001:db8::1]"
            ),
            None => f.write_str(
                "the list of hosts is empty, so that no request would be signed: name the gateway's, like \
                 api.example.com",
            ),
        }
    }
}

impl std::error::Error for HostPatternError {}
