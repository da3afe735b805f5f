//! `GET /approvals/{id}`, `GET /approvals/keys` and `POST /approvals/link`: for whoever waits for a person's approval, for
//! whoever checks a receipt, and for the person who wants to approve with a phone.

use crate::{
    Decoded, Reply, Request, Response,
    admin::time,
    wire::{
        authorization, headers, media,
        nonce::in_threes,
        oauth_error,
        openapi::{self, Answer, Body, Doc, Parameter, Place},
    },
};
use countersign_engine::{
    call::{ApprovalCall, Call, CallContext, Presented},
    denied::{Denied, Fault, ProblemKind, Refusal},
    id::ApprovalId,
    outcome::{ApprovalOutcome, Outcome},
};
use http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;

/// Bytes of the query: there is one parameter.
const QUERY_BYTES_MAX: usize = 256;

pub(super) const POLL_DOC: Doc = Doc {
    summary: "Ask what came of an approval",
    description: "For whoever was told its identifier. While nobody has answered, the answer comes with the news, or \
                  after 25 s; with `wait=0` it comes at once. Whoever asks more often than twice a second gets 429.",
    parameters: &[
        Parameter {
            name: "id",
            place: Place::Path,
            required: true,
            about: "The approval, as a denial's `Location` ends.",
            schema: openapi::of::<String>,
        },
        Parameter {
            name: "wait",
            place: Place::Query,
            required: false,
            about: "`0`: answer at once; `1`, or nothing: wait for news.",
            schema: openapi::of::<String>,
        },
    ],
    body: None,
    answers: &[Answer {
        status: 200,
        about: "What came of it so far.",
        body: Some(Body {
            media_type: media::JSON,
            schema: openapi::of::<Polled<'static>>,
        }),
        headers: &[("Cache-Control", "`no-store`")],
    }],
    refusals: &[400, 404, 429],
};

pub(super) const KEYS_DOC: Doc = Doc {
    summary: "Get the keys of receipts",
    description: "The public keys that verify this environment's receipts, of all times: keep them, and a receipt can be \
                  checked offline.",
    parameters: &[],
    body: None,
    answers: &[Answer {
        status: 200,
        about: "The keys.",
        body: Some(Body {
            media_type: media::JSON,
            schema: super::jwks::key_set,
        }),
        headers: &[("Cache-Control", "`public, max-age=300`")],
    }],
    refusals: &[],
};

pub(super) const LINK_DOC: Doc = Doc {
    summary: "Get a nonce that links a phone",
    description: "The device that types the nonce in approves from then on for the person whose session is shown as \
                  Bearer. It is good once, for ten minutes.",
    parameters: &[],
    body: None,
    answers: &[Answer {
        status: 200,
        about: "The nonce.",
        body: Some(Body {
            media_type: media::JSON,
            schema: openapi::of::<LinkNonce<'static>>,
        }),
        headers: &[("Cache-Control", "`no-store`")],
    }],
    refusals: &[403, 429],
};

/// What came of an approval.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Approval")]
pub struct Polled<'a> {
    /// Its identifier.
    pub approval: &'a str,
    /// `pending`, `approved`, `rejected`, `expired` or `failed`.
    pub state: &'static str,
    /// Whether a request has passed by it: it is good once.
    pub used: bool,
    /// How many approve.
    pub approvals: u8,
    /// How many must.
    pub needed: u8,
    /// No answer counts from here on, and no request passes by it (RFC 3339).
    pub expires_at: String,
}

/// A nonce to type into a phone.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "LinkNonce")]
pub struct LinkNonce<'a> {
    /// Nine digits.
    pub nonce: &'a str,
    /// The same in threes, as people read it.
    pub nonce_formatted: String,
    /// Refused from here on (RFC 3339).
    pub expires_at: String,
    /// Leads to the phone page with the nonce in it; `null` where there is none.
    pub link: Option<&'a str>,
}

pub(super) fn decode_poll(request: &Request<'_>) -> Decoded {
    anyone(poll(request))
}

