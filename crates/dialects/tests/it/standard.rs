//! The standard endpoints, as their RFCs print them.

use crate::wire::{context, decode, post, print, route, shown};
use countersign_dialects::{Decoded, Reply, Request};
use countersign_engine::{
    call::Call,
    denied::{Denied, Problem, ProblemKind},
    id::ClientId,
    model::scopes::Scopes,
    outcome::{Introspection, Issued, Metadata, Outcome},
    secret::Secret,
    time::Timestamp,
};
use countersign_jose::{Algorithm, Jwk, JwkSet};
use http::{HeaderMap, Method};
use serde_json::Value;

const BASIC: &str = "Authorization: Basic czZCaGRSa3F0MzpnWDFmQmF0M2JW";

fn asked(body: &str) -> Result<(Option<String>, Vec<String>), Denied> {
    let decoded = post("standard.token", BASIC, body);
    assert_eq!(shown(&decoded), "s6BhdRkqt3 with gX1fBat3bV");
    match decoded.call? {
        Call::ClientCredentials {
            profile: "standard",
            scopes,
            resources,
        } => Ok((scopes.map(|scopes| scopes.to_string()), resources)),
        other => panic!("{other:?}"),
    }
}

fn issued(scopes_differ: bool) -> Outcome {
    Outcome::Token(Issued {
        token: Secret::new("a.b.c".into()),
        token_type: "Bearer".into(),
        expires_in_s: 600,
        scopes: Scopes::parse("write read").unwrap(),
        scopes_differ,
    })
}

fn encoded(name: &str, outcome: Outcome) -> String {
    print(&(route(name).encode)(
        &Ok(outcome),
        &Reply::Plain,
        &context(),
    ))
}

#[test]
fn the_request_of_rfc_6749_section_4_4_2_asks_for_a_token() {
    let printed = "POST /oauth2/token HTTP/1.1\n\
                   Host: server.example.com\n\
                   Authorization: Basic czZCaGRSa3F0MzpnWDFmQmF0M2JW\n\
                   Content-Type: application/x-www-form-urlencoded\n\
                   \n\
                   grant_type=client_credentials";
    let decoded = decode("standard.token", printed.as_bytes());
    assert_eq!(shown(&decoded), "s6BhdRkqt3 with gX1fBat3bV");
    assert!(matches!(
        decoded.call,
        Ok(Call::ClientCredentials {
            profile: "standard",
            scopes: None,
            ..
        })
    ));
}

#[test]
fn scopes_and_resources_are_read() {
    for (body, scopes, resources) in [
        (
            "grant_type=client_credentials&scope=write+read",
            Some("read write"),
            &[][..],
        ),
        ("grant_type=client_credentials&scope=", None, &[]),
        ("grant_type=client_credentials&unknown=1", None, &[]),
        (
            "grant_type=client_credentials&resource=https%3A%2F%2Fa.example&resource=urn%3Ab%3Ac%3Fd",
            None,
            &["https://a.example", "urn:b:c?d"],
        ),
    ] {
        let expected = (
            scopes.map(str::to_owned),
            resources.iter().map(|&r: &&str| r.to_owned()).collect(),
        );
        assert_eq!(asked(body), Ok(expected), "{body}");
    }
}

