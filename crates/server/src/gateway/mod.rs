//! The gateway listeners' face: what a proxy asks, and how it must be answered to understand.
//!
//! A decision request is read by the listener's one profile; its own method, path and query mean nothing
//! (but to Envoy, which has no other way to ask), and so do the headers that other proxies would set.

pub mod answer;
pub mod identity;
mod judged;
pub mod overrides;
pub mod profile;
pub mod samples;

use crate::{config::Profile, http::is_local, state::ServerState, telemetry::seldom::Seldom};
use answer::Answer;
use countersign_engine::{
    call::CallContext,
    decision::{Allowed, Carrier, Decision, DeniedAtGuard},
    denied::{Denied, Fault, Malformed, Refusal},
    id::EnvironmentId,
    time::Timestamp,
};
use judged::{Read, Unjudgeable};
use profile::Carriers;
use std::{net::IpAddr, sync::Arc, time::Duration};
use tracing::{debug, warn};

/// What one gateway listener is for. Fixed in configuration: nothing is detected.
#[derive(Debug)]
pub struct GatewayProfile {
    /// Where the configuration says so: `listener.gateway[0]`.
    pub place: String,
    /// Which proxy asks, and so which headers carry what.
    pub profile: Profile,
    /// The environment it asks for; none: the judged host decides.
    pub environment: Option<EnvironmentId>,
    /// A wrong profile refuses every request.
    complaints: Seldom,
}

impl GatewayProfile {
    /// As configured at `place`.
    pub fn new(place: String, profile: Profile, environment: Option<EnvironmentId>) -> Self {
        Self {
            place,
            profile,
            environment,
            complaints: Seldom::default(),
        }
    }

    /// What to tell the operator about a decision request that tells of no request, if it is the configuration's
    /// fault and was not just said.
    fn complaint(&self, why: Unjudgeable, now: Timestamp) -> Option<String> {
        let Unjudgeable::Lacking(fact) = why else {
            return None;
        };
        let header = self.profile.carriers().header(fact);
        self.complaints.is_due(now).then(|| {
            format!(
                "{}: a decision request lacks the header {header}, which the profile {} reads, and was answered 400; set the profile of the proxy that asks here, or set the header in the proxy as its sample does (docs/gateways.md)",
                self.place,
                self.profile.name()
            )
        })
    }
}

impl Profile {
    /// Its name in the configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Nginx => "nginx",
            Self::ForwardAuth => "forward_auth",
            Self::Haproxy => "haproxy",
            Self::Envoy => "envoy",
        }
    }

    /// Which headers carry what.
    pub const fn carriers(self) -> &'static Carriers {
        match self {
            Self::Nginx => &profile::NGINX,
            Self::ForwardAuth => &profile::FORWARD_AUTH,
            Self::Haproxy => &profile::HAPROXY,
            Self::Envoy => &profile::ENVOY,
        }
    }
}

/// What contexts of decisions name as their dialect: none of ours decoded the request.
const DIALECT: &str = "gateway";

/// Answer one decision request. `peer` is the proxy's own address, none on a Unix socket.
pub async fn answer<B>(
    state: &Arc<ServerState>,
    profile: &GatewayProfile,
    request: http::Request<B>,
    peer: Option<IpAddr>,
) -> Answer {
    let started = state.clock.monotonic();
    // The body is not ours to read: no decision depends on one.
    let (parts, _) = request.into_parts();
    let carriers = profile.profile.carriers();
    let read = judged::read(carriers, &parts);
    let mut context = CallContext {
        environment: EnvironmentId::installation(),
        now: state.clock.now(),
        request_id: match &read {
            Ok(Read {
                request_id: Some(id),
                ..
            }) => id.clone(),
            _ => state.request_id(),
        },
        peer: read.as_ref().map_or(peer, Read::peer),
        dialect: DIALECT,
    };
    let (decision, origin) = match &read {
        Ok(read) => (
            decide(state, profile, read, &mut context).await,
            read.origin(),
        ),
        Err(why) => {
            debug!(?why, ?peer, "a decision request that tells of no request");
            if let Some(complaint) = profile.complaint(*why, context.now) {
                warn!("{complaint}");
            }
            let denied = Denied::MalformedCredential(Malformed::Request);
            (Decision::Deny(refuse(denied.into())), Carrier::Absent)
        }
    };
    let (decision, answer) = render(state, carriers, &context, decision, origin).await;
    let took = state.clock.monotonic().saturating_sub(started);
    state.metrics.decided(&decision, took);
    answer
}

