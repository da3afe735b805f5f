//! What each route takes, and the call that it makes of it.

use super::{ROUTES, Sent, call, decoded, sent};
use countersign_engine::call::{Callers, Presented, Shown};
use std::{collections::BTreeSet, fmt::Write as _};

/// One request for each route, with every member that its body can have; then the same with as few as possible.
const TAKEN: &[(&str, &str, &str)] = &[
    ("GET", "/admin/v1/whoami", ""),
    (
        "GET",
        "/admin/v1/environments?limit=200&cursor=c2FuZGJveA",
        "",
    ),
    (
        "POST",
        "/admin/v1/environments",
        r#"{"id":"sandbox","display_name":"Sandbox","mode":"sandbox","issuer":"https://sandbox.example","hosts":["sandbox.example"],"dialects":["standard","ayyeka"],"brand":"acme","allowed_origins":["https://app.example"],"public_url":"https://login.example","phone_url":"https://phone.example","provider_registrations":"acme"}"#,
    ),
    (
        "POST",
        "/admin/v1/environments",
        r#"{"id":"production","mode":"production","issuer":"https://api.example","hosts":[]}"#,
    ),
    ("GET", "/admin/v1/environments/sandbox", ""),
    (
        "PATCH",
        "/admin/v1/environments/sandbox",
        r#"{"display_name":"Try","hosts":["a.example:8443"],"dialects":[],"allowed_origins":[],"public_url":null,"phone_url":null,"provider_registrations":null}"#,
    ),
    ("PATCH", "/admin/v1/environments/sandbox", "{}"),
    ("POST", "/admin/v1/environments/sandbox/end-tokens", ""),
    ("GET", "/admin/v1/organizations", ""),
    (
        "POST",
        "/admin/v1/organizations",
        r#"{"id":"acme","display_name":"Acme","number":42}"#,
    ),
    (
        "POST",
        "/admin/v1/organizations",
        r#"{"display_name":"Acme"}"#,
    ),
    ("GET", "/admin/v1/organizations/acme", ""),
    (
        "PATCH",
        "/admin/v1/organizations/acme",
        r#"{"display_name":"Acme Ltd","state":"disabled"}"#,
    ),
    ("POST", "/admin/v1/organizations/acme/end-tokens", ""),
    (
        "GET",
        "/admin/v1/environments/sandbox/clients?organization=acme&limit=1",
        "",
    ),
    (
        "POST",
        "/admin/v1/environments/sandbox/clients",
        r#"{"id":"AB12","organization":"acme","display_name":"Meters","kind":"backend","spelling":"ayyeka","scopes":["write","read"],"resources":["https://api.example/"],"number":9007199254740991,"maker_number":0}"#,
    ),
    (
        "POST",
        "/admin/v1/environments/sandbox/clients",
        r#"{"organization":"acme","display_name":"Meters","kind":"service_provider"}"#,
    ),
    (
        "POST",
        "/admin/v1/environments/sandbox/clients",
        r#"{"organization":"acme","display_name":"Partner","kind":"platform","spelling":"bitcanuck","platform":{"code":"partner-1","algorithm":"HS256","single_use":true,"enrols":true,"token_lifetime_max_s":60}}"#,
    ),
    (
        "POST",
        "/admin/v1/environments/sandbox/clients",
        r#"{"organization":"acme","display_name":"Partner","kind":"platform"}"#,
    ),
    (
        "POST",
        "/admin/v1/environments/sandbox/clients",
        r#"{"organization":"acme","display_name":"App","kind":"frontend","spelling":"quiltt","sign_in":{"sign_ups":true}}"#,
    ),
    ("GET", "/admin/v1/environments/sandbox/clients/AB12", ""),
    (
        "PATCH",
        "/admin/v1/environments/sandbox/clients/AB12",
        r#"{"display_name":"M","state":"active","scopes":[],"resources":[]}"#,
    ),
    (
        "PATCH",
        "/admin/v1/environments/sandbox/clients/AB12",
        r#"{"platform":{"single_use":false},"sign_in":null}"#,
    ),
    ("DELETE", "/admin/v1/environments/sandbox/clients/AB12", ""),
    (
        "POST",
        "/admin/v1/environments/sandbox/clients/AB12/end-tokens",
        "",
    ),
    (
        "POST",
        "/admin/v1/environments/sandbox/clients/AB12/credentials",
        r#"{"kind":"api_key","comment":"nightly","scopes":["read"],"not_before":"2026-01-31T12:00:00Z","expires_at":"2027-01-31T12:00:00.5+01:00","allowed_networks":["192.0.2.0/24","2001:db8::1"],"rate_limit":{"per_minute":60,"burst":10}}"#,
    ),
    (
        "POST",
        "/admin/v1/environments/sandbox/clients/AB12/credentials",
        r#"{"kind":"public_key","jwk":{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","alg":"EdDSA"}}"#,
    ),
    (
        "POST",
        "/admin/v1/environments/sandbox/clients/AB12/credentials",
        r#"{"kind":"signing_secret","algorithm":"HS256"}"#,
    ),
    (
        "POST",
        "/admin/v1/environments/sandbox/clients/AB12/credentials",
        r#"{"kind":"registration_token","origins":["https://app.example"],"metadata":{"team":"web"},"api_version":"2026-02-01"}"#,
    ),
    (
        "POST",
        "/admin/v1/environments/sandbox/clients/AB12/credentials",
        r#"{"kind":"public_key"}"#,
    ),
    (
        "GET",
        "/admin/v1/environments/sandbox/credentials?client=AB12",
        "",
    ),
    (
        "GET",
        "/admin/v1/environments/sandbox/credentials/cred_1",
        "",
    ),
    (
        "PATCH",
        "/admin/v1/environments/sandbox/credentials/cred_1",
        r#"{"comment":"","not_before":null,"expires_at":null,"rate_limit":null,"allowed_networks":[],"origins":[],"metadata":null,"api_version":null}"#,
    ),
    (
        "POST",
        "/admin/v1/environments/sandbox/credentials/cred_1/rotate",
        r#"{"overlap_s":3600}"#,
    ),
    (
        "POST",
        "/admin/v1/environments/sandbox/credentials/cred_1/revoke",
        "",
    ),
    (
        "GET",
        "/admin/v1/environments/sandbox/organizations/acme/subjects?limit=2",
        "",
    ),
    (
        "POST",
        "/admin/v1/environments/sandbox/organizations/acme/subjects",
        r#"{"id":"E6DD0BDA-7384-4D88-866B-2E5AA1B2C693","platform":"partner","email":" Jane@Example.com","phone":"+1 555 123 4567","name":"Jane Doe","names":{"first":"Jane","last":"Doe"},"date_of_birth":"1984-02-29","address":{"line1":"1 Main Street","line2":"c/o Roe","city":"Springfield","state":"IL","postal_code":"62701","country_code":"USA"},"metadata":{"tier":"gold"}}"#,
    ),
    (
        "POST",
        "/admin/v1/environments/sandbox/organizations/acme/subjects",
        "{}",
    ),
    (
        "POST",
        "/admin/v1/environments/sandbox/organizations/acme/subjects/find",
        r#"{"email":"jane@example.com"}"#,
    ),
    (
        "POST",
        "/admin/v1/environments/sandbox/organizations/acme/subjects/find",
        r#"{"phone":"+15551234567","platform":"partner"}"#,
    ),
    (
        "GET",
        "/admin/v1/environments/sandbox/subjects/e6dd0bda-7384-4d88-866b-2e5aa1b2c693",
        "",
    ),
    (
        "PATCH",
        "/admin/v1/environments/sandbox/subjects/e6dd0bda-7384-4d88-866b-2e5aa1b2c693",
        r#"{"email":"jane@example.com","phone":null,"name":"Jane","names":{"first":"Jane","last":null},"date_of_birth":null,"address":null,"metadata":null,"state":"disabled"}"#,
    ),
    (
        "DELETE",
        "/admin/v1/environments/sandbox/subjects/e6dd0bda-7384-4d88-866b-2e5aa1b2c693",
        "",
    ),
    (
        "GET",
        "/admin/v1/environments/sandbox/subjects/e6dd0bda-7384-4d88-866b-2e5aa1b2c693/export",
        "",
    ),
    (
        "POST",
        "/admin/v1/environments/sandbox/subjects/e6dd0bda-7384-4d88-866b-2e5aa1b2c693/end-tokens",
        "",
    ),
    (
        "POST",
        "/admin/v1/environments/sandbox/subjects/e6dd0bda-7384-4d88-866b-2e5aa1b2c693/password-link",
        "",
    ),
    (
        "POST",
        "/admin/v1/environments/sandbox/subjects/e6dd0bda-7384-4d88-866b-2e5aa1b2c693/link-nonce",
        "",
    ),
    (
        "GET",
        "/admin/v1/environments/sandbox/organizations/acme/approvers",
        "",
    ),
    (
        "POST",
        "/admin/v1/environments/sandbox/organizations/acme/approvers",
        r#"{"id":"ada","display_name":"Ada","groups":["finance","board"]}"#,
    ),
    (
        "POST",
        "/admin/v1/environments/sandbox/organizations/acme/approvers",
        r#"{"id":"ada"}"#,
    ),
    (
        "PATCH",
        "/admin/v1/environments/sandbox/organizations/acme/approvers/ada",
        r#"{"display_name":"Ada L.","groups":[]}"#,
    ),
    (
        "DELETE",
        "/admin/v1/environments/sandbox/organizations/acme/approvers/ada",
        "",
    ),
    (
        "POST",
        "/admin/v1/environments/sandbox/organizations/acme/approvers/ada/link-nonce",
        "",
    ),
    (
        "GET",
        "/admin/v1/environments/sandbox/devices?limit=3&cursor=c2FuZGJveA",
        "",
    ),
    ("GET", "/admin/v1/environments/sandbox/devices/dev_1", ""),
    (
        "POST",
        "/admin/v1/environments/sandbox/devices/dev_1/unlock",
        "",
    ),
    ("DELETE", "/admin/v1/environments/sandbox/devices/dev_1", ""),
    (
        "GET",
        "/admin/v1/environments/sandbox/approvals?organization=acme&limit=2",
        "",
    ),
    ("GET", "/admin/v1/environments/sandbox/approvals/a1", ""),
    (
        "PUT",
        "/admin/v1/environments/sandbox/clients/AB12/callbacks",
        r#"{"callback_url":"https://bank.example/hook","notification_url":null}"#,
    ),
    (
        "PUT",
        "/admin/v1/environments/sandbox/clients/AB12/callbacks",
        "{}",
    ),
    (
        "GET",
        "/admin/v1/environments/sandbox/subjects/e6dd0bda-7384-4d88-866b-2e5aa1b2c693/sessions",
        "",
    ),
    (
        "DELETE",
        "/admin/v1/environments/sandbox/subjects/e6dd0bda-7384-4d88-866b-2e5aa1b2c693/sessions/ses_1",
        "",
    ),
    ("GET", "/admin/v1/environments/sandbox/guards", ""),
    (
        "PUT",
        "/admin/v1/environments/sandbox/guards",
        r#"{"guards":[{"name":"sites","hosts":["api.example"],"paths":["/v2.0/*"],"methods":["GET"],"accept":["access_token","api_key"],"profiles":["ayyeka"],"audiences":["https://api.example/"],"scopes":["read"],"origins":["https://app.example"],"rate_limit":{"per_minute":600,"burst":50},"dialect":"ayyeka","assertion":true},{"name":"open","paths":["/status"],"accept":["anonymous"],"rate_limit":null,"dialect":null},{"name":"people","paths":["/me"],"accept":["session","subject_basic","client_headers"],"secrets_from_browsers":true},{"name":"payouts","paths":["/payouts"],"accept":["session"],"approval":"required","approvers":{"organization":"acme","group":"finance","needed":2},"body":"checked_by_api","sentence":"Pay {query.amount} to {query.to}"},{"name":"own","paths":["/own"],"accept":["session"],"approval":"required","body":"none","sentence":"Go on"},{"name":"none","paths":["/none"],"accept":["session"],"approval":null,"approvers":null,"body":null,"sentence":null}]}"#,
    ),
    ("GET", "/admin/v1/environments/sandbox/key-sets", ""),
    (
        "GET",
        "/admin/v1/environments/sandbox/key-sets/standard",
        "",
    ),
    (
        "POST",
        "/admin/v1/environments/sandbox/key-sets/standard/rotate",
        r#"{"overlap_s":0,"force":true}"#,
    ),
    (
        "POST",
        "/admin/v1/environments/sandbox/key-sets/standard/rotate",
        "{}",
    ),
    (
        "POST",
        "/admin/v1/environments/sandbox/tokens/inspect",
        r#"{"token":"a.b.c"}"#,
    ),
    (
        "POST",
        "/admin/v1/environments/sandbox/tokens/revoke",
        r#"{"token":"a.b.c"}"#,
    ),
    (
        "GET",
        "/admin/v1/environments/sandbox/webhooks?organization=acme&limit=1",
        "",
    ),
    (
        "POST",
        "/admin/v1/environments/sandbox/webhooks",
        r#"{"organization":"acme","name":"Hooks","target_url":"https://hooks.example/","event_types":["profile"],"disabled":true}"#,
    ),
    (
        "POST",
        "/admin/v1/environments/sandbox/webhooks",
        r#"{"organization":"acme","name":"Hooks","target_url":"https://hooks.example/","event_types":["profile"]}"#,
    ),
    ("GET", "/admin/v1/environments/sandbox/webhooks/wh_1", ""),
    (
        "PATCH",
        "/admin/v1/environments/sandbox/webhooks/wh_1",
        r#"{"name":"Other","target_url":"https://other.example/","event_types":["account"],"disabled":false}"#,
    ),
    (
        "PATCH",
        "/admin/v1/environments/sandbox/webhooks/wh_1",
        "{}",
    ),
    ("DELETE", "/admin/v1/environments/sandbox/webhooks/wh_1", ""),
    (
        "POST",
        "/admin/v1/environments/sandbox/webhooks/wh_1/rotate",
        r#"{"overlap_s":3600}"#,
    ),
    (
        "GET",
        "/admin/v1/environments/sandbox/deliveries?limit=1",
        "",
    ),
    ("GET", "/admin/v1/environments/sandbox/dead-letters", ""),
    ("GET", "/admin/v1/environments/sandbox/deliveries/dlv_1", ""),
    (
        "POST",
        "/admin/v1/environments/sandbox/deliveries/dlv_1/replay",
        "",
    ),
    (
        "POST",
        "/admin/v1/environments/sandbox/deliveries/dlv_1/discard",
        "",
    ),
    ("GET", "/admin/v1/operators", ""),
    (
        "POST",
        "/admin/v1/operators",
        r#"{"id":"alice","display_name":"Alice","role":"owner"}"#,
    ),
    ("GET", "/admin/v1/operators/alice", ""),
    (
        "PATCH",
        "/admin/v1/operators/alice",
        r#"{"display_name":"A","role":"viewer","state":"disabled"}"#,
    ),
    (
        "POST",
        "/admin/v1/operators/alice/tokens",
        r#"{"comment":"laptop","not_before":null,"expires_at":"2026-12-31T00:00:00Z","allowed_networks":["10.0.0.0/8"]}"#,
    ),
    ("POST", "/admin/v1/operators/alice/tokens", "{}"),
    ("GET", "/admin/v1/operator-tokens", ""),
    ("POST", "/admin/v1/operator-tokens/cred_9/revoke", ""),
    (
        "GET",
        "/admin/v1/audit?environment=sandbox&organization=acme&since=2026-01-31T12:00:00Z",
        "",
    ),
    ("GET", "/admin/v1/audit?environment=*", ""),
];

