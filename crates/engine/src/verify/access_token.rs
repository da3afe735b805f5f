//! JWT access tokens that we minted: found by header bytes, verified with the key's own algorithm, then looked up.

use super::{Authenticated, Refused, TokenCaller, decide_client, session_token::SessionNames};
use crate::{
    Engine,
    bounds::{CLOCK_SKEW_MAX, TOKEN_BYTES_MAX},
    call::CallContext,
    compiled::{Compiled, Verifier},
    decision::{Fact, Principal, ShownKind, TokenFact},
    denied::{Denied, Malformed, Reason},
    digest::Digest,
    id::{ClientId, EnvironmentId, OrganizationId},
    model::{
        client::Client,
        name::NameSpace,
        profile::{ClaimSource, TokenProfile},
        scopes::Scopes,
    },
    ports::Generation,
    row::{Key, Stored},
    secret::Secret,
    time::Timestamp,
};
use countersign_jose::{Claims, Compact, Limits};
use std::{sync::Arc, time::Duration};

/// The digest under which a verified token is kept in memory: of its whole compact form.
pub(crate) fn token_digest(environment: &EnvironmentId, token: &str) -> Digest {
    Digest::of(
        "countersign/token",
        &[environment.as_str().as_bytes(), token.as_bytes()],
    )
}

/// The digest under which a token is revoked: of what was signed. Not of the signature, which for
/// ECDSA anyone can write in a second way that verifies too.
pub(crate) fn revocation_digest(environment: &EnvironmentId, signing_input: &str) -> Digest {
    Digest::of(
        "countersign/revocation",
        &[environment.as_str().as_bytes(), signing_input.as_bytes()],
    )
}

/// The digest under which a token is revoked by its `jti`.
pub(crate) fn token_id_digest(environment: &EnvironmentId, issuer: &str, token_id: &str) -> Digest {
    let parts = [
        environment.as_str().as_bytes(),
        issuer.as_bytes(),
        token_id.as_bytes(),
    ];
    Digest::of("countersign/jti", &parts)
}

/// What a verified token says of itself, before anything is looked up.
pub(crate) struct Spoken {
    pub verifier: Arc<Verifier>,
    pub issued_at: Timestamp,
    pub expires_at: Timestamp,
    pub token_id: Option<String>,
    pub audience: Option<Vec<String>>,
    pub scopes: Option<Scopes>,
    /// What `sub` prints where that is not how we call its owner.
    pub subject: Option<String>,
    pub owner: TokenOwner,
}

/// How a token names its client.
pub(crate) enum TokenOwner {
    /// By its identifier.
    Client(ClientId),
    /// By the numbers that Ayyeka prints: the organization's, and the client's.
    Numbers {
        organization: String,
        client: String,
    },
    /// A subject's session: by what asked for it, and by the subject.
    Session(SessionNames),
}

/// Verify a token's signature and read its claims. No I/O: what does not pass here costs no look-up.
pub(crate) fn decide_signature(
    compiled: &Compiled,
    token: &str,
    now: Timestamp,
) -> Result<Spoken, Denied> {
    if token.len() > TOKEN_BYTES_MAX {
        return Err(Denied::MalformedCredential(Malformed::TooLong));
    }
    let refuse = Denied::InvalidToken;
    let compact =
        Compact::parse(token, &Limits::default()).map_err(|_| refuse(Reason::Signature))?;
    let known = compiled.verifiers(compact.header_encoded());
    let accepted = known
        .iter()
        .filter(|verifier| verifier.ends_at.is_none_or(|end| now < end));
    let mut reason = Reason::Unknown;
    for verifier in accepted {
        // The key record fixes the algorithm; the header only had to be, byte for byte, what we print for it.
        match compact.verify(&verifier.key) {
            Ok(claims) => return read_claims(&claims, verifier, now).map_err(refuse),
            Err(_) => reason = Reason::Signature,
        }
    }
    Err(refuse(reason))
}

fn read_claims(
    claims: &Claims,
    verifier: &Arc<Verifier>,
    now: Timestamp,
) -> Result<Spoken, Reason> {
    let read = Reader {
        claims,
        profile: &verifier.profile,
    };
    if read.text(ClaimSource::Issuer)?.as_deref() != Some(read.profile.issuer.as_str()) {
        return Err(Reason::Mismatch);
    }
    let (issued_at, expires_at) = (
        read.date(ClaimSource::IssuedAt)?,
        read.date(ClaimSource::ExpiresAt)?,
    );
    if now >= expires_at {
        return Err(Reason::Expired);
    }
    if issued_at > now.plus(CLOCK_SKEW_MAX) {
        return Err(Reason::NotYet);
    }
    Ok(Spoken {
        verifier: verifier.clone(),
        issued_at,
        expires_at,
        token_id: match read.text(ClaimSource::TokenId)? {
            None => read.text(ClaimSource::TokenUuid)?,
            printed => printed,
        },
        audience: read.audience()?,
        scopes: read.scopes()?,
        subject: read.text(ClaimSource::ClientUuid)?,
        owner: read.owner()?,
    })
}

