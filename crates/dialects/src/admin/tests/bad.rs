//! What each route refuses, each for its own reason and by its own name.

use super::{Sent, call, sent};
use countersign_engine::denied::{Denied, Problem, ProblemKind};

fn problems(sent: Sent<'_>) -> Vec<(String, ProblemKind)> {
    match call(sent) {
        Err(Denied::Invalid(problems)) => problems
            .into_iter()
            .map(|Problem { field, kind }| (field, kind))
            .collect(),
        other => panic!("{} {}: {other:?}", sent.method, sent.target),
    }
}

const ORGANIZATIONS: &str = "/admin/v1/organizations";
const CLIENTS: &str = "/admin/v1/environments/sandbox/clients";
const CREDENTIALS: &str = "/admin/v1/environments/sandbox/clients/AB12/credentials";
const SUBJECTS: &str = "/admin/v1/environments/sandbox/organizations/acme/subjects";
const GUARDS: &str = "/admin/v1/environments/sandbox/guards";

#[test]
fn a_body_that_is_not_one_json_object_is_refused_as_such() {
    use ProblemKind::Expected;
    let deep = format!("{{\"id\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    let long = format!("{{\"scopes\":[{}0]}}", "0,".repeat(512));
    let cases: [(&[u8], ProblemKind); 15] = [
        (b"{\"display_name\":\"\xff\"}", Expected("UTF-8")),
        (
            b"\xef\xbb\xbf{}",
            Expected("JSON without a byte order mark"),
        ),
        (
            b"{\"display_name\":\"a\\u0000b\"}",
            Expected("texts without U+0000"),
        ),
        (b"{\"a\\u0000\":1}", Expected("texts without U+0000")),
        (b"{\"display_name\":\"a\0b\"}", Expected("JSON")),
        (
            b"{\"display_name\":\"a\",\"display_name\":\"b\"}",
            Expected("objects whose member names differ"),
        ),
        (
            b"{\"id\":{\"a\":1,\"\\u0061\":2}}",
            Expected("objects whose member names differ"),
        ),
        (deep.as_bytes(), Expected("at most 8 levels of nesting")),
        (long.as_bytes(), Expected("arrays of at most 512 elements")),
        (b"{} {}", Expected("one JSON value and nothing after it")),
        (b"{\"display_name\":\"a\",}", Expected("JSON")),
        (b"display_name=a", Expected("JSON")),
        (b" ", Expected("JSON")),
        (b"[]", Expected("an object")),
        (b"null", Expected("an object")),
    ];
    for (body, kind) in cases {
        let sent = Sent {
            body,
            ..sent("POST", ORGANIZATIONS, "")
        };
        let shown = String::from_utf8_lossy(&body[..body.len().min(60)]);
        assert_eq!(problems(sent), [("body".to_owned(), kind)], "{shown}");
    }
}

/// Method, target, body, and each wrong member with why.
type Case<'a> = (&'a str, &'a str, &'a str, &'a [(&'a str, ProblemKind)]);