/// Answer a decision request whose decision was broken off at a time-out or a panic: nobody can know. It took
/// `took`, or less where it panicked: a decision that ends well must not pay for a clock that is read for these.
pub fn broken_off(
    state: &ServerState,
    profile: &GatewayProfile,
    fault: Fault,
    took: Duration,
) -> Answer {
    let context = state.context(EnvironmentId::installation(), None, DIALECT);
    let denied = refuse(fault.into());
    let carriers = profile.profile.carriers();
    let answer = answer::deny(carriers, &denied, Carrier::Absent, &context);
    state.metrics.decided(&Decision::Deny(denied), took);
    answer
}

async fn decide(
    state: &ServerState,
    profile: &GatewayProfile,
    read: &Read<'_>,
    context: &mut CallContext,
) -> Decision {
    match decide_warm(state, profile, read, context) {
        Some(decision) => decision,
        // In a box: what a cold decision keeps while it waits is large, and would be moved for warm ones too.
        None => Box::pin(decide_cold(state, profile, read, context)).await,
    }
}

/// Everything from memory, or nothing.
fn decide_warm(
    state: &ServerState,
    profile: &GatewayProfile,
    read: &Read<'_>,
    context: &mut CallContext,
) -> Option<Decision> {
    let fresh = state.engine.fresh(context.now)?;
    context.environment = match &profile.environment {
        Some(fixed) => fixed.clone(),
        None => state.engine.environment_warm(&read.host, fresh)?,
    };
    state.engine.decide_warm(context, &read.judged(), fresh)
}

async fn decide_cold(
    state: &ServerState,
    profile: &GatewayProfile,
    read: &Read<'_>,
    context: &mut CallContext,
) -> Decision {
    context.environment = match environment(state, profile, &read.host, context.now).await {
        Ok(environment) => environment,
        Err(refusal) => return Decision::Deny(refuse(refusal)),
    };
    state.engine.decide(context, &read.judged()).await
}

async fn environment(
    state: &ServerState,
    profile: &GatewayProfile,
    host: &str,
    now: Timestamp,
) -> Result<EnvironmentId, Refusal> {
    if let Some(fixed) = &profile.environment {
        return Ok(fixed.clone());
    }
    let found = match state.engine.environment_of(host, now).await? {
        None if is_local(host) => state.default_environment.usable(),
        found => found,
    };
    found.ok_or_else(|| Denied::UnknownHost.into())
}

/// The decision as the proxy understands it. What cannot be said in full is a denial.
async fn render(
    state: &ServerState,
    carriers: &Carriers,
    context: &CallContext,
    decision: Decision,
    origin: Carrier<'_>,
) -> (Decision, Answer) {
    let denied = match decision {
        Decision::Deny(denied) => denied,
        Decision::Allow(allowed) => match allow(state, context, &allowed).await {
            Ok(answer) => return (Decision::Allow(allowed), answer),
            Err(fault) => refuse(fault.into()),
        },
    };
    let answer = answer::deny(carriers, &denied, origin, context);
    (Decision::Deny(denied), answer)
}

async fn allow(
    state: &ServerState,
    context: &CallContext,
    allowed: &Allowed,
) -> Result<Answer, Fault> {
    if !allowed.guard.assertion {
        return answer::allow(allowed, &context.request_id, None);
    }
    let assertion = Box::pin(state.engine.identity_assertion(context, allowed)).await?;
    answer::allow(allowed, &context.request_id, Some(&assertion))
}

/// A denial where no guard was found: the standard envelope, readable for no browser.
const fn refuse(refusal: Refusal) -> DeniedAtGuard {
    DeniedAtGuard {
        refusal,
        dialect: None,
        allowed_origin: false,
        graphql: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    #[test]
    fn a_wrong_profile_was_told_of_at_debug_level_only() {
        let place = "listener.gateway[1]".to_owned();
        let profile = GatewayProfile::new(place, Profile::ForwardAuth, None);
        let lacking = Unjudgeable::Lacking("method");
        let said = profile.complaint(lacking, at(1000)).unwrap();
        for word in [
            "listener.gateway[1]",
            "forward_auth",
            "x-forwarded-method",
            "docs/gateways.md",
        ] {
            assert!(said.contains(word), "{word}: {said}");
        }
        assert_eq!(profile.complaint(lacking, at(1059)), None, "once a minute");
        assert!(profile.complaint(lacking, at(1060)).is_some());
    }

    #[test]
    fn what_a_caller_can_cause_buys_no_warning() {
        let profile = GatewayProfile::new(String::new(), Profile::Nginx, None);
        for why in [Unjudgeable::Managed, Unjudgeable::Fact("host")] {
            assert_eq!(profile.complaint(why, at(1000)), None);
        }
    }
}
