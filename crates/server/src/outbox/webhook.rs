//! One attempt to hand an event to its receiver.

use super::{Came, Why, network::Reach};
use countersign_dialects::announce::Outbound;
use reqwest::{
    Client, StatusCode,
    dns::{Addrs, Name, Resolve, Resolving},
    header,
    redirect::Policy,
};
use std::{error::Error, fmt, net::IpAddr, sync::Arc, time::Duration};
use url::{Host, Url};

/// From the first byte of the name's question to the last of the answer's head.
const ANSWER_FOR: Duration = Duration::from_secs(20);
const CONNECT_FOR: Duration = Duration::from_secs(10);

/// Sends events.
pub struct Sender {
    http: Client,
    reach: Arc<Reach>,
}

impl Sender {
    /// A sender that reaches so far.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn new(reach: Reach) -> Result<Self, reqwest::Error> {
        // The second call of a process finds the provider there already; it is the same one.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let reach = Arc::new(reach);
        let http = Client::builder()
            .no_proxy()
            .redirect(Policy::none())
            .referer(false)
            .retry(reqwest::retry::never())
            .http1_only()
            // A connection that stays open would be used again without asking where its name leads now.
            .pool_max_idle_per_host(0)
            .dns_resolver(Outside(Arc::clone(&reach)))
            .connect_timeout(CONNECT_FOR)
            .timeout(ANSWER_FOR)
            .user_agent(concat!("countersign/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self { http, reach })
    }

    /// Send it, and say what came of it. What the receiver says beside its status is not read.
    pub(crate) async fn send(&self, outbound: Outbound) -> Came {
        let Ok(url) = Url::parse(&outbound.url) else {
            return Came::GivenUp(Why::Address);
        };
        if !self.may_ask(&url) {
            return Came::Later(Why::Inside, None);
        }
        let mut request = self.http.post(url);
        for (name, value) in outbound.headers {
            request = request.header(name, value);
        }
        match request.body(outbound.body).send().await {
            Ok(answer) => {
                let asked = answer.headers().get(header::RETRY_AFTER);
                let asked = asked.and_then(|value| value.to_str().ok()?.trim().parse().ok());
                judge(answer.status(), asked.map(Duration::from_secs))
            }
            Err(error) => Came::Later(why(&error), None),
        }
    }

    /// A literal address is not resolved, so it is looked at here. `127.1`, `0x7f000001` and their like are
    /// addresses to this parser too.
    fn may_ask(&self, url: &Url) -> bool {
        let is_safe = url.scheme() == "https";
        let is_plain = url.scheme() == "http" && self.reach.allows_loopback();
        let reached = match url.host() {
            Some(Host::Ipv4(address)) => self.reach.allows(address.into()),
            Some(Host::Ipv6(address)) => self.reach.allows(address.into()),
            Some(Host::Domain(_)) => true,
            None => false,
        };
        (is_safe || is_plain) && reached
    }
}

/// 2xx and nothing else says that it has arrived.
fn judge(status: StatusCode, asked: Option<Duration>) -> Came {
    let why = Why::Status(status.as_u16());
    match status {
        status if status.is_success() => Came::Arrived,
        StatusCode::GONE => Came::GivenUp(Why::Gone),
        // Whatever else it answers: a gateway before the receiver (502, 504) knows as well when to come back.
        _ => Came::Later(why, asked),
    }
}

/// In words of ours: a URL may hold a secret, and errors tell URLs.
fn why(error: &reqwest::Error) -> Why {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(known) = cause {
        if known.is::<InsideOnly>() {
            return Why::Inside;
        }
        cause = known.source();
    }
    match error {
        error if error.is_timeout() => Why::TimedOut,
        error if error.is_connect() => Why::Unreachable,
        _ => Why::Broken,
    }
}

/// Looks names up, and forgets every address that may not be reached: what is connected to is what was looked at.
struct Outside(Arc<Reach>);

#[derive(Debug)]
struct InsideOnly;

impl fmt::Display for InsideOnly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name leads inside only")
    }
}

impl Error for InsideOnly {}

impl Resolve for Outside {
    fn resolve(&self, name: Name) -> Resolving {
        let reach = Arc::clone(&self.0);
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let may = |address: IpAddr| reach.allows(address);
            let found: Vec<_> = found.filter(|found| may(found.ip())).collect();
            if found.is_empty() {
                return Err(InsideOnly.into());
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_inside_are_known_in_every_spelling() {
        let sender = Sender::new(Reach::default()).unwrap();
        for url in [
            "https://127.0.0.1/",
            "https://127.1/",
            "https://2130706433/",
            "https://0x7f000001/",
            "https://0x7f.0.0.1/",
            "https://0177.0.0.1/",
            "https://0/",
            "https://10.0.0.1:8443/",
            "https://[::1]/",
            "https://[::ffff:127.0.0.1]/",
            "https://[::ffff:7f00:1]/",
            "https://[fd00::1]/",
            "https://[64:ff9b::7f00:1]/",
            "https://169.254.169.254/latest/meta-data/",
            "https://\u{ff11}27.0.0.1/",
            "https://127\u{3002}0.0.1/",
            "http://hooks.example.com/",
            "http://127.0.0.1/",
            "ftp://hooks.example.com/",
        ] {
            assert!(!sender.may_ask(&Url::parse(url).unwrap()), "{url}");
        }
        for url in [
            "https://hooks.example.com/",
            "https://1.1.1.1/",
            "https://[2606:4700::1]/",
        ] {
            assert!(sender.may_ask(&Url::parse(url).unwrap()), "{url}");
        }
    }

    #[test]
    fn only_2xx_says_that_it_has_arrived_and_all_others_may_ask_for_a_wait() {
        let asked = Some(Duration::from_secs(7));
        for (status, expected) in [
            (200, Came::Arrived),
            (202, Came::Arrived),
            (204, Came::Arrived),
            (299, Came::Arrived),
            (301, Came::Later(Why::Status(301), asked)),
            (302, Came::Later(Why::Status(302), asked)),
            (307, Came::Later(Why::Status(307), asked)),
            (400, Came::Later(Why::Status(400), asked)),
            (401, Came::Later(Why::Status(401), asked)),
            (410, Came::GivenUp(Why::Gone)),
            (429, Came::Later(Why::Status(429), asked)),
            (500, Came::Later(Why::Status(500), asked)),
            (502, Came::Later(Why::Status(502), asked)),
            (504, Came::Later(Why::Status(504), asked)),
            (503, Came::Later(Why::Status(503), asked)),
        ] {
            assert_eq!(
                judge(StatusCode::from_u16(status).unwrap(), asked),
                expected
            );
        }
    }
}
