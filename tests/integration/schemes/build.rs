//! Options that a scheme cannot carry are errors when the signer is built, each with what to do.

use std::time::Duration;

use tower_hmac_auth::{
    Algorithm, Scheme, Signer,
    scheme::{DateHeader, DatePolicy},
    sign::SignerBuilder,
    verify::VerifierBuilder,
};

use super::{PRESETS, verifying};
use crate::common::{date_header, keys, schemes_with_lists, verifier_of};

fn builder(scheme: Scheme) -> SignerBuilder {
    Signer::builder(keys()).scheme(scheme)
}

#[track_caller]
fn assert_error(builder: SignerBuilder, text: &str) {
    let error = builder.build().unwrap_err().to_string();
    assert!(error.starts_with(text), "{error}");
    assert!(!error.contains('\n'));
}

#[test]
fn algorithms_that_a_scheme_does_not_have_are_refused() {
    for (scheme, has) in [
        (Scheme::Tencent, [true, true, true, true]),
        (Scheme::Kong, [true, true, true, true]),
        (Scheme::Apisix, [true, true, false, true]),
        (Scheme::Cavage, [false, true, false, true]),
    ] {
        for (algorithm, has) in Algorithm::ALL.into_iter().zip(has) {
            let builder = builder(scheme).algorithm(algorithm);
            if has {
                assert_eq!(builder.build().unwrap().algorithm(), algorithm);
            } else {
                assert_error(
                    builder,
                    &format!("{scheme} has no {algorithm}: choose one of hmac-sha256, "),
                );
            }
        }
    }
}

#[test]
fn the_defaults_are_those_of_each_gateway() {
    for (scheme, algorithm, list) in [
        (Scheme::Tencent, Algorithm::HmacSha1, "x-date"),
        (
            Scheme::Kong,
            Algorithm::HmacSha256,
            "x-date @request-target",
        ),
        (
            Scheme::Apisix,
            Algorithm::HmacSha256,
            "@request-target date",
        ),
        (
            Scheme::Cavage,
            Algorithm::HmacSha256,
            "(request-target) host date",
        ),
    ] {
        let signer = builder(scheme).build().unwrap();
        assert_eq!((signer.scheme(), signer.algorithm()), (scheme, algorithm));
        let mut request = super::request("http://h.example/a", "", &[]);
        signer.sign_request(&mut request, super::now()).unwrap();
        let authorization = request.headers()["authorization"].to_str().unwrap();
        assert!(
            authorization.contains(&format!("headers=\"{list}\"")),
            "{authorization}"
        );
    }
}

#[test]
fn apisix_takes_no_x_date() {
    let text = "apisix takes no date from x-date: choose the other date header";
    assert_error(builder(Scheme::Apisix).date_header(DateHeader::XDate), text);
    assert_error(
        builder(Scheme::Apisix).components(["@request-target", "x-date"]),
        text,
    );
    builder(Scheme::Cavage)
        .date_header(DateHeader::XDate)
        .build()
        .unwrap();
}