#[test]
fn wrong_requests_are_refused_each_for_its_reason() {
    let invalid = |field: &str, kind| Denied::Invalid(vec![Problem::new(field, kind)]);
    let many = format!(
        "grant_type=client_credentials{}",
        "&resource=https%3A%2F%2Fa".repeat(17)
    );
    let long = format!(
        "grant_type=client_credentials&resource=https://a/{}",
        "a".repeat(2048)
    );
    for (body, why) in [
        ("", invalid("grant_type", ProblemKind::Missing)),
        ("grant_type=", invalid("grant_type", ProblemKind::Missing)),
        ("grant_type=password", Denied::UnsupportedGrantType),
        (
            "grant_type=+client_credentials",
            Denied::UnsupportedGrantType,
        ),
        (
            "grant_type=client_credentials&scope=a&scope=b",
            invalid("scope", ProblemKind::Repeated),
        ),
        (
            "grant_type=client_credentials&x=a&x=b",
            invalid("x", ProblemKind::Repeated),
        ),
        (
            "grant_type=client_credentials&scope=+",
            Denied::InvalidScope,
        ),
        (
            "grant_type=client_credentials&scope=a%09b",
            Denied::InvalidScope,
        ),
        (
            "grant_type=client_credentials&scope=%22a%22",
            Denied::InvalidScope,
        ),
        (
            "grant_type=client_credentials&resource=relative",
            Denied::InvalidTarget,
        ),
        (
            "grant_type=client_credentials&resource=https%3A%2F%2Fa%23b",
            Denied::InvalidTarget,
        ),
        (
            "grant_type=client_credentials&resource=https%3A%2F%2Fa%20b",
            Denied::InvalidTarget,
        ),
        (&many, Denied::InvalidTarget),
        (&long, Denied::InvalidTarget),
    ] {
        assert_eq!(asked(body), Err(why), "{body}");
    }
}

#[test]
fn a_secret_in_the_url_is_no_credential() {
    let text = "POST /oauth2/token?client_secret=gX1fBat3bV HTTP/1.1\n\
                Content-Type: application/x-www-form-urlencoded\n\
                Authorization: Basic czZCaGRSa3F0MzpnWDFmQmF0M2JW\n\
                \n\
                grant_type=client_credentials";
    let decoded = decode("standard.token", text.as_bytes());
    assert_eq!(shown(&decoded), "malformed: Place");
}

#[test]
fn an_assertion_is_a_credential() {
    let body = "grant_type=client_credentials&client_assertion=a.b.c&client_assertion_type=\
                urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer";
    let decoded = post("standard.token", "Accept: */*", body);
    assert_eq!(shown(&decoded), "None asserts a.b.c");
    assert!(decoded.call.is_ok());
}

#[test]
fn a_token_is_answered_as_rfc_6749_section_5_1_prints_it() {
    let head = "200\ncache-control: no-store\ncontent-type: application/json\npragma: no-cache\n\n";
    assert_eq!(
        encoded("standard.token", issued(false)),
        format!(
            "{head}{{\"access_token\":\"a.b.c\",\"token_type\":\"Bearer\",\"expires_in\":600}}"
        )
    );
    assert_eq!(
        encoded("standard.token", issued(true)),
        format!(
            "{head}{{\"access_token\":\"a.b.c\",\"token_type\":\"Bearer\",\"expires_in\":600,\
             \"scope\":\"read write\"}}"
        )
    );
}

fn token_of(decoded: Decoded) -> Result<String, Denied> {
    match decoded.call? {
        Call::Introspect { token } => Ok(format!("introspect {}", token.expose())),
        Call::Revoke { token } => Ok(format!("revoke {}", token.expose())),
        other => panic!("{other:?}"),
    }
}

#[test]
fn introspection_and_revocation_take_one_token_and_any_hint() {
    for (name, verb) in [
        ("standard.introspect", "introspect"),
        ("standard.revoke", "revoke"),
    ] {
        for body in [
            "token=a.b.c",
            "token=a.b.c&token_type_hint=refresh_token",
            "token_type_hint=x&token=a.b.c",
        ] {
            let decoded = post(name, BASIC, body);
            assert_eq!(shown(&decoded), "s6BhdRkqt3 with gX1fBat3bV");
            assert_eq!(token_of(decoded), Ok(format!("{verb} a.b.c")));
        }
        let missing = Denied::invalid("token", ProblemKind::Missing);
        assert_eq!(token_of(post(name, BASIC, "token=")), Err(missing));
        let twice = Denied::invalid("token", ProblemKind::Repeated);
        assert_eq!(token_of(post(name, BASIC, "token=a&token=b")), Err(twice));
        assert_eq!(
            shown(&post(name, "Authorization: Bearer a.b.c", "token=a")),
            "malformed: Form"
        );
        assert_eq!(shown(&post(name, "Accept: */*", "token=a")), "nothing");
    }
}

