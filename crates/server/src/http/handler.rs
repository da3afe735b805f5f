//! Who answers a listener's requests; and what holds for all of them: a time, and no panic.

use super::{
    Answer, AnswerBody, Face, Kind, Peer,
    finish::{Trace, finish},
    framing, panics,
    speaker::Speaker,
};
use crate::{
    gateway::{self, GatewayProfile},
    state::ServerState,
};
use countersign_engine::{
    bounds::LONG_POLL_FOR,
    denied::{Fault, Refusal},
    id::EnvironmentId,
};
use futures_util::poll;
use http::Request;
use hyper::body::Incoming;
use std::{pin::pin, sync::Arc, task::Poll, time::Duration};
use tracing::{debug, error, warn};

/// Who answers.
#[derive(Clone)]
pub enum Handler {
    /// Dialects and the built-in endpoints.
    Face(Arc<Face>),
    /// Decisions.
    Gateway(Arc<GatewayProfile>, Duration),
}

impl Handler {
    /// Answer one request, whatever happens.
    pub(super) async fn answer(
        &self,
        state: &Arc<ServerState>,
        kind: Kind,
        request: Request<Incoming>,
        peer: Peer,
    ) -> Answer {
        match self {
            Self::Face(face) => {
                let started = state.clock.monotonic();
                let mut trace = Trace {
                    request_id: state.request_id(),
                    method: request.method().clone(),
                    version: request.version(),
                    route: "unrouted",
                    speaker: Speaker::Nobody,
                    is_unread: false,
                    is_held: face.holds(&request),
                    has_tls: face.has_tls,
                };
                let timeout = match trace.is_held {
                    true => face.request_timeout + LONG_POLL_FOR,
                    false => face.request_timeout,
                };
                let answer = match framing::refuse(request.headers()) {
                    Some(refused) => refused,
                    None => {
                        // In a box, so that decisions do not carry the room that these need.
                        let work = Box::pin(face.answer(state, request, peer, &mut trace));
                        match bounded(state, kind, timeout, work).await {
                            Ok(answer) => answer,
                            Err(fault) => broken_off(state, fault.into(), &mut trace),
                        }
                    }
                };
                let answer = finish(answer, &trace);
                let took = state.clock.monotonic().saturating_sub(started);
                let status = answer.status();
                let ours = (!trace.is_held).then_some(took);
                state
                    .metrics
                    .answered(kind.word(), trace.route, status, ours);
                debug!(
                    listener = kind.word(),
                    route = trace.route,
                    status = status.as_u16(),
                    micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
                    peer = ?peer.address,
                    request_id = trace.request_id.as_str(),
                    "answered"
                );
                answer
            }
            // The decision's own numbers tell of it; a warm one must not pay for more.
            Self::Gateway(profile, timeout) => {
                if let Some(refused) = framing::refuse(request.headers()) {
                    return refused;
                }
                let work = pin!(gateway::answer(state, profile, request, peer.address));
                let answer = match bounded(state, kind, *timeout, work).await {
                    Ok(answer) => answer,
                    Err(fault) => gateway::broken_off(state, profile, fault, *timeout),
                };
                answer.map(AnswerBody::Whole)
            }
        }
    }
}

/// The work's answer; a fault where it took too long or panicked.
async fn bounded<T>(
    state: &ServerState,
    kind: Kind,
    timeout: Duration,
    work: impl Future<Output = T> + Unpin,
) -> Result<T, Fault> {
    let mut work = pin!(panics::caught(work));
    // What is answered at once, as a warm decision is, needs no timer and no reading of its clock.
    let timed = match poll!(&mut work) {
        Poll::Ready(outcome) => Ok(outcome),
        Poll::Pending => tokio::time::timeout(timeout, work).await,
    };
    match timed {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(panics::Panicked)) => {
            state.metrics.panics.inc();
            error!(listener = kind.word(), "a handler panicked");
            Err(Fault::internal("a handler panicked"))
        }
        Err(_) => {
            warn!(listener = kind.word(), "a request took too long");
            Err(Fault::unavailable("a request took too long"))
        }
    }
}

/// Refuse in the words that the request had got to. What is left of its body is not read.
fn broken_off(state: &ServerState, refusal: Refusal, trace: &mut Trace) -> Answer {
    state.metrics.refused(&refusal);
    trace.is_unread = true;
    let mut context = state.context(EnvironmentId::installation(), None, "");
    context.request_id = trace.request_id.clone();
    trace.speaker.refuse(&refusal, &context)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn future_bytes<A, B, C, D, E, F: Future>(_: impl FnOnce(A, B, C, D, E) -> F) -> usize {
        size_of::<F>()
    }

    /// hyper moves this future several times for each request: while it was large, moving took a sixth of a decision.
    #[test]
    fn what_every_request_carries_along_is_small() {
        let bytes = future_bytes(Handler::answer);
        assert!(bytes < 3 * 1024, "{bytes} bytes");
    }
}
