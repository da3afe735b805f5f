//! Every refusal in every dialect: at its guard and at each of its routes.

use crate::wire::{context, print};
use countersign_dialects::{Dialect, Reply, Response, registry};
use countersign_engine::{
    denied::{Denied, Fault, Malformed, Problem, ProblemKind, Reason, Refusal, Unapproved},
    id::ApprovalId,
    model::scopes::Scopes,
    outcome::Outcome,
    time::Timestamp,
};
use std::collections::BTreeMap;

/// Words that must not leave: they stand where the engine's private details stand.
const PRIVATE: &str = "disk-7-at-10.0.0.3";

fn every_refusal() -> Vec<(String, Refusal)> {
    let mut list: Vec<Refusal> = vec![
        Fault::unavailable(PRIVATE).into(),
        Fault::internal(PRIVATE).into(),
    ];
    list.extend(every_denied().into_iter().map(Refusal::Denied));
    list.into_iter()
        .map(|refusal| (name(&refusal), refusal))
        .collect()
}

fn every_denied() -> Vec<Denied> {
    let problems = vec![
        Problem::new("grant_type", ProblemKind::Missing),
        Problem::new("sco\"pe\r\n", ProblemKind::Repeated),
        Problem::new("a", ProblemKind::Expected("a URL without fragment")),
        Problem::new("b", ProblemKind::TooLong { max: 64 }),
        Problem::new("c[0].d", ProblemKind::UnknownMember),
        Problem::new("e", ProblemKind::NoSuch),
        Problem::new(
            "f",
            ProblemKind::StillNamed {
                guard: "sites".into(),
                what: "the dialect ayyeka".into(),
            },
        ),
    ];
    let mut list = vec![
        Denied::NoCredential,
        Denied::InvalidClient(Reason::Unknown),
        Denied::InvalidToken(Reason::Expired),
        Denied::InsufficientScope {
            needed: Scopes::parse("sites:write sites:read").unwrap(),
        },
        Denied::Forbidden(Reason::Unguarded),
        Denied::Invalid(problems),
        Denied::UnsupportedGrantType,
        Denied::UnauthorizedClient,
        Denied::InvalidScope,
        Denied::InvalidTarget,
        Denied::NotFound { noun: "client" },
        Denied::Conflict("the client is closing"),
        Denied::PreconditionFailed,
        Denied::PreconditionRequired,
        Denied::SecretAlreadyShown,
        Denied::IdempotencyMismatch,
        Denied::TooManyRequests { retry_after_s: 7 },
        Denied::UnknownHost,
        Denied::MethodNotAllowed { allow: "POST" },
        Denied::UnsupportedMediaType {
            expected: "application/json",
        },
        Denied::BodyTooLarge { limit_bytes: 1024 },
        Denied::SecretFromBrowser,
        Denied::WrongPin { tries_left: 2 },
        Denied::WrongPin { tries_left: 0 },
    ];
    list.extend(every_unapproved().map(|why| Denied::Unapproved(Box::new(why))));
    list.extend(
        [
            Malformed::Form,
            Malformed::Repeated,
            Malformed::Two,
            Malformed::TooLong,
            Malformed::Place,
            Malformed::Unaccepted,
            Malformed::Request,
        ]
        .map(Denied::MalformedCredential),
    );
    list
}

fn every_unapproved() -> [Unapproved; 7] {
    let waiting = Unapproved::Waiting {
        approval: ApprovalId::parse("0123456789abcdef0123456789abcdef").unwrap(),
        poll: "https://auth.example/approvals/0123456789abcdef0123456789abcdef".into(),
        otp: "01835850267822849a62e574cffb1976".into(),
        expires_at: Timestamp::from_seconds(1_700_000_300),
    };
    [
        waiting,
        Unapproved::Rejected,
        Unapproved::Expired,
        Unapproved::Used,
        Unapproved::Mismatch,
        Unapproved::NoApprover,
        Unapproved::TooManyWaiting,
    ]
}

