//! A person's phone, as a page in a real browser and in a terminal, against the real server.

mod crash;
mod in_token;
mod page;
mod site;
mod terminal;

use crate::proxies::{
    countersign::Countersign,
    wire::{Answer, Ask},
};
use serde_json::{Value, json};

/// Where the API of the stories is.
const API: &str = "api.sandbox.test";
const TARGET: &str = "/payouts?to=Northern%20Waterworks&amount=1250.00";
const GATEWAY: &str = "forward_auth";

/// A server with an approver, whose phone does not exist yet, and a route that demands his word.
struct Stage {
    countersign: Countersign,
    /// The key that asks.
    key: String,
}

impl Stage {
    fn new() -> Self {
        let countersign = Countersign::start();
        // The listener's own address is where phones answer, and nothing else does.
        let phone = format!("http://{}", countersign.public);
        Self::of(countersign, &phone)
    }

    /// On a new server, whose phones are at this address.
    fn of(countersign: Countersign, phone_url: &str) -> Self {
        let organization = json!({ "id": "acme", "display_name": "Acme Logistics" });
        countersign.make("organizations", &organization);
        let (_, phone) = phone_url.split_once("://").unwrap();
        let environment = json!({
            "id": "sandbox", "display_name": "Sandbox", "mode": "sandbox", "issuer": "https://auth.sandbox.test",
            "hosts": [API, phone], "phone_url": phone_url, "dialects": ["standard", "ubiqu"],
        });
        countersign.make("environments", &environment);
        let client = json!({
            "id": "payroll", "organization": "acme", "display_name": "Payroll robot", "kind": "backend",
        });
        countersign.make("environments/sandbox/clients", &client);
        let guards = json!([{
            "name": "payouts", "paths": ["/payouts"], "accept": ["api_key"], "approval": "required",
            "approvers": { "organization": "acme", "group": "finance", "needed": 1 }, "body": "none",
            "sentence": "Pay {query.amount} to {query.to}",
        }]);
        countersign.set_guards("sandbox", &guards);
        let approver =
            json!({ "id": "ada", "display_name": "Ada Lovelace", "groups": ["finance"] });
        countersign.make(
            "environments/sandbox/organizations/acme/approvers",
            &approver,
        );
        let key = json!({ "kind": "api_key" });
        let key = countersign.credential("sandbox", "payroll", &key).1;
        Self { countersign, key }
    }

    fn url(&self) -> String {
        format!("http://{}", self.countersign.public)
    }

    /// A nonce that makes a phone the approver's.
    fn nonce(&self) -> String {
        let path = "environments/sandbox/organizations/acme/approvers/ada/link-nonce";
        let ask = Ask::new("POST", &format!("/admin/v1/{path}"), "localhost");
        let told = self.countersign.admin_ask(ask).json();
        told["nonce"].as_str().unwrap().to_owned()
    }

    /// What the gateway is told of a payout: asked for, or with an approval.
    fn pay(&self, target: &str, approval: Option<&str>) -> Answer {
        let mut ask = Ask::get("/", "gateway")
            .header("X-Forwarded-Method", "POST")
            .header("X-Forwarded-Host", API)
            .header("X-Forwarded-Uri", target)
            .header("X-Forwarded-For", "127.0.0.1")
            .bearer(&self.key);
        if let Some(approval) = approval {
            ask = ask.header("Countersign-Approval", approval);
        }
        ask.send(self.countersign.gateway(GATEWAY))
    }

    /// Ask for a payout. The approval that is waited for, and the code to compare.
    fn ask(&self, target: &str) -> (String, String) {
        let asked = self.pay(target, None);
        assert_eq!(asked.status, 403, "{asked:?}");
        let problem = asked.json();
        assert_eq!(
            problem["type"], "urn:countersign:problem:approval-required",
            "{problem}"
        );
        let text = |name: &str| problem[name].as_str().unwrap().to_owned();
        (text("approval"), text("code"))
    }

    /// The last part of a denial's type.
    fn refused(answer: &Answer) -> String {
        let problem: Value = answer.json();
        let kind = problem["type"].as_str().unwrap();
        kind.replace("urn:countersign:problem:", "")
    }
}
