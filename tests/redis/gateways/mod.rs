//! Two processes of the example `gateway` that share their claims in Redis, with nginx in front.
//!
//! The tests check what the upstream has received: a client may not see the answer to a request
//! that was accepted.

mod client;
mod copies;
mod gateway;
mod nginx;
mod options;
mod outages;
mod resends;
mod speed;
mod upstream;

use std::time::{Duration, Instant};

use self::{client::Clients, gateway::Gateway, nginx::Nginx, upstream::Upstream};

/// What is started for a test. It is stopped in this order.
struct Setup {
    nginx: Nginx,
    gateways: [Gateway; 2],
    upstream: Upstream,
}

impl Setup {
    /// Starts two gateways with these arguments, and nginx with these settings.
    async fn start(arguments: &[&str], nginx: &str) -> Self {
        let upstream = Upstream::start().await;
        let to_upstream = format!("http://{}", upstream.address());
        let arguments = [arguments, &["--upstream", &to_upstream]].concat();
        let gateways = [
            Gateway::start(&arguments).await,
            Gateway::start(&arguments).await,
        ];
        let nginx = Nginx::start([gateways[0].address(), gateways[1].address()], nginx).await;
        Self {
            nginx,
            gateways,
            upstream,
        }
    }

    fn clients(&self) -> Clients {
        Clients::of(self.nginx.address())
    }

    /// Returns how many claims of each gateway had this outcome.
    async fn claims_of_each(&self, outcome: &str) -> [u64; 2] {
        let [one, two] = &self.gateways;
        [one.claims(outcome).await, two.claims(outcome).await]
    }

    /// Returns how many claims of both gateways had this outcome.
    async fn claims(&self, outcome: &str) -> u64 {
        self.claims_of_each(outcome).await.iter().sum()
    }

    /// Waits until the upstream has received so many requests more.
    async fn goes_on(&self, requests: usize) {
        let before = self.upstream.received();
        until("requests are accepted again", async || {
            self.upstream.received() >= before + requests
        })
        .await;
    }

    /// Waits until each gateway has more claims with this outcome than it had before.
    async fn both_have_more(&self, outcome: &str, before: [u64; 2]) {
        until(&format!("more claims are {outcome}"), async || {
            let now = self.claims_of_each(outcome).await;
            now[0] > before[0] && now[1] > before[1]
        })
        .await;
    }
}

/// Waits until the condition holds, for as long as no machine needs.
async fn until(what: &str, condition: impl AsyncFn() -> bool) {
    let start = Instant::now();
    while !condition().await {
        assert!(
            start.elapsed() < Duration::from_secs(120),
            "not within 120 s: {what}"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
