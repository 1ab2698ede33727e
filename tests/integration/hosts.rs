//! `allowed_hosts` and `https_only`: which hosts get a signature, and what is sent to others.

use std::{
    convert::Infallible,
    future::ready,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, Uri, Version, header, uri::Authority};
use http_body_util::Empty;
use tower::{Layer, ServiceBuilder, ServiceExt, service_fn};
use tower_hmac_auth::{
    Algorithm, KeyPair, Scheme, SignLayer, Signer, Verifier,
    error::{BuildError, SignError},
    sign::{RotatingKeyPair, SignerBuilder},
};
use tower_http::follow_redirect::FollowRedirectLayer;

use crate::common::{FRIDAY, at, keys, verify};

fn builder(hosts: &[&str]) -> SignerBuilder {
    Signer::builder(keys()).allowed_hosts(hosts)
}

fn signer(hosts: &[&str]) -> Signer {
    builder(hosts).build().unwrap()
}

fn is_signed_for(signer: &Signer, request: &Request<()>) -> bool {
    match signer.sign(request, at(FRIDAY)) {
        Ok(_) => true,
        Err(
            SignError::NotForThisHost { .. }
            | SignError::InvalidHost
            | SignError::InvalidPort { .. }
            | SignError::RepeatedHeader { .. }
            | SignError::DestinationUnknown
            | SignError::AuthorityExcluded { .. }
            | SignError::NotHttps { .. }
            | SignError::SchemeUnknown { .. },
        ) => false,
        Err(error) => panic!("{error}"),
    }
}

#[track_caller]
fn assert_signed_for(hosts: &[&str], targets: &[&str]) {
    let signer = signer(hosts);
    for target in targets {
        let request = Request::get(*target).body(()).unwrap();
        assert!(is_signed_for(&signer, &request), "{hosts:?} {target}");
    }
}

#[track_caller]
fn assert_not_signed_for(hosts: &[&str], targets: &[&str]) {
    let signer = signer(hosts);
    for target in targets {
        let request = Request::get(*target).body(()).unwrap();
        assert!(!is_signed_for(&signer, &request), "{hosts:?} {target}");
    }
}

#[test]
fn an_exact_host_is_signed_for_in_every_spelling_and_no_other_is() {
    let hosts = ["API.example.com"];
    assert_signed_for(
        &hosts,
        &[
            "https://api.example.com/a",
            "https://api.example.com",
            "https://API.Example.COM:8443/a?x=1",
            "https://api.example.com./a",
            "https://user:password@api.example.com/a",
            "http://api.example.com:80/",
        ],
    );
    assert_not_signed_for(
        &hosts,
        &[
            "https://example.com/",
            "https://a.api.example.com/",
            "https://xapi.example.com/",
            "https://api.example.com.evil.example/",
            "https://api.example.com@evil.example/",
            "https://evil.example/api.example.com",
            "https://evil.example/?api.example.com",
            "https://127.0.0.1/",
            "/a",
        ],
    );
    assert_signed_for(&["api.example.com."], &["https://api.example.com/"]);
}

#[test]
fn a_domain_with_an_asterisk_means_all_hosts_below_it_but_not_itself() {
    let hosts = ["*.example.com"];
    assert_signed_for(
        &hosts,
        &[
            "https://a.example.com/",
            "https://a.b.EXAMPLE.com./",
            "https://a.example.com:1/",
        ],
    );
    assert_not_signed_for(
        &hosts,
        &[
            "https://example.com/",
            "https://.example.com/",
            "https://aexample.com/",
            "https://a.example.com.evil.example/",
        ],
    );
}

