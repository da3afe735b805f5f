//! JSON bodies of devices, read strictly: what is not known is refused, so that no two devices mean different things
//! by the same bytes.

use crate::{Request, wire::json};
use countersign_engine::{
    bounds::{NONCE_DIGITS, PIN_DIGITS_MAX},
    call::{Answer, DeviceCall},
    denied::{Denied, Problem, ProblemKind},
    id::ApprovalId,
    secret::Secret,
};
use countersign_jose::{Jwk, base64url_decode};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

/// Bytes of a body.
pub(super) const BODY_BYTES_MAX: usize = 8 * 1024;
/// Bytes of a device's signature: r and s.
const SIGNATURE_BYTES: usize = 64;

/// A device that enrols.
#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "the body's schema: it is read member by member")]
pub(super) struct NewDevice {
    /// The public key (RFC 7517): EC on P-256. The request is signed with it.
    key: Map<String, Value>,
    /// What its owner calls it.
    name: String,
    /// 6 to 12 digits, no run and no repeat.
    pin: String,
    /// The same.
    pin_again: String,
}

/// An answer.
#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "Answer")]
#[expect(dead_code, reason = "the body's schema: it is read member by member")]
pub(super) struct NewAnswer {
    /// `approve` or `reject`.
    decision: String,
    /// The PIN; a rejection needs none.
    pin: Option<String>,
    /// What the device signs: JSON, in one form (docs/receipts.md).
    statement: String,
    /// ES256 over the statement's bytes: r and s, in base64url.
    signature: String,
}

/// A nonce that somebody shows.
#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "TypedNonce")]
#[expect(dead_code, reason = "the body's schema: it is read member by member")]
pub(super) struct NewIdentification {
    /// Nine digits; spaces are taken out.
    nonce: String,
}

/// The key in the body of a device that enrols, if there is one: whoever brings none shows nothing.
pub(super) fn new_key(request: &Request<'_>) -> Option<Jwk> {
    let body = json::value(request).ok()?;
    Jwk::deserialize(body.get("key")?).ok()
}

pub(super) fn enrol(request: &Request<'_>) -> Result<DeviceCall, Denied> {
    let mut members = Members::of(request)?;
    if members.0.remove("key").is_none() {
        members.1.push(Problem::new("key", ProblemKind::Missing));
    }
    let name = members.text("name");
    let pin = members.text("pin");
    let again = members.text("pin_again");
    if let (Some(pin), Some(again)) = (&pin, &again)
        && pin != again
    {
        members.expected("pin_again", "the same as `pin`");
    }
    members.settle(name.zip(pin.map(Secret::new)), |(name, pin)| {
        DeviceCall::Enrol { name, pin }
    })
}

pub(super) fn answer(request: &Request<'_>, approval: ApprovalId) -> Result<DeviceCall, Denied> {
    let mut members = Members::of(request)?;
    let approves = match members.text("decision").as_deref() {
        Some("approve") => Some(true),
        Some("reject") => Some(false),
        Some(_) => {
            members.expected("decision", "`approve` or `reject`");
            None
        }
        None => None,
    };
    // What cannot be a PIN is the engine's to refuse: it costs no try. Here only what is too long to look at is.
    let pin = match approves {
        Some(true) => members.text("pin"),
        _ => members.optional_text("pin"),
    };
    if pin
        .as_ref()
        .is_some_and(|pin| pin.len() > 4 * PIN_DIGITS_MAX)
    {
        let max = 4 * PIN_DIGITS_MAX;
        members
            .1
            .push(Problem::new("pin", ProblemKind::TooLong { max }));
    }
    let statement = members.text("statement");
    let signature = members.text("signature").and_then(|text| {
        let bytes = base64url_decode(&text).ok();
        let bytes = bytes.filter(|bytes| bytes.len() == SIGNATURE_BYTES);
        if bytes.is_none() {
            members.expected("signature", "64 bytes in base64url");
        }
        bytes
    });
    let read = approves.zip(statement).zip(signature);
    members.settle(read, |((approves, statement), signature)| {
        DeviceCall::Answer(Answer {
            approval,
            approves,
            pin: pin.map(Secret::new),
            statement,
            signature,
        })
    })
}

pub(super) fn type_in(request: &Request<'_>) -> Result<DeviceCall, Denied> {
    let mut members = Members::of(request)?;
    let nonce = members.text("nonce").map(|text| text.replace(' ', ""));
    let is_one =
        |nonce: &String| nonce.len() == NONCE_DIGITS && nonce.bytes().all(|b| b.is_ascii_digit());
    if nonce.as_ref().is_some_and(|nonce| !is_one(nonce)) {
        members.expected("nonce", "nine digits");
    }
    members.settle(nonce, |nonce| DeviceCall::TypeIn { nonce })
}

/// The members of a body that are left to be read, and what is wrong so far.
struct Members(Map<String, Value>, Vec<Problem>);

impl Members {
    fn of(request: &Request<'_>) -> Result<Self, Denied> {
        match json::value(request)? {
            Value::Object(members) => Ok(Self(members, Vec::new())),
            _ => Err(Denied::invalid("body", ProblemKind::Expected("an object"))),
        }
    }

    fn expected(&mut self, name: &str, what: &'static str) {
        self.1.push(Problem::new(name, ProblemKind::Expected(what)));
    }

    /// A text that has to be there.
    fn text(&mut self, name: &str) -> Option<String> {
        if !self.0.contains_key(name) {
            self.1.push(Problem::new(name, ProblemKind::Missing));
        }
        self.optional_text(name)
    }

    fn optional_text(&mut self, name: &str) -> Option<String> {
        match self.0.remove(name)? {
            Value::String(text) => Some(text),
            _ => {
                self.expected(name, "a text");
                None
            }
        }
    }

    /// What was read, if nothing is wrong and nothing is left.
    fn settle<T, U>(self, read: Option<T>, make: impl FnOnce(T) -> U) -> Result<U, Denied> {
        let Self(left, mut problems) = self;
        let unknown = left
            .keys()
            .map(|name| Problem::new(name, ProblemKind::UnknownMember));
        // Enough to say what is wrong, however much was sent.
        problems.extend(unknown.take(8));
        match read {
            Some(read) if problems.is_empty() => Ok(make(read)),
            _ => Err(Denied::Invalid(problems)),
        }
    }
}
