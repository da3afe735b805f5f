//! Every door × everyone who should not come in by it. The tables are made from the registry: who adds a route
//! has it tried here at once, and who adds one for everyone has to say why.

mod browsers;
mod callers;
mod gateways;
mod kinds;
mod methods;
mod rules;

use crate::{
    harness::Answer,
    world::{PHONES, SANDBOX, body},
};
use countersign_dialects::{Listener, Route, registry};

/// The routes for which nobody has to show anything, and why that is right.
const OPEN: &[(&str, &str)] = &[
    (
        "standard.jwks",
        "public halves of keys (RFC 7517 section 5)",
    ),
    ("standard.metadata", "where things are (RFC 8414 section 3)"),
    (
        "standard.metadata_of_path",
        "the same, of an issuer with a path",
    ),
    ("standard.discovery", "the same, for OpenID clients"),
    (
        "standard.discovery_of_path",
        "the same, of an issuer with a path",
    ),
    (
        "standard.discovery_behind_path",
        "the same, where OpenID puts it",
    ),
    (
        "standard.approval",
        "its identifier has 128 random bits, and what it tells opens nothing",
    ),
    (
        "standard.receipt_keys",
        "public halves of keys; whoever checks a receipt needs no account here",
    ),
    (
        "bitcanuck.authenticate",
        "the password in the body is what is shown",
    ),
    (
        "bitcanuck.authenticate_jwt",
        "the platform's token in its header is what is shown",
    ),
    (
        "bitcanuck.ask_reset",
        "for whoever has lost what could be shown; answered alike for every address",
    ),
    (
        "bitcanuck.reset_password",
        "what the link carries is what is shown",
    ),
    ("ultra.certs", "public halves of a realm's keys"),
    ("ultra.discovery", "where a realm's things are"),
    (
        "quiltt.identify",
        "a person has nothing to show yet; off until an operator turns it on",
    ),
    (
        "quiltt.authenticate",
        "the passcode in the body is what is shown",
    ),
    (
        "ubiqu.register",
        "whoever becomes a service provider has nothing to show yet; off until an operator turns it on",
    ),
    ("phone.page", "the page itself; it tells nothing"),
    ("phone.file", "what the page is made of"),
    (
        "phone.about",
        "the environment's name and the time, which a device needs before it can sign",
    ),
];

/// The server's own endpoints. All are for everyone who reaches their listener; none tells a secret.
const OWN_PUBLIC: &[&str] = &[
    "/healthz",
    "/readyz",
    "/health",
    "/openapi/standard.json",
    "/openapi/ayyeka.json",
    "/openapi/bitcanuck.json",
    "/openapi/ultra.json",
    "/openapi/quiltt.json",
    "/openapi/ubiqu.json",
    "/openapi/phone.json",
];
const OWN_ADMIN: &[&str] = &["/healthz", "/readyz", "/metrics", "/admin/v1/openapi.json"];

/// Every route with the dialect it belongs to.
fn routes() -> impl Iterator<Item = (&'static str, Listener, &'static Route)> {
    registry().iter().flat_map(|dialect| {
        let routes = dialect.routes.iter();
        routes.map(|route| (dialect.name, dialect.listener, route))
    })
}

/// The host of the sandbox where a dialect answers.
fn home(dialect: &str) -> &'static str {
    match dialect {
        "phone" => PHONES,
        _ => SANDBOX,
    }
}

/// The same for a route, which begins with its dialect's name.
fn home_of(route: &Route) -> &'static str {
    home(route.name.split('.').next().unwrap_or_default())
}

/// The route's path with something that is not there in every `{name}`, but in the only realm.
pub fn filled(path: &str) -> String {
    let parts: Vec<&str> = path
        .split('/')
        .map(|part| match part {
            "{realm}" => "ultraio",
            // Of the form of one: what cannot be one is told before anything else of the request.
            "{profile}" => "p_12VnSaRRxyP12Sl9rLZg8n1",
            part if part.starts_with('{') => "nowhere",
            part => part,
        })
        .collect();
    parts.join("/")
}

