//! The demo's own page, and what other pages and other keys get from it.

use super::{assert_kept_out, fetch, page, visit};
use crate::demo::process::Demo;
use serde_json::{Value, json};
use std::sync::Arc;

/// The demo, and what a page on each of two origins comes to know of it.
struct Visit {
    demo: Arc<Demo>,
    told: Value,
}

impl Visit {
    /// Both origins are of one listener: what differs is only what the demo allows.
    fn new(steps: impl Fn(&Demo) -> Vec<Value>) -> Self {
        let demo = Demo::shared();
        let steps = steps(&demo);
        let own = demo.fact("/page").to_owned();
        let other = own.replacen("localhost", "elsewhere.localhost", 1);
        let told = visit(&[page("own", &own, &steps), page("other", &other, &steps)]);
        Self { demo, told }
    }

    fn own(&self, step: &str) -> &Value {
        &self.told["own"][step]
    }

    fn other(&self, step: &str) -> &Value {
        &self.told["other"][step]
    }
}

/// What a step's answer says.
fn body(step: &Value) -> Value {
    let text = step["body"].as_str().unwrap_or_else(|| panic!("{step}"));
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {step}"))
}

fn graphql(demo: &Demo, name: &str, path: &str, headers: &Value) -> Value {
    let url = format!("{}{path}", demo.fact("/sample_api"));
    let query = json!({ "query": "{ __typename }" });
    fetch(name, "POST", &url, headers, Some(&query))
}

#[test]
fn ultras_front_end_calls_from_the_demos_page_and_from_no_other() {
    let visit = Visit::new(|demo| {
        let call = |name: &str, bearer: &str, client: &str| {
            let headers = json!({
                "Authorization": format!("Bearer {bearer}"), "X-Client-ID": client, "Content-Type": "application/json",
            });
            graphql(demo, name, "/graphql", &headers)
        };
        let (token, client) = (
            demo.fact("/ultra/registration_token"),
            demo.fact("/ultra/client_id"),
        );
        vec![
            call("good", token, client),
            call("wrong_token", "wrong", client),
            call("wrong_client", token, "someone"),
            call("leaked", demo.fact("/api_key"), client),
        ]
    });
    assert_eq!(visit.own("good")["status"], 200, "{}", visit.told);
    let seen = &visit.own("good")["headers"]["seen-countersign-client"];
    assert_eq!(seen, visit.demo.fact("/ultra/client_id"), "{}", visit.told);
    for name in ["wrong_token", "wrong_client"] {
        let denied = visit.own(name);
        assert_eq!(denied["status"], 401, "{denied}");
        assert!(
            body(denied)["data"].is_null(),
            "in GraphQL's words: {denied}"
        );
    }
    let leaked = visit.own("leaked");
    assert_eq!(leaked["status"], 403, "{leaked}");
    let text = leaked["body"].as_str().unwrap();
    assert!(text.contains("browser"), "it names the rule: {leaked}");
    for name in ["good", "wrong_token", "wrong_client", "leaked"] {
        assert_kept_out(visit.other(name));
    }
}

#[test]
fn quiltts_session_calls_work_across_hosts_with_the_sdks_headers() {
    let visit = Visit::new(|demo| {
        let issue = format!(
            "curl -s -i -X POST {}/v1/users/sessions -H 'Authorization: Bearer {}' -H 'Content-Type: application/json' -d '{{\"userId\":\"{}\"}}'",
            demo.fact("/public"),
            demo.fact("/quiltt/api_key_secret"),
            demo.fact("/quiltt/profile_id"),
        );
        let issued = demo.sh(&issue);
        assert_eq!(issued.status, 201, "{issued:?}");
        let token = issued.json()["token"].as_str().unwrap().to_owned();
        steps_of_the_sdk(demo, &token)
    });
    assert_eq!(visit.own("check")["status"], 200, "{}", visit.told);
    let profile = visit.demo.fact("/quiltt/profile_id");
    assert_eq!(body(visit.own("check"))["userId"], profile);
    let version = &visit.own("check")["headers"]["quiltt-version"];
    assert_eq!(
        version, "2024-01-01",
        "the page may read it: {}",
        visit.told
    );
    assert_eq!(visit.own("graphql")["status"], 200, "{}", visit.told);
    assert_eq!(visit.own("revoke")["status"], 204, "{}", visit.told);
    assert_eq!(visit.own("after")["status"], 401, "{}", visit.told);
    let leaked = visit.own("leaked");
    assert_eq!(leaked["status"], 403, "{leaked}");
    let text = leaked["body"].as_str().unwrap();
    assert!(text.contains("browser"), "it names the rule: {leaked}");
    for name in ["check", "graphql", "revoke", "after", "leaked"] {
        assert_kept_out(visit.other(name));
    }
}

fn steps_of_the_sdk(demo: &Demo, token: &str) -> Vec<Value> {
    let session = demo.fact("/public").replace("127.0.0.1", "auth.localhost") + "/v1/users/session";
    let headers = |bearer: &str| {
        json!({
            "Accept": "application/json", "Content-Type": "application/json",
            "Authorization": format!("Bearer {bearer}"), "Quiltt-Version": "2024-01-01",
            "Quiltt-SDK-Agent": "Quiltt/5.0.0 (React)", "Quiltt-Client-Version": "5.0.0",
            "Quiltt-Session-ID": "s1", "Quiltt-Anonymous-ID": "a1",
        })
    };
    vec![
        fetch("check", "GET", &session, &headers(token), None),
        graphql(demo, "graphql", "/v1/graphql", &headers(token)),
        fetch("revoke", "DELETE", &session, &headers(token), None),
        graphql(demo, "after", "/v1/graphql", &headers(token)),
        fetch(
            "leaked",
            "GET",
            &session,
            &headers(demo.fact("/quiltt/api_key_secret")),
            None,
        ),
    ]
}

#[test]
fn the_demos_page_signs_a_visitor_up_and_out_again() {
    let click = |name: &str, until: &str| json!({ "name": name, "click": format!("#{name}"), "until": until });
    let demo = Demo::shared();
    let steps = [click("ultra", "Ultra:"), click("quiltt", "sign out:")];
    let told = visit(&[page("own", demo.fact("/page"), &steps)]);
    let said = told["own"]["quiltt"]["said"].as_str().unwrap();
    for line in [
        "Ultra: 200",
        "Quiltt, sign up: 201",
        "Quiltt, the session: 200",
        "Quiltt, the profile: 200",
        "Quiltt, sign out: 204",
        "Northern reservoir",
        "Everyday checking",
    ] {
        assert!(said.contains(line), "{line}: {said}");
    }
}
