//! Countersigned routes behind each proxy, before the sample API: what a person approved passes, once, and nothing
//! else does.

use super::{
    Ask, Kind, Proxy,
    countersign::{Cast, Countersign, SANDBOX, set_up},
    listener::asks,
    phone::{Phone, sha256},
    wire::Answer,
};
use ::countersign::demo::sample_api::{AskedBy, SampleApi};
use data_encoding::BASE64;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

#[test]
fn nginx_lets_pass_what_a_person_approved_and_nothing_else() {
    tell(&Stage::new(Kind::Nginx));
}

#[test]
fn caddy_lets_pass_what_a_person_approved_and_nothing_else() {
    tell(&Stage::new(Kind::Caddy));
}

#[test]
fn haproxy_lets_pass_what_a_person_approved_and_nothing_else() {
    tell(&Stage::new(Kind::Haproxy));
}

fn tell(stage: &Stage) {
    an_approved_payout_is_paid_once(stage);
    another_query_is_refused_by_the_decision(stage);
    another_body_is_refused_by_the_sample_api(stage);
    a_request_without_one_digest_is_asked_of_nobody(stage);
    what_has_no_body_gets_none(stage);
}

/// The host of the sandbox's phones.
const PHONES: &str = "phone.sandbox.test";
const PAYOUT: &str = "/payouts?to=Ada%20Lovelace&amount=12.50";
const PAYOUT_IN_WORDS: &str = "Pay 12.50 to Ada Lovelace";
const BODY: &str = r#"{"reference": "invoice 7"}"#;

struct Stage {
    proxy: Proxy,
    world: World,
    /// Keeps the sample API serving.
    _runtime: Runtime,
}

/// A server whose sandbox has countersigned routes, an approver, and her phone.
struct World {
    countersign: Countersign,
    cast: Cast,
    phone: Phone,
}

impl World {
    fn new() -> Self {
        let countersign = Countersign::start();
        let cast = set_up(&countersign);
        amend(&countersign);
        countersign.set_guards("sandbox", &guards());
        let approvers = "environments/sandbox/organizations/acme/approvers";
        countersign.make(approvers, &json!({ "id": "ada", "groups": ["finance"] }));
        let phone = Phone::enrol(countersign.public, PHONES);
        let link = format!("/admin/v1/{approvers}/ada/link-nonce");
        let nonce = countersign.admin_ask(Ask::new("POST", &link, "localhost"));
        let nonce = nonce.json()["nonce"].as_str().unwrap().to_owned();
        assert_eq!(phone.type_in(&nonce)["purpose"], "approver");
        Self {
            countersign,
            cast,
            phone,
        }
    }
}

fn amend(countersign: &Countersign) {
    let path = "/admin/v1/environments/sandbox";
    let before = countersign.admin_ask(Ask::get(path, "localhost"));
    let change = json!({
        "hosts": [SANDBOX, PHONES], "phone_url": format!("https://{PHONES}"),
        "dialects": ["standard", "ayyeka", "ultra", "phone"],
    });
    let ask = Ask::new("PATCH", path, "localhost").header("If-Match", before.values("ETag")[0]);
    countersign.admin_ask(ask.json(&change));
}

fn guards() -> Value {
    let approvers = json!({ "group": "finance", "needed": 1 });
    json!([
        {
            "name": "payouts", "paths": ["/payouts"], "methods": ["POST"], "accept": ["api_key"],
            "approval": "required", "approvers": approvers, "body": "checked_by_api",
            "sentence": "Pay {query.amount} to {query.to}",
        },
        {
            "name": "lockdown", "paths": ["/lockdown"], "methods": ["POST"], "accept": ["api_key"],
            "approval": "required", "approvers": approvers, "body": "none",
            "sentence": "Lock site {query.site} down",
        },
    ])
}

impl Stage {
    fn new(kind: Kind) -> Self {
        let world = World::new();
        let runtime = Runtime::new().unwrap();
        let api = runtime
            .block_on(SampleApi::start(0, AskedBy::Proxy))
            .unwrap();
        let gateway = world.countersign.gateway(kind.profile());
        let proxy = Proxy::start(kind, gateway, api.address);
        Self {
            proxy,
            world,
            _runtime: runtime,
        }
    }