#[test]
fn lists_that_no_verifier_accepts_are_refused() {
    let list = |scheme, names: &[&str]| builder(scheme).components(names);
    for (builder, text) in [
        (
            list(Scheme::Kong, &["@request-target"]),
            "no date is to be signed: name one of x-date, date",
        ),
        (
            list(Scheme::Apisix, &["@request-target"]),
            "no date is to be signed: name one of date",
        ),
        (
            list(Scheme::Cavage, &["host"]),
            "no date is to be signed: name one of date, x-date, (created) under hs2019",
        ),
        (
            list(Scheme::Kong, &["date", "x-date"]),
            "date and x-date are both to be signed",
        ),
        (
            list(Scheme::Kong, &["date", "X-A", "x-a"]),
            "x-a is named twice",
        ),
        (
            list(Scheme::Kong, &["date", "(request-target)"]),
            "(request-target) is neither a header nor one of kong's own names (@request-target, request-line): ",
        ),
        (
            list(Scheme::Kong, &["date", "two words"]),
            "two words is neither",
        ),
        (list(Scheme::Kong, &["date", ""]), " is neither"),
        (
            list(Scheme::Kong, &["date", "Authorization"]),
            "authorization cannot be signed",
        ),
        (
            list(Scheme::Cavage, &["date", "request-line"]),
            "request-line stands for something else",
        ),
        (
            list(Scheme::Cavage, &["(created)"]),
            "(created) can be signed under hs2019 only",
        ),
        (
            list(Scheme::Cavage, &["(created)", "(expires)"]).hs2019(true),
            "(expires) is to be signed: say with",
        ),
        (
            list(Scheme::Tencent, &["date", "@request-target"]),
            "@request-target is neither",
        ),
        (builder(Scheme::Kong).hs2019(true), "kong has no hs2019"),
        (
            builder(Scheme::Kong).signed_headers(["@request-target"]),
            "@request-target has its fixed place",
        ),
        (
            builder(Scheme::Cavage).signed_headers(["Host"]),
            "Host has its fixed place",
        ),
        (
            builder(Scheme::Kong).signed_headers(["X-Date"]),
            "X-Date has its fixed place",
        ),
    ] {
        assert_error(builder, text);
    }
    list(Scheme::Cavage, &["(created)", "(expires)"])
        .hs2019(true)
        .expires_after(Duration::from_secs(60))
        .build()
        .unwrap();
}

#[test]
fn a_list_leaves_room_for_the_digests_that_are_added_to_it() {
    for (scheme, in_front, digests) in [
        (Scheme::Tencent, 2, 2),
        (Scheme::Kong, 4, 1),
        (Scheme::Apisix, 4, 1),
        (Scheme::Cavage, 6, 0),
    ] {
        let names = |count| (0..count).map(|number| format!("x-{number}"));
        let room = 64 - in_front - digests;
        builder(scheme).signed_headers(names(room)).build().unwrap();
        assert_error(
            builder(scheme).signed_headers(names(room + 1)),
            "more than 64 headers",
        );
    }
    let names = |count| (0..count).map(|number| format!("x-{number}"));
    let list = |count, more: &[&str]| {
        let more = more.iter().map(|name| (*name).to_owned());
        builder(Scheme::Kong).components(names(count).chain(more))
    };
    let both = ["date", "Digest", "content-digest"];
    list(61, &both).build().unwrap();
    list(61, &both[..2]).build().unwrap();
    list(61, &both[..1]).build().unwrap();
    assert_error(list(62, &both), "more than 64 headers");
    assert_error(list(62, &both[..1]), "more than 64 headers");
}

const HOP_BY_HOP: [&str; 11] = [
    "connection",
    "keep-alive",
    "proxy-connection",
    "proxy-authenticate",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "Upgrade",
    "http2-settings",
    "Expect",
];

#[test]
fn headers_that_end_at_the_next_peer_are_refused() {
    for scheme in schemes_with_lists() {
        for name in HOP_BY_HOP {
            let text = format!("{name} is for the next peer only and does not arrive");
            assert_error(builder(scheme).signed_headers([name]), &text);
            assert_error(
                builder(scheme).components([date_header(scheme).name().as_str(), name]),
                &text,
            );
        }
        builder(scheme)
            .signed_headers(["content-length"])
            .build()
            .unwrap();
    }
}

#[test]
fn a_lifetime_that_expires_cannot_say_is_refused() {
    let builder = |lifetime| {
        builder(Scheme::Cavage)
            .components(["(created)", "(expires)"])
            .hs2019(true)
            .expires_after(lifetime)
    };
    let text = "expires_after is less than a second: give it one second or more";
    assert_error(builder(Duration::ZERO), text);
    assert_error(builder(Duration::from_millis(999)), text);
    builder(Duration::from_secs(1)).build().unwrap();
}

