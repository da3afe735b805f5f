//! One decision per request: find the guard, look at the carriers it accepts, ask what it demands.

mod browser;
mod client_headers;

pub(crate) use client_headers::HeaderClient;

use crate::{
    Engine,
    call::CallContext,
    compiled::Compiled,
    decision::{
        Allowed, Carrier, Decision, DeniedAtGuard, Fact, Judged, Principal, Rate, ShownKind,
    },
    denied::{Denied, Fault, Malformed, Reason, Refusal},
    digest::Digest,
    facts::Fresh,
    guard::CompiledGuard,
    id::CredentialId,
    limits::Bucket,
    model::{
        credential::CredentialKind,
        guard::{Accept, ApprovalRule, Guard},
        scopes::Scopes,
    },
    opaque, path,
    verify::{Refused, Whose, basic_digest, network_of, token_digest, too_many},
};
use std::sync::{Arc, atomic::Ordering};

const MINUTE_S: i64 = 60;

/// What a request turned out to show, before it is believed.
enum Seen<'a> {
    /// Nothing that the guard looks at.
    Nothing,
    /// A browser's preflight from an origin that the guard lets through.
    Preflight,
    /// A bearer, under the digest that it is kept by.
    Bearer {
        text: &'a str,
        digest: Digest,
        token: bool,
    },
    /// A subject and an API key, under the digest of what stood behind `Basic`.
    Basic { carried: &'a str, digest: Digest },
    /// A client's identifier and secret, in headers of their own.
    Headers(HeaderClient<'a>),
}

impl Seen<'_> {
    /// Under which digest its fact is kept.
    const fn digest(&self) -> Option<Digest> {
        match self {
            Self::Bearer { digest, .. } | Self::Basic { digest, .. } => Some(*digest),
            Self::Headers(client) => Some(client.digest),
            Self::Nothing | Self::Preflight => None,
        }
    }
}

impl Engine {
    /// Decide about a gateway's request; `context.environment` is the judged host's.
    pub async fn decide(&self, context: &CallContext, judged: &Judged<'_>) -> Decision {
        let compiled = match self.compiled(&context.environment, context.now).await {
            Ok(Some(compiled)) => compiled,
            Ok(None) => return denied(Denied::UnknownHost.into(), None, judged),
            Err(fault) => return denied(fault.into(), None, judged),
        };
        let guard = match find_guard(&compiled, judged) {
            Ok(guard) => &guard.guard,
            Err(denied) => return self.deny(context, denied.into(), None, judged),
        };
        let fact = match self.fact(context, &compiled, guard, judged).await {
            Ok(fact) => fact,
            Err(refused) => return self.deny(context, refused, Some(guard), judged),
        };
        match (self.answer(context, guard, fact, judged), &guard.approval) {
            (Decision::Allow(allowed), Some(rule)) => {
                // In a box: other decisions must not carry what this keeps while it waits.
                Box::pin(self.answer_countersigned(context, &compiled, rule, allowed, judged)).await
            }
            (decision, _) => decision,
        }
    }

    /// What is told to a caller who may pass once people have countersigned. A preflight does nothing yet.
    async fn answer_countersigned(
        &self,
        context: &CallContext,
        compiled: &Compiled,
        rule: &ApprovalRule,
        allowed: Allowed,
        judged: &Judged<'_>,
    ) -> Decision {
        let Allowed { fact, guard, .. } = &allowed;
        if fact.principal.shown == ShownKind::Preflight {
            return Decision::Allow(allowed);
        }
        let countersigned = self.countersigned(context, compiled, guard, rule, fact, judged);
        match countersigned.await {
            Ok(content_digest) => Decision::Allow(Allowed {
                content_digest,
                ..allowed
            }),
            Err(refusal) => {
                let whose = Some(Box::new(Whose::of(fact)));
                self.deny(context, Refused { refusal, whose }, Some(guard), judged)
            }
        }
    }