/// Reads claims under the names that a profile gives them. A claim that the profile prints and the
/// token lacks, or has in another type, is an error: never "absent".
struct Reader<'a> {
    claims: &'a Claims,
    profile: &'a TokenProfile,
}

impl Reader<'_> {
    fn name_of(&self, source: ClaimSource) -> Option<&str> {
        let claim = self
            .profile
            .claims
            .iter()
            .find(|claim| claim.source == source)?;
        Some(&claim.name)
    }

    fn text(&self, source: ClaimSource) -> Result<Option<String>, Reason> {
        let Some(name) = self.name_of(source) else {
            return Ok(None);
        };
        let text = self.claims.str(name).map_err(|_| Reason::Claims)?;
        text.map(|text| Some(text.to_owned())).ok_or(Reason::Claims)
    }

    fn date(&self, source: ClaimSource) -> Result<Timestamp, Reason> {
        let name = self.name_of(source).ok_or(Reason::Claims)?;
        let date = self.claims.numeric_date(name).map_err(|_| Reason::Claims)?;
        date.map(|date| Timestamp::from_seconds(date.floor()))
            .ok_or(Reason::Claims)
    }

    fn audience(&self) -> Result<Option<Vec<String>>, Reason> {
        let own = self.profile.own_audience();
        if self.name_of(ClaimSource::Audience).is_none() && own.is_none() {
            return Ok(None);
        }
        let audience = self.claims.audience().map_err(|_| Reason::Claims)?;
        if own.is_some_and(|own| !audience.contains(&own)) {
            return Err(Reason::Mismatch);
        }
        Ok(Some(audience.into_iter().map(str::to_owned).collect()))
    }

    /// `None` where the profile prints no scopes; the empty set where it does and there are none.
    fn scopes(&self) -> Result<Option<Scopes>, Reason> {
        let Some(name) = self.name_of(ClaimSource::Scope) else {
            return Ok(None);
        };
        let printed = self
            .claims
            .str(name)
            .map_err(|_| Reason::Claims)?
            .unwrap_or_default();
        Scopes::parse(printed).map(Some).map_err(|_| Reason::Claims)
    }

    fn owner(&self) -> Result<TokenOwner, Reason> {
        if let Some(subject) = self.text(ClaimSource::SubjectGlobalId)? {
            let deployment = self.text(ClaimSource::Credential)?.ok_or(Reason::Claims)?;
            return SessionNames::read(deployment, &subject).map(TokenOwner::Session);
        }
        if let Some(id) = self.text(ClaimSource::ClientId)? {
            return ClientId::parse(&id)
                .map(TokenOwner::Client)
                .map_err(|_| Reason::Claims);
        }
        let organization = self
            .text(ClaimSource::OrganizationNumber)?
            .ok_or(Reason::Claims)?;
        let numbers = self
            .text(ClaimSource::MakerAndClientNumber)?
            .ok_or(Reason::Claims)?;
        let (_, client) = numbers.split_once(':').ok_or(Reason::Claims)?;
        Ok(TokenOwner::Numbers {
            organization,
            client: client.into(),
        })
    }
}

/// Everything before the signature.
pub(crate) fn signing_input(token: &str) -> &str {
    token.rsplit_once('.').map_or(token, |(signed, _)| signed)
}

impl Engine {
    /// Whoever shows an access token at our own endpoints.
    pub(super) async fn verify_token_bearer(
        &self,
        context: &CallContext,
        token: &Secret<String>,
    ) -> Result<Authenticated<TokenCaller>, Refused> {
        let compiled = self.arrived(context).await?;
        let digest = token_digest(&compiled.id, token.expose());
        let fact = match self.known(&digest, context.now) {
            Some(fact) => fact,
            None => {
                self.verify_token(context, &compiled, token.expose(), digest, false)
                    .await?
            }
        };
        if fact.principal.shown != ShownKind::AccessToken {
            return Err(Denied::InvalidToken(Reason::Kind).into());
        }
        if fact.ends_at.is_some_and(|end| context.now >= end) {
            return Err(Denied::InvalidToken(Reason::Expired).into());
        }
        Ok(Authenticated(TokenCaller { fact }))
    }