#[track_caller]
fn assert_no_verifier(builder: VerifierBuilder, text: &str) {
    let error = builder.build().unwrap_err().to_string();
    assert!(error.starts_with(text), "{error}");
    assert!(!error.contains('\n'));
}

#[track_caller]
fn assert_not_required(scheme: Scheme, name: &str, text: &str) {
    assert_no_verifier(verifying(scheme).require(["date", name]), text);
}

#[test]
fn a_verifier_requires_nothing_that_no_request_can_cover() {
    for scheme in schemes_with_lists() {
        for name in ["", "two words", "x:y", "@request-targe", "(expire)"] {
            let text = format!("{name} is neither a header nor one of {scheme}'s own names");
            assert_not_required(scheme, name, &text);
        }
        for name in ["authorization", "Authorization"] {
            let text = "authorization cannot be signed";
            assert_not_required(scheme, name, text);
        }
        for name in HOP_BY_HOP {
            let text = format!("{name} is for the next peer only");
            assert_not_required(scheme, name, &text);
        }
        let named = ["x-date", "X-Tenant", "digest", "content-length"];
        verifying(scheme).require(named).build().unwrap();
        match scheme {
            Scheme::Tyk => assert_not_required(scheme, "Host", "tyk does not see Host"),
            _ => drop(verifying(scheme).require(["Host"]).build().unwrap()),
        }
    }
    for (scheme, own, others) in [
        (
            Scheme::Tencent,
            &[][..],
            &["@request-target", "(created)", "request-line"][..],
        ),
        (
            Scheme::Kong,
            &["@request-target", "request-line"],
            &["(request-target)", "Request-Line"],
        ),
        (
            Scheme::Apisix,
            &["@request-target"],
            &["@Request-Target", "request-line"],
        ),
        (
            Scheme::Cavage,
            &["(request-target)"],
            &["@request-target", "Request-Line"],
        ),
        (
            Scheme::Tyk,
            &["(request-target)"],
            &["@request-target", "(created)", "request-line"],
        ),
    ] {
        verifying(scheme).require(own).build().unwrap();
        for name in others {
            assert_not_required(scheme, name, name);
        }
    }
    let created = "(created) can be signed under hs2019 only: set hs2019, or remove it";
    assert_not_required(Scheme::Cavage, "(created)", created);
    verifying(Scheme::Cavage)
        .require(["(created)", "(expires)"])
        .hs2019(Algorithm::HmacSha256)
        .build()
        .unwrap();
}

#[test]
fn a_list_that_no_verifier_reads_is_refused_on_both_sides() {
    let name = |number: usize, len: usize| format!("{number:0len$}");
    let names = |count, len| (0..count).map(move |number| name(number, len));
    let text = "the names make a list of more than 8192 bytes";
    assert_error(builder(Scheme::Kong).signed_headers(names(50, 200)), text);
    assert_error(builder(Scheme::Kong).signed_headers(names(1, 9000)), text);
    let required = |count, len| verifying(Scheme::Kong).require(names(count, len));
    for (count, len) in [(50, 200), (1, 8193)] {
        assert_no_verifier(required(count, len), text);
    }
    required(1, 8192).build().unwrap();
    required(64, 100).build().unwrap();
    assert_no_verifier(required(65, 10), "more than 64 headers");
}

#[test]
fn the_longest_list_that_is_built_is_read_by_the_verifier_and_one_byte_more_is_not_built() {
    // With both digests, which are signed wherever a request has them.
    let rest = "date".len() + " digest content-digest".len();
    for scheme in [Scheme::Apisix, Scheme::Cavage] {
        for digests in [&[][..], &["digest"], &["digest", "content-digest"]] {
            let list = |len: usize| {
                let name = "x".repeat(len - rest - 1);
                let names = [&["date", &name][..], digests].concat();
                builder(scheme).components(names)
            };
            assert_error(list(8193), "the names make a list of more than 8192 bytes");
            let signer = list(8192).build().unwrap();
            let name = "x".repeat(8192 - rest - 1);
            let headers = [(&*name, "1"), ("digest", "a"), ("content-digest", "b")];
            let mut request = super::request("/a", "", &headers);
            signer.sign_request(&mut request, super::now()).unwrap();
            super::assert_accepted(&verifier_of(scheme), &request);
        }
    }
}