/// Exhaustive on purpose: who adds a variant has to come here, and then adds it to the list above.
fn name(refusal: &Refusal) -> String {
    match refusal {
        Refusal::Fault(Fault::Unavailable(_)) => "unavailable".into(),
        Refusal::Fault(Fault::Internal(_)) => "internal".into(),
        Refusal::Denied(denied) => match denied {
            Denied::MalformedCredential(
                why @ (Malformed::Form
                | Malformed::Repeated
                | Malformed::Two
                | Malformed::TooLong
                | Malformed::Place
                | Malformed::Unaccepted
                | Malformed::Request),
            ) => format!("malformed credential: {why:?}"),
            Denied::WrongPin { tries_left } => format!("wrong pin, {tries_left} left"),
            Denied::Unapproved(why) => why.word().replace('_', " "),
            Denied::NoCredential
            | Denied::InvalidClient(_)
            | Denied::InvalidToken(_)
            | Denied::InsufficientScope { .. }
            | Denied::Forbidden(_)
            | Denied::Invalid(_)
            | Denied::UnsupportedGrantType
            | Denied::UnauthorizedClient
            | Denied::InvalidScope
            | Denied::InvalidTarget
            | Denied::NotFound { .. }
            | Denied::Conflict(_)
            | Denied::PreconditionFailed
            | Denied::PreconditionRequired
            | Denied::SecretAlreadyShown
            | Denied::IdempotencyMismatch
            | Denied::TooManyRequests { .. }
            | Denied::UnknownHost
            | Denied::MethodNotAllowed { .. }
            | Denied::UnsupportedMediaType { .. }
            | Denied::BodyTooLarge { .. }
            | Denied::SecretFromBrowser => denied.word().replace('_', " "),
        },
    }
}

/// Each refusal through each of a dialect's doors; doors that answer alike share a table.
fn doors(dialect: &'static Dialect) -> BTreeMap<String, Vec<(String, Response)>> {
    let mut doors = BTreeMap::new();
    let mut add = |door: &str, answer: &dyn Fn(&Refusal) -> Response| {
        let table: Vec<(String, Response)> = every_refusal()
            .into_iter()
            .map(|(name, refusal)| (name, answer(&refusal)))
            .collect();
        doors.insert(door.to_owned(), table);
    };
    add("refuse", &|refusal| (dialect.refuse)(refusal, &context()));
    for route in dialect.routes {
        add(route.name, &|refusal| {
            (route.encode)(&Err(refusal.clone()), &Reply::Plain, &context())
        });
    }
    doors
}

#[test]
fn every_refusal_has_its_answer_in_every_dialect() {
    for dialect in registry() {
        let mut alike: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (door, table) in doors(dialect) {
            let text: Vec<String> = table
                .iter()
                .map(|(name, response)| format!("### {name}\n{}\n", print(response)))
                .collect();
            alike.entry(text.join("\n")).or_default().push(door);
        }
        let text: Vec<String> = alike
            .iter()
            .map(|(table, doors)| format!("## {}\n\n{table}", doors.join(", ")))
            .collect();
        insta::assert_snapshot!(dialect.name, text.join("\n"));
    }
}

#[test]
fn statuses_bring_the_headers_that_http_demands() {
    each_answer(|place, response| {
        let has = |name: &str| response.headers().contains_key(name);
        match response.status().as_u16() {
            401 => assert!(has("www-authenticate"), "{place}"),
            405 => assert!(has("allow"), "{place}"),
            429 | 503 => assert!(has("retry-after"), "{place}"),
            status => assert!((400..=599).contains(&status), "{place}: {status}"),
        }
        assert_eq!(response.headers()["cache-control"], "no-store", "{place}");
    });
}

#[test]
fn bodies_are_json_objects_that_tell_nothing_private() {
    each_answer(|place, response| {
        let body: serde_json::Value = serde_json::from_slice(response.body()).expect(place);
        assert!(body.is_object(), "{place}");
        let text = print(response);
        assert!(!text.contains(PRIVATE), "{place}: {text}");
        assert!(
            text.is_ascii() && response.body().len() < 2048,
            "{place}: {text}"
        );
    });
}

