//! Sessions that are tokens (Quiltt): minted by us, or by a client with a signing secret of its own.
//!
//! A session ends with its subject, with its client, and with the API key that asked for it when that is revoked.
//! A key that merely expires, as the old one does after a rotation, leaves its sessions to their own end: a
//! rotation must log nobody out.

use super::{
    Authenticated, Refused, SessionCaller, SessionToken, ShownSession,
    access_token::{Spoken, TokenOwner, decide_signature},
    decide_client, revocation_digest, signing_input, token_id_digest,
};
use crate::{
    Engine,
    call::CallContext,
    compiled::Compiled,
    decision::{Fact, Principal, ShownKind, TokenFact},
    denied::{Denied, Fault, Reason},
    digest::Digest,
    global_id,
    id::{ClientId, CredentialId, EnvironmentId, OrganizationId, SubjectId},
    model::{
        State,
        client::{Client, ClientKind, Spelling},
        credential::{Credential, CredentialKind, Lapsed},
        profile::{QUILTT, STANDARD},
        scopes::Scopes,
        subject::Subject,
    },
    ports::{Generation, Query},
    row::{Key, Row, Stored},
    secret::Secret,
    time::Timestamp,
};
use std::{sync::Arc, time::Duration};
use uuid::Uuid;

/// Whom a session names.
pub(crate) struct SessionNames {
    /// The credential that asked for it or whose client signed it; the client where its subject signed in.
    pub deployment: String,
    /// Whose session it is.
    pub subject: SubjectId,
    /// Of one that a client signed itself.
    pub signed_by: Option<SignedBy>,
}

/// How a client signed a session itself.
pub(crate) struct SignedBy {
    /// The look-up digest of the secret.
    pub secret: Digest,
    /// Its subject is a UUID, which may be imported where sessions are checked.
    pub imports: bool,
}

/// Whose a session is that nothing has ended.
pub(crate) struct SessionOwner {
    /// None: not known yet, and may be imported.
    pub subject: Option<Subject>,
    pub client: Client,
    pub scopes: Scopes,
}

impl SessionNames {
    /// As the claims of our own tokens print them.
    pub fn read(deployment: String, subject: &str) -> Result<Self, Reason> {
        let uuid = global_id::decode("p", subject).ok_or(Reason::Claims)?;
        Ok(Self {
            deployment,
            subject: subject_of(uuid)?,
            signed_by: None,
        })
    }

    /// Whose names its `jti` is one of: two clients may choose the same.
    fn issuer<'a>(&'a self, spoken: &'a Spoken) -> &'a str {
        match self.signed_by {
            Some(_) => &self.deployment,
            None => &spoken.verifier.profile.issuer,
        }
    }
}

/// The subject that a UUID names.
pub(super) fn subject_of(uuid: Uuid) -> Result<SubjectId, Reason> {
    SubjectId::parse(&uuid.hyphenated().to_string()).map_err(|_| Reason::Claims)
}

impl Engine {
    /// The fact behind a session, for guards. Whom it names must be known: a decision writes nothing.
    pub(super) async fn session_fact(
        &self,
        context: &CallContext,
        compiled: &Compiled,
        token: &str,
        spoken: &Spoken,
        names: &SessionNames,
    ) -> Result<Arc<Fact>, Refused> {
        let mut generations = compiled.generations.clone();
        let owner = self
            .session_owner(context, compiled, token, spoken, names, &mut generations)
            .await?;
        let subject = owner.subject.ok_or(Denied::InvalidToken(Reason::Unknown))?;
        let principal = Principal {
            environment: compiled.id.clone(),
            organization: Some(subject.organization.clone()),
            client: Some(owner.client.id.clone()),
            subject: Some(subject.id.to_string()),
            scopes: owner.scopes,
            shown: ShownKind::Session,
            expires_at: Some(spoken.expires_at),
        };
        let verifier = &*spoken.verifier;
        let mut fact = Fact::of(principal, context.now);
        fact.generations = generations;
        fact.ends_at = Some(match verifier.ends_at {
            Some(end) => end.min(spoken.expires_at),
            None => spoken.expires_at,
        });
        fact.token = Some(TokenFact {
            profile: verifier.profile.name.clone(),
            issuer: names.issuer(spoken).to_owned(),
            audience: spoken.audience.clone(),
            token_id: spoken.token_id.clone(),
            token_type: verifier.profile.token_type.clone(),
            issued_at: spoken.issued_at,
            subject: None,
        });
        Ok(Arc::new(fact))
    }

