//! The requests and answers that Ayyeka's document prints, and the tolerances that its users need.

use crate::wire::{context, decode, post, print, route, shown};
use countersign_dialects::{Decoded, Reply};
use countersign_engine::{
    call::Call,
    denied::{Denied, Problem, ProblemKind, Reason, Refusal},
    model::scopes::Scopes,
    outcome::{Issued, Outcome},
    secret::Secret,
};

const KEY: &str = "0123456789ABCDEF0123456789ABCDEF";
const SECRET: &str = "q83v+jRWeJCrze8SNFZ4kKvN/xI0VniQq83vEjRWeJA=";

fn basic(pair: &str) -> String {
    format!(
        "Authorization: Basic {}",
        data_encoding::BASE64.encode(pair.as_bytes())
    )
}

fn asks_for_a_token(decoded: &Decoded) -> bool {
    matches!(
        &decoded.call,
        Ok(Call::ClientCredentials { profile: "ayyeka", scopes: None, resources })
            if resources.is_empty()
    )
}

fn refused(decoded: Decoded) -> Denied {
    decoded.call.expect_err("a refusal")
}

#[test]
fn the_printed_request_asks_for_a_token() {
    // As printed, with a key and a secret in the place of `b64_auth_string`, and the empty line that HTTP needs.
    let printed = format!(
        "POST /auth/token HTTP/1.1\n\
         Host: restapi.ayyeka.com\n\
         Content-Type: application/x-www-form-urlencoded\n\
         {}\n\
         Cache-Control: no-cache \n\
         \n\
         grant_type= client_credentials",
        basic(&format!("{KEY}:{SECRET}"))
    );
    let decoded = decode("ayyeka.token", printed.as_bytes());
    assert_eq!(shown(&decoded), format!("{KEY} with {SECRET}"));
    assert!(asks_for_a_token(&decoded), "{:?}", decoded.call);
}

#[test]
fn the_printed_answer_comes_back() {
    let token = "eyJhbGciOiJSUzM4NCIsInR5cCI6IkpXVCJ9.\
                 eyJhdWQiOiIyMDkxIiwiZXhwIjoxNjc2MjE0NTQ2LCJpYXQiOjE2NzYyMTA5NDYsImlzcyI6IkNsb3VkIiwic3ViIjoi\
                 NjIzNzo3MDgifQ.SEEDMsh4rmm2";
    let issued = Issued {
        token: Secret::new(token.into()),
        token_type: "JWT".into(),
        expires_in_s: 3600,
        scopes: Scopes::parse("sites:read").unwrap(),
        scopes_differ: true,
    };
    let encode = route("ayyeka.token").encode;
    let response = encode(&Ok(Outcome::Token(issued)), &Reply::Plain, &context());
    let expected = format!(
        "200\n\
         cache-control: no-store\n\
         content-type: application/json; charset=utf-8\n\
         pragma: no-cache\n\
         \n\
         {{\"access_token\":\"{token}\",\"token_type\":\"JWT\",\"expires_in\":3600}}"
    );
    assert_eq!(print(&response), expected);
}

#[test]
fn what_shells_and_generic_clients_send_works_too() {
    let pair = format!("{KEY}:{SECRET}");
    let whole = data_encoding::BASE64.encode(format!("{pair}\n").as_bytes());
    let wrapped = format!("Authorization: Basic {} {}", &whole[..76], &whole[76..]);
    let form = "grant_type=client_credentials&client_id=0123456789ABCDEF0123456789ABCDEF\
                &client_secret=q83v%2BjRWeJCrze8SNFZ4kKvN%2FxI0VniQq83vEjRWeJA%3D";
    let plain = "grant_type=client_credentials";
    for (headers, body) in [
        (basic(&pair), plain),
        (basic(&format!("{pair}\n")), plain),
        (basic(&format!("{pair}\r\n")), plain),
        (wrapped, plain),
        (basic(&pair), "grant_type=%20client_credentials%0D%0A"),
        (basic(&pair), "grant_type=client_credentials&scope=read"),
        (
            basic(&pair),
            "grant_type=client_credentials&client_id=0123456789ABCDEF0123456789ABCDEF",
        ),
        ("Accept: */*".into(), form),
    ] {
        let decoded = post("ayyeka.token", &headers, body);
        assert_eq!(
            shown(&decoded),
            format!("{KEY} with {SECRET}"),
            "{headers} {body}"
        );
        assert!(asks_for_a_token(&decoded), "{headers} {body}");
    }
}