#[test]
fn a_date_header_that_the_list_contradicts_is_refused() {
    for scheme in [Scheme::Tencent, Scheme::Kong, Scheme::Cavage] {
        let list = |name| {
            builder(scheme)
                .date_header(DateHeader::Date)
                .components([name])
        };
        assert_error(list("x-date"), "date and x-date are both to be signed");
        list("Date").build().unwrap();
    }
}

#[test]
fn a_verifier_allows_only_algorithms_that_its_scheme_has() {
    use Algorithm::{HmacSha1, HmacSha256, HmacSha384};

    let apisix = |algorithms| verifying(Scheme::Apisix).algorithms(algorithms).build();
    let error = apisix([HmacSha256, HmacSha384]).unwrap_err();
    let text = "apisix has no hmac-sha384: choose one of hmac-sha256, hmac-sha1, hmac-sha512";
    assert_eq!(error.to_string(), text);
    apisix([HmacSha1, HmacSha256]).unwrap();
    for scheme in Scheme::ALL {
        verifying(scheme).algorithms([]).build().unwrap();
    }
}

#[test]
fn a_lifetime_that_is_not_signed_is_refused_when_the_signer_is_built() {
    let minute = Duration::from_secs(60);
    for builder in [
        builder(Scheme::Kong),
        builder(Scheme::Cavage),
        builder(Scheme::Cavage).hs2019(true),
        builder(Scheme::Cavage).components(["date"]),
    ] {
        let error = builder.expires_after(minute).build().unwrap_err();
        let text = "expires_after is set, but (expires) is not to be signed";
        assert!(error.to_string().starts_with(text), "{error}");
    }
}

#[test]
fn a_verifier_takes_hs2019_only_for_what_its_scheme_has() {
    for scheme in [Scheme::Tencent, Scheme::Kong, Scheme::Apisix] {
        let error = verifying(scheme).hs2019(Algorithm::HmacSha256).build();
        let text = format!("{scheme} has no hs2019: name the algorithm itself");
        assert_eq!(error.unwrap_err().to_string(), text);
    }
    for algorithm in [Algorithm::HmacSha1, Algorithm::HmacSha384] {
        let error = verifying(Scheme::Cavage).hs2019(algorithm).build();
        let text = format!("cavage has no {algorithm}: choose one of hmac-sha256, hmac-sha512");
        assert_eq!(error.unwrap_err().to_string(), text);
    }
}

#[test]
fn a_verifier_that_would_refuse_every_date_is_refused_when_it_is_built() {
    let refusing = |scheme| verifying(scheme).date_policy(DatePolicy::Refuse);
    let text = "apisix takes dates from Date only, so that DatePolicy::Refuse would refuse every request: choose \
                CheckAge";
    assert_no_verifier(refusing(Scheme::Apisix), text);
    for scheme in [Scheme::Tencent, Scheme::Kong, Scheme::Cavage] {
        refusing(scheme).build().unwrap();
    }
}

#[test]
fn a_scheme_is_named_as_it_is_read() {
    assert_eq!(Scheme::ALL, PRESETS.map(|(scheme, ..)| scheme));
    for (scheme, name, ..) in PRESETS {
        assert_eq!(scheme.to_string(), name);
        assert_eq!(name.parse(), Ok(scheme));
    }
    let error = "Kong".parse::<Scheme>().unwrap_err();
    let names = PRESETS.map(|(_, name, ..)| name).join(", ");
    let text = format!("unknown scheme: use one of {names}");
    assert_eq!(error.to_string(), text);
}