#[test]
fn a_port_in_a_pattern_means_only_that_port() {
    assert_signed_for(
        &["api.example.com:8443", "*.example.org:443"],
        &[
            "https://api.example.com:8443/",
            "http://api.example.com:8443/",
            "https://a.example.org/",
            "https://a.example.org:443/",
        ],
    );
    assert_not_signed_for(
        &["api.example.com:8443", "*.example.org:443"],
        &[
            "https://api.example.com/",
            "https://api.example.com:443/",
            "http://a.example.org/",
            "https://a.example.org:444/",
        ],
    );
}

#[test]
fn addresses_are_compared_as_addresses() {
    let hosts = ["192.0.2.1", "[2001:DB8:0::1]:8443"];
    assert_signed_for(
        &hosts,
        &[
            "https://192.0.2.1:1/",
            "https://[2001:db8::1]:8443/",
            "https://[2001:db8:0:0:0:0:0:1]:8443/",
        ],
    );
    assert_not_signed_for(
        &hosts,
        &[
            "https://192.0.2.10/",
            "https://[2001:db8::1]/",
            "https://[2001:db8::2]:8443/",
        ],
    );
}

#[test]
fn a_request_without_a_host_in_its_target_goes_to_its_host_header_or_the_configured_authority() {
    let builder = builder(&["api.example.com"]);
    let signer = builder.clone().build().unwrap();
    let request = |hosts: &[&str]| {
        let mut request = Request::get("/a").body(()).unwrap();
        for host in hosts {
            request
                .headers_mut()
                .append(header::HOST, host.parse().unwrap());
        }
        request
    };
    assert!(is_signed_for(&signer, &request(&["api.example.com:443"])));
    for hosts in [
        &["evil.example"][..],
        &[],
        &[""],
        &["api.example.com", "evil.example"],
        &["a b"],
    ] {
        assert!(!is_signed_for(&signer, &request(hosts)), "{hosts:?}");
    }
    let configured = builder.authority("api.example.com".parse().unwrap());
    let configured = configured.build().unwrap();
    assert!(is_signed_for(&configured, &request(&[])));
    assert!(!is_signed_for(&configured, &request(&["evil.example"])));
}

#[test]
fn an_authority_that_no_pattern_allows_is_an_error() {
    for (patterns, authority, host) in [
        (&["api.example.com"][..], "evil.example", "evil.example"),
        (&["*.example.com"], "example.com", "example.com"),
        (&["[::1]", "a.example"], "[::2]:80", "[::2]:80"),
        (&["a.example"], "user:password@b.example", "b.example"),
        (&["a.example"], ":8080", ":8080"),
    ] {
        let authority: Authority = authority.parse().unwrap();
        let error = builder(patterns).authority(authority).build().unwrap_err();
        let BuildError::AuthorityExcluded { host: excluded } = &error else {
            panic!("{error}");
        };
        assert_eq!(excluded.as_str(), host);
    }
    let elsewhere = builder(&["api.example.com"]).authority("evil.example".parse().unwrap());
    assert_eq!(
        elsewhere.build().unwrap_err().to_string(),
        "the configured authority evil.example is not one of allowed_hosts: add it there, or correct it"
    );
}

#[test]
fn an_authority_whose_port_no_pattern_allows_is_an_error() {
    for (patterns, authority) in [
        (&["api.example.com:443"][..], "api.example.com:80"),
        (&["*.example.com:443", "a.example"], "api.example.com:8443"),
        (&["api.example.com:443"], "api.example.com:99999"),
    ] {
        let authority: Authority = authority.parse().unwrap();
        let built = builder(patterns).authority(authority).build();
        assert!(
            matches!(built, Err(BuildError::AuthorityExcluded { .. })),
            "{built:?}"
        );
    }
}