#[test]
fn an_inactive_token_is_exactly_that() {
    let told = encoded("standard.introspect", Outcome::Introspection(None));
    assert_eq!(
        told,
        "200\ncache-control: no-store\ncontent-type: application/json\npragma: no-cache\n\n{\"active\":false}"
    );
}

#[test]
fn an_active_token_is_described_with_integers_and_strings() {
    let found = Introspection {
        scopes: Scopes::parse("read write").unwrap(),
        client_id: Some(ClientId::parse("s6BhdRkqt3").unwrap()),
        subject: Some("client:s6BhdRkqt3".into()),
        audience: vec!["https://a.example".into()],
        issuer: Some("https://issuer.example".into()),
        token_id: Some("id-1".into()),
        token_type: "Bearer".into(),
        issued_at: Some(Timestamp::from_micros(1_700_000_000_900_000)),
        expires_at: Some(Timestamp::from_seconds(1_700_000_600)),
    };
    let mut of_two = found.clone();
    of_two.audience.push("https://b.example".into());
    let told = encoded("standard.introspect", Outcome::Introspection(Some(found)));
    let body = told.split_once("\n\n").unwrap().1;
    assert_eq!(
        body,
        "{\"active\":true,\"scope\":\"read write\",\"client_id\":\"s6BhdRkqt3\",\"token_type\":\"Bearer\",\
         \"exp\":1700000600,\"iat\":1700000000,\"sub\":\"client:s6BhdRkqt3\",\"aud\":\"https://a.example\",\
         \"iss\":\"https://issuer.example\",\"jti\":\"id-1\"}"
    );
    let told = encoded("standard.introspect", Outcome::Introspection(Some(of_two)));
    assert!(
        told.contains("\"aud\":[\"https://a.example\",\"https://b.example\"]"),
        "{told}"
    );
}

#[test]
fn a_revocation_is_answered_without_a_body() {
    let told = encoded("standard.revoke", Outcome::Revoked);
    assert_eq!(told, "200\ncache-control: no-store\npragma: no-cache\n\n");
}

#[test]
fn the_keys_are_public_for_a_while() {
    let keys = JwkSet {
        keys: vec![Jwk {
            kty: "RSA".into(),
            n: Some("n-1".into()),
            e: Some("AQAB".into()),
            kid: Some("k1".into()),
            ..Jwk::default()
        }],
    };
    assert_eq!(
        encoded("standard.jwks", Outcome::PublicKeys(keys)),
        "200\ncache-control: public, max-age=300\ncontent-type: application/json\n\n\
         {\"keys\":[{\"kty\":\"RSA\",\"n\":\"n-1\",\"e\":\"AQAB\",\"kid\":\"k1\"}]}"
    );
}

fn metadata(name: &str, path: &str, issuer: &str) -> (u16, Value) {
    let route = route(name);
    let decoded = (route.decode)(&Request {
        method: &Method::GET,
        host: "auth.example",
        path,
        parameters: &[],
        query: None,
        headers: &HeaderMap::new(),
        body: &[],
    });
    assert!(matches!(decoded.call, Ok(Call::Metadata)));
    let outcome = Outcome::Metadata(Metadata {
        issuer: issuer.into(),
        algorithms: vec![Algorithm::Rs256],
        scopes: Scopes::parse("read").unwrap(),
    });
    let response = (route.encode)(&Ok(outcome), &decoded.reply, &context());
    (
        response.status().as_u16(),
        serde_json::from_slice(response.body()).unwrap(),
    )
}

const OAUTH: &str = "/.well-known/oauth-authorization-server";
const OPENID: &str = "/.well-known/openid-configuration";

