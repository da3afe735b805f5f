//! Countersign behind the real nginx, Caddy and HAProxy, each with the sample configuration that it is
//! shipped with, before an API that remembers what reached it.

pub mod api;
mod away;
pub mod child;
pub mod countersign;
mod countersigned;
mod listener;
pub mod phone;
pub mod proxy;
mod stories;
mod ultra;
mod vulnerabilities;
pub mod wire;

use api::{Reached, SampleApi};
use countersign::{Cast, Countersign};
use proxy::{Kind, Proxy};
use wire::{Answer, Ask};

/// A caller's way to the API: proxy, server, API, and what callers can show.
struct Stage {
    proxy: Proxy,
    countersign: Countersign,
    api: SampleApi,
    cast: Cast,
}

impl Stage {
    fn new(kind: Kind) -> Self {
        let countersign = Countersign::start();
        let cast = countersign::set_up(&countersign);
        let api = SampleApi::start();
        let proxy = Proxy::start(kind, countersign.gateway(kind.profile()), api.address);
        Self {
            proxy,
            countersign,
            api,
            cast,
        }
    }

    /// Send it through the proxy; what came of it, and what reached the API.
    fn ask(&self, ask: &Ask) -> (Answer, Vec<Reached>) {
        let answer = ask.send(self.proxy.address);
        (answer, self.api.take())
    }

    /// It must pass; as the API saw it, with every identity header exactly once.
    fn passes(&self, ask: &Ask) -> Reached {
        let (answer, mut reached) = self.ask(ask);
        let kind = self.proxy.kind;
        assert_eq!(answer.status, 200, "{kind:?} {ask:?}: {answer:?}");
        assert_eq!(reached.len(), 1, "{kind:?} {ask:?}: {answer:?}");
        let reached = reached.remove(0);
        for header in identity_headers() {
            let values = reached.values(header);
            assert!(
                matches!(values.as_slice(), [value] if !value.is_empty()),
                "{kind:?} {ask:?}: {header} in {reached:?}"
            );
        }
        for secret in ["Authorization", "client_secret", "Countersign-Approval"] {
            assert!(
                reached.values(secret).is_empty(),
                "{kind:?} {ask:?}: {secret} in {reached:?}"
            );
        }
        reached
    }

    /// It must not pass: nothing reaches the API.
    fn stays_out(&self, ask: &Ask) -> Answer {
        let (answer, reached) = self.ask(ask);
        let kind = self.proxy.kind;
        assert!(reached.is_empty(), "{kind:?} {ask:?}: {reached:?}");
        // `OPTIONS *` is about the proxy itself, and Caddy answers it.
        let is_about_the_proxy = ask.line.starts_with("OPTIONS * ") && kind == Kind::Caddy;
        assert!(
            answer.status >= 400 || is_about_the_proxy,
            "{kind:?} {ask:?}: {answer:?}"
        );
        answer
    }

    /// It must be refused with this status.
    fn refuses(&self, ask: &Ask, status: u16) -> Answer {
        let answer = self.stays_out(ask);
        let kind = self.proxy.kind;
        assert_eq!(answer.status, status, "{kind:?} {ask:?}: {answer:?}");
        answer
    }
}

/// The identity headers that every passing request has.
fn identity_headers() -> impl Iterator<Item = &'static str> {
    let all = ::countersign::gateway::identity::IDENTITY_HEADERS.iter();
    all.filter(|header| header.always).map(|header| header.name)
}