#[test]
fn an_authority_without_a_port_is_checked_with_the_scheme_of_the_request() {
    let authority = Authority::from_static("api.example.com");
    for (patterns, is_signed) in [
        (&["api.example.com:443"][..], false),
        (&["api.example.com:8443", "*.example.com:80"], false),
        (&["api.example.com:443", "api.example.com"], true),
    ] {
        let configured = builder(patterns).authority(authority.clone());
        let configured = configured.build().unwrap();
        let request = Request::get("/a").body(()).unwrap();
        match configured.sign(&request, at(FRIDAY)) {
            Ok(_) => assert!(is_signed, "{patterns:?}"),
            Err(SignError::AuthorityExcluded { host }) => {
                assert_eq!(host.as_str(), "api.example.com");
                assert!(!is_signed, "{patterns:?}");
            }
            Err(error) => panic!("{error}"),
        }
    }
}

type Setter = fn(SignerBuilder) -> SignerBuilder;

/// Each sets another option; some mean something only together.
const SETTERS: [Setter; 8] = [
    |builder| builder.scheme(Scheme::Kong),
    |builder| builder.algorithm(Algorithm::HmacSha512),
    |builder| builder.components(["@request-target", "date", "source"]),
    |builder| builder.signed_headers(["host", "X-Tenant"]),
    |builder| builder.source(HeaderValue::from_static("billing")),
    |builder| builder.microservice(HeaderValue::from_static("n"), HeaderValue::from_static("m")),
    |builder| builder.allowed_hosts(["*.example.com:443"]),
    |builder| builder.https_only(true),
];

/// Calls [`SETTERS`] and another in many orders, each of two before and after the other.
fn built_in_many_orders(another: Setter) -> Vec<Result<Signer, BuildError>> {
    let setters = [&SETTERS[..], &[another]].concat();
    let orders = (0..setters.len()).flat_map(|first| {
        let (end, begin) = setters.split_at(first);
        let order = [begin, end].concat();
        let reversed = order.iter().rev().copied().collect();
        [order, reversed]
    });
    let build = |order: Vec<Setter>| {
        let builder = Signer::builder(keys());
        let builder = order.iter().fold(builder, |builder, set| set(builder));
        builder.build()
    };
    orders.map(build).collect()
}

#[test]
fn setters_in_any_order_build_the_same_signer() {
    let signers = built_in_many_orders(|builder| {
        builder.authority(Authority::from_static("api.example.com:443"))
    });
    let targets = [
        "https://api.example.com/a",
        "https://api.example.com:8443/a",
        "http://api.example.com:443/a",
        "https://evil.example/a",
        "/a",
    ];
    let signed = |signer: &Signer| {
        targets.map(|target| {
            let request = Request::get(target).header("x-tenant", "7");
            let mut request = request.body(()).unwrap();
            let result = signer.sign_request(&mut request, at(FRIDAY));
            (result, request.into_parts().0.headers)
        })
    };
    let first = signers[0].as_ref().unwrap();
    let expected = signed(first);
    let [(result, headers), others @ ..] = &expected;
    assert_eq!(*result, Ok(()));
    let authorization = headers["authorization"].to_str().unwrap();
    assert!(
        authorization.contains(
            r#"algorithm="hmac-sha512", headers="@request-target date source host X-Tenant""#
        ),
        "{authorization}"
    );
    assert_eq!(headers["x-microservice-name"], "m");
    let errors = others
        .each_ref()
        .map(|(result, _)| result.clone().unwrap_err());
    assert!(
        matches!(
            errors,
            [
                SignError::NotForThisHost { .. },
                SignError::NotHttps { .. },
                SignError::NotForThisHost { .. },
                SignError::SchemeUnknown { .. },
            ]
        ),
        "{errors:?}"
    );
    for signer in &signers {
        let signer = signer.as_ref().unwrap();
        assert_eq!(format!("{signer:?}"), format!("{first:?}"));
        assert_eq!(signed(signer), expected);
    }
}

#[test]
fn setters_in_any_order_build_the_same_error() {
    let elsewhere: Setter = |builder| builder.authority(Authority::from_static("evil.example"));
    for built in built_in_many_orders(elsewhere) {
        let error = built.unwrap_err();
        assert!(
            matches!(&error, BuildError::AuthorityExcluded { host } if host.as_str() == "evil.example"),
            "{error}"
        );
    }
}