#[test]
fn other_grants_are_not_supported() {
    for grant in [
        "password",
        "refresh_token",
        "CLIENT_CREDENTIALS",
        "client_credentials2",
        "client credentials",
    ] {
        let decoded = post(
            "ayyeka.token",
            &basic("a:b"),
            &format!("grant_type={grant}"),
        );
        assert_eq!(refused(decoded), Denied::UnsupportedGrantType, "{grant}");
    }
}

#[test]
fn wrong_requests_are_refused_each_for_its_reason() {
    let invalid = |field: &str, kind| Denied::Invalid(vec![Problem::new(field, kind)]);
    for (body, why) in [
        ("", invalid("grant_type", ProblemKind::Missing)),
        ("grant_type=", invalid("grant_type", ProblemKind::Missing)),
        ("grant_type=+", invalid("grant_type", ProblemKind::Missing)),
        (
            "grant_type=client_credentials&grant_type=client_credentials",
            invalid("grant_type", ProblemKind::Repeated),
        ),
        (
            "grant_type=client_credentials%00",
            invalid("grant_type", ProblemKind::Expected("text without U+0000")),
        ),
        (
            "grant_type=%ff",
            invalid("grant_type", ProblemKind::Expected("UTF-8")),
        ),
    ] {
        assert_eq!(
            refused(post("ayyeka.token", &basic("a:b"), body)),
            why,
            "{body}"
        );
    }
    let json = format!(
        "POST /auth/token HTTP/1.1\nContent-Type: application/json\n{}\n\n{{}}",
        basic("a:b")
    );
    let expected = "application/x-www-form-urlencoded";
    let decoded = decode("ayyeka.token", json.as_bytes());
    assert_eq!(shown(&decoded), "a with b");
    assert_eq!(refused(decoded), Denied::UnsupportedMediaType { expected });
}

#[test]
fn two_credentials_or_half_of_one_are_malformed() {
    for (headers, body, what) in [
        (
            basic("a:b"),
            "client_id=a&client_secret=b",
            "malformed: Two",
        ),
        (basic("a:b"), "client_id=c", "malformed: Two"),
        (format!("{0}\n{0}", basic("a:b")), "", "malformed: Repeated"),
        (basic("ab"), "", "malformed: Form"),
        ("Authorization: Bearer abc".into(), "", "malformed: Form"),
        ("Accept: */*".into(), "client_id=a", "nothing"),
        ("Accept: */*".into(), "client_secret=a", "malformed: Form"),
    ] {
        assert_eq!(
            shown(&post("ayyeka.token", &headers, body)),
            what,
            "{headers} {body}"
        );
    }
}

#[test]
fn errors_of_the_token_endpoint_have_four_members() {
    let refusal = Refusal::from(Denied::InvalidClient(Reason::Revoked));
    let response = (route("ayyeka.token").encode)(&Err(refusal), &Reply::Plain, &context());
    assert_eq!(
        print(&response),
        "401\n\
         cache-control: no-store\n\
         content-type: application/json; charset=utf-8\n\
         pragma: no-cache\n\
         www-authenticate: Basic realm=\"sandbox\", charset=\"UTF-8\"\n\
         \n\
         {\"error\":\"invalid_client\",\"error_description\":\"Client authentication failed.\",\
         \"message\":\"incorrect credentials\",\"request_id\":\"uGv69FKl\"}"
    );
}

#[test]
fn errors_at_a_guard_have_the_documented_two() {
    let refuse = countersign_dialects::dialect("ayyeka").unwrap().refuse;
    for (denied, status) in [
        (Denied::NoCredential, 401),
        (Denied::InvalidToken(Reason::Expired), 401),
        (Denied::InvalidToken(Reason::Revoked), 401),
        (Denied::Forbidden(Reason::Unguarded), 403),
        (
            Denied::InsufficientScope {
                needed: Scopes::default(),
            },
            403,
        ),
        (Denied::TooManyRequests { retry_after_s: 3 }, 429),
    ] {
        let response = refuse(&denied.into(), &context());
        assert_eq!(response.status(), status);
        let body = std::str::from_utf8(response.body()).unwrap();
        assert!(
            body.starts_with("{\"message\":\"")
                && body.ends_with("\",\"request_id\":\"uGv69FKl\"}"),
            "{body}"
        );
        assert_eq!(body.matches("\":").count(), 2, "{body}");
        assert_eq!(response.headers()["content-type"], "application/json");
    }
}
