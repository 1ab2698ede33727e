//! Whatever a signer signs, the verifier of its scheme accepts: for arbitrary heads, every scheme
//! and every option.

use std::convert::Infallible;

use http::{Method, Response, Version, uri::Authority};
use tower::{Layer as _, ServiceExt as _, service_fn};
use tower_hmac_auth::{Scheme, StaticKeys, VerifyLayer, clock::ManualClock, error::TargetError};

use super::{
    clients::{credentials_header, described, with_nonces},
    *,
};
use crate::common::keys;

/// All options of a signer.
#[derive(Debug, Clone)]
struct Settings {
    scheme: Scheme,
    algorithm: Index,
    date_header: Option<DateHeader>,
    /// In place of the default list, with the date and headers in any order.
    components: Option<Vec<&'static str>>,
    signed_headers: Vec<&'static str>,
    hs2019: bool,
    lifetime: bool,
    /// For a scheme that has such a form.
    in_query: bool,
    source: Option<HeaderValue>,
    authority: Option<&'static str>,
}

/// Names that are likely to be on the request too, in any case.
const NAMES: [&str; 9] = [
    "Host",
    "X-Role",
    "cookie",
    "content-type",
    "digest",
    "source",
    "x-empty",
    "x-absent",
    "X_Under",
];

/// What a list of one's own can begin with.
const TARGETS_AND_TIMES: [&str; 8] = [
    "@request-target",
    "(request-target)",
    "request-line",
    "(created)",
    "(expires)",
    "date",
    "x-date",
    "Date",
];

fn settings() -> impl Strategy<Value = Settings> {
    let components = (
        sample::subsequence(&TARGETS_AND_TIMES[..], 1..4),
        sample::subsequence(&NAMES[..], 0..3),
    )
        .prop_map(|(first, second)| [first, second].concat())
        .prop_shuffle();
    (
        sample::select([&Scheme::ALL[..], &described()].concat()),
        any::<Index>(),
        option::of(sample::select(&[DateHeader::Date, DateHeader::XDate][..])),
        option::of(components),
        sample::subsequence(&NAMES[..], 0..4),
        (any::<bool>(), any::<bool>(), any::<bool>()),
        option::of(value(8)),
        option::of(sample::select(&["configured.example:8443", ":80"][..])),
    )
        .prop_map(
            |(
                scheme,
                algorithm,
                date_header,
                components,
                signed_headers,
                times,
                source,
                authority,
            )| {
                Settings {
                    scheme,
                    algorithm,
                    date_header,
                    components,
                    signed_headers,
                    hs2019: times.0,
                    lifetime: times.1,
                    in_query: times.2,
                    source,
                    authority,
                }
            },
        )
}

impl Settings {
    fn algorithms(&self) -> Vec<Algorithm> {
        let verifier = Verifier::builder().scheme(self.scheme);
        let has = |algorithm: &Algorithm| verifier.clone().algorithms([*algorithm]).build().is_ok();
        Algorithm::ALL.into_iter().filter(has).collect()
    }

    fn algorithm(&self) -> Algorithm {
        *self.algorithm.get(&self.algorithms())
    }

    /// `None` if they do not go together.
    fn signer(&self) -> Option<Signer> {
        let builder = Signer::builder(keys())
            .scheme(self.scheme)
            .algorithm(self.algorithm())
            .hs2019(self.hs2019);
        let mut builder = with_nonces(builder, self.scheme);
        if let Some(date_header) = self.date_header {
            builder = builder.date_header(date_header);
        }
        builder = match &self.components {
            Some(components) => builder.components(components),
            None => builder.signed_headers(&self.signed_headers),
        };
        if self.scheme == Scheme::Iflytek {
            builder = builder.credentials_in_query(self.in_query);
        }
        if self.lifetime {
            builder = builder.expires_after(Duration::from_secs(60));
        }
        if let Some(source) = &self.source {
            builder = builder.source(source.clone());
        }
        if let Some(authority) = self.authority {
            builder = builder.authority(Authority::from_static(authority));
        }
        builder.build().ok()
    }

    fn verifier(&self) -> Verifier {
        // What is normalised has to have a normal form, signed or not: only what is signed always
        // has one.
        let is_target = |name: &&str| ["@request-target", "(request-target)"].contains(name);
        let signs_target = |components: &Vec<_>| components.iter().any(is_target);
        let by_default = self.scheme.name() != "modulr";
        let signs_target = self.components.as_ref().map_or(by_default, signs_target);
        let builder = Verifier::builder()
            .scheme(self.scheme)
            .normalize_target(signs_target);
        let with_hs2019 = builder.clone().hs2019(self.algorithm());
        with_hs2019.build().or_else(|_| builder.build()).unwrap()
    }
}

