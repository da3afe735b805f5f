//! A platform that vouches for one of its users with a signed token (BitCanuck). Its record fixes the algorithm, and
//! its own credentials the keys; a header never chooses either.

use super::{
    Authenticated, Refused, assertion::keys_to_try, decide_client, decide_credential, too_many,
};
use crate::{
    Engine,
    bounds::{CLOCK_SKEW_MAX, PAGE_ROWS_MAX, PLATFORM_TOKEN_LIFETIME_MAX},
    call::CallContext,
    commit::OneTime,
    compiled::Compiled,
    denied::{Denied, Fault, Reason, Refusal},
    digest::Digest,
    id::{ClientId, OrganizationId},
    model::{
        client::{Client, ClientKind, Platform},
        contact,
        credential::{Credential, CredentialKind, Holder, Material},
        name::NameSpace,
        scopes::Scopes,
    },
    ports::Query,
    row::{Key, Stored},
    secret::Secret,
    time::Timestamp,
};
use countersign_jose::{Algorithm, Claims, Compact, Jwk, Limits, VerifyingKey};
use std::{sync::Arc, time::Duration};

/// Characters of a platform's code, at most: what is longer is not worth a look-up.
const CODE_BYTES_MAX: usize = 64;
/// Bytes of a `jti`, at most.
const TOKEN_ID_BYTES_MAX: usize = 256;

/// A user whom a platform vouches for.
#[derive(Debug, Clone)]
pub struct Vouched {
    pub(crate) platform: Client,
    pub(crate) organization: Arc<Stored>,
    /// The look-up key of the credential that signed.
    pub(crate) credential: Digest,
    /// The address, in its one form.
    pub(crate) email: String,
    /// Whether a user who is not known is made.
    pub(crate) enrols: bool,
    /// What the exchange uses up.
    pub(crate) spends: Option<OneTime>,
    pub(crate) scopes: Scopes,
    /// Sessions must not seem older than this.
    pub(crate) not_before: Timestamp,
}

/// The rows behind a platform's code, where it has some.
struct Found {
    client: Option<Arc<Stored>>,
    organization: Option<Arc<Stored>>,
}

impl Engine {
    /// Whom the token vouches for. Nothing is used up yet: that happens in the commit that makes the session.
    pub(crate) async fn verify_platform(
        &self,
        context: &CallContext,
        code: &str,
        token: &Secret<String>,
    ) -> Result<Authenticated<Vouched>, Refused> {
        let refuse = |reason| Refused::from(Denied::InvalidClient(reason));
        let compiled = self.arrived(context).await?;
        let compact = Compact::parse(token.expose(), &Limits::default())
            .map_err(|_| refuse(Reason::Signature))?;
        // An access token or a proof is no word of a platform (RFC 8725 section 3.11).
        if compact.header().typ.is_some() && !compact.header().is_type("JWT") {
            return Err(refuse(Reason::Kind));
        }
        let found = self.platform(&compiled, code).await?;
        let (client, platform) = match found.decided(code, context.now) {
            Ok(decided) => decided,
            Err(reason) => {
                self.nobodys_keys(&compiled).await?;
                verify_in_vain(&compact);
                return Err(refuse(reason));
            }
        };
        let credentials = self.platform_keys(context, client, platform).await?;
        let keys = keys_to_try(&credentials, compact.header(), context.now);
        if keys.is_empty() {
            verify_in_vain(&compact);
        }
        let mut verified = None;
        for credential in keys {
            let key = self.assertion_key(&compiled, credential)?;
            if let Ok(claims) = compact.verify(&key) {
                verified = Some((credential, claims));
                break;
            }
        }
        let (credential, claims) = verified.ok_or_else(|| refuse(Reason::Signature))?;
        let known = |reason| Refused::of(Denied::InvalidClient(reason), credential);
        decide_credential(credential, context.now, context.peer).map_err(known)?;
        let issuer = &compiled.environment()?.issuer;
        let word = decide_word(&claims, platform, issuer, context.now).map_err(known)?;
        if let Some(limit) = credential.rate_limit {
            self.credential_bucket(credential)
                .take(limit, context.now)
                .map_err(too_many)?;
        }
        self.observations.used(
            credential.environment.clone(),
            credential.id.clone(),
            context.now,
        );
        let spends = spent_by(client, platform, &word, compact.signing_input());
        let organization = found.organization.clone();
        let organization = organization.ok_or_else(|| refuse(Reason::Disabled))?;
        let marks = [&found.client, &found.organization].into_iter().flatten();
        let marks = marks.chain([&compiled.stored]).map(|row| row.not_before);
        Ok(Authenticated(Vouched {
            scopes: client.scopes.intersection(&credential.scopes),
            credential: credential.digest,
            email: word.email,
            enrols: platform.enrols,
            spends,
            not_before: marks.max().unwrap_or(Timestamp::EPOCH),
            platform: client.clone(),
            organization,
        }))
    }

