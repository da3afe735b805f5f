//! The requests that vendors' documents print, and every byte of our answers, through the real listeners: on a clock
//! that stands still. What is drawn from chance or signed by a key is named instead: jobs draw too, whenever they run,
//! and key pairs are the machine's own. So are requests, which have numbers in turn.

mod bitcanuck;
mod quiltt;
mod ultra;

use crate::{
    ask::raw,
    harness::Server,
    rules::world::{CountingEntropy, StandingClock},
    world::Doors,
};
use countersign::{
    config::{Address, GatewayListener, Profile},
    system::Machine,
};
use countersign_engine::time::Timestamp;
use serde_json::json;
use std::{net::SocketAddr, sync::Arc, time::Duration};

/// A server with one environment and one organization, at a time of its own.
struct Stage {
    server: Server,
    doors: Doors,
    clock: Arc<StandingClock>,
}

/// A request as it went over the wire, and its answer; line by line.
struct Said {
    request: String,
    answer: String,
}

const ENVIRONMENT: &str = "/admin/v1/environments/production";

impl Stage {
    /// Where the environment's public hosts are these, and speak `dialect`.
    async fn new(now: Timestamp, hosts: &[&str], dialect: &str) -> Self {
        // What is set up has happened before.
        let clock = Arc::new(StandingClock::at(now.minus(Duration::from_secs(60))));
        let machine = Machine {
            clock: Arc::clone(&clock) as _,
            entropy: Arc::new(CountingEntropy::default()),
        };
        let server = Server::start_on(machine, |config| {
            config.listener.gateway = vec![GatewayListener {
                addresses: vec![Address::loopback(0)],
                profile: Profile::ForwardAuth,
                ..GatewayListener::default()
            }];
        })
        .await;
        let doors = Doors {
            public: server.public(),
            admin: server.admin(),
            gateways: vec![server.gateway()],
            owner: server.operator_token(),
        };
        let environment = json!({
            "id": "production", "mode": "production", "issuer": format!("https://{}", hosts[0]),
            "hosts": hosts, "dialects": [dialect],
        });
        doors.make("/admin/v1/environments", environment).await;
        let organization = json!({ "id": "acme", "display_name": "Acme" });
        doors.make("/admin/v1/organizations", organization).await;
        Self {
            server,
            doors,
            clock,
        }
    }

    /// Now it is that time.
    fn begin(&self, now: Timestamp) {
        self.clock.turn_to(now);
    }

    async fn client(&self, new: serde_json::Value) {
        self.doors
            .make(&format!("{ENVIRONMENT}/clients"), new)
            .await;
    }

    async fn guard(&self, guard: serde_json::Value) {
        let guards = json!({ "guards": [guard] });
        let path = format!("{ENVIRONMENT}/guards");
        self.doors.change("PUT", &path, guards).await;
    }

    /// Send what a document prints: request line, headers, an empty line, body.
    async fn say(&self, printed: &str) -> Said {
        self.send(self.doors.public, printed).await
    }

    /// What a proxy asks about such a request before it lets it through, as Caddy's `forward_auth` does.
    async fn judge(&self, printed: &str) -> Said {
        let (first, rest) = printed.split_once('\n').unwrap();
        let [method, target, _] = first.split(' ').collect::<Vec<_>>()[..] else {
            panic!("{first}");
        };
        let (host, rest) = rest.split_once('\n').unwrap();
        let host = host.strip_prefix("Host: ").unwrap();
        let (head, _) = rest.split_once("\n\n").unwrap();
        let asked = format!(
            "GET /decision HTTP/1.1\nHost: countersign\nX-Forwarded-Method: {method}\n\
             X-Forwarded-Host: {host}\nX-Forwarded-Uri: {target}\nX-Forwarded-For: 192.0.2.7\n{head}\n\n"
        );
        let said = self.send(self.doors.gateways[0], &asked).await;
        Said {
            request: printed.trim_end().to_owned(),
            ..said
        }
    }

    async fn send(&self, to: SocketAddr, printed: &str) -> Said {
        let (head, body) = printed.split_once("\n\n").unwrap();
        let length = match body.len() {
            0 => String::new(),
            bytes => format!("Content-Length: {bytes}\n"),
        };
        let head = format!("{head}\n{length}Connection: close\n\n").replace('\n', "\r\n");
        let told = Box::pin(raw(to, &[head.as_bytes(), body.as_bytes()].concat())).await;
        Said {
            request: printed.trim_end().to_owned(),
            answer: lines(&told),
        }
    }

    async fn stop(self) {
        self.server.stop().await;
    }
}

/// The answer as it came, but for the day, which is hyper's, and the request's name.
fn lines(told: &[u8]) -> String {
    let text = String::from_utf8(told.to_vec()).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let named = head.split("\r\n").map(|line| match line.split_once(": ") {
        Some(("date", _)) => "date: <date>".into(),
        Some((name @ ("x-request-id" | "countersign-request-id"), id)) => {
            assert_eq!(id.len(), 8, "{id}");
            format!("{name}: <request>")
        }
        _ => line.to_owned(),
    });
    let named: Vec<String> = named.collect();
    format!("{}\n\n{body}", named.join("\n"))
}

impl Said {
    /// A text member of the answer's body.
    fn member(&self, pointer: &str) -> String {
        let (_, body) = self.answer.split_once("\n\n").unwrap();
        let body: serde_json::Value = serde_json::from_str(body).unwrap();
        let member = body.pointer(pointer).and_then(serde_json::Value::as_str);
        member
            .unwrap_or_else(|| panic!("{pointer} in {body}"))
            .to_owned()
    }
}

/// Requests and answers one after the other, `names` in the place of what is signed.
fn transcript(said: &[Said], names: &[(&str, &str)]) -> String {
    let mut text = String::new();
    for Said { request, answer } in said {
        for (mark, part) in [("> ", request), ("< ", answer)] {
            for line in part.lines() {
                text += format!("{mark}{line}").trim_end();
                text.push('\n');
            }
        }
        text.push('\n');
    }
    for (value, name) in names {
        text = text.replace(value, name);
    }
    text
}