    /// The subject behind a session that is a token, at our own endpoints. Of the vendors only Quiltt has such sessions,
    /// and all its endpoints stand on its authentication host: there a self-signed one brings its subject along.
    pub(super) async fn verify_session_token(
        &self,
        context: &CallContext,
        shown: &Secret<String>,
        imports: bool,
    ) -> Result<Authenticated<SessionCaller>, Refused> {
        let refuse = |reason| Refused::from(Denied::InvalidToken(reason));
        if ![QUILTT, STANDARD].contains(&context.dialect) {
            return Err(refuse(Reason::Kind));
        }
        let compiled = self.arrived(context).await?;
        let token = shown.expose();
        let spoken = match decide_signature(&compiled, token, context.now) {
            Ok(spoken) => spoken,
            Err(denied) => self.self_signed(context, &compiled, token, denied).await?,
        };
        let TokenOwner::Session(names) = &spoken.owner else {
            return Err(refuse(Reason::Kind));
        };
        let mut generations = Vec::new();
        let owner = self
            .session_owner(context, &compiled, token, &spoken, names, &mut generations)
            .await?;
        let subject = match owner.subject {
            Some(subject) => subject,
            None if !imports => return Err(refuse(Reason::Unknown)),
            None => {
                self.import_subject(context, &owner.client, &names.subject)
                    .await?
            }
        };
        Ok(Authenticated(SessionCaller {
            organization: subject.organization.clone(),
            expires_at: spoken.expires_at,
            shown: ShownSession::Token(SessionToken {
                token_id: spoken.token_id.clone().unwrap_or_default(),
                issuer: names.issuer(&spoken).to_owned(),
                text: shown.clone(),
            }),
            subject,
        }))
    }

    /// Whose session it is, if nothing has ended it: what may have ended it first, then the owners.
    async fn session_owner(
        &self,
        context: &CallContext,
        compiled: &Compiled,
        token: &str,
        spoken: &Spoken,
        names: &SessionNames,
        generations: &mut Vec<Generation>,
    ) -> Result<SessionOwner, Refused> {
        let place = &compiled.id;
        let refuse = |reason| Refused::from(Denied::InvalidToken(reason));
        let token_id = spoken.token_id.as_deref();
        let token_id = token_id.ok_or_else(|| refuse(Reason::Claims))?;
        let deployment = self.credential_named(place, &names.deployment).await?;
        let deployment = deployment.map(|credential| credential.digest);
        let signer = names.signed_by.as_ref().map(|signed| signed.secret);
        let by_id = token_id_digest(place, names.issuer(spoken), token_id);
        let by_form = revocation_digest(place, signing_input(token));
        let mut keys = vec![
            Key::Environment(place.clone()),
            Key::Revocation(place.clone(), by_form),
            Key::Revocation(place.clone(), by_id),
            Key::Subject(place.clone(), names.subject.clone()),
        ];
        let credentials = deployment.into_iter().chain(signer);
        keys.extend(credentials.map(|digest| Key::Credential(place.clone(), digest)));
        generations.extend(self.generations(keys.iter().cloned()));
        let rows = self.ports.store.load(&keys).await?;
        let found = Found::sort(&rows);
        if found.is_revoked {
            return Err(refuse(Reason::Revoked));
        }
        let client = found
            .client(names, deployment, signer, context.now)
            .map_err(refuse)?;
        let (client, organization) = match client {
            Holds::Both(client, organization) => (client, organization),
            Holds::Client(client) => (client.clone(), self.owner_of(place, &client).await?),
        };
        let owners = [
            Key::Client(place.clone(), client),
            Key::Organization(organization),
        ];
        generations.extend(self.generations(owners.iter().cloned()));
        let [client, organization] = self.load(&owners).await?;
        // `iat` has whole seconds: the token was issued at any time within this one.
        let since = spoken.issued_at.plus(Duration::from_secs(1));
        let (owner, customer) =
            decide_client(client.as_ref(), organization.as_ref(), since).map_err(refuse)?;
        let marks = [
            found.environment,
            client.as_deref(),
            organization.as_deref(),
        ];
        let ended = |stored: &Stored| spoken.issued_at < stored.not_before;
        if marks.into_iter().flatten().any(ended) {
            return Err(refuse(Reason::Revoked));
        }
        let of = (customer.state, &customer.id);
        let subject = decide_owner(found.subject, of, names, spoken.issued_at).map_err(refuse)?;
        let signs = owner.spelling == Spelling::Quiltt && owner.kind != ClientKind::Platform;
        if signer.is_some() && !signs {
            return Err(refuse(Reason::Kind));
        }
        Ok(SessionOwner {
            subject: subject.cloned(),
            client: owner.clone(),
            scopes: found.scopes(deployment, owner),
        })
    }

    /// The credential that a `did` names, if one does. Not cached: only its row, loaded by its digest, decides.
    pub(crate) async fn credential_named(
        &self,
        place: &EnvironmentId,
        name: &str,
    ) -> Result<Option<Credential>, Fault> {
        let Ok(id) = CredentialId::parse(name) else {
            return Ok(None);
        };
        let query = Query::CredentialById(place.clone(), id);
        let page = self.ports.store.list(&query, None, 1).await?;
        let mut rows = page.rows.iter();
        Ok(rows.next().and_then(|stored| stored.credential()).cloned())
    }