    fn post(&self, target: &str) -> Ask {
        Ask::new("POST", target, SANDBOX).bearer(&self.world.cast.key)
    }

    /// A payout, with the digest of its body.
    fn payout(&self) -> Ask {
        let ask = self.post(PAYOUT).header("Content-Digest", &digest_of(BODY));
        with_body(ask, BODY)
    }

    /// Send it; it must be refused in the decision's words, as this kind of problem.
    fn refused(&self, ask: &Ask, status: u16, kind: &str) -> Answer {
        let answer = ask.send(self.proxy.address);
        let by = self.proxy.kind;
        assert_eq!(answer.status, status, "{by:?} {ask:?}: {answer:?}");
        let expected = format!("urn:countersign:problem:{kind}");
        assert_eq!(answer.json()["type"], expected, "{by:?} {ask:?}");
        let content_type = answer.values("Content-Type");
        assert_eq!(content_type, ["application/problem+json"], "{by:?}");
        answer
    }

    /// Ask for it, and have it approved: the approval.
    fn approved(&self, ask: &Ask, in_words: &str) -> String {
        let answer = self.refused(ask, 403, "approval-required");
        let told = answer.json();
        let poll = told["poll"].as_str().unwrap();
        assert_eq!(answer.values("Location"), [poll], "{answer:?}");
        let path = poll.strip_prefix(&format!("https://{SANDBOX}")).unwrap();
        let id = path.strip_prefix("/approvals/").unwrap();
        assert_eq!(self.state(path), "pending");
        let again = self.refused(ask, 403, "approval-required");
        assert_eq!(
            again.values("Location"),
            [poll],
            "the same request waits once"
        );
        self.world.phone.approves(in_words);
        assert_eq!(self.state(path), "approved");
        id.to_owned()
    }

    fn state(&self, path: &str) -> String {
        let poll = Ask::get(&format!("{path}?wait=0"), SANDBOX);
        let answer = poll.send(self.world.countersign.public);
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()["state"].as_str().unwrap().to_owned()
    }
}

fn an_approved_payout_is_paid_once(stage: &Stage) {
    let approval = stage.approved(&stage.payout(), PAYOUT_IN_WORDS);
    let ask = stage.payout().header("Countersign-Approval", &approval);
    let answer = ask.send(stage.proxy.address);
    assert_eq!(answer.status, 201, "{answer:?}");
    let told = answer.json();
    assert_eq!(
        told["paid"],
        json!({ "to": "Ada Lovelace", "amount": "12.50" })
    );
    assert_eq!(told["asked_by"]["client"], "meter", "{told}");
    let seen = answer.values("Seen-Countersign-Content-Digest");
    assert_eq!(seen, [digest_of(BODY)], "{answer:?}");
    stage.refused(&ask, 403, "approval-used");
}

fn another_query_is_refused_by_the_decision(stage: &Stage) {
    let approval = stage.approved(&stage.payout(), PAYOUT_IN_WORDS);
    let mine = |ask: Ask| ask.header("Countersign-Approval", &approval);
    for target in [
        "/payouts?to=Mallory&amount=12.50",
        "/payouts?to=Ada%20Lovelace&amount=12.51",
        "/payouts?to=Ada%20Lovelace&amount=12.50&to=Mallory",
        "/payouts?to=Ada+Lovelace&amount=12.50",
        "/payouts?amount=12.50&to=Ada%20Lovelace",
    ] {
        let mut ask = mine(stage.payout());
        ask.line = format!("POST {target} HTTP/1.1");
        stage.refused(&ask, 403, "approval-mismatch");
    }
    let digest = digest_of("another body");
    let ask = stage.post(PAYOUT).header("Content-Digest", &digest);
    stage.refused(
        &mine(with_body(ask, "another body")),
        403,
        "approval-mismatch",
    );
    let paid = mine(stage.payout()).send(stage.proxy.address);
    assert_eq!(paid.status, 201, "what was approved still passes: {paid:?}");
}