    /// The same, if it can be told from what is in memory: no I/O, no waiting. `None`: ask [`Engine::decide`].
    pub fn decide_warm(
        &self,
        context: &CallContext,
        judged: &Judged<'_>,
        fresh: Fresh<'_>,
    ) -> Option<Decision> {
        let compiled = self.compiled_warm(&context.environment, fresh)?;
        let guard = &find_guard(&compiled, judged).ok()?.guard;
        // Whether people have approved stands in the store, and passing is a commit.
        if guard.approval.is_some() || browser::shows_beside(judged) {
            return None;
        }
        let digest = look(&compiled, guard, judged).ok()?.digest()?;
        let fact = self.fact_warm(&digest, fresh)?;
        Some(self.answer(context, guard, fact, judged))
    }

    /// What is told to a caller whose fact is known.
    fn answer(
        &self,
        context: &CallContext,
        guard: &Arc<Guard>,
        fact: Arc<Fact>,
        judged: &Judged<'_>,
    ) -> Decision {
        match self.ask(context, guard, &fact, judged) {
            Ok(()) => Decision::Allow(Allowed {
                fact,
                guard: guard.clone(),
                content_digest: None,
            }),
            Err(refusal) => {
                let whose = Some(Box::new(Whose::of(&fact)));
                self.deny(context, Refused { refusal, whose }, Some(guard), judged)
            }
        }
    }

    /// The fact behind what a request shows.
    async fn fact(
        &self,
        context: &CallContext,
        compiled: &Compiled,
        guard: &Guard,
        judged: &Judged<'_>,
    ) -> Result<Arc<Fact>, Refused> {
        let seen = look(compiled, guard, judged);
        if let Ok(Some(digest)) = seen.as_ref().map(Seen::digest)
            && !browser::shows_beside(judged)
            && let Some(fact) = self.known(&digest, context.now)
        {
            return Ok(fact);
        }
        // Whatever the guard looks at, and whatever else is wrong. Of what is in memory it is known.
        self.refuse_secret_at(context, guard, judged).await?;
        match seen? {
            Seen::Nothing => Ok(nobody(compiled, ShownKind::Anonymous, context)),
            Seen::Preflight => Ok(nobody(compiled, ShownKind::Preflight, context)),
            Seen::Bearer {
                text,
                digest,
                token,
            } => {
                // What is in memory under its digest was asked this when it got there.
                decide_form(text)?;
                if token {
                    let sessions = guard.accept.contains(&Accept::Session);
                    return self
                        .verify_token(context, compiled, text, digest, sessions)
                        .await;
                }
                self.verify_bearer(context, compiled, text, digest).await
            }
            Seen::Headers(client) => self.verify_client_headers(context, compiled, &client).await,
            Seen::Basic { carried, digest } => {
                self.verify_subject_basic(context, compiled, carried, digest)
                    .await
            }
        }
    }

    /// Everything that is asked at every use, warm or cold.
    fn ask(
        &self,
        context: &CallContext,
        guard: &Guard,
        fact: &Fact,
        judged: &Judged<'_>,
    ) -> Result<(), Refusal> {
        if fact.ends_at.is_some_and(|end| context.now >= end) {
            return Err(Denied::InvalidToken(Reason::Expired).into());
        }
        if matches!(
            fact.principal.shown,
            ShownKind::Anonymous | ShownKind::Preflight
        ) {
            return self.ask_limits(context, guard, fact);
        }
        decide_kind(guard, fact, judged)?;
        if let Some(token) = &fact.token {
            let listed = guard.profiles.is_empty() || guard.profiles.contains(&token.profile);
            if !listed {
                return Err(Denied::InvalidToken(Reason::Kind).into());
            }
            // A session's own audience was asked of it when it was verified.
            let is_session =
                fact.principal.shown == ShownKind::Session && guard.audiences.is_empty();
            let is_meant = decide_audience(guard, token.audience.as_deref(), &token.issuer);
            if !is_session && !is_meant {
                return Err(Denied::InvalidToken(Reason::Mismatch).into());
            }
        }
        if let Some(credential) = &fact.credential {
            let networks = &credential.allowed_networks;
            let inside = |peer: std::net::IpAddr| {
                networks
                    .iter()
                    .any(|net| net.contains(&peer.to_canonical()))
            };
            if !networks.is_empty() && !judged.peer.is_some_and(inside) {
                return Err(Denied::InvalidToken(Reason::Network).into());
            }
        }
        if !fact.principal.scopes.contain(&guard.scopes) {
            return Err(Denied::InsufficientScope {
                needed: guard.scopes.clone(),
            }
            .into());
        }
        self.ask_limits(context, guard, fact)?;
        self.note_use(context, fact);
        Ok(())
    }