    /// What a code leads to. One that nobody has costs as many look-ups.
    async fn platform(&self, compiled: &Compiled, code: &str) -> Result<Found, Fault> {
        let code = if code.len() > CODE_BYTES_MAX {
            NOBODY
        } else {
            code
        };
        let place = &compiled.id;
        let name = Key::Name(place.clone(), NameSpace::PlatformCode, code.into());
        let name = self.load_from_store(place, name).await?;
        let target = name.as_deref().and_then(Stored::name);
        let id = target.map_or(NOBODY, |name| name.target.as_str());
        let id = ClientId::parse(id).map_err(Fault::internal)?;
        let key = Key::Client(place.clone(), id);
        let client = self.load_from_store(place, key).await?;
        let owner = client.as_deref().and_then(Stored::client);
        let owner = match owner {
            Some(client) => client.organization.clone(),
            None => nobodys_organization()?,
        };
        let key = Key::Organization(owner);
        let organization = self.load_from_store(place, key).await?;
        Ok(Found {
            client,
            organization,
        })
    }

    /// Read the credentials of a client that does not exist, which takes as long as those of one that does.
    async fn nobodys_keys(&self, compiled: &Compiled) -> Result<(), Fault> {
        let client = ClientId::parse(NOBODY).map_err(Fault::internal)?;
        let holder = Holder::Client(nobodys_organization()?, client);
        let query = Query::Credentials(compiled.id.clone(), Some(holder));
        self.ports.store.list(&query, None, PAGE_ROWS_MAX).await?;
        Ok(())
    }

    /// The credentials that it may sign with: those of its one algorithm.
    async fn platform_keys(
        &self,
        context: &CallContext,
        client: &Client,
        platform: &Platform,
    ) -> Result<Vec<Credential>, Refusal> {
        let mut credentials = self.credentials_to_try(context.now, client).await?;
        credentials.retain(|credential| {
            let algorithm = match (&credential.kind, &credential.material) {
                (CredentialKind::PublicKey, Material::PublicKey(algorithm, _))
                | (CredentialKind::SigningSecret, Material::Shared(algorithm, _)) => algorithm,
                _ => return false,
            };
            *algorithm == platform.algorithm
        });
        Ok(credentials)
    }
}

impl Found {
    /// The client, where it may act, and how it vouches.
    fn decided(&self, code: &str, now: Timestamp) -> Result<(&Client, &Platform), Reason> {
        let client = self.client.as_ref().ok_or(Reason::Unknown)?;
        let (client, _) = decide_client(Some(client), self.organization.as_ref(), now)?;
        Ok((client, decide_platform(client, code)?))
    }
}

/// No client has this identifier, and no organization this name: decoys, so that the same is read.
const NOBODY: &str = "-";

fn nobodys_organization() -> Result<OrganizationId, Fault> {
    OrganizationId::parse(NOBODY).map_err(Fault::internal)
}