fn another_body_is_refused_by_the_sample_api(stage: &Stage) {
    let approval = stage.approved(&stage.payout(), PAYOUT_IN_WORDS);
    let mut ask = stage.payout().header("Countersign-Approval", &approval);
    ask.body = BODY.replace('7', "8");
    let answer = ask.send(stage.proxy.address);
    assert_eq!(answer.status, 403, "{answer:?}");
    let told = answer.json();
    assert_eq!(
        told["type"], "urn:sample-api:problem:body-differs",
        "{told}"
    );
    let content_type = answer.values("Content-Type");
    assert_eq!(content_type, ["application/problem+json"]);
}

fn a_request_without_one_digest_is_asked_of_nobody(stage: &Stage) {
    let digest = digest_of(BODY);
    let bare = with_body(stage.post(PAYOUT), BODY);
    for digests in [
        vec![],
        vec!["sha-512=:YWJj:"],
        vec![digest.as_str(), digest.as_str()],
        vec!["sha-256=:YWJj:"],
    ] {
        let add = |ask: Ask, value: &&str| ask.header("Content-Digest", value);
        let ask = digests.iter().fold(bare.clone(), add);
        let answer = ask.send(stage.proxy.address);
        assert_eq!(answer.status, 400, "{digests:?}: {answer:?}");
    }
    assert!(stage.world.phone.waiting().is_empty());
}

/// nginx drops a body, the others refuse it before anybody is asked. The sample API refuses one that comes through.
fn what_has_no_body_gets_none(stage: &Stage) {
    let ask = stage.post("/lockdown?site=1001");
    let approval = stage.approved(&ask, "Lock site 1001 down");
    let ask = ask.header("Countersign-Approval", &approval);
    for ask in [
        with_body(ask.clone(), "unseen"),
        chunked(ask.clone(), "unseen"),
    ] {
        if stage.proxy.kind != Kind::Nginx {
            let answer = ask.send(stage.proxy.address);
            assert_eq!(answer.status, 413, "{answer:?}");
        }
    }
    let ask = match stage.proxy.kind {
        Kind::Nginx => chunked(ask, "unseen"),
        Kind::Caddy | Kind::Haproxy => ask,
    };
    let answer = ask.send(stage.proxy.address);
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.json()["locked"]["site"], 1001, "{answer:?}");
}

/// Proxies that try again send the name that they gave the request.
#[test]
fn a_proxy_that_asks_again_about_the_same_request_gets_the_same_answer() {
    let world = World::new();
    for (profile, request_id) in [
        ("nginx", "x-original-request-id"),
        ("haproxy", "x-haproxy-request-id"),
    ] {
        let gateway = world.countersign.gateway(profile);
        let question = || {
            let ask = Ask::get("/", "decisions")
                .bearer(&world.cast.key)
                .header("Content-Digest", &digest_of(BODY));
            asks(profile, ask, "POST", SANDBOX, PAYOUT)
        };
        let first = question().send(gateway);
        assert_eq!(first.status, 403, "{first:?}");
        world.phone.approves(PAYOUT_IN_WORDS);
        let (_, id) = first.values("Location")[0].rsplit_once('/').unwrap();
        let named = |name: &str| {
            let ask = question().header("Countersign-Approval", id);
            ask.without(request_id).header(request_id, name)
        };
        for _ in 0..2 {
            let answer = named("the-proxys-own").send(gateway);
            assert_eq!(answer.status, 200, "{profile}: {answer:?}");
            let digest = answer.values("Countersign-Content-Digest");
            assert_eq!(digest, [digest_of(BODY)], "{profile}");
        }
        let another = named("another").send(gateway);
        assert_eq!(another.status, 403, "{profile}: {another:?}");
        let mut other_target = named("the-proxys-own");
        for (name, value) in &mut other_target.headers {
            if name.ends_with("uri") || name.ends_with("target") {
                *value = value.replace("12.50", "99.50");
            }
        }
        let refused = other_target.send(gateway);
        assert_eq!(refused.status, 403, "{profile}: {refused:?}");
    }
}

fn digest_of(body: &str) -> String {
    format!("sha-256=:{}:", BASE64.encode(&sha256(body.as_bytes())))
}

fn with_body(mut ask: Ask, body: &str) -> Ask {
    body.clone_into(&mut ask.body);
    ask
}

fn chunked(ask: Ask, body: &str) -> Ask {
    let ask = ask.header("Transfer-Encoding", "chunked");
    let chunks = format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len());
    with_body(ask, &chunks)
}