    /// The guard's limit first: what it refuses must not use up the credential's own.
    fn ask_limits(&self, context: &CallContext, guard: &Guard, fact: &Fact) -> Result<(), Refusal> {
        if let Some(limit) = guard.rate_limit {
            let names = [guard.name.as_bytes(), fact.key.as_bytes().as_slice()];
            let bucket = self
                .rates
                .bucket(Digest::of("countersign/rate/guard", &names));
            bucket.take(limit, context.now).map_err(too_many)?;
        }
        let Some(credential) = &fact.credential else {
            return Ok(());
        };
        match &credential.rate {
            None => {}
            Some(Rate::Whole(limit, bucket)) => {
                bucket.take(*limit, context.now).map_err(too_many)?;
            }
            Some(Rate::EachNetwork(limit)) => self
                .network_bucket(&credential.id, context)
                .take(*limit, context.now)
                .map_err(too_many)?,
        }
        Ok(())
    }

    /// What counts the uses of a credential by one network on this node.
    fn network_bucket(&self, credential: &CredentialId, context: &CallContext) -> Arc<Bucket> {
        let network = context.peer.map(network_of).unwrap_or_default();
        let names = [
            context.environment.as_str().as_bytes(),
            credential.as_str().as_bytes(),
            &network,
        ];
        self.rates
            .bucket(Digest::of("countersign/rate/credential-network", &names))
    }

    /// Last used, at most once per minute and credential.
    fn note_use(&self, context: &CallContext, fact: &Fact) {
        let Some(credential) = &fact.credential else {
            return;
        };
        let minute = context.now.seconds().div_euclid(MINUTE_S);
        if credential.used_minute.swap(minute, Ordering::Relaxed) != minute {
            self.observations.used(
                fact.principal.environment.clone(),
                credential.id.clone(),
                context.now,
            );
        }
    }

    /// Keep it out, and note whose credential it was where that is known.
    fn deny(
        &self,
        context: &CallContext,
        Refused { refusal, whose }: Refused,
        guard: Option<&Arc<Guard>>,
        judged: &Judged<'_>,
    ) -> Decision {
        if let Refusal::Denied(reason) = &refusal {
            let guard = guard.map_or("-", |guard| guard.name.as_str());
            let target = format!("guard:{guard}");
            let mut event = self.event(context, "-", "decision.deny", &target);
            event.outcome = reason.word().into();
            if let Some(whose) = whose {
                whose.name_in(&mut event);
                let own = whose.target().filter(|_| is_about_credential(reason));
                event.target = own.unwrap_or(event.target);
            }
            self.observations.note(event);
        }
        denied(refusal, guard.map(|guard| &**guard), judged)
    }

    /// The signed `Countersign-Assertion` of an allowed request whose guard wants one: a compact JWS,
    /// made once per fact and reused for 30 s. It carries neither request id nor content.
    ///
    /// # Errors
    /// [`Fault`] when it cannot be signed: the request must not pass then.
    pub async fn identity_assertion(
        &self,
        context: &CallContext,
        allowed: &Allowed,
    ) -> Result<Arc<str>, Fault> {
        crate::identity_assertion::assertion(self, context, allowed).await
    }
}

/// Whether the credential itself is why, at whatever guard: what has leaked or ended is what someone has to
/// revoke or replace.
const fn is_about_credential(reason: &Denied) -> bool {
    matches!(
        reason,
        Denied::SecretFromBrowser
            | Denied::InvalidToken(
                Reason::NotYet
                    | Reason::Expired
                    | Reason::Revoked
                    | Reason::Disabled
                    | Reason::Network
            )
    )
}

