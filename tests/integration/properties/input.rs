//! What is signed is accepted, and an arbitrary date is refused.

use super::*;

proptest! {
    #![proptest_config(config(400))]

    #[test]
    fn what_is_signed_is_accepted(case in case(60, 6), clock in any::<Index>()) {
        let (unsigned, signed) = (case.unsigned_request(), case.signed_request());
        let sent_at = case.seconds;
        let (earliest, latest) = match case.date_header {
            DateHeader::XDate => (sent_at - 900, sent_at + 900),
            _ => (-1000, LAST + 1000),
        };
        let span = usize::try_from(latest - earliest + 1).unwrap();
        let received_at = earliest + i64::try_from(clock.index(span)).unwrap();
        let received_at = at(received_at) + Duration::from_nanos(case.nanos.into());

        let accepted = case.server().check(&signed, received_at).unwrap();
        let lines = case.lines(&signed);
        let covered: Vec<_> = lines.iter().map(|(name, _)| &**name).collect();
        prop_assert_eq!(accepted.key.key_id(), &case.key_id);
        prop_assert_eq!(accepted.key.algorithm(), case.algorithm);
        prop_assert_eq!(accepted.key.covered().collect::<Vec<_>>(), covered);

        let ours = case.signer().signing_string(&unsigned, case.now()).unwrap();
        prop_assert_eq!(&ours, &accepted.signing_string);
        prop_assert_eq!(ours.as_bytes(), sign_by_hand::signing_string(&borrowed(&lines)));
    }

    #[test]
    fn what_is_sent_is_what_is_signed_byte_for_byte(case in case(40, 6)) {
        let signed = case.signed_request();
        let lines = case.lines(&signed);
        for (name, value) in &lines {
            let sent: Vec<_> = signed.headers().get_all(name).iter().collect();
            prop_assert_eq!(sent, [&**value], "{}", name);
        }
        let by_hand = sign_by_hand::authorization(
            &case.key_id,
            case.algorithm,
            &case.secret,
            &borrowed(&lines),
        );
        let sent: Vec<_> = signed.headers().get_all(header::AUTHORIZATION).iter().collect();
        prop_assert_eq!(sent, [&*by_hand]);
    }

    #[test]
    fn what_is_signed_by_hand_is_accepted(case in case(40, 6), choices in any::<u64>()) {
        // Names in mixed case, as they may be listed.
        let mut lines = case.lines(&case.signed_request());
        for (name, _) in &mut lines {
            let mixed = name.bytes().enumerate().map(|(at, byte)| {
                if choices >> (at % 64) & 1 == 1 { byte.to_ascii_uppercase() } else { byte }
            });
            *name = String::from_utf8(mixed.collect()).unwrap();
        }
        let lines = borrowed(&lines);
        let request = sign_by_hand::signed_request(&case.key_id, &case.secret, &lines, &[]);
        let accepted = case.accepted(&request);
        let listed: Vec<_> = lines.iter().map(|(name, _)| *name).collect();
        prop_assert_eq!(accepted.key.covered().collect::<Vec<_>>(), listed);
    }

    #[test]
    fn blanks_around_a_value_change_nothing(
        case in case(20, 4),
        before in "[ \t]{0,3}",
        after in "[ \t]{0,3}",
    ) {
        let signed = case.signed_request();
        let original = case.accepted(&signed);
        let mut padded = signed;
        let names = case.lines(&padded).into_iter().map(|(name, _)| name);
        for name in names.chain(["authorization".to_owned()]) {
            let value = padded.headers()[&name].as_bytes();
            let value = [before.as_bytes(), value, after.as_bytes()].concat();
            padded = with_header(&padded, &name, &value);
        }
        prop_assert_eq!(case.accepted(&padded), original);
    }

    #[test]
    fn signing_again_later_equals_signing_a_fresh_request(
        first in case(30, 4),
        later in 0..=LAST,
        date_header in sample::select(&[DateHeader::Date, DateHeader::XDate][..]),
        algorithm in sample::select(&Algorithm::ALL[..]),
    ) {
        let second = Case {
            seconds: later,
            date_header,
            algorithm,
            key_id: "another".to_owned(),
            secret: b"another".to_vec(),
            ..first.clone()
        };
        let fresh = second.signed_request();
        let mut again = first.signed_request();
        second.signer().sign_request(&mut again, second.now()).unwrap();
        prop_assert_eq!(again.headers(), fresh.headers());
        prop_assert_eq!(again.uri(), fresh.uri());
        prop_assert_eq!(again.headers().get_all(header::AUTHORIZATION).iter().count(), 1);
        let dates = ["date", "x-date"].map(|name| again.headers().get_all(name).iter().count());
        prop_assert_eq!(dates.iter().sum::<usize>(), 1);
    }

    #[test]
    fn arbitrary_bytes_as_a_date_are_refused(bytes in vec(legal_byte(), 0..60), case in case(10, 2)) {
        // In the place of a signed one, and signed themselves.
        let name = case.date_header.name().as_str();
        let replaced = with_header(&case.signed_request(), name, &bytes);
        assert_refused(&case.server().check(&replaced, case.now()));

        let signed = [(name, bytes.trim_ascii())];
        let request = sign_by_hand::signed_request(&case.key_id, &case.secret, &signed, &[]);
        let header = case.date_header;
        prop_assert_eq!(
            case.server().check(&request, case.now()),
            Err(Rejection::DateUnreadable { header })
        );
    }

    #[test]
    fn a_mangled_authorization_is_refused_or_means_the_same(
        case in case(12, 4),
        mangles in vec(mangle(), 1..4),
    ) {
        let signed = case.signed_request();
        let original = case.accepted(&signed);
        let other = Case { secret: b"another".to_vec(), ..case.clone() };
        let donor = authorization(&other.signed_request());

        let mut value = authorization(&signed);
        for mangle in mangles {
            value = mangle.apply(&value, &donor);
        }
        let checked = case.server().check(&with_authorization(&signed, &value), case.now());
        assert_refused_or_same(&checked, &original);
    }
}
