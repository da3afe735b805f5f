use super::*;
use crate::wire::authorization::oauth_basic;
use http::{HeaderMap, HeaderValue, Method, header::AUTHORIZATION};

const RULES: Rules = Rules {
    basic: oauth_basic,
    assertions: true,
};
/// `abc:def`
const BASIC: &str = "Basic YWJjOmRlZg==";
const TYPE: &str = "urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer";

fn found(authorization: Option<&str>, query: Option<&str>, body: &str, rules: Rules) -> String {
    let mut headers = HeaderMap::new();
    if let Some(value) = authorization {
        headers.append(AUTHORIZATION, HeaderValue::from_str(value).unwrap());
    }
    let request = Request {
        method: &Method::POST,
        host: "localhost",
        path: "/oauth2/token",
        parameters: &[],
        query,
        headers: &headers,
        body: body.as_bytes(),
    };
    match client(&request, Form::decode(body.as_bytes()).ok().as_ref(), rules) {
        Presented::Absent => "absent".into(),
        Presented::Malformed(why) => format!("{why:?}"),
        Presented::Present(Shown::ClientSecret { client_id, secret }) => {
            format!("secret {client_id} {}", secret.expose())
        }
        Presented::Present(Shown::ClientAssertion {
            client_id,
            assertion,
        }) => {
            format!("assertion {client_id:?} {}", assertion.expose())
        }
        Presented::Present(Shown::Bearer(_)) => "bearer".into(),
        Presented::Present(Shown::DeviceSignature(_)) => "device signature".into(),
    }
}

#[test]
fn one_way_of_showing_is_found() {
    let assertion = format!("client_assertion=a.b.c&client_assertion_type={TYPE}");
    let named = format!("{assertion}&client_id=abc");
    for (authorization, body, expected) in [
        (None, "", "absent"),
        (None, "grant_type=client_credentials", "absent"),
        (None, "client_id=abc", "absent"),
        (None, "client_id=abc&client_secret=", "absent"),
        (Some(BASIC), "", "secret abc def"),
        (Some(BASIC), "client_id=abc", "secret abc def"),
        (
            Some(BASIC),
            "client_id=abc&client_secret=",
            "secret abc def",
        ),
        (None, "client_id=abc&client_secret=d%2Bf", "secret abc d+f"),
        (None, &assertion, "assertion None a.b.c"),
        (None, &named, "assertion Some(\"abc\") a.b.c"),
    ] {
        assert_eq!(
            found(authorization, None, body, RULES),
            expected,
            "{authorization:?} {body}"
        );
    }
}

#[test]
fn two_ways_at_once_are_malformed() {
    let assertion = format!("client_assertion=a.b.c&client_assertion_type={TYPE}");
    let both = format!("{assertion}&client_id=abc&client_secret=def");
    for (authorization, body) in [
        (Some(BASIC), "client_id=abc&client_secret=def"),
        (Some(BASIC), "client_secret=def"),
        (Some(BASIC), "client_id=other"),
        (Some(BASIC), assertion.as_str()),
        (Some(BASIC), "client_assertion=junk"),
        (None, both.as_str()),
        (
            None,
            "client_id=abc&client_secret=def&client_assertion=junk",
        ),
        (
            None,
            "client_id=abc&client_secret=def&client_assertion_type=junk",
        ),
    ] {
        assert_eq!(
            found(authorization, None, body, RULES),
            "Two",
            "{authorization:?} {body}"
        );
    }
}

#[test]
fn half_of_a_way_is_malformed() {
    let type_alone = format!("client_assertion_type={TYPE}");
    let long = format!("client_id=abc&client_secret={}", "s".repeat(1024 * 1024));
    let long_assertion = format!("{type_alone}&client_assertion={}", ".".repeat(1024 * 1024));
    for (authorization, body, why) in [
        (None, "client_secret=def", "Form"),
        (None, "client_id=&client_secret=def", "Form"),
        (None, "client_id=abc&client_secret=d%0Af", "Form"),
        (None, "client_assertion=a.b.c", "Form"),
        (
            None,
            "client_assertion=a.b.c&client_assertion_type=saml",
            "Form",
        ),
        (None, &type_alone, "Form"),
        (
            None,
            "client_id=a&client_id=a&client_secret=def",
            "Repeated",
        ),
        (
            None,
            "client_id=a&client_secret=def&client_secret=def",
            "Repeated",
        ),
        (None, "client_assertion=a&client_assertion=b", "Repeated"),
        (None, &long, "TooLong"),
        (None, &long_assertion, "TooLong"),
        (
            Some("Bearer abc"),
            "client_id=abc&client_secret=def",
            "Form",
        ),
        (Some("Basic !"), "client_id=abc&client_secret=def", "Form"),
    ] {
        assert_eq!(
            found(authorization, None, body, RULES),
            why,
            "{authorization:?}"
        );
    }
}

#[test]
fn a_secret_in_the_query_is_refused_however_it_is_spelled() {
    for query in [
        "client_secret=def",
        "a=1&client%5Fsecret=def",
        "access_token",
        "token=x",
        "password=",
    ] {
        assert_eq!(
            found(Some(BASIC), Some(query), "", RULES),
            "Place",
            "{query}"
        );
    }
    for query in ["", "client_id=abc", "a=client_secret", "xclient_secret=1"] {
        assert_eq!(
            found(Some(BASIC), Some(query), "", RULES),
            "secret abc def",
            "{query}"
        );
    }
}

#[test]
fn a_dialect_without_assertions_takes_none() {
    let rules = Rules {
        assertions: false,
        ..RULES
    };
    let assertion = format!("client_assertion=a.b.c&client_assertion_type={TYPE}");
    assert_eq!(found(None, None, &assertion, rules), "Form");
    assert_eq!(
        found(None, None, "client_id=abc&client_secret=def", rules),
        "secret abc def"
    );
}
