//! Every change of `Authorization`.

use super::*;

#[test]
pub(crate) fn every_other_character_in_a_signature_is_refused() {
    for algorithm in Algorithm::ALL {
        let case = Case {
            algorithm,
            ..sample_case()
        };
        let (signed, server) = (case.signed_request(), case.server());
        case.accepted(&signed);
        let value = authorization(&signed);
        let end = value.len() - 1;
        let start = end - algorithm.signature_len().div_ceil(3) * 4;
        assert!(value[..start].ends_with(br#"signature=""#));
        for position in start..end {
            for byte in legal_bytes() {
                if byte != value[position] {
                    let mut changed = value.clone();
                    changed[position] = byte;
                    let request = with_authorization(&signed, &changed);
                    assert_refused(&server.check(&request, case.now()));
                }
            }
        }
    }
}

#[test]
pub(crate) fn a_signature_in_another_form_is_refused() {
    for algorithm in Algorithm::ALL {
        let case = Case {
            algorithm,
            ..sample_case()
        };
        let (signed, server) = (case.signed_request(), case.server());
        let text = String::from_utf8(authorization(&signed)).unwrap();
        let (before, signature) = text.split_once(r#"signature=""#).unwrap();
        let signature = signature.trim_end_matches('"');
        let refused = |signature: &str| {
            let text = format!(r#"{before}signature="{signature}""#);
            let request = with_authorization(&signed, text.as_bytes());
            assert_refused(&server.check(&request, case.now()));
        };

        let unpadded = signature.trim_end_matches('=');
        for padding in 0..4 {
            let padded = format!("{unpadded}{}", "=".repeat(padding));
            if padded != signature {
                refused(&padded);
            }
        }
        for len in 0..signature.len() {
            refused(signature.get(..len).unwrap());
        }
        for space in [" ", "\t"] {
            refused(&format!("{space}{signature}"));
            refused(&format!("{signature}{space}"));
        }
        refused(&format!("{signature}{signature}"));
        refused(&format!("{signature}AAAA"));
        refused(&signature.repeat(100));
        refused(&signature.to_ascii_lowercase());

        let lines = case.lines(&signed);
        let string = sign_by_hand::signing_string(&borrowed(&lines));
        let mac = sign_by_hand::mac(algorithm, &case.secret, &string);
        assert_eq!(sign_by_hand::base64(&mac), signature);
        refused(
            &mac.iter()
                .map(|byte| format!("{byte:02x}"))
                .collect::<String>(),
        );
        for len in 0..mac.len() {
            refused(&sign_by_hand::base64(&mac[..len]));
        }
        refused(&sign_by_hand::base64(&[&mac[..], b"\0"].concat()));
    }
}

#[test]
pub(crate) fn a_signature_in_the_url_alphabet_is_refused() {
    // Many sources, so that some signatures have a `+` or `/`.
    let mut tried = 0;
    for source in 0..64 {
        let source = HeaderValue::from(source);
        let case = Case {
            sources: (Some(source), None),
            ..sample_case()
        };
        let signed = case.signed_request();
        let text = String::from_utf8(authorization(&signed)).unwrap();
        let (before, signature) = text.split_once(r#"signature=""#).unwrap();
        let changed = signature.replace('+', "-").replace('/', "_");
        if changed != signature {
            tried += 1;
            let text = format!(r#"{before}signature="{changed}"#);
            let request = with_authorization(&signed, text.as_bytes());
            assert_refused(&case.server().check(&request, case.now()));
        }
    }
    assert!(tried > 10);
}

#[test]
pub(crate) fn of_all_changes_of_one_byte_only_case_and_blanks_pass() {
    let case = sample_case();
    let (signed, server) = (case.signed_request(), case.server());
    let original = case.accepted(&signed);
    let value = authorization(&signed);
    let text = String::from_utf8(value.clone()).unwrap();
    let list = text.find(r#"headers=""#).unwrap() + r#"headers=""#.len();
    let end_of_list = list + "x-date source x-tenant".len();
    let has_case = |position: usize| position < 4 || (list..end_of_list).contains(&position);
    let is_whitespace = |byte: u8| matches!(byte, b' ' | b'\t');

    for position in 0..value.len() {
        for byte in legal_bytes() {
            let mut changed = value.clone();
            let before = std::mem::replace(&mut changed[position], byte);
            let checked = server.check(&with_authorization(&signed, &changed), case.now());
            assert_refused_or_same(&checked, &original);
            let may_pass = byte == before
                || has_case(position) && byte.eq_ignore_ascii_case(&before)
                || (position == 4 || value[..position].ends_with(b","))
                    && is_whitespace(before)
                    && is_whitespace(byte);
            assert_eq!(checked.is_ok(), may_pass, "{}", changed.escape_ascii());
        }
    }
}

#[test]
pub(crate) fn one_byte_more_or_less_in_authorization_is_refused_or_means_the_same() {
    let case = sample_case();
    let (signed, server) = (case.signed_request(), case.server());
    let original = case.accepted(&signed);
    let value = authorization(&signed);
    for position in 0..=value.len() {
        for byte in legal_bytes() {
            let mut longer = value.clone();
            longer.insert(position, byte);
            let checked = server.check(&with_authorization(&signed, &longer), case.now());
            assert_refused_or_same(&checked, &original);
            let may_pass = matches!(byte, b' ' | b'\t');
            assert!(may_pass || checked.is_err(), "{}", longer.escape_ascii());
        }
        if position < value.len() {
            let mut shorter = value.clone();
            let removed = shorter.remove(position);
            let checked = server.check(&with_authorization(&signed, &shorter), case.now());
            assert_refused_or_same(&checked, &original);
            assert!(removed == b' ' || checked.is_err());
        }
    }
}

#[test]
pub(crate) fn the_parameters_may_come_in_any_order_and_no_other_change_of_them_passes() {
    let case = sample_case();
    let (signed, server) = (case.signed_request(), case.server());
    let original = case.accepted(&signed);
    let text = String::from_utf8(authorization(&signed)).unwrap();
    let parameters: Vec<_> = text.strip_prefix("hmac ").unwrap().split(", ").collect();
    // Every sequence of up to five of the four, so with missing and repeated ones.
    let mut accepted = 0;
    for len in 0..=5_u32 {
        for number in 0..4_usize.pow(len) {
            let digits = (0..len).map(|place| number / 4_usize.pow(place) % 4);
            let sequence: Vec<_> = digits.map(|digit| parameters[digit]).collect();
            let value = format!("hmac {}", sequence.join(", "));
            let request = with_authorization(&signed, value.as_bytes());
            let checked = server.check(&request, case.now());
            assert_refused_or_same(&checked, &original);
            let mut sorted = sequence.clone();
            sorted.sort_unstable();
            sorted.dedup();
            assert_eq!(checked.is_ok(), len == 4 && sorted.len() == 4, "{value}");
            accepted += u32::from(checked.is_ok());
        }
    }
    assert_eq!(accepted, 24);
}

#[test]
pub(crate) fn a_parameter_repeated_with_another_value_is_refused_first_and_last() {
    let case = sample_case();
    let (signed, server) = (case.signed_request(), case.server());
    let text = String::from_utf8(authorization(&signed)).unwrap();
    let parameters = text.strip_prefix("hmac ").unwrap();
    for extra in [
        r#"id="other""#,
        r#"algorithm="hmac-sha256""#,
        r#"headers="x-date""#,
        r#"signature="AAAAAAAAAAAAAAAAAAAAAAAAAAA=""#,
        r#"ID="other""#,
        r#"username="other""#,
        r#"x="y""#,
        r#"id="""#,
    ] {
        for value in [
            format!("hmac {extra}, {parameters}"),
            format!("hmac {parameters}, {extra}"),
        ] {
            let request = with_authorization(&signed, value.as_bytes());
            assert_refused(&server.check(&request, case.now()));
        }
    }
}

#[test]
pub(crate) fn a_list_that_names_a_header_twice_is_refused_though_rightly_signed() {
    let case = sample_case();
    let signed = case.signed_request();
    let lines = case.lines(&signed);
    let lines = borrowed(&lines);
    let by_hand = |lines: &sign_by_hand::Lines<'_>| {
        let value = sign_by_hand::authorization(&case.key_id, case.algorithm, &case.secret, lines);
        case.server()
            .check(&with_authorization(&signed, value.as_bytes()), case.now())
    };
    assert!(by_hand(&lines).is_ok());
    for again in ["x-date", "X-Date", "source", "SOURCE", "x-tenant"] {
        let name = again.to_ascii_lowercase();
        let value = signed.headers()[&name].as_bytes();
        for position in 0..=lines.len() {
            let mut lines = lines.clone();
            lines.insert(position, (again, value));
            let rejection = by_hand(&lines).unwrap_err();
            assert!(matches!(
                rejection,
                Rejection::AuthorizationMalformed(CredentialsError::RepeatedName { .. })
            ));
        }
    }
}

#[test]
pub(crate) fn two_authorization_headers_are_refused_even_if_equal() {
    let case = sample_case();
    let mut request = case.signed_request();
    let value = request.headers()[header::AUTHORIZATION].clone();
    request.headers_mut().append(header::AUTHORIZATION, value);
    let rejection = case.server().check(&request, case.now()).unwrap_err();
    assert!(
        matches!(rejection, Rejection::HeaderRepeated { name } if name.as_str() == "authorization")
    );
}