#[test]
fn the_target_counts_and_not_what_the_host_header_says() {
    let signer = signer(&["api.example.com"]);
    let request = Request::get("https://evil.example/").header("host", "api.example.com");
    assert!(!is_signed_for(&signer, &request.body(()).unwrap()));
}

#[test]
fn patterns_that_are_none_are_refused_each_by_name() {
    for pattern in [
        "",
        "*",
        "*.",
        "*.*.example.com",
        "a*.example.com",
        "api.*.com",
        "https://api.example.com",
        "api.example.com/a",
        "user@api.example.com",
        "api.example.com:",
        "api.example.com:http",
        "api.example.com:99999",
        "api.example.com..",
        ".example.com",
        "*.192.0.2.1",
        "*.[::1]",
        "[::1",
        "[not::an::address]",
        "api example.com",
    ] {
        let error = builder(&["good.example", pattern]).build().unwrap_err();
        let text = error.to_string();
        let BuildError::InvalidHostPattern { pattern: named } = error else {
            panic!("{error}");
        };
        assert_eq!(named.as_str(), pattern);
        assert!(
            text.starts_with(&format!("\"{pattern}\" is not a host: write it like")),
            "{text}"
        );
        assert!(!text.contains('\n'));
    }
}

#[test]
fn a_list_without_patterns_with_which_nobody_would_be_signed_for_is_an_error() {
    let error = builder(&[]).build().unwrap_err();
    assert_eq!(error, BuildError::NoHostPattern);
    assert_eq!(
        error.to_string(),
        "the list of hosts is empty, so that no request would be signed: name the gateway's, like api.example.com"
    );
}

#[test]
fn the_error_says_whether_the_destination_is_unknown_excluded_or_contradicted_by_the_authority() {
    let only = signer(&["api.example.com"]);
    let text = |signer: &Signer, target: &str| {
        let request = Request::get(target).body(()).unwrap();
        let error = signer.sign(&request, at(FRIDAY)).unwrap_err();
        (error.to_string(), error)
    };
    let (unknown, error) = text(&only, "/a");
    assert_eq!(error, SignError::DestinationUnknown);
    assert_eq!(
        unknown,
        "the destination is not known, as the request names no host, and allowed_hosts is set: set authority (or give a \
         tonic client its origin)"
    );
    let (excluded, error) = text(&only, "https://evil.example/a");
    assert!(matches!(error, SignError::NotForThisHost { .. }), "{error}");
    assert!(excluded.contains("\"evil.example\""), "{excluded}");

    let at_443 = signer(&["gateway.example:443"]);
    let (port, error) = text(&at_443, "ws://gateway.example/a");
    assert!(matches!(error, SignError::NotForThisHost { .. }), "{error}");
    assert!(port.contains("\"gateway.example:80\""), "{port}");
    for target in [
        "https://gateway.example:/a",
        "https://gateway.example:99999/a",
    ] {
        let (_, error) = text(&at_443, target);
        assert!(matches!(error, SignError::InvalidPort { .. }), "{error}");
    }
    let two = Request::get("/a").header("host", "gateway.example");
    let two = two.header("host", "gateway.example").body(()).unwrap();
    let error = at_443.sign(&two, at(FRIDAY)).unwrap_err();
    assert_eq!(error, SignError::RepeatedHeader { name: header::HOST });
    // Where the target says where it goes, `Host` does not.
    let two = Request::get("https://evil.example/a").header("host", "a");
    let two = two.header("host", "b").body(()).unwrap();
    let error = at_443.sign(&two, at(FRIDAY)).unwrap_err();
    assert!(matches!(error, SignError::NotForThisHost { .. }), "{error}");
    let invalid = Request::get("/a")
        .header("host", "gw example")
        .body(())
        .unwrap();
    let error = at_443.sign(&invalid, at(FRIDAY)).unwrap_err();
    assert_eq!(error, SignError::InvalidHost);

    // With a scheme, the target would say which port it is.
    let authority = Authority::from_static("gateway.example");
    let contradicted = builder(&["gateway.example:443"]).authority(authority);
    let (text, error) = text(&contradicted.build().unwrap(), "/a");
    assert!(
        matches!(error, SignError::AuthorityExcluded { .. }),
        "{error}"
    );
    assert!(text.contains("authority is \"gateway.example\", which allowed_hosts does not name"));
}