#[test]
fn a_wrong_member_is_named_with_what_was_expected() {
    use ProblemKind::{Expected, Missing, UnknownMember};
    const ID: ProblemKind = Expected("1 to 64 characters of A-Z a-z 0-9 - _ .");
    let text = Expected("a string");
    let list = Expected("a list");
    let scopes = Expected(
        "a list of at most 100 scopes, each 1 to 128 bytes of ASCII without space, quote or backslash",
    );
    let time = Expected("a time such as `2026-01-31T12:00:00Z` (RFC 3339)");
    let number = Expected("a whole number from 0 to 9007199254740991");
    let network = Expected("an address or network such as `192.0.2.7` or `2001:db8::/32`");
    let cases: &[Case<'_>] = &[
        ("POST", ORGANIZATIONS, "{}", &[("display_name", Missing)]),
        ("POST", ORGANIZATIONS, "", &[("body", Expected("JSON"))]),
        (
            "POST",
            ORGANIZATIONS,
            r#"{"display_name":null}"#,
            &[("display_name", text.clone())],
        ),
        (
            "POST",
            ORGANIZATIONS,
            r#"{"display_name":"a","id":"a b"}"#,
            &[("id", ID)],
        ),
        (
            "POST",
            ORGANIZATIONS,
            r#"{"display_name":"a","id":""}"#,
            &[("id", ID)],
        ),
        (
            "POST",
            ORGANIZATIONS,
            r#"{"display_name":"a","id":"*"}"#,
            &[("id", ID)],
        ),
        (
            "POST",
            ORGANIZATIONS,
            r#"{"display_name":"a","number":9007199254740992}"#,
            &[("number", number.clone())],
        ),
        (
            "POST",
            ORGANIZATIONS,
            r#"{"display_name":"a","number":-1}"#,
            &[("number", number.clone())],
        ),
        (
            "POST",
            ORGANIZATIONS,
            r#"{"display_name":"a","number":1.0}"#,
            &[("number", number)],
        ),
        (
            "POST",
            ORGANIZATIONS,
            r#"{"Display_Name":"a"}"#,
            &[("display_name", Missing), ("Display_Name", UnknownMember)],
        ),
        (
            "PATCH",
            "/admin/v1/organizations/acme",
            r#"{"number":7,"id":"b"}"#,
            &[("id", UnknownMember), ("number", UnknownMember)],
        ),
        (
            "PATCH",
            "/admin/v1/organizations/acme",
            r#"{"state":"closed"}"#,
            &[("state", Expected("`active` or `disabled`"))],
        ),
        (
            "PATCH",
            "/admin/v1/organizations/acme",
            r#"{"state":{"active":null}}"#,
            &[("state", Expected("`active` or `disabled`"))],
        ),
        (
            "PATCH",
            "/admin/v1/organizations/acme",
            r#"{"display_name":null}"#,
            &[("display_name", text.clone())],
        ),
        (
            "POST",
            "/admin/v1/environments",
            r#"{"id":"a","mode":"live","issuer":1,"hosts":"a"}"#,
            &[
                ("mode", Expected("`sandbox` or `production`")),
                ("issuer", text.clone()),
                ("hosts", list.clone()),
            ],
        ),
        (
            "POST",
            "/admin/v1/environments",
            r#"{"id":"a","mode":"sandbox","issuer":"i","hosts":["a",2,"c",null]}"#,
            &[("hosts[1]", text.clone()), ("hosts[3]", text.clone())],
        ),
        (
            "PATCH",
            "/admin/v1/environments/sandbox",
            r#"{"mode":"production"}"#,
            &[("mode", UnknownMember)],
        ),
        (
            "POST",
            "/admin/v1/operators",
            r#"{"id":"a","role":"admin"}"#,
            &[("role", Expected("`viewer`, `editor` or `owner`"))],
        ),
        (
            "POST",
            "/admin/v1/operators/alice/tokens",
            r#"{"scopes":[]}"#,
            &[("scopes", UnknownMember)],
        ),
        (
            "POST",
            CLIENTS,
            r#"{"organization":"acme","display_name":"a","kind":"web"}"#,
            &[(
                "kind",
                Expected("`frontend`, `backend`, `service_provider` or `platform`"),
            )],
        ),
        (
            "POST",
            CLIENTS,
            r#"{"organization":"acme","display_name":"a","kind":"backend","scopes":["a b"]}"#,
            &[("scopes", scopes.clone())],
        ),
        (
            "POST",
            CLIENTS,
            r#"{"organization":"acme","display_name":"a","kind":"backend","scopes":"a b"}"#,
            &[("scopes", list.clone())],
        ),
        (
            "POST",
            CREDENTIALS,
            r#"{"kind":"operator_token"}"#,
            &[(
                "kind",
                Expected(
                    "`client_secret`, `api_key`, `registration_token`, `public_key` or `signing_secret`",
                ),
            )],
        ),
        (
            "POST",
            CREDENTIALS,
            r#"{"kind":"api_key","expires_at":1769860800}"#,
            &[("expires_at", time.clone())],
        ),
        (
            "POST",
            CREDENTIALS,
            r#"{"kind":"api_key","expires_at":"2026-01-31"}"#,
            &[("expires_at", time)],
        ),
        (
            "POST",
            CREDENTIALS,
            r#"{"kind":"api_key","allowed_networks":["192.0.2.7/24"]}"#,
            &[("allowed_networks[0]", network.clone())],
        ),
        (
            "POST",
            CREDENTIALS,
            r#"{"kind":"api_key","allowed_networks":["example.org"]}"#,
            &[("allowed_networks[0]", network)],
        ),
        (
            "POST",
            CREDENTIALS,
            r#"{"kind":"api_key","rate_limit":{"per_minute":60,"brust":1}}"#,
            &[
                ("rate_limit.burst", Missing),
                ("rate_limit.brust", UnknownMember),
            ],
        ),
        (
            "POST",
            CREDENTIALS,
            r#"{"kind":"public_key","jwk":{"kty":"OKP","crv":"Ed25519","x":"AA"}}"#,
            &[("algorithm", Missing)],
        ),
        (
            "POST",
            CREDENTIALS,
            r#"{"kind":"public_key","algorithm":"EdDSA","jwk":{"kty":"OKP","crv":"Ed25519","x":"AA","d":"AA"}}"#,
            &[(
                "jwk",
                Expected("a public JWK (RFC 7517) without private members"),
            )],
        ),
        (
            "POST",
            CREDENTIALS,
            r#"{"kind":"public_key","algorithm":"none"}"#,
            &[(
                "algorithm",
                Expected("the name of a signature algorithm, such as `RS256`"),
            )],
        ),
        (
            "POST",
            "/admin/v1/environments/sandbox/credentials/c/rotate",
            "{}",
            &[("overlap_s", Missing)],
        ),
        (
            "POST",
            CLIENTS,
            r#"{"organization":"acme","display_name":"a","kind":"platform","platform":{"algorithm":"none","enrol":true}}"#,
            &[
                (
                    "platform.algorithm",
                    Expected("the name of a signature algorithm, such as `RS256`"),
                ),
                ("platform.enrol", UnknownMember),
            ],
        ),
        (
            "POST",
            CLIENTS,
            r#"{"organization":"acme","display_name":"a","kind":"frontend","sign_in":{}}"#,
            &[("sign_in.sign_ups", Missing)],
        ),
        (
            "POST",
            SUBJECTS,
            r#"{"email":7,"metadata":[],"address":{"zip":"1"},"password":"x"}"#,
            &[
                ("email", text.clone()),
                ("address.zip", UnknownMember),
                ("metadata", Expected("an object")),
                ("password", UnknownMember),
            ],
        ),
        (
            "POST",
            "/admin/v1/environments/sandbox/organizations/acme/subjects/find",
            r#"{"email":"a@b.example","phone":"+15551234567"}"#,
            &[("email", Expected("`email` or `phone`, one of them"))],
        ),
        (
            "POST",
            "/admin/v1/environments/sandbox/organizations/acme/subjects/find",
            "{}",
            &[("email", Expected("`email` or `phone`, one of them"))],
        ),
        (
            "PUT",
            GUARDS,
            r#"{"guards":[{"name":"a","paths":["/"],"accept":["anonymous"]},{"name":7,"paths":[null],"accept":["basic"],"scope":[]}]}"#,
            &[
                ("guards[1].name", text.clone()),
                ("guards[1].paths[0]", text.clone()),
                (
                    "guards[1].accept[0]",
                    Expected(
                        "`anonymous`, `access_token`, `api_key`, `registration_token`, `session`, `subject_basic` or `client_headers`",
                    ),
                ),
                ("guards[1].scope", UnknownMember),
            ],
        ),
        ("PUT", GUARDS, "[]", &[("body", Expected("an object"))]),
        (
            "POST",
            "/admin/v1/environments/sandbox/tokens/inspect",
            r#"{"token":["a"]}"#,
            &[("token", text)],
        ),
    ];
    for (method, target, body, expected) in cases {
        let expected: Vec<(String, ProblemKind)> = expected
            .iter()
            .map(|(field, kind)| ((*field).to_owned(), kind.clone()))
            .collect();
        assert_eq!(
            problems(sent(method, target, body)),
            expected,
            "{method} {target} {body}"
        );
    }
}