/// Any head that a client can hand to a signer.
pub(crate) fn head() -> impl Strategy<Value = Request<()>> {
    let method = prop_oneof![
        4 => sample::select(&["GET", "POST", "HEAD", "OPTIONS", "DELETE"][..]).prop_map(str::to_owned),
        1 => "[!#$%&'*+.^_`|~0-9A-Za-z-]{1,8}",
    ];
    let target = (
        sample::select(
            &[
                "",
                "http://h.example",
                "https://h.example:443",
                "https://user@H.example:8443",
                "wss://h.example:443",
                "https://[::1]:",
                "https://:",
                "https://h.example:0443",
                "https://h.example:99999",
            ][..],
        ),
        prop_oneof![
            Just("/".to_owned()),
            Just("?x=1".to_owned()),
            Just("*".to_owned()),
            "(/[a-zA-Z0-9._~%-]{0,6}){1,3}(\\?[a-z=&%?/]{0,8})?",
        ],
    )
        .prop_map(|(origin, target)| format!("{origin}{target}"));
    let name = prop_oneof![
        6 => sample::select(&NAMES[..]).prop_map(str::to_owned),
        2 => sample::select(&["date", "x-date", "authorization", "request-line"][..]).prop_map(str::to_owned),
        1 => name().prop_map(|name| name.as_str().to_owned()),
    ];
    // A client sends no `Host` that is none.
    let host = sample::select(&["h.example", " H.example:8443\t", "other.example"][..]);
    let headers = vec((name, value(8), host), 0..8);
    let version = sample::select(&[Version::HTTP_10, Version::HTTP_11, Version::HTTP_2][..]);
    (method, target, version, headers).prop_filter_map(
        "no request",
        |(method, target, version, headers)| {
            let mut request = Request::new(());
            *request.method_mut() = Method::from_bytes(method.as_bytes()).ok()?;
            *request.uri_mut() = target.parse::<Uri>().ok()?;
            *request.version_mut() = version;
            for (name, value, host) in headers {
                let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
                let value = match name {
                    header::HOST => HeaderValue::from_static(host),
                    _ => value,
                };
                request.headers_mut().append(name, value);
            }
            Some(request)
        },
    )
}

/// As the server gets it over the wire: before HTTP/2 the authority is in `Host`, which a client
/// does not send twice. What is configured is what the client sends.
fn received(settings: &Settings, mut request: Request<()>) -> Request<()> {
    let configured = settings.authority.map(Authority::from_static);
    let Some(authority) = configured.or(request.uri().authority().cloned()) else {
        return request;
    };
    if request.version() == Version::HTTP_2 {
        // A client must not send a Host that differs from the authority (RFC 9113, section 8.3.1).
        let own = request.headers_mut().remove(header::HOST);
        let own = own.and_then(|host| host.to_str().ok()?.trim().parse().ok());
        let mut parts = request.uri().clone().into_parts();
        if parts.path_and_query.is_some() {
            parts.scheme.get_or_insert(http::uri::Scheme::HTTP);
            parts.authority = own.or(Some(authority));
            *request.uri_mut() = Uri::from_parts(parts).unwrap();
        }
        return request;
    }
    let authority = authority.as_str();
    let host = authority
        .rsplit_once('@')
        .map_or(authority, |(_, host)| host);
    let host = HeaderValue::from_str(host).unwrap();
    request.headers_mut().entry(header::HOST).or_insert(host);
    let target = request
        .uri()
        .path_and_query()
        .map_or("/", |target| target.as_str());
    let slash = if target.starts_with('?') { "/" } else { "" };
    *request.uri_mut() = format!("{slash}{target}").parse().unwrap();
    request
}

/// What the handler inside the layer saw, or the refusal.
fn handled(
    settings: &Settings,
    request: Request<()>,
    now: SystemTime,
) -> Result<Request<()>, Rejection> {
    let handler = service_fn(|request: Request<()>| async move {
        let (parts, ()) = request.into_parts();
        let mut response = Response::new(String::new());
        response.extensions_mut().insert(parts);
        Ok::<_, Infallible>(response)
    });
    let layer = VerifyLayer::new(StaticKeys::from(keys()))
        .verifier(settings.verifier())
        .before_routing(true)
        .clock(ManualClock::at(now));
    let mut response = tokio_test::block_on(layer.layer(handler).oneshot(request)).unwrap();
    match response.extensions_mut().remove::<http::request::Parts>() {
        Some(parts) => Ok(Request::from_parts(parts, ())),
        None => Err(response.extensions_mut().remove::<Rejection>().unwrap()),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { max_global_rejects: 100_000, ..config(3_000) })]

    #[test]
    fn a_signed_head_is_accepted_whatever_the_scheme_and_the_options(
        settings in settings().prop_filter("not built", |settings| settings.signer().is_some()),
        request in head(),
    ) {
        let signer = settings.signer().unwrap();
        let now = at(FRIDAY);
        let mut signed = request;
        if signer.sign_request(&mut signed, now).is_err() {
            // A gateway refuses it for want of credentials, whatever the reason is.
            let header = credentials_header(settings.scheme);
            prop_assert!(!signed.headers().contains_key(header));
            return Ok(());
        }
        let received = received(&settings, signed.clone());
        match handled(&settings, received, now) {
            Ok(seen) => {
                // Again with what the handler saw: its one form is the signed one. (But an empty
                // value that is joined leaves whitespace at an end, which the next reader takes
                // off.)
                let is_trimmed = |value: &HeaderValue| value.as_bytes().trim_ascii() == value.as_bytes();
                if !seen.headers().values().all(is_trimmed) {
                    return Ok(());
                }
                let again = handled(&settings, seen.clone(), now);
                let again = again.map_err(|why| format!("{why}: {seen:?}"));
                prop_assert!(again.is_ok(), "{:?} {:?}", again, signed);
            }
            Err(Rejection::Target(TargetError::EscapedQuestionMark)) => {
                // Signed, because the gateway accepts it; refused, because what follows is signed
                // like a query.
                let path = signed.uri().path().to_ascii_lowercase();
                let decodes = ["apisix", "tyk", "dnse", "of-apisix"].contains(&settings.scheme.name());
                prop_assert!(decodes && path.contains("%3f"), "{:?}", signed);
            }
            Err(why) => prop_assert!(false, "{}: {:?}", why, signed),
        }
    }
}