pub(super) fn decode_keys(_: &Request<'_>) -> Decoded {
    anyone(Ok(ApprovalCall::ReceiptKeys))
}

pub(super) fn decode_link(request: &Request<'_>) -> Decoded {
    Decoded {
        presented: authorization::presented_bearer(request.headers),
        call: Ok(Call::Approval(ApprovalCall::LinkNonce)),
        reply: Reply::Plain,
    }
}

fn anyone(call: Result<ApprovalCall, Denied>) -> Decoded {
    Decoded {
        presented: Presented::Absent,
        call: call.map(Call::Approval),
        reply: Reply::Plain,
    }
}

fn poll(request: &Request<'_>) -> Result<ApprovalCall, Denied> {
    let (_, id) = request.parameters.first().ok_or(UNKNOWN)?;
    // One that is malformed is not there, like any other that nobody was told.
    let approval = ApprovalId::parse(id).map_err(|_| UNKNOWN)?;
    let query = request.query.unwrap_or_default();
    if query.len() > QUERY_BYTES_MAX {
        let max = QUERY_BYTES_MAX;
        return Err(Denied::invalid("query", ProblemKind::TooLong { max }));
    }
    let waits = url::form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name == "wait");
    let mut at_once = None;
    for (_, value) in waits {
        let said = match &*value {
            "0" => true,
            "1" => false,
            _ => return Err(Denied::invalid("wait", ProblemKind::Expected("0 or 1"))),
        };
        if at_once.replace(said).is_some() {
            return Err(Denied::invalid("wait", ProblemKind::Repeated));
        }
    }
    Ok(ApprovalCall::Poll {
        approval,
        at_once: at_once.unwrap_or_default(),
    })
}

const UNKNOWN: Denied = Denied::NotFound { noun: "approval" };

pub(super) fn encode(
    result: &Result<Outcome, Refusal>,
    _: &Reply,
    context: &CallContext,
) -> Response {
    let outcome = match result {
        Ok(Outcome::PublicKeys(keys)) => {
            return headers::public_json(keys, super::jwks::CACHE_CONTROL);
        }
        Ok(Outcome::Approval(outcome)) => outcome,
        Ok(_) => return unexpected(context),
        Err(refusal) => return oauth_error::refuse_at_resource(refusal, context),
    };
    match outcome {
        ApprovalOutcome::Polled {
            approval,
            state,
            is_used,
            approvals,
            needed,
            expires_at,
            ..
        } => ok(&Polled {
            approval: approval.as_str(),
            state: state.word(),
            used: *is_used,
            approvals: *approvals,
            needed: *needed,
            expires_at: time::write(*expires_at),
        }),
        ApprovalOutcome::Nonce(facts, expires_at) => ok(&LinkNonce {
            nonce: &facts.nonce,
            nonce_formatted: in_threes(&facts.nonce),
            expires_at: time::write(*expires_at),
            link: facts.link.as_deref(),
        }),
        ApprovalOutcome::About { .. }
        | ApprovalOutcome::Approvers(_)
        | ApprovalOutcome::Device(_) => unexpected(context),
    }
}

fn ok<T: Serialize>(body: &T) -> Response {
    headers::json(StatusCode::OK, media::JSON, body)
}

