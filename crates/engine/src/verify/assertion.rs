//! A client that signs for itself: `private_key_jwt` and `client_secret_jwt` (RFC 7523 sections 2.2 and 3).

use super::{Authenticated, ClientCaller, Refused};
use crate::{
    Engine,
    bounds::{
        ASSERTION_LIFETIME_MAX, CLOCK_SKEW_MAX, CREDENTIALS_READ_MAX, KEYS_TRIED_MAX, PAGE_ROWS_MAX,
    },
    call::CallContext,
    commit::{Change, CommitError, OneTime},
    compiled::Compiled,
    denied::{Denied, Fault, Reason, Refusal},
    digest::Digest,
    id::{ClientId, OrganizationId},
    model::{
        client::Client,
        credential::{Credential, CredentialKind, Holder, Lapsed, Material},
    },
    ports::Query,
    row::{Key, Stored},
    secret::Secret,
    time::Timestamp,
};
use countersign_jose::{Claims, Compact, Header, Limits, VerifyingKey};
use std::cmp::Reverse;

impl Engine {
    pub(super) async fn verify_assertion(
        &self,
        context: &CallContext,
        client_id: Option<&str>,
        assertion: &Secret<String>,
    ) -> Result<Authenticated<ClientCaller>, Refused> {
        let refuse = |reason| Refused::from(Denied::InvalidClient(reason));
        let compiled = self.arrived(context).await?;
        let compact = Compact::parse(assertion.expose(), &Limits::default())
            .map_err(|_| refuse(Reason::Signature))?;
        let typ = compact.header().typ.as_deref();
        if typ.is_some_and(|typ| {
            !ASSERTION_TYPES
                .iter()
                .any(|known| typ.eq_ignore_ascii_case(known))
        }) {
            return Err(refuse(Reason::Kind));
        }
        // RFC 7523 section 3: `iss` and `sub` are the client. Unverified here, it only chooses the keys to try.
        let claimed = compact
            .unverified_claim_str("iss")
            .ok_or_else(|| refuse(Reason::Claims))?;
        let client = ClientId::parse(&claimed).map_err(|_| refuse(Reason::Unknown))?;
        if client_id.is_some_and(|named| named != claimed) {
            return Err(refuse(Reason::Mismatch));
        }
        let credentials = self
            .signing_credentials(context, &compiled, &client)
            .await?;
        if credentials.is_empty() {
            return Err(refuse(Reason::Unknown));
        }
        let mut verified = None;
        for credential in keys_to_try(&credentials, compact.header(), context.now) {
            let key = self.assertion_key(&compiled, credential)?;
            if let Ok(claims) = compact.verify(&key) {
                verified = Some((credential, claims));
                break;
            }
        }
        let (credential, claims) = verified.ok_or_else(|| refuse(Reason::Signature))?;
        let issuer = &compiled.environment()?.issuer;
        let known = |refusal: Refusal| Refused::of(refusal, credential);
        let once = decide_assertion(&claims, &client, issuer, context.now)
            .map_err(|reason| known(Denied::InvalidClient(reason).into()))?;
        let caller = self.admit(context, credential).await.map_err(known)?;
        self.spend_assertion(context, &caller, credential, once)
            .await
            .map_err(known)?;
        Ok(caller)
    }

    /// The credentials of a client that it may sign with. Few, and read only at the token endpoint.
    async fn signing_credentials(
        &self,
        context: &CallContext,
        compiled: &Compiled,
        client: &ClientId,
    ) -> Result<Vec<Credential>, Refusal> {
        let [stored] = self
            .load(&[Key::Client(compiled.id.clone(), client.clone())])
            .await?;
        let Some(client) = stored.as_deref().and_then(Stored::client) else {
            return Ok(Vec::new());
        };
        let mut credentials = self.credentials_to_try(context.now, client).await?;
        let signs = |kind| {
            matches!(
                kind,
                CredentialKind::PublicKey | CredentialKind::SigningSecret
            )
        };
        credentials.retain(|credential| signs(credential.kind));
        Ok(credentials)
    }

