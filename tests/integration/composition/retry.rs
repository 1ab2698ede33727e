use std::{
    future::{Ready, ready},
    time::Duration,
};

use http::{Response, StatusCode};
use tower::{
    Layer as _, ServiceBuilder, ServiceExt as _,
    retry::{Policy, RetryLayer},
};
use tower_hmac_auth::{Verifier, clock::ManualClock};

use super::{Answer, Call, Gateway, assert_signed_once, clock, get, one, sign, text};

/// Tries again after a 503, when so much time has passed.
#[derive(Clone)]
struct After {
    clock: ManualClock,
    pause: Duration,
    left: usize,
}

impl<E> Policy<Call, Answer, E> for After {
    type Future = Ready<()>;

    fn retry(&mut self, _: &mut Call, result: &mut Result<Answer, E>) -> Option<Ready<()>> {
        let status = result.as_ref().ok()?.status();
        if status != StatusCode::SERVICE_UNAVAILABLE || self.left == 0 {
            return None;
        }
        self.left -= 1;
        self.clock.advance(self.pause);
        Some(ready(()))
    }

    fn clone_request(&mut self, request: &Call) -> Option<Call> {
        Some(request.clone())
    }
}

/// Refuses service twice.
fn gateway(clock: &ManualClock) -> Gateway {
    Gateway::new(clock, Verifier::new(), |attempt| {
        let mut answer = Response::default();
        if attempt <= 2 {
            *answer.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
        }
        answer
    })
}

fn policy(clock: &ManualClock, pause: u64) -> After {
    After {
        clock: clock.clone(),
        pause: Duration::from_secs(pause),
        left: 3,
    }
}

#[tokio::test]
async fn outside_each_attempt_is_signed_again_with_the_date_of_its_own_second() {
    let clock = clock();
    let gateway = gateway(&clock);
    let service = ServiceBuilder::new()
        .layer(RetryLayer::new(policy(&clock, 901)))
        .layer(sign(&clock))
        .service(gateway.service.clone());
    let answer = service.oneshot(get()).await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);

    let accepted = gateway.accepted();
    accepted.iter().for_each(assert_signed_once);
    let dates: Vec<_> = accepted.iter().map(|sent| one(sent, "x-date")).collect();
    assert_eq!(
        dates,
        [
            "Fri, 09 Oct 2015 00:00:00 GMT",
            "Fri, 09 Oct 2015 00:15:01 GMT",
            "Fri, 09 Oct 2015 00:30:02 GMT",
        ]
    );
    let signatures: Vec<_> = accepted.iter().map(|s| one(s, "authorization")).collect();
    assert_ne!(signatures[0], signatures[1]);
    assert_ne!(signatures[1], signatures[2]);
}

#[tokio::test]
async fn inside_the_old_date_is_sent_again_and_refused_when_it_is_too_old() {
    let clock = clock();
    let gateway = gateway(&clock);
    let service = sign(&clock).layer(
        ServiceBuilder::new()
            .layer(RetryLayer::new(policy(&clock, 450)))
            .service(gateway.service.clone()),
    );
    let answer = service.oneshot(get()).await.unwrap();
    // 450 and 900 seconds are allowed, so the third attempt is accepted with the first one's
    // signature.
    assert_eq!(answer.status(), StatusCode::OK);
    let accepted = gateway.accepted();
    assert_eq!(accepted.len(), 3);
    assert!(accepted.iter().all(|sent| *sent == accepted[0]));

    let clock = super::clock();
    let gateway = self::gateway(&clock);
    let service = sign(&clock).layer(
        ServiceBuilder::new()
            .layer(RetryLayer::new(policy(&clock, 901)))
            .service(gateway.service.clone()),
    );
    let answer = service.oneshot(get()).await.unwrap();
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
    assert!(
        text(answer)
            .await
            .contains("the x-date header is out of date")
    );
    assert_eq!(gateway.accepted().len(), 1);
}