#[test]
fn each_route_makes_its_call_of_a_good_request() {
    let mut told = String::new();
    for (method, target, body) in TAKEN {
        let call = call(sent(method, target, body));
        let call = call.unwrap_or_else(|denied| panic!("{method} {target} {body}: {denied:?}"));
        writeln!(told, "{method} {target} {body}\n    {call:?}\n").unwrap();
    }
    insta::assert_snapshot!(told);
}

#[test]
fn no_route_is_left_out_of_the_table() {
    let tried: BTreeSet<&str> = TAKEN
        .iter()
        .map(|(method, target, body)| decoded(sent(method, target, body)).0.name)
        .collect();
    let all: BTreeSet<&str> = ROUTES.iter().map(|route| route.name).collect();
    assert_eq!(tried, all);
    assert_eq!(all.len(), ROUTES.len(), "two routes share a name");
}

#[test]
fn every_route_asks_for_an_operator_and_changes_for_more_than_a_viewer() {
    use countersign_engine::model::operator::Role;
    for route in ROUTES {
        let Callers::Operator(role) = route.callers else {
            panic!("{} is open to {:?}", route.name, route.callers);
        };
        // These change nothing; what they ask for is in the body to keep it out of logs.
        let asks = ["admin.tokens.inspect", "admin.subjects.find"];
        let reads = route.method == "GET" || asks.contains(&route.name);
        assert_eq!(
            role == Role::Viewer,
            reads && !route.path.contains("operator"),
            "{}",
            route.name
        );
        assert_eq!(
            role == Role::Owner,
            route.path.contains("operator"),
            "{}",
            route.name
        );
    }
}

#[test]
fn a_token_is_looked_for_in_authorization_and_nowhere_else() {
    let shown = |headers: &[(&str, &str)], target: &str| {
        let sent = Sent {
            method: "GET",
            target,
            headers,
            body: b"",
        };
        decoded(sent).1.presented
    };
    let bearer = shown(
        &[("authorization", "Bearer cs_opr_live_x")],
        "/admin/v1/whoami",
    );
    assert!(matches!(bearer, Presented::Present(Shown::Bearer(_))));
    for headers in [
        &[("cookie", "token=cs_opr_live_x")] as &[_],
        &[("x-api-key", "cs_opr_live_x")],
        &[],
    ] {
        let found = shown(headers, "/admin/v1/whoami?access_token=cs_opr_live_x");
        assert!(matches!(found, Presented::Absent), "{found:?}");
    }
    let basic = shown(&[("authorization", "Basic YTpi")], "/admin/v1/whoami");
    assert!(matches!(basic, Presented::Malformed(_)));
}
