//! Ultra's callers behind each proxy: a back end with four headers, a page with its registration token.

use super::{
    Ask, Stage,
    countersign::{PAGE, SANDBOX},
};
use serde_json::json;

pub(super) fn tell(stage: &Stage) {
    a_back_end_passes_with_four_headers_and_its_secret_stays_here(stage);
    a_page_passes_with_its_registration_token_and_its_client_id(stage);
    everyone_else_is_told_the_same(stage);
    a_secret_from_a_page_is_refused_so_that_the_page_can_read_it(stage);
}

/// As the vendor's document prints it.
fn four(client: &str, secret: &str) -> Ask {
    Ask::new("POST", "/graphql", SANDBOX)
        .header("client_id", client)
        .header("client_secret", secret)
        .header("grant_type", "client_credentials")
        .header("scope", "read")
        .json(&json!({ "query": "{ games { name } }" }))
}

fn page(token: &str, client: &str) -> Ask {
    Ask::new("POST", "/graphql", SANDBOX)
        .bearer(token)
        .header("X-Client-ID", client)
        .json(&json!({ "query": "{ games { name } }" }))
}

fn a_back_end_passes_with_four_headers_and_its_secret_stays_here(stage: &Stage) {
    let cast = &stage.cast;
    // Once cold, once warm.
    for _ in 0..2 {
        let reached = stage.passes(&four(&cast.client, &cast.secret));
        let said = |name: &str| reached.values(name)[0].to_owned();
        assert_eq!(said("Countersign-Client"), cast.client);
        assert_eq!(said("Countersign-Credential"), "client_secret");
        assert_eq!(said("Countersign-Scopes"), "read");
        let head = format!("{:?}", reached.headers);
        assert!(!head.contains(&cast.secret), "{reached:?}");
    }
}

fn a_page_passes_with_its_registration_token_and_its_client_id(stage: &Stage) {
    let reached = stage.passes(&page(&stage.cast.registration, "page"));
    assert_eq!(
        reached.values("Countersign-Credential"),
        ["registration_token"]
    );
    let preflight = Ask::new("OPTIONS", "/graphql", SANDBOX)
        .header("Origin", PAGE)
        .header("Access-Control-Request-Method", "POST")
        .header(
            "Access-Control-Request-Headers",
            "authorization,x-client-id,content-type",
        );
    stage.passes(&preflight);
    stage.passes(&page(&stage.cast.registration, "page").header("Origin", PAGE));
}

/// Status, challenge and body: nobody learns what was wrong.
fn everyone_else_is_told_the_same(stage: &Stage) {
    let cast = &stage.cast;
    let wrong = [
        Ask::new("POST", "/graphql", SANDBOX).json(&json!({})),
        page("cs_pub_test_wrong", "page"),
        page(&cast.registration, "other"),
        Ask::new("POST", "/graphql", SANDBOX).bearer(&cast.registration),
        page(&cast.key, "page"),
        page(&cast.token, "page"),
        four(&cast.client, "wrong"),
        four("other", &cast.secret),
        four(&cast.client, &cast.key),
    ];
    for ask in wrong {
        let denied = stage.refuses(&ask, 401);
        assert_eq!(denied.values("WWW-Authenticate"), ["Bearer"], "{denied:?}");
        assert_eq!(
            denied.json(),
            json!({"data": null, "errors": [{
                "message": {"statusCode": 401, "message": "Unauthorized"},
                "extensions": {"code": "UNAUTHENTICATED", "statusCode": 401},
            }]}),
            "{denied:?}"
        );
    }
    // Two credentials have no single reading.
    stage.refuses(&four(&cast.client, &cast.secret).bearer(&cast.token), 400);
    // Where the guard takes no such headers, one of ours is refused.
    let elsewhere = Ask::get("/open", SANDBOX)
        .header("client_id", &cast.client)
        .header("client_secret", &cast.secret);
    stage.refuses(&elsewhere, 401);
}

fn a_secret_from_a_page_is_refused_so_that_the_page_can_read_it(stage: &Stage) {
    let cast = &stage.cast;
    let leaked = four(&cast.client, &cast.secret).header("Origin", PAGE);
    let denied = stage.refuses(&leaked, 403);
    assert_eq!(
        denied.values("Access-Control-Allow-Origin"),
        [PAGE],
        "{denied:?}"
    );
    let told = denied.json()["errors"][0]["message"]["message"].clone();
    assert!(told.as_str().unwrap().contains("browser"), "{told}");
    let elsewhere = page(&cast.registration, "page").header("Origin", "https://evil.example");
    let denied = stage.refuses(&elsewhere, 403);
    assert!(denied.values("Access-Control-Allow-Origin").is_empty());
}
