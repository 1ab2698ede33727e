//! All values of small sets, instead of random values of large ones.

use super::*;

/// One case of a fixed form, with all that a request usually has.
pub(crate) fn sample_case() -> Case {
    Case {
        key_id: KEY_ID.to_owned(),
        secret: SECRET.into(),
        algorithm: Algorithm::HmacSha1,
        date_header: DateHeader::XDate,
        sources: (Some(HeaderValue::from_static("billing")), None),
        further: vec![(
            HeaderName::from_static("x-tenant"),
            Some(HeaderValue::from_static("7")),
        )],
        seconds: FRIDAY,
        nanos: 0,
    }
}

#[test]
pub(crate) fn every_key_id_of_one_or_two_legal_characters_is_sent_and_read_back() {
    let characters = || (' '..='~').filter(|c| *c != '"').map(String::from);
    let pairs = [" ", "=", "\\", ",", "'", "a"].map(|other| {
        let both = characters().flat_map(move |c| [format!("{c}{other}"), format!("{other}{c}")]);
        both.collect::<Vec<_>>()
    });
    for key_id in characters().chain(pairs.concat()) {
        assert_eq!(KeyId::new(&*key_id).unwrap().as_str(), key_id);
        let case = Case {
            key_id,
            ..sample_case()
        };
        let accepted = case.accepted(&case.signed_request());
        assert_eq!(accepted.key.key_id(), case.key_id);
    }
}

#[test]
pub(crate) fn a_signed_host_is_what_clients_send_in_every_form_of_the_target() {
    let hosts = ["example.com", "EXAMPLE.com", "127.0.0.1", "[::1]"];
    let case = Case {
        further: vec![(header::HOST, None)],
        ..sample_case()
    };
    let server = case.server();
    for (scheme, default_port) in [("http", ":80"), ("https", ":443")] {
        for host in hosts {
            for (port, user) in ["", ":", ":80", ":443", ":8080"]
                .into_iter()
                .flat_map(|port| ["", "user@", "user:pass@"].map(|user| (port, user)))
            {
                let target = format!("{scheme}://{user}{host}{port}/a?x=1");
                let mut request = case.unsigned_request();
                *request.uri_mut() = target.parse().unwrap();
                case.signer()
                    .sign_request(&mut request, case.now())
                    .unwrap();
                let accepted = server.check(&request, case.now()).expect(&target);
                let port = if [":", default_port].contains(&port) {
                    ""
                } else {
                    port
                };
                let sent = format!("{host}{port}");
                let line = format!("\nhost: {sent}");
                let string = accepted.signing_string.as_bytes();
                assert!(string.ends_with(line.as_bytes()), "{target}");
                assert_eq!(request.uri().path_and_query().unwrap(), "/a?x=1");

                // As a server sees it on HTTP/1.1.
                let mut request = with_header(&request, "host", sent.as_bytes());
                *request.uri_mut() = "/a?x=1".parse().unwrap();
                assert_eq!(case.accepted(&request), accepted, "{target}");
                let other = with_header(&request, "host", b"other");
                assert_refused(&server.check(&other, case.now()));
            }
        }
    }
}

#[test]
pub(crate) fn every_byte_that_a_header_name_can_have_can_be_signed() {
    let names = (0..=u8::MAX).filter_map(|byte| HeaderName::from_bytes(&[b'x', byte]).ok());
    let names: Vec<_> = names.collect();
    assert!(names.len() >= 26 + 10 + 15);
    for name in names {
        let value = Some(HeaderValue::from_static("1"));
        let case = Case {
            further: vec![(name.clone(), value)],
            ..sample_case()
        };
        let accepted = case.accepted(&case.signed_request());
        assert_eq!(accepted.key.covered().last(), Some(name.as_str()));
    }
}

#[test]
pub(crate) fn every_byte_that_a_value_can_have_can_be_signed() {
    for byte in legal_bytes() {
        let source = HeaderValue::from_bytes(&[b'a', byte, b'z']).unwrap();
        let case = Case {
            sources: (Some(source), None),
            ..sample_case()
        };
        let accepted = case.accepted(&case.signed_request());
        let line = [b"\nsource: a", &[byte][..], b"z\n"].concat();
        let mut windows = accepted.signing_string.as_bytes().windows(line.len());
        assert!(windows.any(|window| window == line), "{byte:#x}");
    }
}