fn unexpected(context: &CallContext) -> Response {
    let refusal = Fault::internal("the outcome is not one of this route's call").into();
    oauth_error::refuse_at_resource(&refusal, context)
}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign_engine::{
        id::{EnvironmentId, IdentificationId, RequestId},
        model::{
            approval::ApprovalState, identification::IdentificationState,
            provider_object::IdentificationFacts,
        },
        outcome::News,
        row::Key,
        time::Timestamp,
    };
    use http::{HeaderMap, Method};

    const ID: &str = "0123456789abcdef0123456789abcdef";

    fn asked(id: &str, query: Option<&str>) -> Result<bool, Denied> {
        let decoded = decode_poll(&Request {
            method: &Method::GET,
            host: "auth.example",
            path: "/approvals/x",
            parameters: &[("id", id.into())],
            query,
            headers: &HeaderMap::new(),
            body: b"",
        });
        match decoded.call? {
            Call::Approval(ApprovalCall::Poll { approval, at_once }) => {
                assert_eq!(approval.as_str(), id);
                Ok(at_once)
            }
            _ => panic!("another call"),
        }
    }

    #[test]
    fn a_poll_waits_unless_it_says_otherwise() {
        for (query, at_once) in [
            (None, false),
            (Some(""), false),
            (Some("wait=0"), true),
            (Some("wait=1"), false),
            (Some("other=x&wait=0"), true),
        ] {
            assert_eq!(asked(ID, query).unwrap(), at_once, "{query:?}");
        }
        let refused = |query: &str| asked(ID, Some(query)).unwrap_err();
        for query in ["wait=", "wait=2", "wait=true"] {
            let expected = Denied::invalid("wait", ProblemKind::Expected("0 or 1"));
            assert_eq!(refused(query), expected, "{query}");
        }
        let repeated = Denied::invalid("wait", ProblemKind::Repeated);
        assert_eq!(refused("wait=0&wait=0"), repeated);
        let long = format!("wait=0&x={}", "x".repeat(QUERY_BYTES_MAX));
        assert!(matches!(refused(&long), Denied::Invalid(_)));
    }

    #[test]
    fn an_identifier_that_cannot_be_one_is_not_there() {
        for id in ["", "a b", "\u{e9}"] {
            assert_eq!(asked(id, None).unwrap_err(), UNKNOWN, "{id:?}");
        }
    }

    fn told(outcome: ApprovalOutcome) -> String {
        let context = CallContext {
            environment: EnvironmentId::parse("sandbox").unwrap(),
            now: Timestamp::EPOCH,
            request_id: RequestId::parse("r1").unwrap(),
            peer: None,
            dialect: "standard",
        };
        let answer = encode(&Ok(Outcome::Approval(outcome)), &Reply::Plain, &context);
        assert_eq!(answer.headers()["cache-control"], "no-store");
        format!(
            "{} {}",
            answer.status().as_u16(),
            std::str::from_utf8(answer.body()).unwrap()
        )
    }

    #[test]
    fn who_waits_is_told_how_many_approve_and_until_when() {
        let environment = EnvironmentId::parse("sandbox").unwrap();
        let polled = ApprovalOutcome::Polled {
            news: News {
                is_there: true,
                of: Key::Environment(environment),
            },
            approval: ApprovalId::parse(ID).unwrap(),
            state: ApprovalState::Approved,
            is_used: true,
            approvals: 2,
            needed: 2,
            expires_at: Timestamp::from_seconds(1_769_860_800),
        };
        assert_eq!(
            told(polled),
            format!(
                r#"200 {{"approval":"{ID}","state":"approved","used":true,"approvals":2,"needed":2,"expires_at":"2026-01-31T12:00:00Z"}}"#
            )
        );
    }

    #[test]
    fn a_nonce_is_told_as_people_read_it() {
        let facts = |link: Option<&str>| IdentificationFacts {
            id: IdentificationId::parse(ID).unwrap(),
            nonce: "194197169".into(),
            state: IdentificationState::Created,
            asset: None,
            link: link.map(Into::into),
            created_at: Timestamp::EPOCH,
            updated_at: Timestamp::EPOCH,
        };
        let until = Timestamp::from_seconds(1_769_860_800);
        let linked = told(ApprovalOutcome::Nonce(
            facts(Some("https://p.example/x")),
            until,
        ));
        assert_eq!(
            linked,
            r#"200 {"nonce":"194197169","nonce_formatted":"194 197 169","expires_at":"2026-01-31T12:00:00Z","link":"https://p.example/x"}"#
        );
        assert!(told(ApprovalOutcome::Nonce(facts(None), until)).ends_with(r#""link":null}"#));
    }
}
