//! Credentials: made, changed, rotated and revoked alike, whatever their kind.

use super::{
    Making, at_version, check,
    material::{kind_expected, of_platform, public_key},
};
use crate::{
    Engine,
    bounds::{
        CONFLICT_TRIES_MAX, CREDENTIALS_PER_CLIENT_MAX, OVERLAP_MAX, REGISTRATION_TOKEN_RATE,
    },
    call::{CallContext, IdempotencyKey, Lifecycle, NewCredential, NewHolder},
    commit::{Change, Version},
    denied::{Denied, Fault, ProblemKind, Refusal},
    id::{ClientId, CredentialId, EnvironmentId},
    model::{
        client::Client,
        credential::{Credential, CredentialKind, Holder, Material},
        scopes::Scopes,
    },
    outcome::Outcome,
    ports::Query,
    row::{Key, Row, Stored},
    secret::Secret,
    time::Timestamp,
    verify::{Authenticated, OperatorCaller},
};
use countersign_jose::{Algorithm, Jwk};
use std::{sync::Arc, time::Duration};

impl Engine {
    pub(super) async fn make_credential(
        &self,
        context: &CallContext,
        caller: &Authenticated<OperatorCaller>,
        new: NewCredential,
    ) -> Result<Making, Refusal> {
        let (mut credential, secret, client) = match &new.holder {
            NewHolder::Operator(id) => {
                let [operator] = self.load(&[Key::Operator(id.clone())]).await?;
                operator.ok_or(Denied::NotFound { noun: "operator" })?;
                let (credential, secret) = self.operator_token(context, id)?;
                (credential, Some(secret), None)
            }
            NewHolder::Client(id) => {
                let stored = self.client_with_room(context, &new.environment, id).await?;
                let client = stored
                    .client()
                    .ok_or_else(|| Fault::internal("a client's row is not one"))?
                    .clone();
                let (credential, secret) = self
                    .client_credential(context, &client, new.kind, new.key)
                    .await?;
                (credential, secret, Some((client, stored.version)))
            }
        };
        apply(&mut credential, new.lifecycle);
        let client_row = client.as_ref().map(|(client, _)| client);
        decide_credential(&credential, client_row)?;
        let mut changes = Vec::new();
        if let Some((client, version)) = &client {
            let key = Key::Client(client.environment.clone(), client.id.clone());
            changes.push(Change::Require {
                key,
                if_version: *version,
            });
        }
        let audit = self.credential_event(context, caller, &credential, "credential.create");
        Ok(Making {
            rows: vec![Row::Credential(credential)],
            changes,
            secret,
            audit,
        })
    }

    async fn client_with_room(
        &self,
        context: &CallContext,
        environment: &EnvironmentId,
        id: &ClientId,
    ) -> Result<Arc<Stored>, Refusal> {
        let [stored] = self
            .load(&[Key::Client(environment.clone(), id.clone())])
            .await?;
        let stored = stored.ok_or(Denied::NotFound { noun: "client" })?;
        let client = stored
            .client()
            .ok_or_else(|| Fault::internal("a client's row is not one"))?;
        if self.live_credentials(context.now, client).await?.len() >= CREDENTIALS_PER_CLIENT_MAX {
            return Err(Denied::Conflict(
                "the client has as many credentials as it may have; revoke some",
            )
            .into());
        }
        Ok(stored)
    }

    async fn client_credential(
        &self,
        context: &CallContext,
        client: &Client,
        kind: CredentialKind,
        key: Option<(Algorithm, Option<Jwk>)>,
    ) -> Result<(Credential, Option<Secret<String>>), Refusal> {
        let stored = self.named_environment(&client.environment).await?;
        let environment = stored
            .environment()
            .ok_or_else(|| Fault::internal("an environment's row is not one"))?;
        let id = self.new_credential_id(client.spelling)?;
        let made = match kind {
            CredentialKind::OperatorToken => return Err(kind_expected().into()),
            CredentialKind::PublicKey => match of_platform(client, key)? {
                Some((algorithm, None)) if algorithm.is_rsa() => {
                    self.key_pair(environment, client, algorithm).await?
                }
                key => public_key(client, key)?,
            },
            CredentialKind::SigningSecret => {
                self.signing_secret(environment, &id, of_platform(client, key)?)?
            }
            _ if key.is_some() => {
                return Err(Denied::invalid("algorithm", ProblemKind::UnknownMember).into());
            }
            _ => self.bearer_secret(environment, client, kind)?,
        };
        let credential = Credential {
            environment: client.environment.clone(),
            digest: made.digest,
            id,
            kind,
            holder: Holder::Client(client.organization.clone(), client.id.clone()),
            material: made.material,
            hint: made.hint,
            comment: String::new(),
            scopes: client.scopes.clone(),
            not_before: None,
            expires_at: None,
            revoked_at: None,
            allowed_networks: Vec::new(),
            origins: Vec::new(),
            metadata: None,
            api_version: None,
            rate_limit: (kind == CredentialKind::RegistrationToken)
                .then_some(REGISTRATION_TOKEN_RATE),
            replaces: None,
            replaced_by: None,
            // Never older than its client, also where clocks disagree: it would be another client's.
            created_at: context.now.max(client.created_at),
        };
        Ok((credential, made.secret))
    }

