//! A front end in the browser, nginx with its sample, Countersign's decisions, and an API.

use super::{assert_kept_out, fetch, origin, page, visit};
use crate::proxies::{
    api::SampleApi,
    child::eventually,
    countersign::Countersign,
    proxy::{Kind, Proxy},
    wire::Ask,
};
use serde_json::{Value, json};

/// What the stories need, set up for one allowed page.
struct Stage {
    proxy: Proxy,
    countersign: Countersign,
    api: SampleApi,
    /// Serves any path under any name: the pages.
    pages: SampleApi,
    registration: String,
    key: String,
}

impl Stage {
    fn new() -> Self {
        let countersign = Countersign::start();
        let (api, pages) = (SampleApi::start(), SampleApi::start());
        let organization = json!({ "id": "acme", "display_name": "Acme" });
        countersign.make("organizations", &organization);
        let environment = json!({
            "id": "sandbox", "mode": "sandbox", "issuer": "http://127.0.0.1", "hosts": ["127.0.0.1"],
        });
        countersign.make("environments", &environment);
        let guards = json!([{
            "name": "front", "paths": ["/graphql"], "accept": ["registration_token", "api_key"],
            "origins": [origin("app", pages.address)],
        }]);
        countersign.set_guards("sandbox", &guards);
        for (id, kind) in [("page", "frontend"), ("server", "backend")] {
            let client =
                json!({ "id": id, "organization": "acme", "display_name": id, "kind": kind });
            countersign.make("environments/sandbox/clients", &client);
        }
        let credential = |client: &str, kind: &str| {
            let body = json!({ "kind": kind });
            countersign.credential("sandbox", client, &body)
        };
        let registration = credential("page", "registration_token").1;
        let key = credential("server", "api_key").1;
        let gateway = countersign.gateway(Kind::Nginx.profile());
        let proxy = Proxy::start(Kind::Nginx, gateway, api.address);
        Self {
            proxy,
            countersign,
            api,
            pages,
            registration,
            key,
        }
    }

    /// A front end's call, with this bearer.
    fn call(&self, name: &str, bearer: &str) -> Value {
        let headers = json!({
            "Authorization": format!("Bearer {bearer}"), "X-Client-ID": "page", "Content-Type": "application/json",
        });
        let url = format!("http://{}/graphql", self.proxy.address);
        fetch(
            name,
            "POST",
            &url,
            &headers,
            Some(&json!({ "query": "{ sites { id } }" })),
        )
    }
}

#[test]
fn a_page_calls_through_nginx_from_its_own_origin_and_from_no_other() {
    let stage = Stage::new();
    let calls = [
        stage.call("good", &stage.registration),
        stage.call("wrong", "cs_pub_test_nothing"),
        stage.call("leaked", &stage.key),
    ];
    let url = |name: &str| format!("{}/", origin(name, stage.pages.address));
    let told = visit(&[
        page("app", &url("app"), &calls),
        page("other", &url("other"), &calls),
    ]);
    let (app, other) = (&told["app"], &told["other"]);
    assert_eq!(app["origin"], origin("app", stage.pages.address));
    assert_eq!(app["good"]["status"], 200, "{app}");
    assert_eq!(app["good"]["body"], "reached\n", "{app}");
    assert_eq!(app["wrong"]["status"], 401, "the page may read why: {app}");
    for name in ["good", "wrong", "leaked"] {
        assert_kept_out(&other[name]);
    }
    a_secret_key_is_refused_by_name_and_audited(&stage, &app["leaked"]);

    let reached = stage.api.take();
    let asked: Vec<(&str, &str)> = reached
        .iter()
        .map(|it| (it.method.as_str(), it.values("Countersign-Credential")[0]))
        .collect();
    assert!(asked.contains(&("OPTIONS", "preflight")), "{asked:?}");
    let posts: Vec<_> = asked
        .iter()
        .filter(|(method, _)| *method == "POST")
        .collect();
    assert_eq!(posts, [&("POST", "registration_token")], "{asked:?}");
    let from = origin("app", stage.pages.address);
    assert!(
        reached.iter().all(|it| it.values("Origin") == [&from]),
        "nothing of another page came through: {reached:?}"
    );
}

fn a_secret_key_is_refused_by_name_and_audited(stage: &Stage, leaked: &Value) {
    assert!(leaked["status"].as_u64().unwrap() >= 400, "{leaked}");
    let body = leaked["body"].as_str().unwrap();
    assert!(body.contains("browser"), "it names the rule: {leaked}");
    eventually("the audit line", || {
        let path = "/admin/v1/audit?environment=sandbox&limit=200";
        let lines = stage
            .countersign
            .admin_ask(Ask::get(path, "localhost"))
            .json();
        let items = lines["items"].as_array().unwrap().clone();
        items.into_iter().find(|line| {
            line["outcome"] == "secret_from_browser"
                && line["target"].as_str().unwrap().starts_with("credential:")
        })
    });
}