    /// The same where somebody shows what one of them signed: too many of them are nothing that whoever shows it
    /// could change, or should learn.
    pub(crate) async fn credentials_to_try(
        &self,
        now: Timestamp,
        client: &Client,
    ) -> Result<Vec<Credential>, Refusal> {
        match self.live_credentials(now, client).await {
            Err(Refusal::Denied(denied)) => Err(Fault::unavailable(denied).into()),
            found => found,
        }
    }

    /// The credentials of a client that have not lapsed for good.
    pub(crate) async fn live_credentials(
        &self,
        now: Timestamp,
        client: &Client,
    ) -> Result<Vec<Credential>, Refusal> {
        let holder = Holder::Client(client.organization.clone(), client.id.clone());
        let query = Query::Credentials(client.environment.clone(), Some(holder));
        let (mut live, mut after, mut read) = (Vec::new(), None, 0);
        loop {
            let page = self
                .ports
                .store
                .list(&query, after.as_ref(), PAGE_ROWS_MAX)
                .await?;
            read += page.rows.len();
            let lives = |credential: &&Credential| {
                !matches!(
                    credential.lives(now),
                    Err(Lapsed::Expired | Lapsed::Revoked)
                )
            };
            live.extend(
                page.rows
                    .iter()
                    .filter_map(|stored| stored.credential())
                    .filter(lives)
                    .cloned(),
            );
            after = page.next;
            if after.is_none() {
                return Ok(live);
            }
            if read >= CREDENTIALS_READ_MAX {
                return Err(Denied::Conflict(
                    "the client has too many lapsed credentials; they are swept in time",
                )
                .into());
            }
        }
    }

    pub(super) fn assertion_key(
        &self,
        compiled: &Compiled,
        credential: &Credential,
    ) -> Result<VerifyingKey, Refusal> {
        let key = match &credential.material {
            Material::PublicKey(algorithm, jwk) => VerifyingKey::from_jwk(*algorithm, jwk),
            Material::Shared(algorithm, sealed) => {
                let bound_to = credential.id.as_str();
                let secret = self
                    .ports
                    .keystore
                    .open(&compiled.place()?, bound_to, sealed)?;
                VerifyingKey::from_secret(*algorithm, secret.expose())
            }
            Material::DigestOnly => {
                return Err(Fault::internal("a signing credential without its key").into());
            }
        };
        key.map_err(|error| {
            Fault::internal(format_args!(
                "key of {} cannot be read: {error}",
                credential.id
            ))
            .into()
        })
    }

    /// RFC 7523 section 3, item 7: the same assertion is not accepted twice, on any node, also after a restart.
    async fn spend_assertion(
        &self,
        context: &CallContext,
        caller: &Authenticated<ClientCaller>,
        credential: &Credential,
        once: Once,
    ) -> Result<(), Refusal> {
        let client = &caller.who().client;
        let spent = OneTime {
            environment: client.environment.clone(),
            digest: Digest::of(
                "countersign/assertion",
                &[client.id.as_str().as_bytes(), once.token_id.as_bytes()],
            ),
            expires_at: once.expires_at,
        };
        let organization: OrganizationId = client.organization.clone();
        let mut audit = self.event(
            context,
            &format!("client:{}", client.id),
            "assertion.spend",
            &format!("credential:{}", credential.id),
        );
        audit.organization = Some(organization);
        match self
            .commit(context.now, vec![Change::Spend(spent)], audit)
            .await
        {
            Ok(()) => Ok(()),
            Err(CommitError::Conflict { .. }) => Err(Denied::InvalidClient(Reason::Spent).into()),
            Err(CommitError::Fault(fault)) => Err(fault.into()),
        }
    }
}

