//! `Countersign-Assertion`: who the caller is, signed, for APIs that trust no header on its own.

use crate::{
    Engine,
    bounds::{IDENTITY_ASSERTION_FOR, IDENTITY_ASSERTION_VALID_FOR},
    call::CallContext,
    decision::Allowed,
    denied::Fault,
};
use countersign_jose::base64url_encode;
use serde_json::json;
use std::sync::{Arc, PoisonError};

/// The set whose keys sign assertions: of every environment, beside those of its token profiles.
pub(crate) const KEY_SET: &str = "identity";

/// The assertion of this fact, made anew when it is older than 30 s.
pub(crate) async fn assertion(
    engine: &Engine,
    context: &CallContext,
    allowed: &Allowed,
) -> Result<Arc<str>, Fault> {
    let fact = &allowed.fact;
    let kept = fact
        .assertion
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .clone();
    if let Some((_, text)) =
        kept.filter(|(made_at, _)| context.now.since(*made_at) < IDENTITY_ASSERTION_FOR)
    {
        return Ok(text);
    }
    let compiled = engine.compiled(&context.environment, context.now).await?;
    let compiled =
        compiled.ok_or_else(|| Fault::internal("an allowed request without its environment"))?;
    let place = compiled.place()?;
    // Not through the lock under which keys are made: a decision must not wait for a key of another set.
    let ready = compiled
        .key_set(KEY_SET)
        .and_then(|(set, _)| set.current().cloned());
    let key = match ready {
        Some(key) => key,
        None => engine.current_key(context, &place, KEY_SET).await?,
    };
    let header =
        json!({"alg": key.algorithm.name(), "kid": key.id, "typ": "countersign-identity+jwt"});
    let principal = &fact.principal;
    let issued_at = context.now.seconds();
    let mut expires_at = context.now.plus(IDENTITY_ASSERTION_VALID_FOR);
    if let Some(end) = fact.ends_at {
        expires_at = expires_at.min(end);
    }
    let claims = json!({
        "iss": compiled.environment()?.issuer,
        "sub": principal.subject,
        "client_id": principal.client,
        "organization": principal.organization,
        "environment": principal.environment,
        "scope": principal.scopes.to_string(),
        "credential": principal.shown.word(),
        "iat": issued_at,
        "exp": expires_at.seconds(),
    });
    let encoded = |value: serde_json::Value| base64url_encode(value.to_string().as_bytes());
    let signed = format!("{}.{}", encoded(header), encoded(claims));
    let signature = engine
        .ports
        .keystore
        .sign(&place, &key, signed.as_bytes())
        .await?;
    let text: Arc<str> = format!("{signed}.{}", base64url_encode(&signature)).into();
    *fact
        .assertion
        .lock()
        .unwrap_or_else(PoisonError::into_inner) = Some((context.now, text.clone()));
    Ok(text)
}