/// The first guard that matches. A preflight is judged by the method that it asks for.
fn find_guard<'a>(
    compiled: &'a Compiled,
    judged: &Judged<'_>,
) -> Result<&'a CompiledGuard, Denied> {
    let path = path::canonical(judged.target)
        .map_err(|_| Denied::MalformedCredential(Malformed::Request))?;
    let method = match preflight_method(judged) {
        Carrier::Present(method) => method,
        Carrier::Absent => judged.method,
        Carrier::Malformed => return Err(Denied::MalformedCredential(Malformed::Request)),
    };
    let matching = compiled
        .guards
        .iter()
        .find(|guard| guard.matches(judged.host, &path, method));
    matching
        .map(|guard| &**guard)
        .ok_or(Denied::Forbidden(Reason::Unguarded))
}

/// The method that a well-formed preflight asks for (Fetch, CORS-preflight request).
fn preflight_method<'a>(judged: &Judged<'a>) -> Carrier<'a> {
    match (judged.method, judged.origin) {
        ("OPTIONS", Carrier::Present(_)) => judged.preflight_method,
        _ => Carrier::Absent,
    }
}

/// What the request shows of what the guard accepts. What is not accepted is not read, unless it
/// begins like one of ours: then someone sends a credential to the wrong place, and is told so.
fn look<'a>(compiled: &Compiled, guard: &Guard, judged: &Judged<'a>) -> Result<Seen<'a>, Refusal> {
    if let Carrier::Present(_) = preflight_method(judged) {
        return match judged.origin {
            Carrier::Present(origin) if guard.origins.iter().any(|known| known == origin) => {
                Ok(Seen::Preflight)
            }
            _ => Err(Denied::Forbidden(Reason::Origin).into()),
        };
    }
    let brand = &compiled.environment()?.brand;
    if let Some(client) = client_headers::look(&compiled.id, brand, guard, judged)? {
        return Ok(Seen::Headers(client));
    }
    let anonymous = guard.accept.contains(&Accept::Anonymous);
    let bearer = guard
        .accept
        .iter()
        .any(|accept| !matches!(accept, Accept::Anonymous | Accept::ClientHeaders));
    match judged.authorization {
        // One of the two may be ours, and the API might read the other.
        Carrier::Malformed => Err(Denied::MalformedCredential(Malformed::Repeated).into()),
        Carrier::Present(value) if !bearer => {
            let text = value.split_once(' ').map_or(value, |(_, text)| text);
            if opaque::looks_like_ours(text.trim_start(), brand)
                || opaque::looks_like_ours(text.trim_start(), opaque::BRAND)
            {
                return Err(Denied::MalformedCredential(Malformed::Unaccepted).into());
            }
            // What is not looked at shows nothing, and that is enough only where nothing is needed.
            match anonymous {
                true => Ok(Seen::Nothing),
                false => Err(Denied::NoCredential.into()),
            }
        }
        Carrier::Absent if anonymous => Ok(Seen::Nothing),
        Carrier::Absent => Err(Denied::NoCredential.into()),
        Carrier::Present(value) => {
            if let Some(carried) = basic_of(guard, value) {
                let digest = basic_digest(&compiled.id, carried);
                return Ok(Seen::Basic { carried, digest });
            }
            let text = bearer_text(value)?;
            // Our opaque forms have no dot, and every compact JWS has two.
            let token = text.contains('.');
            let digest = match token {
                true => token_digest(&compiled.id, text),
                false => opaque::lookup(&compiled.id, text),
            };
            Ok(Seen::Bearer {
                text,
                digest,
                token,
            })
        }
    }
}

/// What stands behind `Basic`, where the guard takes a subject with an API key.
fn basic_of<'a>(guard: &Guard, value: &'a str) -> Option<&'a str> {
    let (scheme, carried) = value.split_once(' ')?;
    let is_basic = scheme.eq_ignore_ascii_case("basic");
    (is_basic && guard.accept.contains(&Accept::SubjectBasic)).then_some(carried)
}