    pub(super) async fn amend_credential(
        &self,
        context: &CallContext,
        caller: &Authenticated<OperatorCaller>,
        environment: &EnvironmentId,
        id: &CredentialId,
        change: Lifecycle,
        if_version: Version,
    ) -> Result<Outcome, Refusal> {
        let stored = self.credential_by_id(environment, id).await?;
        let stored = at_version(Some(stored), "credential", if_version)?;
        let mut credential = row_of(&stored)?.clone();
        let scopes_change = change.scopes.is_some();
        apply(&mut credential, change);
        let client = if scopes_change {
            self.client_of(&credential).await?
        } else {
            None
        };
        decide_credential(
            &credential,
            client.as_ref().and_then(|stored| stored.client()),
        )?;
        let audit = self.credential_event(context, caller, &credential, "credential.change");
        let outcome = self
            .replace_row(
                context,
                Row::Credential(credential),
                if_version,
                Vec::new(),
                audit,
            )
            .await?;
        Ok(outcome)
    }

    async fn client_of(&self, credential: &Credential) -> Result<Option<Arc<Stored>>, Refusal> {
        let Some(client) = credential.client() else {
            return Ok(None);
        };
        let [stored] = self
            .load(&[Key::Client(credential.environment.clone(), client.clone())])
            .await?;
        Ok(Some(stored.ok_or(Denied::NotFound { noun: "client" })?))
    }

    /// Revoked for good. Revoking again changes nothing and is no error.
    pub(super) async fn revoke_credential(
        &self,
        context: &CallContext,
        caller: &Authenticated<OperatorCaller>,
        environment: &EnvironmentId,
        id: &CredentialId,
    ) -> Result<Outcome, Refusal> {
        for _ in 0..CONFLICT_TRIES_MAX {
            let stored = self.credential_by_id(environment, id).await?;
            let mut credential = row_of(&stored)?.clone();
            if credential.revoked_at.is_some() {
                return Ok(Outcome::Row(self.view(stored).await?));
            }
            credential.revoked_at = Some(context.now);
            let audit = self.credential_event(context, caller, &credential, "credential.revoke");
            let row = Row::Credential(credential);
            match self
                .replace_row(context, row, stored.version, Vec::new(), audit)
                .await
            {
                // Someone changed it meanwhile: revoking wins over whatever that was.
                Err(Refusal::Denied(Denied::PreconditionFailed)) => {}
                other => return other,
            }
        }
        Err(Fault::unavailable("the credential kept changing").into())
    }

    /// A successor with the same properties. Both work until the overlap ends, then one.
    pub(super) async fn rotate_credential(
        &self,
        context: &CallContext,
        caller: &Authenticated<OperatorCaller>,
        environment: &EnvironmentId,
        id: &CredentialId,
        overlap: Duration,
        idempotency: Option<IdempotencyKey>,
    ) -> Result<Outcome, Refusal> {
        if overlap > OVERLAP_MAX {
            return Err(Denied::invalid(
                "overlap_s",
                ProblemKind::Expected("at most 90 days in seconds"),
            )
            .into());
        }
        if let Some(answered) = self
            .answered(context, caller, environment, idempotency.as_ref())
            .await?
        {
            return Ok(answered);
        }
        let stored = self.credential_by_id(environment, id).await?;
        let old = row_of(&stored)?;
        let making = self
            .decide_rotation(context, caller, old, stored.version, overlap)
            .await?;
        self.make(context, caller, environment, making, idempotency)
            .await
    }