/// What every refusal has, in the words of its dialect. The status, and the word for programs.
fn refusal(dialect: &str, what: &str, answer: &Answer) -> (u16, String) {
    let told = body(answer);
    let member = |name: &str| {
        let text = told[name].as_str();
        text.unwrap_or_else(|| panic!("{what}: no {name}: {answer:?}"))
            .to_owned()
    };
    let media_type = answer.header("content-type").unwrap_or_default();
    let word = match dialect {
        "admin" | "phone" => {
            assert_eq!(media_type, "application/problem+json", "{what}");
            assert_eq!(told["status"], answer.status, "{what}: {answer:?}");
            assert!(
                !member("title").is_empty() && !member("detail").is_empty(),
                "{what}"
            );
            let id = answer.header("countersign-request-id").unwrap();
            assert_eq!(member("instance"), id, "{what}");
            let word = member("type");
            word.strip_prefix("urn:countersign:problem:")
                .unwrap()
                .to_owned()
        }
        "ayyeka" => {
            assert!(
                media_type.starts_with("application/json"),
                "{what}: {answer:?}"
            );
            assert_eq!(member("request_id").len(), 8, "{what}");
            assert!(!member("message").is_empty(), "{what}");
            // Routes of the vendor's REST API name no code; its token endpoint names RFC 6749's.
            told["error"].as_str().unwrap_or_default().to_owned()
        }
        "bitcanuck" => {
            assert_eq!(media_type, "application/json", "{what}");
            let error = &told["error"];
            assert_eq!(error["statusCode"], answer.status, "{what}: {answer:?}");
            assert!(error["message"].is_string(), "{what}: {answer:?}");
            error["name"].as_str().unwrap_or_default().to_owned()
        }
        "ubiqu" => {
            assert_eq!(media_type, "application/json", "{what}");
            let error = &told["errors"][0];
            assert!(error["message"].is_string(), "{what}: {answer:?}");
            error["code"].as_str().unwrap_or_default().to_owned()
        }
        "quiltt" => {
            assert_eq!(media_type, "application/json", "{what}");
            assert!(answer.header("quiltt-version").is_some(), "{what}");
            // A validation error has no word, but the members that are wrong.
            if answer.status == 422 {
                String::new()
            } else {
                assert!(!member("instruction").is_empty(), "{what}");
                member("message")
            }
        }
        _ => {
            assert_eq!(media_type, "application/json", "{what}");
            let text = member("error_description");
            // RFC 6749 section 5.2.
            let plain = |b: u8| matches!(b, 0x20..=0x21 | 0x23..=0x5b | 0x5d..=0x7e);
            assert!(text.bytes().all(plain), "{what}: {text}");
            member("error")
        }
    };
    assert_eq!(
        answer.header("cache-control"),
        Some("no-store"),
        "{what}: {answer:?}"
    );
    let challenges = answer
        .headers
        .iter()
        .filter(|(name, _)| name == "www-authenticate");
    assert_eq!(
        challenges.count() > 0,
        answer.status == 401,
        "{what}: {answer:?}"
    );
    (answer.status, word)
}

#[test]
fn a_route_for_everyone_says_why() {
    use countersign_engine::call::Callers;
    let open: Vec<&str> = routes()
        .filter(|(.., route)| route.callers == Callers::Anyone)
        .map(|(.., route)| route.name)
        .collect();
    let said: Vec<&str> = OPEN.iter().map(|(name, _)| *name).collect();
    assert_eq!(open, said);
}

#[test]
fn the_servers_own_endpoints_are_the_ones_that_are_tried() {
    use countersign::http::{Kind, own_paths};
    let own = |kind| {
        let mut paths = own_paths(kind);
        paths.sort();
        paths
    };
    let listed = |list: &[&str]| {
        let mut list: Vec<String> = list.iter().map(|path| (*path).to_owned()).collect();
        list.sort();
        list
    };
    assert_eq!(own(Kind::Public), listed(OWN_PUBLIC));
    assert_eq!(own(Kind::Admin), listed(OWN_ADMIN));
}