/// What follows the scheme, which may be in any case, and one space (RFC 6750 section 2.1).
fn bearer_text(value: &str) -> Result<&str, Denied> {
    let malformed = Denied::MalformedCredential(Malformed::Form);
    let (scheme, text) = value.split_once(' ').ok_or(malformed)?;
    if scheme.eq_ignore_ascii_case("bearer") {
        Ok(text)
    } else {
        Err(Denied::InvalidToken(Reason::Kind))
    }
}

/// A bearer is a `b64token` (RFC 6750 section 2.1).
fn decide_form(text: &str) -> Result<(), Denied> {
    let is_allowed = |b: u8| b.is_ascii_alphanumeric() || b"-._~+/".contains(&b);
    let body = text.trim_end_matches('=');
    if body.is_empty() || !body.bytes().all(is_allowed) {
        return Err(Denied::MalformedCredential(Malformed::Form));
    }
    Ok(())
}

/// Whether the guard takes this kind of thing, carried in this way.
fn decide_kind(guard: &Guard, fact: &Fact, judged: &Judged<'_>) -> Result<(), Denied> {
    let shown = fact.principal.shown;
    browser::decide_secret(guard, shown, judged)?;
    let accept = match shown {
        ShownKind::AccessToken => Accept::AccessToken,
        ShownKind::Session => Accept::Session,
        ShownKind::SubjectBasic => Accept::SubjectBasic,
        ShownKind::Credential(CredentialKind::ApiKey) => Accept::ApiKey,
        ShownKind::Credential(CredentialKind::RegistrationToken) => Accept::RegistrationToken,
        ShownKind::ClientHeaders => Accept::ClientHeaders,
        _ => return Err(Denied::InvalidToken(Reason::Kind)),
    };
    if !guard.accept.contains(&accept) {
        return Err(Denied::InvalidToken(Reason::Kind));
    }
    if accept == Accept::RegistrationToken {
        return browser::decide_registration(guard, fact, judged);
    }
    Ok(())
}

/// One of the guard's audiences is the token's; where the guard names none, its own issuer is. A token that
/// prints no audience is good where none is asked for.
fn decide_audience(guard: &Guard, audience: Option<&[String]>, issuer: &str) -> bool {
    match (guard.audiences.as_slice(), audience) {
        ([], None) => true,
        (_, None) => false,
        ([], Some(audience)) => audience.iter().any(|resource| resource == issuer),
        (wanted, Some(audience)) => audience.iter().any(|resource| wanted.contains(resource)),
    }
}

/// A principal without a name.
fn nobody(compiled: &Compiled, shown: ShownKind, context: &CallContext) -> Arc<Fact> {
    let principal = Principal {
        environment: compiled.id.clone(),
        organization: None,
        client: None,
        subject: None,
        scopes: Scopes::default(),
        shown,
        expires_at: None,
    };
    let mut fact = Fact::of(principal, context.now);
    // Strangers are limited by where they come from.
    let network = context.peer.map(network_of).unwrap_or_default();
    fact.key = Digest::of(
        "countersign/stranger",
        &[compiled.id.as_str().as_bytes(), &network],
    );
    Arc::new(fact)
}

fn denied(refusal: Refusal, guard: Option<&Guard>, judged: &Judged<'_>) -> Decision {
    let allowed_origin = match (judged.origin, guard) {
        (Carrier::Present(origin), Some(guard)) => {
            guard.origins.iter().any(|known| known == origin)
        }
        _ => false,
    };
    let dialect = guard.and_then(|guard| guard.dialect.clone());
    Decision::Deny(DeniedAtGuard {
        refusal,
        dialect,
        allowed_origin,
        graphql: asks_graphql(judged.target),
    })
}

/// Whether the target's path ends in `/graphql`.
fn asks_graphql(target: &str) -> bool {
    let path = target.split('?').next().unwrap_or_default();
    path.ends_with("/graphql")
}