/// Verify with a key that signed nothing (the modulus of RFC 7515 appendix A.2), where there is none to verify with: a
/// platform that does not exist is refused no sooner than a wrong signature of one that does.
fn verify_in_vain(compact: &Compact<'_>) {
    let algorithm = Algorithm::from_name(&compact.header().alg).filter(|it| it.is_rsa());
    let jwk = Jwk {
        kty: "RSA".into(),
        n: Some(NOBODYS_MODULUS.into()),
        e: Some("AQAB".into()),
        ..Jwk::default()
    };
    if let Some(key) = algorithm.and_then(|it| VerifyingKey::from_jwk(it, &jwk).ok()) {
        // Whatever comes of it: it is refused.
        drop(compact.verify(&key));
    }
}

const NOBODYS_MODULUS: &str = "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1\
     Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-\
     KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2et\
     hFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ";

fn decide_platform<'a>(client: &'a Client, code: &str) -> Result<&'a Platform, Reason> {
    let platform = client.platform.as_ref().ok_or(Reason::Kind)?;
    if client.kind != ClientKind::Platform {
        return Err(Reason::Kind);
    }
    // The name may have been another's a moment ago.
    match platform.code == code {
        true => Ok(platform),
        false => Err(Reason::Unknown),
    }
}

/// What a token says.
#[derive(Debug, PartialEq, Eq)]
struct Word {
    email: String,
    token_id: Option<String>,
    ends_at: Timestamp,
}

/// `email` and `expire` as the vendor prints them, and the registered claims of RFC 7519 section 4.1 where they are.
fn decide_word(
    claims: &Claims,
    platform: &Platform,
    issuer: &str,
    now: Timestamp,
) -> Result<Word, Reason> {
    let text = |name| claims.str(name).map_err(|_| Reason::Claims);
    let date = |name| claims.numeric_date(name).map_err(|_| Reason::Claims);
    let ends = |date: countersign_jose::NumericDate| Timestamp::from_seconds(date.floor());
    let begins = |date: countersign_jose::NumericDate| Timestamp::from_seconds(date.ceil());
    let email = contact::email(text("email")?.ok_or(Reason::Claims)?).ok_or(Reason::Claims)?;

    let expire = ends(date("expire")?.ok_or(Reason::Claims)?);
    let ends_at = date("exp")?.map_or(expire, |exp| expire.min(ends(exp)));
    if now >= ends_at {
        return Err(Reason::Expired);
    }
    let longest = Duration::from_secs(platform.token_lifetime_max_s.into());
    let longest = longest.min(PLATFORM_TOKEN_LIFETIME_MAX) + CLOCK_SKEW_MAX;
    if expire.since(now) > longest {
        return Err(Reason::Claims);
    }
    let latest = now.plus(CLOCK_SKEW_MAX);
    if date("nbf")?.is_some_and(|start| begins(start) > latest) {
        return Err(Reason::NotYet);
    }
    let too_old = |at: Timestamp| at > latest || expire.since(at) > longest;
    if date("iat")?.is_some_and(|at| too_old(begins(at))) {
        return Err(Reason::Claims);
    }
    let audience = claims.audience().map_err(|_| Reason::Claims)?;
    if !audience.is_empty() && audience != [issuer] {
        return Err(Reason::Mismatch);
    }
    let token_id = text("jti")?;
    if token_id.is_some_and(|id| !(1..=TOKEN_ID_BYTES_MAX).contains(&id.len())) {
        return Err(Reason::Claims);
    }
    Ok(Word {
        email,
        token_id: token_id.map(str::to_owned),
        ends_at: expire,
    })
}

/// What may be used once: the `jti`, which is the platform's own; or all that was signed, where the platform wants
/// that. Of the signature itself nothing: the same word can be signed twice.
fn spent_by(
    client: &Client,
    platform: &Platform,
    word: &Word,
    signing_input: &str,
) -> Option<OneTime> {
    let (what, name) = match &word.token_id {
        Some(id) => ("jti", id.as_str()),
        None if platform.single_use => ("whole", signing_input),
        None => return None,
    };
    let parts = [client.id.as_str(), what, name].map(str::as_bytes);
    Some(OneTime {
        environment: client.environment.clone(),
        digest: Digest::of("countersign/platform-token", &parts),
        expires_at: word.ends_at.plus(CLOCK_SKEW_MAX),
    })
}
