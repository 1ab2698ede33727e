//! `RotatingKeyPair`: a pair that is exchanged while services run, on many threads.

use std::{
    convert::Infallible,
    future::ready,
    sync::{
        Barrier,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
};

use http::Request;
use tower::{Layer, Service, ServiceExt, service_fn};
use tower_hmac_auth::{
    Algorithm, KeyPair, Rejection, SignLayer, Signer, StaticKeys, Verifier, sign::RotatingKeyPair,
    verify::KeyStore,
};

use crate::common::{FRIDAY, at};

fn pair(number: usize) -> KeyPair {
    KeyPair::new(
        format!("AKID{number}"),
        format!("the secret of number {number}"),
    )
    .unwrap()
}

/// The key id of a request that these keys accept.
fn signed_by(keys: &StaticKeys, request: &Request<()>) -> Result<String, Rejection> {
    let verifier = Verifier::new();
    let credentials = verifier.read(request, at(FRIDAY))?;
    let lookup = keys.lookup(credentials.key_id(), request.into());
    Ok(verifier.verify(credentials, lookup)?.key_id().to_owned())
}

#[tokio::test]
async fn a_rotated_pair_is_seen_by_every_clone_of_every_service_from_its_next_request_on() {
    let keys = RotatingKeyPair::new(pair(0));
    let layer = SignLayer::new(keys.clone()).clock(|| at(FRIDAY));
    let echo = service_fn(|request: Request<()>| ready(Ok::<_, Infallible>(request)));
    let service = layer.layer(echo);
    let mut services = [service.clone(), service, layer.clone().layer(echo)];
    let store = StaticKeys::from_iter([pair(0), pair(1), pair(2)]);
    for number in 0..3 {
        keys.rotate(pair(number));
        assert_eq!(keys.key_id(), *pair(number).id());
        for service in &mut services {
            let request = service
                .ready()
                .await
                .unwrap()
                .call(Request::new(()))
                .await
                .unwrap();
            assert_eq!(
                signed_by(&store, &request).unwrap(),
                format!("AKID{number}")
            );
        }
    }
}

#[test]
fn a_rotation_changes_only_what_shares_the_handle() {
    let keys = RotatingKeyPair::new(pair(0));
    let mine = Signer::new(keys.clone());
    let other = Signer::new(pair(0));
    keys.rotate(pair(1));
    assert_eq!(mine.keys().key_id(), *pair(1).id());
    assert_eq!(other.keys().key_id(), *pair(0).id());
}

#[test]
fn no_request_is_ever_signed_with_the_id_of_one_pair_and_the_secret_of_another() {
    const PAIRS: usize = 16;
    const SIGNERS: usize = 4;
    let keys = RotatingKeyPair::new(pair(0));
    let store = StaticKeys::from_iter((0..PAIRS).map(pair));
    let is_done = AtomicBool::new(false);
    let begin = Barrier::new(SIGNERS + 1);
    let changes = AtomicUsize::new(0);
    thread::scope(|scope| {
        for algorithm in Algorithm::ALL {
            let signer = Signer::builder(keys.clone())
                .algorithm(algorithm)
                .build()
                .unwrap();
            let (store, is_done, begin, changes) = (&store, &is_done, &begin, &changes);
            scope.spawn(move || {
                begin.wait();
                let mut last = String::new();
                while !is_done.load(Ordering::Relaxed) {
                    let mut request = Request::new(());
                    signer.sign_request(&mut request, at(FRIDAY)).unwrap();
                    let key_id = signed_by(store, &request).unwrap();
                    changes.fetch_add(usize::from(key_id != last), Ordering::Relaxed);
                    last = key_id;
                }
            });
        }
        begin.wait();
        // Until every signer has seen many a change; bounded in case one never does.
        for number in 0..2_000_000 {
            keys.rotate(pair(number % PAIRS));
            if changes.load(Ordering::Relaxed) > 500 * SIGNERS {
                break;
            }
        }
        is_done.store(true, Ordering::Relaxed);
    });
    assert!(changes.load(Ordering::Relaxed) > 500 * SIGNERS);
}

#[test]
fn a_server_accepts_the_old_pair_and_the_new_side_by_side() {
    let store = StaticKeys::from_iter([pair(0), pair(1)]);
    for number in [0, 1] {
        let mut request = Request::new(());
        Signer::new(pair(number))
            .sign_request(&mut request, at(FRIDAY))
            .unwrap();
        assert_eq!(
            signed_by(&store, &request).unwrap(),
            format!("AKID{number}")
        );
    }
    let mut request = Request::new(());
    Signer::new(pair(2))
        .sign_request(&mut request, at(FRIDAY))
        .unwrap();
    assert_eq!(signed_by(&store, &request), Err(Rejection::KeyUnknown));
}

#[test]
fn the_handles_debug_shows_the_id_and_not_the_secret() {
    let text = format!("{:?}", RotatingKeyPair::new(pair(7)));
    assert_eq!(
        text,
        r#"RotatingKeyPair { id: "AKID7", secret: [redacted] }"#
    );
}