#[test]
fn problems_are_told_at_once_and_not_without_end() {
    let hosts = "0,".repeat(200);
    let body = format!(r#"{{"hosts":[{hosts}0]}}"#);
    let told = problems(sent("PATCH", "/admin/v1/environments/sandbox", &body));
    assert_eq!(told.len(), 20);
    assert_eq!(told[19].0, "hosts[19]");
}

#[test]
fn a_query_has_known_parameters_once_each() {
    use ProblemKind::{Expected, Repeated, TooLong, UnknownMember};
    let limit = Expected("a whole number from 1 to 200");
    let long: &str = format!("{CLIENTS}?cursor={}", "a".repeat(2048)).leak();
    let cases = [
        (
            "GET",
            "/admin/v1/environments?offset=1",
            "offset",
            UnknownMember,
        ),
        (
            "GET",
            "/admin/v1/environments?limit=1&limit=1",
            "limit",
            Repeated,
        ),
        (
            "GET",
            "/admin/v1/environments?limit=0",
            "limit",
            limit.clone(),
        ),
        (
            "GET",
            "/admin/v1/environments?limit=201",
            "limit",
            limit.clone(),
        ),
        (
            "GET",
            "/admin/v1/environments?limit=%2B5",
            "limit",
            limit.clone(),
        ),
        (
            "GET",
            "/admin/v1/environments?limit=",
            "limit",
            limit.clone(),
        ),
        (
            "GET",
            "/admin/v1/environments?limit=99999999999",
            "limit",
            limit,
        ),
        (
            "GET",
            "/admin/v1/environments?cursor=%21",
            "cursor",
            Expected("a `next_cursor` from an earlier answer"),
        ),
        (
            "GET",
            "/admin/v1/environments?organization=acme",
            "organization",
            UnknownMember,
        ),
        (
            "GET",
            "/admin/v1/environments/sandbox/clients?organization=a%20b",
            "organization",
            Expected("1 to 64 characters of A-Z a-z 0-9 - _ ."),
        ),
        (
            "GET",
            "/admin/v1/audit?since=yesterday",
            "since",
            Expected("a time such as `2026-01-31T12:00:00Z` (RFC 3339)"),
        ),
        ("GET", "/admin/v1/whoami?verbose", "verbose", UnknownMember),
        (
            "POST",
            "/admin/v1/organizations?dry_run=1",
            "dry_run",
            UnknownMember,
        ),
        (
            "DELETE",
            "/admin/v1/environments/sandbox/clients/AB12?force=1",
            "force",
            UnknownMember,
        ),
        ("GET", long, "query", TooLong { max: 2048 }),
    ];
    for (method, target, field, kind) in cases {
        let told = problems(sent(method, target, "{}"));
        assert_eq!(told, [(field.to_owned(), kind)], "{method} {target}");
    }
}

#[test]
fn a_path_that_can_name_nothing_is_not_found() {
    for (target, noun) in [
        ("/admin/v1/environments/*", "environment"),
        ("/admin/v1/environments/a%20b", "environment"),
        ("/admin/v1/environments/*/credentials", "environment"),
        ("/admin/v1/organizations/\u{e9}", "organization"),
        ("/admin/v1/environments/sandbox/clients/a:b", "client"),
        ("/admin/v1/environments/sandbox/credentials/", "credential"),
    ] {
        let denied = call(sent("GET", target, "")).err();
        assert_eq!(denied, Some(Denied::NotFound { noun }), "{target}");
    }
}

#[test]
fn a_change_says_what_it_changes() {
    for (method, target) in [
        ("PATCH", "/admin/v1/environments/sandbox"),
        ("PATCH", "/admin/v1/organizations/acme"),
        ("PATCH", "/admin/v1/operators/alice"),
        ("PATCH", "/admin/v1/environments/sandbox/clients/AB12"),
        ("PATCH", "/admin/v1/environments/sandbox/credentials/cred_1"),
        ("PUT", GUARDS),
        ("DELETE", "/admin/v1/environments/sandbox/clients/AB12"),
        ("PATCH", "/admin/v1/environments/sandbox/subjects/jane"),
        ("DELETE", "/admin/v1/environments/sandbox/subjects/jane"),
    ] {
        let with = |headers: &[(&str, &str)]| {
            call(Sent {
                method,
                target,
                headers,
                body: b"",
            })
            .err()
        };
        assert_eq!(with(&[]), Some(Denied::PreconditionRequired), "{target}");
        let weak = with(&[("if-match", "W/\"3\"")]);
        assert_eq!(weak, Some(Denied::PreconditionFailed), "{target}");
        let any = with(&[("if-match", "*")]);
        assert!(matches!(any, Some(Denied::Invalid(_))), "{target}: {any:?}");
    }
}

#[test]
fn a_body_is_json_by_its_media_type() {
    let with = |headers: &[(&str, &str)]| {
        let sent = Sent {
            headers,
            ..sent("POST", ORGANIZATIONS, r#"{"display_name":"a"}"#)
        };
        call(sent).err()
    };
    for good in [
        "application/json",
        "Application/JSON",
        "application/json; charset=utf-8",
    ] {
        assert_eq!(with(&[("content-type", good)]), None, "{good}");
    }
    let refused = Some(Denied::UnsupportedMediaType {
        expected: "application/json",
    });
    assert_eq!(with(&[]), refused);
    for bad in [
        "application/x-www-form-urlencoded",
        "text/plain",
        "application/jsonp",
        "",
    ] {
        assert_eq!(with(&[("content-type", bad)]), refused, "{bad}");
    }
    let twice = [
        ("content-type", "application/json"),
        ("content-type", "text/plain"),
    ];
    assert_eq!(with(&twice), refused);
}

#[test]
fn an_idempotency_key_is_taken_where_it_can_be_kept_and_refused_where_it_cannot() {
    let headers: &[_] = &[
        ("content-type", "application/json"),
        ("idempotency-key", "7f3a"),
    ];
    let with = |target, body: &'static str| {
        let sent = Sent {
            method: "POST",
            target,
            headers,
            body: body.as_bytes(),
        };
        call(sent)
    };
    let made = format!("{:?}", with(ORGANIZATIONS, r#"{"display_name":"a"}"#));
    assert!(made.contains("idempotency: Some("), "{made}");
    assert!(!made.contains("7f3a"), "the key is secret: {made}");
    let rotated = with(
        "/admin/v1/environments/s/credentials/c/rotate",
        r#"{"overlap_s":1}"#,
    );
    assert!(format!("{rotated:?}").contains("idempotency: Some("));
    let keys = with("/admin/v1/environments/s/key-sets/k/rotate", "{}");
    let refused = Denied::invalid("Idempotency-Key", ProblemKind::UnknownMember);
    assert_eq!(keys.err(), Some(refused));
}