#[test]
fn the_metadata_of_an_issuer_without_a_path_name_our_endpoints() {
    for (name, path) in [("standard.metadata", OAUTH), ("standard.discovery", OPENID)] {
        for issuer in ["https://auth.example:8443", "https://auth.example:8443/"] {
            let (status, document) = metadata(name, path, issuer);
            assert_eq!((status, &document["issuer"]), (200, &Value::from(issuer)));
            for (member, path) in [
                ("token_endpoint", "/oauth2/token"),
                ("introspection_endpoint", "/oauth2/introspect"),
                ("revocation_endpoint", "/oauth2/revoke"),
                ("jwks_uri", "/oauth2/jwks"),
            ] {
                assert_eq!(document[member], format!("https://auth.example:8443{path}"));
                let served = countersign_dialects::dialect("standard").unwrap().routes;
                assert!(served.iter().any(|route| route.path == path), "{path}");
            }
            assert_eq!(
                document["grant_types_supported"],
                serde_json::json!(["client_credentials"])
            );
            assert_eq!(document["scopes_supported"], serde_json::json!(["read"]));
            assert_eq!(
                document["id_token_signing_alg_values_supported"],
                serde_json::json!(["RS256"])
            );
        }
    }
}

#[test]
fn the_advertised_ways_to_authenticate_are_the_ones_that_work() {
    let (_, document) = metadata("standard.metadata", OAUTH, "https://auth.example");
    let assertion = "client_assertion=a.b.c&client_assertion_type=\
                     urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer";
    for member in [
        "token_endpoint_auth_methods_supported",
        "introspection_endpoint_auth_methods_supported",
        "revocation_endpoint_auth_methods_supported",
    ] {
        for method in document[member].as_array().unwrap() {
            let (headers, body) = match method.as_str().unwrap() {
                "client_secret_basic" => (BASIC, ""),
                "client_secret_post" => ("Accept: */*", "client_id=a&client_secret=b"),
                "private_key_jwt" | "client_secret_jwt" => ("Accept: */*", assertion),
                other => panic!("{other} is advertised and not tried"),
            };
            for name in ["standard.token", "standard.introspect", "standard.revoke"] {
                let found = shown(&post(name, headers, body));
                assert!(
                    found.contains(" with ") || found.contains(" asserts "),
                    "{name} {method}: {found}"
                );
            }
        }
    }
}

#[test]
fn the_metadata_are_served_only_at_the_issuers_own_path() {
    let behind = "/tenant/.well-known/openid-configuration";
    let inserted = |well_known: &str, path: &str| format!("{well_known}{path}");
    for (name, path, issuer, status) in [
        (
            "standard.metadata",
            OAUTH.to_owned(),
            "https://a.example/tenant",
            404,
        ),
        (
            "standard.metadata_of_path",
            inserted(OAUTH, "/tenant"),
            "https://a.example/tenant",
            200,
        ),
        (
            "standard.metadata_of_path",
            inserted(OAUTH, "/tenant"),
            "https://a.example/tenant/",
            200,
        ),
        (
            "standard.metadata_of_path",
            inserted(OAUTH, "/tenan%74"),
            "https://a.example/tenant",
            404,
        ),
        (
            "standard.metadata_of_path",
            inserted(OAUTH, "/other"),
            "https://a.example/tenant",
            404,
        ),
        (
            "standard.metadata_of_path",
            inserted(OAUTH, "/tenant"),
            "https://a.example",
            404,
        ),
        (
            "standard.discovery_of_path",
            inserted(OPENID, "/tenant"),
            "https://a.example/tenant",
            200,
        ),
        (
            "standard.discovery_of_path",
            inserted(OPENID, "/tenant"),
            "https://a.example",
            404,
        ),
        (
            "standard.discovery_behind_path",
            behind.to_owned(),
            "https://a.example/tenant",
            200,
        ),
        (
            "standard.discovery_behind_path",
            behind.to_owned(),
            "https://a.example",
            404,
        ),
    ] {
        let (found, document) = metadata(name, &path, issuer);
        assert_eq!(found, status, "{path} of {issuer}");
        if status == 200 {
            assert_eq!(document["token_endpoint"], "https://a.example/oauth2/token");
            assert_eq!(document["issuer"], issuer);
        }
    }
}