    /// The fact behind a JWT of ours, or where `sessions` are taken, of a client that signs them itself. The caller
    /// has looked for a warm one.
    pub(crate) async fn verify_token(
        &self,
        context: &CallContext,
        compiled: &Compiled,
        token: &str,
        digest: Digest,
        sessions: bool,
    ) -> Result<Arc<Fact>, Refused> {
        let spoken = match decide_signature(compiled, token, context.now) {
            Ok(spoken) => spoken,
            // Only then: a stranger's token must not cost look-ups where none of its kind is taken.
            Err(denied) if !sessions => return Err(denied.into()),
            Err(denied) => self.self_signed(context, compiled, token, denied).await?,
        };
        if let TokenOwner::Session(names) = &spoken.owner {
            return self
                .session_fact(context, compiled, token, &spoken, names)
                .await
                .inspect(|fact| self.keep_fact(digest, fact));
        }
        // Not where the keys stand now: where they stood when this environment was made ready.
        let mut generations = compiled.generations.clone();
        let owner = self
            .token_owner(compiled, token, &spoken, &mut generations)
            .await?;
        let principal = Principal {
            environment: compiled.id.clone(),
            organization: Some(owner.organization.clone()),
            client: Some(owner.id.clone()),
            subject: Some(format!("client:{}", owner.id)),
            // What the client may no longer have, its tokens may no longer use.
            scopes: match &spoken.scopes {
                Some(own) => own.intersection(&owner.scopes),
                None => owner.scopes,
            },
            shown: ShownKind::AccessToken,
            expires_at: Some(spoken.expires_at),
        };
        let Verifier {
            profile, ends_at, ..
        } = &*spoken.verifier;
        let mut fact = Fact::of(principal, context.now);
        fact.generations = generations;
        fact.ends_at = Some(ends_at.map_or(spoken.expires_at, |end| end.min(spoken.expires_at)));
        fact.token = Some(TokenFact {
            profile: profile.name.clone(),
            issuer: profile.issuer.clone(),
            audience: spoken.audience,
            token_id: spoken.token_id,
            token_type: profile.token_type.clone(),
            issued_at: spoken.issued_at,
            subject: spoken.subject,
        });
        let fact = Arc::new(fact);
        self.keep_fact(digest, &fact);
        Ok(fact)
    }

    /// The client that a token speaks for, if nothing has ended the token. Two look-ups: what may have
    /// ended it together with the way to its owner, then the owner.
    async fn token_owner(
        &self,
        compiled: &Compiled,
        token: &str,
        spoken: &Spoken,
        generations: &mut Vec<Generation>,
    ) -> Result<Client, Refused> {
        let place = &compiled.id;
        let revocation = |digest| Key::Revocation(place.clone(), digest);
        let issuer = &spoken.verifier.profile.issuer;
        let by_id = spoken
            .token_id
            .as_ref()
            .map(|id| token_id_digest(place, issuer, id));
        let signed = revocation_digest(place, signing_input(token));
        let mut first = vec![Key::Environment(place.clone()), revocation(signed)];
        first.extend(by_id.map(revocation));
        let ends_count = first.len();
        first.extend(spoken.owner.keys(place));
        generations.extend(self.generations(first.iter().cloned()));
        let found = self.ports.store.load(&first).await?;
        let (ends, owners) = found.split_at_checked(ends_count).unwrap_or((&[], &[]));
        let owner = spoken.owner.resolve(owners);
        let refuse = |reason| Refused::of_token(Denied::InvalidToken(reason), owner.as_ref());
        if ends.iter().skip(1).any(Option::is_some) {
            return Err(refuse(Reason::Revoked));
        }
        let (organization, client) = owner.clone().ok_or_else(|| refuse(Reason::Disabled))?;
        let second = [
            Key::Client(place.clone(), client),
            Key::Organization(organization),
        ];
        generations.extend(self.generations(second.iter().cloned()));
        let rows: [Option<Arc<Stored>>; 2] = self.load(&second).await?;
        let [client, organization] = &rows;
        // `iat` has whole seconds: the token was issued at any time within this one.
        let since = spoken.issued_at.plus(Duration::from_secs(1));
        let (client, _) =
            decide_client(client.as_ref(), organization.as_ref(), since).map_err(refuse)?;
        let marks = ends
            .iter()
            .take(1)
            .chain(&rows)
            .flatten()
            .map(|stored| stored.not_before);
        if marks
            .max()
            .is_some_and(|not_before| spoken.issued_at < not_before)
        {
            return Err(refuse(Reason::Revoked));
        }
        Ok(client.clone())
    }

    /// Notes where these keys stand, before they are read.
    pub(super) fn generations(&self, keys: impl Iterator<Item = Key>) -> Vec<Generation> {
        keys.map(|key| self.ports.freshness.generation(&key))
            .collect()
    }
}

impl TokenOwner {
    /// What leads to the owner, to be loaded together with the revocations.
    fn keys(&self, environment: &EnvironmentId) -> Vec<Key> {
        match self {
            Self::Client(id) => vec![Key::Client(environment.clone(), id.clone())],
            Self::Numbers {
                organization,
                client,
            } => vec![
                Key::Name(
                    EnvironmentId::installation(),
                    NameSpace::OrganizationNumber,
                    organization.clone(),
                ),
                Key::Name(environment.clone(), NameSpace::ClientNumber, client.clone()),
            ],
            // Sessions have another way to their owners.
            Self::Session(_) => Vec::new(),
        }
    }

    /// The owner that the rows of [`TokenOwner::keys`] name.
    fn resolve(&self, rows: &[Option<Arc<Stored>>]) -> Option<(OrganizationId, ClientId)> {
        match (self, rows) {
            (Self::Client(id), [client]) => Some((
                client.as_deref()?.client()?.organization.clone(),
                id.clone(),
            )),
            (Self::Numbers { .. }, [organization, client]) => Some((
                OrganizationId::parse(&organization.as_deref()?.name()?.target).ok()?,
                ClientId::parse(&client.as_deref()?.name()?.target).ok()?,
            )),
            _ => None,
        }
    }
}
