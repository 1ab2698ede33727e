//! Which hosts are the gateway: everyone else is a stranger, who gets no signature.

use std::{fmt, net::Ipv6Addr};

use http::uri::Authority;

/// One of the hosts that are signed for.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Pattern {
    /// In [`canonical`] form; with `any_label`, the domain below which all are meant.
    host: String,
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
        patterns
            .into_iter()
            .map(parse)
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// Whether a request that is sent to this authority is sent to one of them. `scheme` tells which port is meant
    /// if none is named.
    pub(crate) fn contain(&self, authority: &Authority, scheme: Option<&str>) -> bool {
        let Some(host) = canonical(authority.host()) else {
            return false;
        };
        let default_port = match scheme {
            Some("http") => Some(80),
            Some("https") => Some(443),
            _ => None,
        };
        let port = authority.port_u16().or(default_port);
        self.0.iter().any(|pattern| pattern.matches(&host, port))
    }
}

impl Pattern {
    fn parse(pattern: &str) -> Option<Self> {
        let (any_label, rest) = match pattern.strip_prefix("*.") {
            Some(rest) => (true, rest),
            None => (false, pattern),
        };
        let authority: Authority = rest.parse().ok()?;
        let host = canonical(authority.host())?;
        let port = authority.port_u16();
        let spelled = match port {
            Some(port) => format!("{}:{port}", authority.host()),
            None => authority.host().to_owned(),
        };
        // Nothing else may be there: no user information, no port that is not a number, no second asterisk.
        let is_whole = spelled == rest && !host.contains('*');
        let is_address =
            host.starts_with('[') || host.bytes().all(|b| b == b'.' || b.is_ascii_digit());
        (is_whole && !(any_label && is_address)).then_some(Self {
            host,
            any_label,
            port,
        })
    }

    fn matches(&self, host: &str, port: Option<u16>) -> bool {
        let is_host = match (self.any_label, host.strip_suffix(&self.host)) {
            (false, rest) => rest == Some(""),
            (true, rest) => rest.is_some_and(|labels| labels.len() > 1 && labels.ends_with('.')),
        };
        is_host && (self.port.is_none() || self.port == port)
    }
}

/// A host in lower case without the dot that ends a full domain name, an IPv6 address in its shortest form; `None` if
/// there is nothing left.
fn canonical(host: &str) -> Option<String> {
    if let Some(literal) = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
    {
        let address: Ipv6Addr = literal.parse().ok()?;
        return Some(format!("[{address}]"));
    }
    let host = host.strip_suffix('.').unwrap_or(host);
    let is_name = !host.is_empty() && !host.starts_with('.') && !host.ends_with('.');
    is_name.then(|| host.to_ascii_lowercase())
}

/// Whether what is sent to this host stays on this machine.
pub(crate) fn is_loopback(host: &str) -> bool {
    let Some(host) = canonical(host) else {
        return false;
    };
    let is_name = host == "localhost" || host.ends_with(".localhost");
    let is_v4 = host
        .parse()
        .is_ok_and(|address: std::net::Ipv4Addr| address.is_loopback());
    is_name || is_v4 || host == "[::1]"
}

/// A host pattern that is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostPatternError {
    pattern: Box<str>,
}

impl HostPatternError {
    fn new(pattern: &str) -> Self {
        Self {
            pattern: pattern.into(),
        }
    }
}

impl fmt::Display for HostPatternError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:?} is no host: write it like api.example.com, *.example.com, 192.0.2.1:8443 or [2001:db8::1]",
            self.pattern
        )
    }
}

impl std::error::Error for HostPatternError {}