#[test]
fn faults_are_never_the_callers() {
    for dialect in registry() {
        for (door, table) in doors(dialect) {
            for (name, response) in table {
                let is_fault = matches!(name.as_str(), "unavailable" | "internal");
                let is_ours = response.status().is_server_error();
                assert_eq!(is_fault, is_ours, "{door}: {name}");
            }
        }
    }
}

#[test]
fn reasons_read_alike() {
    let reasons = [
        Reason::Unknown,
        Reason::Forged,
        Reason::Signature,
        Reason::Mismatch,
        Reason::Claims,
        Reason::NotYet,
        Reason::Expired,
        Reason::Revoked,
        Reason::Disabled,
        Reason::Spent,
        Reason::Network,
        Reason::Origin,
        Reason::Kind,
    ];
    for dialect in registry() {
        for make in [
            Denied::InvalidClient,
            Denied::InvalidToken,
            Denied::Forbidden,
        ] {
            let told = |reason| print(&(dialect.refuse)(&make(reason).into(), &context()));
            let first = told(reasons[0]);
            for reason in reasons {
                assert_eq!(told(reason), first, "{}: {reason:?}", dialect.name);
            }
        }
    }
}

#[test]
fn oauth_errors_keep_to_the_characters_of_rfc_6749() {
    let mut described = 0;
    each_answer(|place, response| {
        let body: serde_json::Value = serde_json::from_slice(response.body()).expect(place);
        for member in ["error", "error_description"] {
            if let Some(text) = body[member].as_str() {
                let allowed = |c: char| matches!(c, ' '..='!' | '#'..='[' | ']'..='~');
                assert!(
                    !text.is_empty() && text.chars().all(allowed),
                    "{place}: {text}"
                );
                described += 1;
            }
        }
    });
    assert!(described > 0);
}

#[test]
fn who_shows_nothing_gets_a_challenge_without_error_code() {
    for name in ["standard", "ayyeka", "bitcanuck", "admin", "quiltt"] {
        let refuse = countersign_dialects::dialect(name).unwrap().refuse;
        let challenge = |denied: Denied| {
            let response = refuse(&denied.into(), &context());
            assert_eq!(response.status(), 401, "{name}");
            let mut values = response.headers().get_all("www-authenticate").iter();
            let value = values.next().unwrap().to_str().unwrap().to_owned();
            assert!(
                values.next().is_none() && value.starts_with("Bearer realm=\""),
                "{name}"
            );
            value
        };
        assert!(!challenge(Denied::NoCredential).contains("error"), "{name}");
        let expired = challenge(Denied::InvalidToken(Reason::Expired));
        assert!(
            expired.contains("error=\"invalid_token\""),
            "{name}: {expired}"
        );
    }
}

#[test]
fn an_outcome_of_another_call_is_our_fault() {
    // The admin API has one encoder for all its calls, and so has BitCanuck.
    let encoders_are_apart = |dialect: &&Dialect| !["admin", "bitcanuck"].contains(&dialect.name);
    for dialect in registry().iter().filter(encoders_are_apart) {
        for route in dialect.routes {
            let results = [
                Outcome::Revoked,
                Outcome::Done,
                Outcome::Introspection(None),
            ];
            let statuses = results.map(|outcome| {
                let response = (route.encode)(&Ok(outcome), &Reply::Plain, &context());
                response.status().as_u16()
            });
            let faults = statuses.iter().filter(|status| **status == 500).count();
            assert!(faults >= 2, "{}: {statuses:?}", route.name);
        }
    }
}

fn each_answer(mut check: impl FnMut(&str, &Response)) {
    for dialect in registry() {
        for (door, table) in doors(dialect) {
            for (name, response) in table {
                check(&format!("{} {door} {name}", dialect.name), &response);
            }
        }
    }
}
