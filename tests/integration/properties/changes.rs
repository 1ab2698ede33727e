//! Whatever is changed is refused.

use super::*;

proptest! {
    // Each case tries every position or header.
    #![proptest_config(config(200))]

    #[test]
    fn a_changed_byte_of_a_signed_value_is_refused(case in case(16, 3), choice in any::<usize>()) {
        let (signed, server) = (case.signed_request(), case.server());
        for (name, value) in case.lines(&signed) {
            for position in 0..value.len() {
                let mut changed = value.clone();
                changed[position] = another(value[position], choice);
                let request = with_header(&signed, &name, &changed);
                assert_refused(&server.check(&request, case.now()));
            }
        }
    }

    #[test]
    fn a_byte_more_or_less_in_a_signed_value_is_refused(case in case(10, 3), byte in b'!'..=b'~') {
        let (signed, server) = (case.signed_request(), case.server());
        for (name, value) in case.lines(&signed) {
            for position in 0..=value.len() {
                let mut longer = value.clone();
                longer.insert(position, byte);
                let request = with_header(&signed, &name, &longer);
                assert_refused(&server.check(&request, case.now()));
            }
            for position in 0..value.len() {
                let mut shorter = value.clone();
                shorter.remove(position);
                let request = with_header(&signed, &name, &shorter);
                assert_refused(&server.check(&request, case.now()));
            }
        }
    }

    #[test]
    fn a_changed_byte_of_the_key_is_a_signature_mismatch(
        case in case(8, 2),
        positions in vec(any::<Index>(), 8),
        change in 1..=u8::MAX,
    ) {
        let signed = case.signed_request();
        case.accepted(&signed);
        let len = case.secret.len();
        let positions = positions.iter().map(|position| position.index(len));
        for position in positions.chain([0, len - 1]) {
            let mut secret = case.secret.clone();
            secret[position] ^= change;
            let server = Server::new(&case.key_id, &secret);
            prop_assert_eq!(server.check(&signed, case.now()), Err(Rejection::SignatureMismatch));
        }
    }

    #[test]
    fn a_signed_header_removed_or_repeated_or_renamed_is_refused(case in case(12, 4)) {
        let (signed, server) = (case.signed_request(), case.server());
        let lines = case.lines(&signed);
        let names: Vec<_> = lines.iter().map(|(name, _)| &**name).collect();
        for (position, name) in names.iter().enumerate() {
            let check = |request: &Request<()>| server.check(request, case.now()).unwrap_err();
            let is_missing = |rejection: &Rejection| {
                matches!(rejection, Rejection::HeaderMissing { name: n } if n.as_str() == *name)
            };
            // A cookie's crumbs are joined.
            let is_repeated = |rejection: &Rejection| match rejection {
                Rejection::HeaderRepeated { name: n } => n.as_str() == *name,
                Rejection::SignatureMismatch => *name == "cookie",
                _ => false,
            };

            let (removed, value) = without(&signed, name);
            prop_assert!(is_missing(&check(&removed)));

            // Also with the very same value, and with an empty one.
            for value in [value.clone(), HeaderValue::from_static("")] {
                let mut repeated = signed.clone();
                repeated.headers_mut().append(HeaderName::try_from(*name).unwrap(), value);
                prop_assert!(is_repeated(&check(&repeated)));
            }

            let renamed = with_header(&removed, "x-renamed", value.as_bytes());
            prop_assert!(is_missing(&check(&renamed)));

            // Renamed in the list, too.
            let mut list = names.clone();
            list[position] = "x-renamed";
            check(&with_list(&renamed, &list));
        }
    }

    #[test]
    fn a_changed_list_is_refused(case in case(12, 4)) {
        let (signed, server) = (case.signed_request(), case.server());
        let signed = with_header(&signed, "x-unsigned", b"1");
        let lines = case.lines(&signed);
        let names: Vec<_> = lines.iter().map(|(name, _)| &**name).collect();
        case.accepted(&with_list(&signed, &names));

        for position in 0..names.len() {
            let mut shorter = names.clone();
            shorter.remove(position);
            assert_refused(&server.check(&with_list(&signed, &shorter), case.now()));

            let mut doubled = names.clone();
            doubled.insert(position, names[position]);
            assert_refused(&server.check(&with_list(&signed, &doubled), case.now()));

            let mut swapped = names.clone();
            swapped.swap(position, 0);
            if position > 0 {
                assert_refused(&server.check(&with_list(&signed, &swapped), case.now()));
            }
        }
        for extra in ["x-unsigned", "x-absent", "authorization", "Authorization", "request-line", ""] {
            for position in 0..=names.len() {
                let mut longer = names.clone();
                longer.insert(position, extra);
                assert_refused(&server.check(&with_list(&signed, &longer), case.now()));
            }
        }
    }

    #[test]
    fn a_changed_byte_of_authorization_is_refused_or_means_the_same(
        case in case(8, 3),
        choice in any::<usize>(),
    ) {
        let (signed, server) = (case.signed_request(), case.server());
        let original = case.accepted(&signed);
        let value = authorization(&signed);
        for position in 0..value.len() {
            let mut changed = value.clone();
            changed[position] = another(value[position], choice);
            let request = with_authorization(&signed, &changed);
            assert_refused_or_same(&server.check(&request, case.now()), &original);
        }
    }
}
