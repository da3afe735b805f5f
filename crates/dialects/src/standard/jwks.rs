//! `GET /oauth2/jwks`: the keys that verify our tokens (RFC 7517 section 5).

use crate::{
    Decoded, Reply, Request, Response,
    wire::{
        headers, media, oauth_error,
        openapi::{Answer, Body, Doc},
    },
};
use countersign_engine::{
    call::{Call, CallContext, Presented},
    denied::Refusal,
    outcome::Outcome,
};
use schemars::{Schema, SchemaGenerator, json_schema};

/// How long a public document may be kept: [`countersign_engine::bounds::KEY_SET_CACHED_FOR`], which a rotation
/// waits for.
pub(crate) const CACHE_CONTROL: &str = "public, max-age=300";

pub(super) const DOC: Doc = Doc {
    summary: "Get the public keys",
    description: "The keys that verify the tokens of this environment: the current ones, the next ones, and those \
                  that retired while their tokens live.",
    parameters: &[],
    body: None,
    answers: &[Answer {
        status: 200,
        about: "The keys.",
        body: Some(Body {
            media_type: media::JSON,
            schema: key_set,
        }),
        headers: &[("Cache-Control", "`public, max-age=300`")],
    }],
    refusals: &[],
};

pub(crate) fn key_set(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "required": ["keys"],
        "properties": {
            "keys": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["kty"],
                    "properties": {
                        "kty": { "type": "string" },
                        "kid": { "type": "string" },
                        "alg": { "type": "string" },
                        "use": { "const": "sig" },
                    },
                },
            },
        },
    })
}

pub(super) fn decode(_: &Request<'_>) -> Decoded {
    Decoded {
        presented: Presented::Absent,
        call: Ok(Call::PublicKeys),
        reply: Reply::Plain,
    }
}

pub(super) fn encode(
    result: &Result<Outcome, Refusal>,
    _: &Reply,
    context: &CallContext,
) -> Response {
    match result {
        Ok(Outcome::PublicKeys(keys)) => headers::public_json(keys, CACHE_CONTROL),
        Ok(_) => super::unexpected(context),
        Err(refusal) => oauth_error::refuse_at_client_endpoint(refusal, context),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign_engine::bounds::KEY_SET_CACHED_FOR;

    #[test]
    fn a_key_set_may_be_kept_as_long_as_a_rotation_waits() {
        let seconds = KEY_SET_CACHED_FOR.as_secs();
        assert_eq!(CACHE_CONTROL, format!("public, max-age={seconds}"));
    }
}