#[test]
fn plain_http_to_another_machine_is_not_signed_if_so_set() {
    let signer = Signer::builder(keys()).https_only(true).build().unwrap();
    let request = |target: &str| Request::get(target).body(()).unwrap();
    for target in [
        "https://api.example.com/",
        "wss://api.example.com/",
        "http://localhost:8080/",
        "ws://localhost:8080/",
        "http://gateway.localhost/",
        "http://127.0.0.1/",
        "http://127.9.9.9:1/",
        "http://[::1]:8080/",
    ] {
        assert!(is_signed_for(&signer, &request(target)), "{target}");
    }
    for target in [
        "http://api.example.com/",
        "http://localhost.example.com/",
        "http://127.0.0.1.example.com/",
        "http://10.0.0.1/",
        "http://[::2]/",
    ] {
        assert!(!is_signed_for(&signer, &request(target)), "{target}");
    }
    assert!(is_signed_for(
        &Signer::new(keys()),
        &request("http://api.example.com/")
    ));
}

#[test]
fn what_does_not_say_https_is_not_signed_either_if_so_set() {
    let builder = Signer::builder(keys()).https_only(true);
    let signer = builder.clone().build().unwrap();
    let request = |target: &str, host: Option<&str>| {
        let mut request = Request::get(target).body(()).unwrap();
        if let Some(host) = host {
            request
                .headers_mut()
                .insert(header::HOST, host.parse().unwrap());
        }
        request
    };
    let authority = |host: &'static str| {
        let builder = builder.clone().authority(Authority::from_static(host));
        builder.build().unwrap()
    };
    for request in [
        request("/a", None),
        request("/a", Some("api.example.com")),
        request("/a", Some("api.example.com:443")),
        request("/a", Some("localhost:80")),
        request("api.example.com:443", None),
        request("*", None),
        request("ws://api.example.com/", None),
        request("ftp://api.example.com/", None),
        request("unix://api.example.com/", Some("localhost")),
    ] {
        for signer in [&signer, &authority("api.example.com:443")] {
            assert!(!is_signed_for(signer, &request), "{request:?}");
        }
    }
    assert!(is_signed_for(&authority("[::1]:80"), &request("/a", None)));

    let error = signer.sign(&request("/a", Some("api.example.com")), at(FRIDAY));
    assert_eq!(
        error.unwrap_err().to_string(),
        "the target of the request to \"api.example.com\" has no scheme, and https_only is set: give it one that \
         begins with https:// (to a tonic client, its origin)"
    );
}

#[test]
fn a_port_that_is_none_is_neither_the_default_nor_any() {
    for host in [
        "api.example.com:99999",
        "api.example.com:65536",
        "api.example.com:",
        "api.example.com:+443",
        "api.example.com:-1",
        "api.example.com:https",
        "api.example.com:00000000000443000",
    ] {
        let hosts = ["api.example.com", "*.example.com", "api.example.com:443"];
        assert_not_signed_for(
            &hosts,
            &[&format!("https://{host}/a"), &format!("http://{host}/a")],
        );
        let mut by_header = Request::get("/a").body(()).unwrap();
        let headers = by_header.headers_mut();
        headers.insert(header::HOST, host.parse().unwrap());
        assert!(!is_signed_for(&signer(&hosts), &by_header), "{host}");
    }
    assert_not_signed_for(
        &["[::1]", "[::1]:443"],
        &["https://[::1]:99999/", "https://[::1]:/"],
    );
    assert_signed_for(
        &["[::1]:443"],
        &["https://[::1]/", "https://u:99999@[::1]:443/"],
    );
}