/// What `typ` an assertion may have, if it has one: never that of an access token or a proof.
const ASSERTION_TYPES: [&str; 3] = [
    "JWT",
    "client-authentication+jwt",
    "application/client-authentication+jwt",
];

/// The keys that an assertion is tried with: those of its algorithm that its `kid` names, where one of ours has
/// that name; else the two that a rotation leaves in use. A stranger who knows a client's id thus buys no more
/// than [`KEYS_TRIED_MAX`] verifications with a request. The algorithm is compared to spare work only: the key's
/// own decides.
pub(super) fn keys_to_try<'a>(
    credentials: &'a [Credential],
    header: &Header,
    now: Timestamp,
) -> Vec<&'a Credential> {
    let is_for = |credential: &&Credential| match &credential.material {
        Material::PublicKey(own, _) | Material::Shared(own, _) => own.name() == header.alg,
        Material::DigestOnly => false,
    };
    let mut keys: Vec<&Credential> = credentials.iter().filter(is_for).collect();
    let is_named = |credential: &&Credential| {
        let kid = header.kid.as_deref();
        kid.is_some_and(|kid| goes_by(credential, kid))
    };
    if keys.iter().any(is_named) {
        keys.retain(is_named);
    }
    // One whose time has not come is no use yet: it must not stand in the way of one that is.
    keys.sort_by_key(|key| (key.lives(now).is_err(), Reverse(key.created_at)));
    keys.truncate(KEYS_TRIED_MAX);
    keys
}

/// Whether this is a name of the credential's key: the `kid` that it was registered with, or our own id for it.
fn goes_by(credential: &Credential, kid: &str) -> bool {
    let registered = match &credential.material {
        Material::PublicKey(_, jwk) => jwk.kid.as_deref(),
        Material::Shared(..) | Material::DigestOnly => None,
    };
    registered == Some(kid) || credential.id.as_str() == kid
}

/// What makes an assertion the only one of its kind.
#[derive(Debug, PartialEq, Eq)]
struct Once {
    token_id: String,
    /// With the skew: after this it is refused by its `exp`.
    expires_at: Timestamp,
}

/// RFC 7523 section 3, in its order, with the tighter audience rule of the 2026 revision: our issuer alone.
fn decide_assertion(
    claims: &Claims,
    client: &ClientId,
    issuer: &str,
    now: Timestamp,
) -> Result<Once, Reason> {
    let text = |name| claims.str(name).map_err(|_| Reason::Claims);
    if text("iss")? != Some(client.as_str()) || text("sub")? != Some(client.as_str()) {
        return Err(Reason::Mismatch);
    }
    if claims.audience().map_err(|_| Reason::Claims)? != [issuer] {
        return Err(Reason::Mismatch);
    }
    let date = |name| claims.numeric_date(name).map_err(|_| Reason::Claims);
    let expires_at = Timestamp::from_seconds(date("exp")?.ok_or(Reason::Claims)?.floor());
    if now >= expires_at {
        return Err(Reason::Expired);
    }
    let longest = ASSERTION_LIFETIME_MAX + CLOCK_SKEW_MAX;
    if expires_at.since(now) > longest {
        return Err(Reason::Claims);
    }
    let latest = now.plus(CLOCK_SKEW_MAX);
    let begins = |date: countersign_jose::NumericDate| Timestamp::from_seconds(date.ceil());
    if date("nbf")?.is_some_and(|start| begins(start) > latest) {
        return Err(Reason::NotYet);
    }
    let too_old = |at: Timestamp| at > latest || expires_at.since(at) > longest;
    if date("iat")?.is_some_and(|at| too_old(begins(at))) {
        return Err(Reason::Claims);
    }
    let token_id = text("jti")?
        .filter(|id| (1..=256).contains(&id.len()))
        .ok_or(Reason::Claims)?;
    Ok(Once {
        token_id: token_id.into(),
        expires_at: expires_at.plus(CLOCK_SKEW_MAX),
    })
}
