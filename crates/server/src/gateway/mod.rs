//! The gateway listeners' face: what a proxy asks, and how it must be answered to understand.
//!
//! A decision request is read by the listener's one profile; its own method, path and query mean nothing
//! (but to Envoy, which has no other way to ask), and so do the headers that other proxies would set.

pub mod answer;
pub mod identity;
mod judged;
pub mod profile;
pub mod samples;

use crate::{config::Profile, state::ServerState};
use answer::Answer;
use countersign_engine::{
    call::CallContext,
    decision::{Allowed, Decision},
    denied::{Denied, Fault, Refusal},
    id::EnvironmentId,
};
use judged::Read;
use profile::Carriers;
use std::{net::IpAddr, sync::Arc};

/// What one gateway listener is for. Fixed in configuration: nothing is detected.
#[derive(Debug, Clone)]
pub struct GatewayProfile {
    /// Which proxy asks, and so which headers carry what.
    pub profile: Profile,
    /// The environment it asks for; none: the judged host decides.
    pub environment: Option<EnvironmentId>,
}

impl Profile {
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

/// Answer one decision request. `peer` is the proxy's own address, none on a Unix socket.
pub async fn answer<B>(
    state: &Arc<ServerState>,
    profile: &GatewayProfile,
    request: http::Request<B>,
    peer: Option<IpAddr>,
) -> Answer {
    // The body is not ours to read: no decision depends on one.
    let (parts, _) = request.into_parts();
    let carriers = profile.profile.carriers();
    let read = match judged::read(carriers, &parts) {
        Ok(read) => read,
        Err(why) => {
            tracing::debug!(?why, ?peer, "a decision request that tells of no request");
            let context = state.context(EnvironmentId::installation(), peer, DIALECT);
            return answer::refuse_unjudgeable(carriers, &context);
        }
    };
    decide(state, profile, &read, carriers).await
}

/// What contexts of decisions name as their dialect: none of ours decoded the request.
const DIALECT: &str = "gateway";

async fn decide(
    state: &ServerState,
    profile: &GatewayProfile,
    read: &Read<'_>,
    carriers: &Carriers,
) -> Answer {
    let mut context = CallContext {
        environment: EnvironmentId::installation(),
        now: state.clock.now(),
        request_id: match &read.request_id {
            Some(id) => id.clone(),
            None => state.request_id(),
        },
        peer: read.peer(),
        dialect: DIALECT,
    };
    context.environment = match environment(state, profile, &read.host).await {
        Ok(environment) => environment,
        Err(refusal) => return answer::refuse(carriers, refusal, &context),
    };
    let judged = read.judged();
    let decision = match state.engine.decide_warm(&context, &judged) {
        Some(decision) => decision,
        None => state.engine.decide(&context, &judged).await,
    };
    match decision {
        Decision::Allow(allowed) => match allow(state, &context, &allowed).await {
            Ok(answer) => answer,
            Err(fault) => answer::refuse(carriers, fault.into(), &context),
        },
        Decision::Deny(denied) => answer::deny(carriers, &denied, read.origin(), &context),
    }
}

async fn environment(
    state: &ServerState,
    profile: &GatewayProfile,
    host: &str,
) -> Result<EnvironmentId, Refusal> {
    if let Some(fixed) = &profile.environment {
        return Ok(fixed.clone());
    }
    let found = state.engine.environment_of(host).await?;
    found.ok_or_else(|| Denied::UnknownHost.into())
}

async fn allow(
    state: &ServerState,
    context: &CallContext,
    allowed: &Allowed,
) -> Result<Answer, Fault> {
    if !allowed.guard.assertion {
        return answer::allow(&allowed.fact, &context.request_id, None);
    }
    let assertion = state.engine.identity_assertion(context, allowed).await?;
    answer::allow(&allowed.fact, &context.request_id, Some(&assertion))
}