#[test]
fn a_signed_host_has_a_port_as_it_is_sent_or_the_request_is_not_signed() {
    let signer = Signer::builder(keys()).signed_headers([header::HOST]);
    let signer = signer.build().unwrap();
    for host in [
        "api.example.com:99999",
        "api.example.com:+443",
        "api.example.com:08443",
        "api.example.com:0",
        "[::1]:65536",
    ] {
        let target = format!("https://{host}/a");
        let mut request = Request::get(target).body(()).unwrap();
        let error = signer.sign_request(&mut request, at(FRIDAY)).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!(
                "the target's host {host} has a port that is not a number up to 65535 as clients \
                 send it: correct it or leave it out"
            )
        );
        assert!(request.headers().is_empty(), "{request:?}");
    }
}

#[test]
fn an_empty_host_is_not_signed() {
    let builder = Signer::builder(keys()).signed_headers([header::HOST]);
    let signer = builder.clone().build().unwrap();
    for target in ["https://:/", "https://:443/a", "http://:80/"] {
        let mut request = Request::get(target)
            .version(Version::HTTP_2)
            .body(())
            .unwrap();
        let error = signer.sign_request(&mut request, at(FRIDAY)).unwrap_err();
        assert_eq!(error, SignError::InvalidHost, "{target}");
        assert!(request.headers().is_empty(), "{request:?}");
    }
    let configured = builder.authority(Authority::from_static(":8080"));
    let request = Request::get("/a").body(()).unwrap();
    let error = configured
        .build()
        .unwrap()
        .sign(&request, at(FRIDAY))
        .unwrap_err();
    assert_eq!(error, SignError::InvalidHost);
}

#[test]
fn wss_has_the_port_of_https_and_ws_that_of_http() {
    assert_signed_for(&["gateway.example:443"], &["WSS://gateway.example/a"]);
    assert_not_signed_for(
        &["gateway.example:80"],
        &["Wss://gateway.example/a", "foo://gateway.example/a"],
    );
    let at_443 = ["gateway.example:443"];
    assert_signed_for(
        &at_443,
        &["wss://gateway.example/a", "wss://gateway.example:443/a"],
    );
    assert_not_signed_for(
        &at_443,
        &["ws://gateway.example/a", "wss://gateway.example:80/a"],
    );
    let at_80 = ["gateway.example:80"];
    assert_signed_for(
        &at_80,
        &["ws://gateway.example/a", "ws://gateway.example:80/a"],
    );
    assert_not_signed_for(&at_80, &["wss://gateway.example/a"]);
    // The host is signed without a default port, as it is sent.
    let signer = Signer::builder(keys()).signed_headers([header::HOST]);
    let signer = signer.build().unwrap();
    for target in ["wss://gateway.example:443/a", "ws://gateway.example:80/a"] {
        let request = Request::get(target).body(()).unwrap();
        let string = signer.signing_string(&request, at(FRIDAY)).unwrap();
        let string = string.to_string();
        assert!(string.ends_with(r"\nhost: gateway.example"), "{string}");
    }
}

