//! Sessions that a client signs itself, with a signing secret of its own (Quiltt). A bearer like any session:
//! verified at every use, never spent.

use super::{
    FAILURES, Refused,
    access_token::{Spoken, TokenOwner},
    assertion::keys_to_try,
    session_token::{SessionNames, SignedBy, subject_of},
    too_many,
};
use crate::{
    Engine,
    bounds::{CLOCK_SKEW_MAX, SELF_SIGNED_LIFETIME_MAX},
    call::CallContext,
    compiled::{Compiled, Verifier},
    denied::{Denied, Reason, Refusal},
    global_id,
    id::EnvironmentId,
    model::{
        client::Client,
        credential::{Credential, CredentialKind},
        profile::{QUILTT, TokenProfile},
    },
    row::{Key, Stored},
    time::Timestamp,
};
use countersign_jose::{Algorithm, Claims, Compact, Limits};
use std::sync::Arc;
use uuid::Uuid;

/// What a self-signed session says of itself.
struct Said {
    issued_at: Timestamp,
    expires_at: Timestamp,
    token_id: String,
    audience: Vec<String>,
    subject: Uuid,
    /// The subject is spelled as a UUID.
    imports: bool,
}

impl Engine {
    /// What a token says that none of our keys signed, if a client's secret did. `denied` is why it is refused
    /// otherwise: nothing tells how far a stranger's attempt got.
    pub(super) async fn self_signed(
        &self,
        context: &CallContext,
        compiled: &Compiled,
        token: &str,
        denied: Denied,
    ) -> Result<Spoken, Refused> {
        let is_unknown = matches!(
            denied,
            Denied::InvalidToken(Reason::Signature | Reason::Unknown)
        );
        let profile = compiled.environment()?.profile(QUILTT);
        let (Some(profile), true) = (profile, is_unknown) else {
            return Err(denied.into());
        };
        let Some((compact, deployment)) = glance(token) else {
            return Err(denied.into());
        };
        // Anyone can write such a token, and none of what follows is kept in memory: so it counts as a failure until
        // it has proved to be none.
        let failures = self.failures(context.peer);
        failures.take(FAILURES, context.now).map_err(too_many)?;
        let secrets = self.secrets_to_try(context, compiled, &compact, &deployment);
        for credential in secrets.await? {
            let key = self.assertion_key(compiled, &credential)?;
            let Ok(claims) = compact.verify(&key) else {
                continue;
            };
            failures.give_back(FAILURES);
            let said = decide_claims(&claims, &deployment, profile, &compiled.id, context.now)
                .map_err(|reason| Refused::of(Denied::InvalidToken(reason), &credential))?;
            let verifier = Verifier {
                profile: profile.clone(),
                key,
                ends_at: credential.expires_at,
            };
            let names = SessionNames {
                subject: subject_of(said.subject).map_err(Denied::InvalidToken)?,
                signed_by: Some(SignedBy {
                    secret: credential.digest,
                    imports: said.imports,
                }),
                deployment,
            };
            return Ok(Spoken {
                verifier: Arc::new(verifier),
                issued_at: said.issued_at,
                expires_at: said.expires_at,
                token_id: Some(said.token_id),
                audience: Some(said.audience),
                scopes: None,
                subject: None,
                owner: TokenOwner::Session(names),
            });
        }
        Err(denied.into())
    }

    /// The secrets that may have signed it: the one that `did` names, or those of the client whose API key it
    /// names, two at most.
    async fn secrets_to_try(
        &self,
        context: &CallContext,
        compiled: &Compiled,
        compact: &Compact<'_>,
        deployment: &str,
    ) -> Result<Vec<Credential>, Refusal> {
        let Some(named) = self.credential_named(&compiled.id, deployment).await? else {
            return Ok(Vec::new());
        };
        let candidates = match named.kind {
            CredentialKind::SigningSecret => vec![named],
            CredentialKind::ApiKey => {
                let Some(client) = named.client() else {
                    return Ok(Vec::new());
                };
                let key = Key::Client(compiled.id.clone(), client.clone());
                let [stored] = self.load(&[key]).await?;
                let client: Option<&Client> = stored.as_deref().and_then(Stored::client);
                let Some(client) = client else {
                    return Ok(Vec::new());
                };
                let mut live = self.credentials_to_try(context.now, client).await?;
                live.retain(|credential| credential.kind == CredentialKind::SigningSecret);
                live
            }
            _ => return Ok(Vec::new()),
        };
        let tried = keys_to_try(&candidates, compact.header(), context.now);
        Ok(tried.into_iter().cloned().collect())
    }
}

/// A token that may be a self-signed session, and the deployment that it names. Unverified: it only chooses keys.
fn glance(token: &str) -> Option<(Compact<'_>, String)> {
    let compact = Compact::parse(token, &Limits::default()).ok()?;
    let header = compact.header();
    let typ = header.typ.as_deref();
    let is_session = header.alg == Algorithm::Hs512.name()
        && typ.is_none_or(|typ| typ.eq_ignore_ascii_case("JWT"));
    let deployment = compact.unverified_claim_str("did")?;
    is_session.then_some((compact, deployment))
}

/// The claims of a self-signed session: the documented ones, and a day at most.
fn decide_claims(
    claims: &Claims,
    deployment: &str,
    profile: &TokenProfile,
    environment: &EnvironmentId,
    now: Timestamp,
) -> Result<Said, Reason> {
    let text = |name| claims.str(name).map_err(|_| Reason::Claims);
    let issuer = text("iss")?.ok_or(Reason::Claims)?;
    if issuer != profile.issuer && issuer != deployment {
        return Err(Reason::Mismatch);
    }
    let audience = claims.audience().map_err(|_| Reason::Claims)?;
    let is_ours = |own| audience.contains(&own);
    if !profile.own_audience().is_some_and(is_ours) {
        return Err(Reason::Mismatch);
    }
    let own_environment = global_id::of_environment(environment.as_str());
    if text("eid")?.is_some_and(|named| named != own_environment) {
        return Err(Reason::Mismatch);
    }
    let date = |name| claims.numeric_date(name).map_err(|_| Reason::Claims);
    let expires_at = Timestamp::from_seconds(date("exp")?.ok_or(Reason::Claims)?.floor());
    let issued_at = Timestamp::from_seconds(date("iat")?.ok_or(Reason::Claims)?.floor());
    if now >= expires_at {
        return Err(Reason::Expired);
    }
    let latest = now.plus(CLOCK_SKEW_MAX);
    let starts = date("nbf")?.map(|date| Timestamp::from_seconds(date.ceil()));
    if issued_at > latest || starts.is_some_and(|start| start > latest) {
        return Err(Reason::NotYet);
    }
    if expires_at > issued_at.plus(SELF_SIGNED_LIFETIME_MAX) {
        return Err(Reason::Claims);
    }
    let token_id = text("jti")?.filter(|id| (1..=TOKEN_ID_BYTES_MAX).contains(&id.len()));
    let subject = text("uid")?.ok_or(Reason::Claims)?;
    let uuid = Uuid::try_parse(subject).ok();
    let named = uuid.or_else(|| global_id::decode("p", subject));
    Ok(Said {
        issued_at,
        expires_at,
        token_id: token_id.ok_or(Reason::Claims)?.to_owned(),
        audience: audience.into_iter().map(str::to_owned).collect(),
        subject: named.ok_or(Reason::Claims)?,
        imports: uuid.is_some(),
    })
}

/// Bytes of a `jti` that a client chose.
const TOKEN_ID_BYTES_MAX: usize = 256;