    async fn decide_rotation(
        &self,
        context: &CallContext,
        caller: &Authenticated<OperatorCaller>,
        old: &Credential,
        version: Version,
        overlap: Duration,
    ) -> Result<Making, Refusal> {
        old.lives(context.now).map_err(|_| {
            Denied::Conflict("only a credential that is accepted now can be rotated")
        })?;
        if old.replaced_by.is_some() {
            return Err(Denied::Conflict("it was rotated already; rotate its successor").into());
        }
        let (fresh, secret) = match &old.holder {
            Holder::Operator(id) => {
                let (credential, secret) = self.operator_token(context, id)?;
                (credential, Some(secret))
            }
            Holder::Client(_, id) => {
                let stored = self.client_with_room(context, &old.environment, id).await?;
                let client = stored
                    .client()
                    .ok_or_else(|| Fault::internal("a client's row is not one"))?;
                let key = match &old.material {
                    Material::DigestOnly => None,
                    Material::Shared(algorithm, _) => Some((*algorithm, None)),
                    Material::PublicKey(..) => {
                        return Err(Denied::Conflict(
                            "a public key is rotated by adding the next one",
                        )
                        .into());
                    }
                };
                self.client_credential(context, client, old.kind, key)
                    .await?
            }
        };
        let successor = Credential {
            replaces: Some(old.id.clone()),
            comment: old.comment.clone(),
            scopes: old.scopes.clone(),
            not_before: None,
            expires_at: old.expires_at,
            allowed_networks: old.allowed_networks.clone(),
            origins: old.origins.clone(),
            metadata: old.metadata.clone(),
            api_version: old.api_version.clone(),
            rate_limit: old.rate_limit,
            ..fresh
        };
        let ends_at = context.now.plus(overlap);
        let mut ending = old.clone();
        ending.expires_at = Some(old.expires_at.map_or(ends_at, |end| end.min(ends_at)));
        ending.replaced_by = Some(successor.id.clone());
        let audit = self.credential_event(context, caller, old, "credential.rotate");
        let changes = vec![Change::Replace {
            row: Row::Credential(ending),
            if_version: version,
        }];
        Ok(Making {
            rows: vec![Row::Credential(successor)],
            changes,
            secret,
            audit,
        })
    }

    /// The credential with this public name. Not cached: operators' calls read what is.
    pub(super) async fn credential_by_id(
        &self,
        environment: &EnvironmentId,
        id: &CredentialId,
    ) -> Result<Arc<Stored>, Refusal> {
        let query = Query::CredentialById(environment.clone(), id.clone());
        let page = self.ports.store.list(&query, None, 1).await?;
        page.rows
            .into_iter()
            .next()
            .ok_or_else(|| Denied::NotFound { noun: "credential" }.into())
    }

    fn credential_event(
        &self,
        context: &CallContext,
        caller: &Authenticated<OperatorCaller>,
        credential: &Credential,
        action: &str,
    ) -> crate::model::audit::AuditEvent {
        let owner = match &credential.holder {
            Holder::Client(organization, _) => Some(organization.clone()),
            Holder::Operator(_) => None,
        };
        let target = format!("credential:{}", credential.id);
        self.admin_event(
            context,
            caller,
            &credential.environment,
            owner,
            action,
            &target,
        )
    }
}

fn apply(credential: &mut Credential, change: Lifecycle) {
    if let Some(comment) = change.comment {
        credential.comment = comment;
    }
    if let Some(scopes) = change.scopes {
        credential.scopes = scopes;
    }
    if let Some(not_before) = change.not_before {
        credential.not_before = not_before;
    }
    if let Some(expires_at) = change.expires_at {
        credential.expires_at = expires_at;
    }
    if let Some(networks) = change.allowed_networks {
        credential.allowed_networks = networks;
    }
    if let Some(origins) = change.origins {
        credential.origins = origins;
    }
    if let Some(metadata) = change.metadata {
        credential.metadata = metadata;
    }
    if let Some(version) = change.api_version {
        credential.api_version = version;
    }
    if let Some(limit) = change.rate_limit {
        credential.rate_limit = limit;
    }
}

fn decide_credential(credential: &Credential, client: Option<&Client>) -> Result<(), Denied> {
    let mut problems = check::Problems::default();
    problems.free_text(&credential.comment, "comment");
    problems.networks(credential.allowed_networks.len());
    problems.rate(credential.rate_limit, "rate_limit");
    problems.origins(&credential.origins, "origins");
    problems.expect(
        credential.origins.is_empty() || credential.kind == CredentialKind::RegistrationToken,
        "origins",
        "none: only registration tokens come from browsers",
    );
    problems.metadata(credential.metadata.as_ref(), "metadata");
    problems.expect(
        credential.api_version.as_deref().is_none_or(is_date),
        "api_version",
        "a date, YYYY-MM-DD",
    );
    let within = client.is_none_or(|client| client.scopes.contain(&credential.scopes));
    problems.expect(within, "scopes", "scopes that the client has");
    let starts = credential.not_before.unwrap_or(Timestamp::EPOCH);
    problems.expect(
        credential.expires_at.is_none_or(|end| end > starts),
        "expires_at",
        "a time after not_before",
    );
    let operator_scopes =
        matches!(credential.holder, Holder::Operator(_)) && credential.scopes != Scopes::default();
    problems.expect(
        !operator_scopes,
        "scopes",
        "none: an operator's role says what it may do",
    );
    problems.done()
}

/// Ten characters in the form of a date; which versions there are is the dialect's business.
fn is_date(text: &str) -> bool {
    let is_digit = |place: usize, b: u8| match place {
        4 | 7 => b == b'-',
        _ => b.is_ascii_digit(),
    };
    text.len() == 10
        && text
            .bytes()
            .enumerate()
            .all(|(place, b)| is_digit(place, b))
}

fn row_of(stored: &Stored) -> Result<&Credential, Fault> {
    stored
        .credential()
        .ok_or_else(|| Fault::internal("a credential's row is not one"))
}
