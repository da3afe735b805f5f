//! What single members hold: the engine's own types, read from JSON and described to whoever writes it.

use super::{
    members::{Member, Problems},
    place::Place,
    time,
};
use countersign_engine::{
    id::{ApproverId, ClientId, EnvironmentId, OperatorId, OrganizationId},
    model::{
        State,
        client::{ClientKind, Spelling},
        credential::CredentialKind,
        environment::Mode,
        guard::{Accept, BoundBody},
        operator::Role,
        scopes::{NotScopes, Scopes},
    },
    secret::Secret,
    time::Timestamp,
};
use countersign_jose::Algorithm;
use ipnet::IpNet;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

/// The largest whole number that every JSON reader keeps exact (RFC 8259 section 6).
const EXACT_MAX: u64 = (1 << 53) - 1;

/// Declares a member that one function reads.
macro_rules! leaves {
    ($($kind:ty: $expected:literal, $read:expr, $schema:tt;)*) => {$(
        impl Member for $kind {
            const EXPECTED: &'static str = $expected;

            fn read(value: &Value, at: &Place<'_>, problems: &mut Problems) -> Option<Self> {
                let read: fn(&Value) -> Option<Self> = $read;
                let read = read(value);
                if read.is_none() {
                    problems.expected::<Self>(at);
                }
                read
            }

            fn schema() -> Value {
                json!($schema)
            }
        }
    )*};
}

/// The pattern of an identifier, as `countersign_engine::id` checks it.
const ID: &str = "^[A-Za-z0-9._-]{1,64}$";

leaves! {
    String: "a string",
        |value| value.as_str().map(str::to_owned),
        { "type": "string" };
    bool: "true or false",
        Value::as_bool,
        { "type": "boolean" };
    u8: "a whole number from 1 to 255",
        |value| value.as_u64()?.try_into().ok().filter(|number| *number > 0),
        { "type": "integer", "minimum": 1, "maximum": (u8::MAX) };
    u32: "a whole number from 0 to 4294967295",
        |value| value.as_u64()?.try_into().ok(),
        { "type": "integer", "minimum": 0, "maximum": (u32::MAX) };
    u64: "a whole number from 0 to 9007199254740991",
        |value| value.as_u64().filter(|number| *number <= EXACT_MAX),
        { "type": "integer", "minimum": 0, "maximum": EXACT_MAX };
    EnvironmentId: "1 to 64 characters of A-Z a-z 0-9 - _ .",
        |value| EnvironmentId::parse(value.as_str()?).ok(),
        { "type": "string", "pattern": ID };
    OrganizationId: "1 to 64 characters of A-Z a-z 0-9 - _ .",
        |value| OrganizationId::parse(value.as_str()?).ok(),
        { "type": "string", "pattern": ID };
    ClientId: "1 to 64 characters of A-Z a-z 0-9 - _ .",
        |value| ClientId::parse(value.as_str()?).ok(),
        { "type": "string", "pattern": ID };
    OperatorId: "1 to 64 characters of A-Z a-z 0-9 - _ .",
        |value| OperatorId::parse(value.as_str()?).ok(),
        { "type": "string", "pattern": ID };
    ApproverId: "1 to 64 characters of A-Z a-z 0-9 - _ .",
        |value| ApproverId::parse(value.as_str()?).ok(),
        { "type": "string", "pattern": ID };
    Mode: "`sandbox` or `production`",
        word,
        { "enum": ["sandbox", "production"] };
    State: "`active` or `disabled`",
        word,
        { "enum": ["active", "disabled"] };
    Role: "`viewer`, `editor` or `owner`",
        word,
        { "enum": ["viewer", "editor", "owner"] };
    ClientKind: "`frontend`, `backend`, `service_provider` or `platform`",
        word,
        { "enum": ["frontend", "backend", "service_provider", "platform"] };
    Spelling: "`countersign`, `ayyeka`, `quiltt`, `bitcanuck` or `ubiqu`",
        word,
        { "enum": ["countersign", "ayyeka", "quiltt", "bitcanuck", "ubiqu"] };
    // An operator's token is made at its operator, never at a client.
    CredentialKind: "`client_secret`, `api_key`, `registration_token`, `public_key` or `signing_secret`",
        |value| word(value).filter(|kind| *kind != CredentialKind::OperatorToken),
        { "enum": ["client_secret", "api_key", "registration_token", "public_key", "signing_secret"] };
    Accept: "`anonymous`, `access_token`, `api_key`, `registration_token`, `session`, `subject_basic` or `client_headers`",
        word,
        { "enum": ["anonymous", "access_token", "api_key", "registration_token", "session", "subject_basic", "client_headers"] };
    BoundBody: "`none` or `checked_by_api`",
        word,
        { "enum": ["none", "checked_by_api"] };
    Algorithm: "the name of a signature algorithm, such as `RS256`",
        word,
        { "enum": ["RS256", "RS384", "RS512", "PS256", "ES256", "EdDSA", "HS256", "HS384", "HS512"] };
    Timestamp: "a time such as `2026-01-31T12:00:00Z` (RFC 3339)",
        |value| time::read(value.as_str()?),
        { "type": "string", "format": "date-time" };
    IpNet: "an address or network such as `192.0.2.7` or `2001:db8::/32`",
        |value| network(value.as_str()?),
        { "type": "string" };
    Map<String, Value>: "an object",
        |value| value.as_object().cloned(),
        { "type": "object" };
    Secret<String>: "a string",
        |value| value.as_str().map(|text| Secret::new(text.to_owned())),
        { "type": "string" };
}

/// One of an enum's words. Only a string can be one: `{"word": null}` is serde's other spelling of it.
fn word<T: DeserializeOwned>(value: &Value) -> Option<T> {
    value.as_str()?;
    T::deserialize(value).ok()
}

/// A network, or a single address. Bits beyond the prefix are refused: they show a slip.
fn network(text: &str) -> Option<IpNet> {
    match text.parse::<IpNet>() {
        Ok(network) => (network.trunc() == network).then_some(network),
        Err(_) => text.parse::<std::net::IpAddr>().ok().map(IpNet::from),
    }
}

impl Member for Scopes {
    const EXPECTED: &'static str = "a list of at most 100 scopes, each 1 to 128 bytes of ASCII without space, quote or backslash";

    fn read(value: &Value, at: &Place<'_>, problems: &mut Problems) -> Option<Self> {
        let words: Vec<String> = Vec::read(value, at, problems)?;
        match Self::collect(words.iter().map(String::as_str)) {
            Ok(scopes) => Some(scopes),
            Err(NotScopes::TooMany | NotScopes::Character) => {
                problems.expected::<Self>(at);
                None
            }
        }
    }

    fn schema() -> Value {
        json!({
            "type": "array",
            "maxItems": 100,
            "items": { "type": "string", "pattern": "^[\\x21\\x23-\\x5B\\x5D-\\x7E]{1,128}$" },
        })
    }
}