#[test]
fn a_request_to_another_host_is_reported_as_such_whatever_else_is_wrong_with_it() {
    let left =
        "Signature keyId=\"AKIDold\",algorithm=\"hmac-sha256\",headers=\"date\",signature=\"\"";
    let handle = RotatingKeyPair::new(keys());
    let apisix = Signer::builder(handle.clone())
        .scheme(Scheme::Apisix)
        .signed_headers(["x-tenant"])
        .source(HeaderValue::from_static("billing"))
        .allowed_hosts(["api.example.com"])
        .build()
        .unwrap();
    // A key id that the scheme cannot carry, too.
    handle.rotate(KeyPair::new("AKID,1", "test-secret-key-0001").unwrap());
    for target in [
        "https://evil.example/a%0A",
        "https://u:p@evil.example:99999?x",
    ] {
        for further in [1, 2, 17_000] {
            let mut request = Request::get(target).body(()).unwrap();
            let headers = request.headers_mut();
            for _ in 0..further {
                headers.append("x-tenant", HeaderValue::from_static("t"));
            }
            headers.append("authorization", HeaderValue::from_static(left));
            headers.append("authorization", HeaderValue::from_static("Bearer token"));
            for name in ["date", "x-date", "source"] {
                headers.insert(name, HeaderValue::from_static("left"));
            }
            let error = apisix.sign(&request, at(FRIDAY)).unwrap_err();
            assert!(matches!(error, SignError::NotForThisHost { .. }), "{error}");
            let error = apisix.signing_string(&request, at(FRIDAY));
            assert!(matches!(error, Err(SignError::NotForThisHost { .. })));
            apisix.sign_request(&mut request, at(FRIDAY)).unwrap_err();
            assert_eq!(request.uri(), target, "it is left as it is");
            let headers = request.headers_mut();
            assert_eq!(headers["authorization"], "Bearer token");
            assert_eq!(headers.get_all("x-tenant").iter().count(), further);
            assert_eq!(headers.len(), 1 + further, "{further}");
        }
    }
}

#[test]
fn a_request_that_is_sent_to_another_host_keeps_nothing_that_was_added_to_it() {
    let signer = Signer::builder(keys())
        .source(HeaderValue::from_static("billing"))
        .microservice(HeaderValue::from_static("n"), HeaderValue::from_static("m"))
        .allowed_hosts(["api.example.com"])
        .build()
        .unwrap();
    let mut request = Request::get("https://api.example.com/").body(()).unwrap();
    let own = HeaderValue::from_static("own");
    request
        .headers_mut()
        .insert("x-microservice-name", own.clone());
    signer.sign_request(&mut request, at(FRIDAY)).unwrap();
    assert_eq!(request.headers().len(), 5);
    *request.uri_mut() = "https://evil.example/".parse().unwrap();
    signer.sign_request(&mut request, at(FRIDAY)).unwrap_err();
    assert_eq!(request.headers().len(), 1, "{request:?}");
    assert_eq!(request.headers()["x-microservice-name"], own);
}

async fn sent_to(target: &str, headers: &[(&'static str, &'static str)]) -> HeaderMap {
    let signer = builder(&["api.example.com"]).source(HeaderValue::from_static("billing"));
    let layer = SignLayer::new(signer.build().unwrap());
    let echo = service_fn(|request: Request<()>| ready(Ok::<_, Infallible>(request)));
    let mut request = Request::get(target).body(()).unwrap();
    for (name, value) in headers {
        request
            .headers_mut()
            .append(*name, HeaderValue::from_static(value));
    }
    layer
        .layer(echo)
        .oneshot(request)
        .await
        .unwrap()
        .headers()
        .clone()
}

#[tokio::test]
async fn a_request_to_another_host_has_no_date_no_source_and_no_authorization() {
    assert_eq!(
        sent_to("https://evil.example/", &[]).await,
        HeaderMap::new()
    );
}

