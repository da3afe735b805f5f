//! The requests that Ultra's documents print, what its clients send besides, and how they are answered.

use crate::wire::{context, decode, print, route, shown};
use countersign_dialects::{Decoded, Reply, dialect};
use countersign_engine::{
    call::{Call, RealmAsk, RealmCall},
    denied::{Denied, Malformed, ProblemKind, Reason, Refusal},
    model::scopes::Scopes,
    outcome::{Issued, Metadata, Outcome, UserInfo},
    secret::Secret,
};
use countersign_jose::Algorithm;

const TOKEN: &str = "/auth/realms/ultraio/protocol/openid-connect/token";

fn ask(head: &str, body: &str) -> Decoded {
    let text = format!("POST {TOKEN} HTTP/1.1\nHost: auth.ultra.io\n{head}\n\n{body}");
    decode("ultra.token", text.replace("\n\n\n", "\n\n").as_bytes())
}

fn form(head: &str, body: &str) -> Decoded {
    ask(
        &format!("Content-Type: application/x-www-form-urlencoded\n{head}"),
        body,
    )
}

/// The scopes of a request for a token; `-` for all.
fn asked(decoded: Decoded) -> Result<String, Denied> {
    match decoded.call? {
        Call::Realm(RealmCall {
            profile: "ultra",
            realm,
            ask: RealmAsk::Token { scopes },
        }) => {
            assert_eq!(realm, "ultraio");
            Ok(scopes.map_or_else(|| "-".into(), |scopes| scopes.to_string()))
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_four_printed_headers_ask_for_a_token() {
    // As printed, also without a space behind the first colon; curl sends no type with no body.
    let head = "client_id:YourClientID\nclient_secret: YourClientSecret\n\
                grant_type: client_credentials\nscope: YourScope";
    let decoded = ask(head, "");
    assert_eq!(shown(&decoded), "YourClientID with YourClientSecret");
    assert_eq!(asked(decoded).unwrap(), "YourScope");
    // Some clients announce a form and send none.
    let decoded = form(head, "");
    assert_eq!(asked(decoded).unwrap(), "YourScope");
}

#[test]
fn the_earlier_form_and_what_real_clients_add_work_too() {
    let basic = "Authorization: Basic WW91cjpTZWNyZXQ=";
    for (head, body, who, scopes) in [
        (
            "",
            "client_id=Your&client_secret=Secret&grant_type=client_credentials",
            "Your with Secret",
            "-",
        ),
        (
            "",
            "grant_type=client_credentials&redirect_uri=https%3A%2F%2Fa.example&client_id=a&client_secret=b",
            "a with b",
            "-",
        ),
        (
            basic,
            "grant_type=client_credentials&scope=read+write",
            "Your with Secret",
            "read write",
        ),
        (
            "client_id: a\nclient_secret: b\ngrant_type: client_credentials",
            "redirect_uri=x",
            "a with b",
            "-",
        ),
        // Without a secret beside them, such headers are anyone's.
        (
            "scope: other\ngrant_type: password",
            "grant_type=client_credentials&client_id=a&client_secret=b",
            "a with b",
            "-",
        ),
    ] {
        let decoded = form(head, body);
        assert_eq!(shown(&decoded), who, "{head} {body}");
        assert_eq!(asked(decoded).unwrap(), scopes, "{head} {body}");
    }
}

#[test]
fn a_client_shows_itself_in_one_way() {
    let pair = "client_id: a\nclient_secret: b";
    for (head, body, what) in [
        (
            "client_id: a\nclient_secret: b\nAuthorization: Basic YTpi",
            "",
            Malformed::Two,
        ),
        (
            "client_id: a\nclient_secret: b\nAuthorization: Bearer x",
            "",
            Malformed::Two,
        ),
        (pair, "client_id=a", Malformed::Two),
        (pair, "client_secret=b", Malformed::Two),
        (pair, "grant_type=client_credentials", Malformed::Two),
        (pair, "scope=read", Malformed::Two),
        (pair, "client_assertion=a.b.c", Malformed::Two),
        ("client_secret: b", "", Malformed::Form),
        ("client_id:\nclient_secret: b", "", Malformed::Form),
        ("client_id: a\nclient_secret:", "", Malformed::Form),
        (
            "client_id: a\nclient_secret: b\nclient_secret: b",
            "",
            Malformed::Repeated,
        ),
        (
            "client_id: a\nclient_id: a\nclient_secret: b",
            "",
            Malformed::Repeated,
        ),
        (
            "client_id: a\nclient_secret: b\nscope: x\nscope: y",
            "",
            Malformed::Repeated,
        ),
    ] {
        let told = shown(&form(head, body));
        assert_eq!(told, format!("malformed: {what:?}"), "{head} {body}");
    }
    let long = format!("client_id: a\nclient_secret: {}", "b".repeat(513));
    assert_eq!(shown(&ask(&long, "")), "malformed: TooLong");
    assert_eq!(shown(&form("client_id: a", "")), "nothing");
    let text = format!("POST {TOKEN}?client_secret=b HTTP/1.1\n{pair}\n\n");
    let decoded = decode("ultra.token", text.as_bytes());
    assert_eq!(shown(&decoded), "malformed: Place");
}

#[test]
fn a_request_that_asks_for_something_else_says_what_lacks() {
    let pair = "client_id: a\nclient_secret: b";
    for (head, denied) in [
        ("", Denied::invalid("grant_type", ProblemKind::Missing)),
        (
            "grant_type:",
            Denied::invalid("grant_type", ProblemKind::Missing),
        ),
        ("grant_type: password", Denied::UnsupportedGrantType),
        (
            "grant_type: client_credentials\nscope: \"",
            Denied::InvalidScope,
        ),
    ] {
        let decoded = ask(&format!("{pair}\n{head}"), "");
        assert_eq!(asked(decoded).unwrap_err(), denied, "{head}");
    }
    let json = form(pair, "").call;
    assert!(json.is_err());
    let expected = "application/x-www-form-urlencoded";
    let decoded = ask(
        &format!("{pair}\ngrant_type: client_credentials\nContent-Type: application/json"),
        "{}",
    );
    assert_eq!(
        asked(decoded).unwrap_err(),
        Denied::UnsupportedMediaType { expected }
    );
}

#[test]
fn the_documented_answer_comes_back_with_its_members_in_order() {
    let issued = Issued {
        token: Secret::new("a.b.c".into()),
        token_type: "Bearer".into(),
        expires_in_s: 3600,
        scopes: Scopes::parse("profile email").unwrap(),
        scopes_differ: false,
    };
    let encode = route("ultra.token").encode;
    let response = encode(&Ok(Outcome::Token(issued)), &Reply::Plain, &context());
    assert_eq!(
        print(&response),
        "200\n\
         cache-control: no-store\n\
         content-type: application/json\n\
         pragma: no-cache\n\
         \n\
         {\"access_token\":\"a.b.c\",\"expires_in\":3600,\"refresh_expires_in\":0,\"token_type\":\"Bearer\",\
         \"not-before-policy\":0,\"scope\":\"email profile\"}"
    );
}

#[test]
fn userinfo_has_what_the_vendors_own_clients_read() {
    let found = UserInfo {
        subject: "00000000-0000-8000-8000-000000000000".into(),
        username: "service-account-games".into(),
    };
    for name in ["ultra.userinfo", "ultra.userinfo_post"] {
        let encode = route(name).encode;
        let response = encode(
            &Ok(Outcome::UserInfo(found.clone())),
            &Reply::Plain,
            &context(),
        );
        assert_eq!(
            std::str::from_utf8(response.body()).unwrap(),
            "{\"sub\":\"00000000-0000-8000-8000-000000000000\",\"email_verified\":false,\
             \"preferred_username\":\"service-account-games\",\"upn\":\"service-account-games\"}"
        );
    }
}

#[test]
fn a_realm_says_where_its_endpoints_are_and_they_are_there() {
    let metadata = Metadata {
        issuer: "https://auth.ultra.io/auth/realms/ultraio".into(),
        algorithms: vec![Algorithm::Rs256],
        scopes: Scopes::default(),
    };
    let encode = route("ultra.discovery").encode;
    let response = encode(&Ok(Outcome::Metadata(metadata)), &Reply::Plain, &context());
    let document: serde_json::Value = serde_json::from_slice(response.body()).unwrap();
    let routes = dialect("ultra").unwrap().routes;
    for (member, name) in [
        ("token_endpoint", "ultra.token"),
        ("introspection_endpoint", "ultra.introspect"),
        ("revocation_endpoint", "ultra.revoke"),
        ("userinfo_endpoint", "ultra.userinfo"),
        ("jwks_uri", "ultra.certs"),
    ] {
        let path = routes.iter().find(|route| route.name == name).unwrap().path;
        let expected = format!(
            "https://auth.ultra.io{}",
            path.replace("{realm}", "ultraio")
        );
        assert_eq!(document[member], expected, "{member}");
    }
}

#[test]
fn nobody_at_the_api_learns_why_he_is_not_let_in() {
    let ultra = dialect("ultra").unwrap();
    let graphql = ultra.refuse_graphql.unwrap();
    let mut told = Vec::new();
    for denied in [
        Denied::NoCredential,
        Denied::InvalidToken(Reason::Expired),
        Denied::InvalidToken(Reason::Mismatch),
        Denied::InvalidClient(Reason::Unknown),
        Denied::MalformedCredential(Malformed::Form),
        Denied::MalformedCredential(Malformed::TooLong),
        Denied::MalformedCredential(Malformed::Unaccepted),
    ] {
        let refusal = Refusal::from(denied);
        told.push((
            print(&graphql(&refusal, &context())),
            print(&(ultra.refuse)(&refusal, &context())),
        ));
    }
    told.dedup();
    let [(graphql, plain)] = told.as_slice() else {
        panic!("{told:?}");
    };
    assert_eq!(
        graphql,
        "401\n\
         cache-control: no-store\n\
         content-type: application/json\n\
         pragma: no-cache\n\
         www-authenticate: Bearer\n\
         \n\
         {\"data\":null,\"errors\":[{\"message\":{\"statusCode\":401,\"message\":\"Unauthorized\"},\
         \"extensions\":{\"code\":\"UNAUTHENTICATED\",\"statusCode\":401}}]}"
    );
    assert!(plain.starts_with("401\n") && plain.contains("\nwww-authenticate: Bearer\n"));
}

#[test]
fn other_refusals_keep_their_status_in_the_form_of_graphql() {
    let graphql = dialect("ultra").unwrap().refuse_graphql.unwrap();
    for (denied, status, code) in [
        (Denied::SecretFromBrowser, 403, "FORBIDDEN"),
        (Denied::Forbidden(Reason::Origin), 403, "FORBIDDEN"),
        (Denied::InvalidScope, 400, "BAD_REQUEST"),
        (
            Denied::TooManyRequests { retry_after_s: 3 },
            429,
            "TOO_MANY_REQUESTS",
        ),
    ] {
        let response = graphql(&Refusal::from(denied.clone()), &context());
        assert_eq!(response.status(), status, "{denied:?}");
        let body: serde_json::Value = serde_json::from_slice(response.body()).unwrap();
        let error = &body["errors"][0];
        assert_eq!(error["extensions"]["code"], code, "{denied:?}");
        assert_eq!(error["message"]["statusCode"], status, "{denied:?}");
        assert!(!error["message"]["message"].as_str().unwrap().is_empty());
    }
}