    /// The organization that a client's row names.
    async fn owner_of(
        &self,
        place: &EnvironmentId,
        client: &ClientId,
    ) -> Result<OrganizationId, Refused> {
        let key = Key::Client(place.clone(), client.clone());
        let [stored] = self.load(&[key]).await?;
        let client = stored.as_deref().and_then(Stored::client);
        let client = client.ok_or(Denied::InvalidToken(Reason::Unknown))?;
        Ok(client.organization.clone())
    }
}

/// What was loaded at first, told apart by what it is.
#[derive(Default)]
struct Found<'a> {
    environment: Option<&'a Stored>,
    subject: Option<&'a Stored>,
    credentials: Vec<&'a Credential>,
    is_revoked: bool,
}

/// Who holds a deployment, as far as its name tells.
enum Holds {
    Both(ClientId, OrganizationId),
    Client(ClientId),
}

impl<'a> Found<'a> {
    fn sort(rows: &'a [Option<Arc<Stored>>]) -> Self {
        let mut found = Self::default();
        for stored in rows.iter().flatten() {
            match &stored.row {
                Row::Environment(_) => found.environment = Some(stored),
                Row::Revocation(_) => found.is_revoked = true,
                Row::Subject(_) => found.subject = Some(stored),
                Row::Credential(credential) => found.credentials.push(credential),
                _ => {}
            }
        }
        found
    }

    fn credential(&self, digest: Option<Digest>) -> Option<&'a Credential> {
        let is_it = |credential: &&&Credential| Some(credential.digest) == digest;
        self.credentials.iter().find(is_it).copied()
    }

    /// The client behind the deployment, if that may still have sessions.
    fn client(
        &self,
        names: &SessionNames,
        deployment: Option<Digest>,
        signer: Option<Digest>,
        now: Timestamp,
    ) -> Result<Holds, Reason> {
        if signer.is_some() {
            let secret = self.credential(signer).ok_or(Reason::Unknown)?;
            lives(secret.lives(now))?;
        }
        let Some(credential) = self.credential(deployment) else {
            // A self-signed session always names a credential, so this is one that its subject signed in for.
            let client = ClientId::parse(&names.deployment).map_err(|_| Reason::Unknown)?;
            return Ok(Holds::Client(client));
        };
        let kinds: &[CredentialKind] = match signer {
            Some(_) => &[CredentialKind::ApiKey, CredentialKind::SigningSecret],
            None => &[CredentialKind::ApiKey],
        };
        if !kinds.contains(&credential.kind) {
            return Err(Reason::Kind);
        }
        if credential.revoked_at.is_some() {
            return Err(Reason::Revoked);
        }
        match &credential.holder {
            crate::model::credential::Holder::Client(organization, client) => {
                Ok(Holds::Both(client.clone(), organization.clone()))
            }
            crate::model::credential::Holder::Operator(_) => Err(Reason::Kind),
        }
    }

    /// What the session may do: what its deployment may, as far as the client still may it.
    fn scopes(&self, deployment: Option<Digest>, client: &Client) -> Scopes {
        match self.credential(deployment) {
            Some(credential) => client.scopes.intersection(&credential.scopes),
            None => client.scopes.clone(),
        }
    }
}

fn lives(lapsed: Result<(), Lapsed>) -> Result<(), Reason> {
    lapsed.map_err(|lapsed| match lapsed {
        Lapsed::NotYet => Reason::NotYet,
        Lapsed::Expired => Reason::Expired,
        Lapsed::Revoked => Reason::Revoked,
    })
}

/// The subject of a session, if it may act and belongs to the client's organization, and no platform vouches for
/// it; none where it may be imported.
fn decide_owner<'a>(
    stored: Option<&'a Stored>,
    (state, organization): (State, &OrganizationId),
    names: &SessionNames,
    issued_at: Timestamp,
) -> Result<Option<&'a Subject>, Reason> {
    let Some(stored) = stored else {
        let imports = names.signed_by.as_ref().is_some_and(|by| by.imports);
        return imports.then_some(None).ok_or(Reason::Disabled);
    };
    let subject = stored.subject().ok_or(Reason::Disabled)?;
    if !subject.may_act() || state != State::Active {
        return Err(Reason::Disabled);
    }
    // Whom a platform vouches for comes by that platform only.
    if subject.organization != *organization || subject.platform.is_some() {
        return Err(Reason::Mismatch);
    }
    // One that we minted is older than another subject under the same name. A client's own may be older than the
    // import that it brought about.
    let since = issued_at.plus(Duration::from_secs(1));
    let is_anothers = names.signed_by.is_none() && subject.created_at > since;
    if is_anothers || stored.not_before > issued_at {
        return Err(Reason::Revoked);
    }
    Ok(Some(subject))
}