#[tokio::test]
async fn what_an_earlier_signature_has_left_is_removed_and_anyone_elses_authorization_stays() {
    let left = [
        (
            "authorization",
            "hmac id=\"AKIDold\", algorithm=\"hmac-sha1\", headers=\"x-date\", signature=\"\"",
        ),
        ("authorization", "Bearer token"),
        ("x-date", "Fri, 09 Oct 2015 00:00:00 GMT"),
        ("source", "billing"),
        ("accept", "*/*"),
    ];
    let headers = sent_to("https://evil.example/", &left).await;
    let mut expected = HeaderMap::new();
    expected.insert("authorization", HeaderValue::from_static("Bearer token"));
    expected.insert("accept", HeaderValue::from_static("*/*"));
    assert_eq!(headers, expected);

    let own = [
        ("authorization", "Basic dTpw"),
        ("source", "own"),
        ("x-date", "own"),
    ];
    let headers = sent_to("https://evil.example/", &own).await;
    assert_eq!(
        headers.len(),
        3,
        "nothing of the caller's own is taken: {headers:?}"
    );
}

#[tokio::test]
async fn a_redirect_to_another_host_carries_no_signature_and_one_to_the_same_host_is_signed_again()
{
    let seen = Arc::new(Mutex::new(Vec::new()));
    let record = seen.clone();
    let client = service_fn(move |request: Request<Empty<Bytes>>| {
        let to = match request.uri().path() {
            "/1" => Some("https://api.example.com/2"),
            "/2" => Some("https://evil.example/3"),
            _ => None,
        };
        record.lock().unwrap().push(request);
        let mut response = Response::new(String::new());
        if let Some(to) = to {
            *response.status_mut() = http::StatusCode::FOUND;
            response
                .headers_mut()
                .insert("location", to.parse().unwrap());
        }
        ready(Ok::<_, Infallible>(response))
    });
    let signer = builder(&["api.example.com"]).source(HeaderValue::from_static("billing"));
    let service = ServiceBuilder::new()
        .layer(FollowRedirectLayer::new())
        .layer(SignLayer::new(signer.build().unwrap()).clock(|| at(FRIDAY)))
        .service(client);
    let request = Request::get("https://api.example.com/1")
        .body(Empty::new())
        .unwrap();
    service.oneshot(request).await.unwrap();

    let seen = seen.lock().unwrap();
    let [first, second, third] = seen.as_slice() else {
        panic!("{seen:?}");
    };
    for request in [first, second] {
        verify(&Verifier::new(), request.into(), at(FRIDAY)).unwrap();
    }
    assert_eq!(third.uri(), &Uri::from_static("https://evil.example/3"));
    assert_eq!(third.headers().len(), 0, "{third:?}");
}

#[test]
fn a_host_that_is_not_signed_for_is_named_in_the_error_with_what_to_do() {
    let keys = KeyPair::new("AKIDtestkey0001", "a-secret-of-its-own").unwrap();
    let signer = Signer::builder(keys)
        .allowed_hosts(["api.example.com"])
        .build()
        .unwrap();
    let request = Request::get("https://evil.example/").body(()).unwrap();
    let error = signer.sign(&request, at(FRIDAY)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the request goes to the host \"evil.example\", which allowed_hosts does not name: add it \
         if it is the gateway's"
    );
}

#[test]
fn a_host_header_alone_does_not_make_plain_http_a_request_to_this_machine() {
    let signer = Signer::builder(keys()).https_only(true).build().unwrap();
    let request = Request::get("/a").header(header::HOST, "localhost");
    let error = signer
        .sign(&request.body(()).unwrap(), at(FRIDAY))
        .unwrap_err();
    assert!(matches!(error, SignError::SchemeUnknown { .. }), "{error}");
}

#[test]
fn user_information_of_a_configured_authority_is_neither_signed_nor_shown() {
    let authority = Authority::from_static("user:hush-hush@api.example.com");
    let builder = Signer::builder(keys())
        .signed_headers(["host"])
        .authority(authority);
    assert!(!format!("{builder:?}").contains("hush-hush"));
    let signer = builder.build().unwrap();
    let request = Request::get("/a").body(()).unwrap();
    let string = signer.signing_string(&request, at(FRIDAY)).unwrap();
    assert!(
        string.to_string().contains("host: api.example.com"),
        "{string}"
    );
}
