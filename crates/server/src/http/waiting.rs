//! Requests that wait for news: held and asked again when the bell rings, or answered as a stream of events.
//!
//! Decoding is pure, so the same request makes the same call each time; the clock is read anew for each. The row that
//! is waited for is known only from the first answer: the bell is counted before that is asked for, and a ring in
//! between means asking once more, so none is lost.

use super::{Answer, AnswerBody, answer::Teller, cors, panics};
use crate::{state::ServerState, system, telemetry::metrics::Metrics};
use bytes::Bytes;
use countersign_dialects::{Request, Response, Route};
use countersign_engine::{
    bounds::{EVENTS_FOR, HELD_OF_NETWORK_MAX, HELD_OF_ROW_MAX, HELD_REQUESTS_MAX, LONG_POLL_FOR},
    call::{Asked, CallContext},
    denied::{Fault, Refusal},
    network_of,
    outcome::{News, Outcome},
    row::Key,
};
use countersign_store::{Bell, Watch};
use http::{HeaderName, HeaderValue, header, request::Parts};
use prometheus_client::metrics::{counter::Counter, gauge::Gauge};
use std::{
    borrow::Cow,
    collections::{HashMap, hash_map::Entry},
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::time::{Interval, MissedTickBehavior, interval, sleep};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{error, warn};

/// How often a stream says that it is alive: proxies close what is silent for a minute, or half of one.
const COMMENT_EVERY: Duration = Duration::from_secs(15);
/// For how long the asking of a stream may take: nobody waits for its answer.
const ASKING_TIMEOUT: Duration = Duration::from_secs(10);
/// What tells nginx not to collect a stream before it passes it on.
const X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// Holds requests: so many, of each row and of each network not more than its share, and until the drain.
#[derive(Debug)]
pub struct Waiting {
    bell: Arc<Bell>,
    shares: Arc<Mutex<Shares>>,
    /// Of streams.
    tellers: TaskTracker,
    closing: CancellationToken,
    held: Gauge,
    refused: Counter,
}

/// How many are held, in all and of whom.
#[derive(Debug, Default)]
struct Shares {
    all: usize,
    of: HashMap<Of, usize>,
}

/// With whom a request is counted.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Of {
    /// Those who wait for news of one row: a device, or an approval.
    Row(Key),
    /// Those who ask from one network.
    Network(Vec<u8>),
}

impl Of {
    const fn most(&self) -> usize {
        match self {
            Self::Row(_) => HELD_OF_ROW_MAX,
            Self::Network(_) => HELD_OF_NETWORK_MAX,
        }
    }
}

impl Shares {
    fn take(&mut self, whose: &[Of]) -> bool {
        let has_room = |of: &Of| self.of.get(of).is_none_or(|held| *held < of.most());
        if self.all >= HELD_REQUESTS_MAX || !whose.iter().all(has_room) {
            return false;
        }
        self.all += 1;
        for of in whose {
            *self.of.entry(of.clone()).or_default() += 1;
        }
        true
    }

    fn give_back(&mut self, whose: &[Of]) {
        self.all = self.all.saturating_sub(1);
        for of in whose {
            if let Entry::Occupied(mut held) = self.of.entry(of.clone()) {
                match held.get().saturating_sub(1) {
                    0 => drop(held.remove()),
                    left => *held.get_mut() = left,
                }
            }
        }
    }
}

/// A request that is held.
#[derive(Debug)]
struct Held {
    shares: Arc<Mutex<Shares>>,
    whose: Vec<Of>,
    held: Gauge,
}

impl Drop for Held {
    fn drop(&mut self) {
        locked(&self.shares).give_back(&self.whose);
        self.held.dec();
    }
}

fn locked(shares: &Mutex<Shares>) -> MutexGuard<'_, Shares> {
    // Nothing runs under the lock that could leave it half done.
    shares.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Waiting {
    /// Nothing is held yet.
    pub fn new(bell: Arc<Bell>, metrics: &Metrics) -> Self {
        Self {
            bell,
            shares: Arc::default(),
            tellers: TaskTracker::new(),
            closing: CancellationToken::new(),
            held: metrics.held_requests.clone(),
            refused: metrics.held_requests_refused.clone(),
        }
    }

    /// Hold nothing any more, and let go of what is held: the server drains.
    pub fn close(&self) {
        self.closing.cancel();
    }

    /// A place for one more that waits for news of `row`; none: answer at once.
    fn hold(&self, row: &Key, peer: Option<IpAddr>) -> Option<Held> {
        if self.closing.is_cancelled() {
            return None;
        }
        let network = peer.map(|peer| Of::Network(network_of(peer)));
        let whose: Vec<Of> = network.into_iter().chain([Of::Row(row.clone())]).collect();
        if !locked(&self.shares).take(&whose) {
            self.refused.inc();
            return None;
        }
        self.held.inc();
        Some(Held {
            shares: Arc::clone(&self.shares),
            whose,
            held: self.held.clone(),
        })
    }
}

/// A request, as often as it is asked.
#[derive(Clone, Copy)]
pub(super) struct Question<'a> {
    pub(super) route: &'static Route,
    pub(super) host: &'a str,
    pub(super) parts: &'a Parts,
    pub(super) parameters: &'a [(&'a str, Cow<'a, str>)],
    pub(super) body: &'a [u8],
}

/// What a question was answered.
pub(super) struct Told {
    pub(super) response: Response,
    /// Whether there are news, where that can be waited for.
    news: Option<News>,
    /// Whether it was refused.
    is_refused: bool,
}

impl Question<'_> {
    /// Decode, handle, encode.
    pub(super) async fn ask(&self, state: &ServerState, context: &CallContext) -> Told {
        let decoded = (self.route.decode)(&Request {
            method: &self.parts.method,
            host: self.host,
            path: self.parts.uri.path(),
            parameters: self.parameters,
            query: self.parts.uri.query(),
            headers: &self.parts.headers,
            body: self.body,
        });
        let asked = Asked {
            callers: self.route.callers,
            presented: decoded.presented,
            sender: cors::sender(&self.parts.headers),
            call: decoded.call,
        };
        let mut reply = decoded.reply;
        let budgets = reply.budgets();
        let answered = state.engine.handle_within(context, asked, budgets).await;
        if let Err(refusal) = &answered.result {
            note(state, context, refusal);
        }
        reply.tell(answered.told);
        Told {
            response: (self.route.encode)(&answered.result, &reply, context),
            news: answered
                .result
                .as_ref()
                .ok()
                .and_then(Outcome::news)
                .cloned(),
            is_refused: answered.result.is_err(),
        }
    }

    /// Ask, and where there are no news ask again when there are, or after a while.
    pub(super) async fn wait(&self, state: &ServerState, context: &mut CallContext) -> Response {
        let waiting = &state.waiting;
        let noted = waiting.bell.times();
        let mut told = self.ask(state, context).await;
        let Some(of) = told.waits_for() else {
            return told.response;
        };
        let Some(_held) = waiting.hold(&of, context.peer) else {
            return told.response;
        };
        let mut watch = waiting.bell.watch(&of, noted);
        let mut end = Box::pin(sleep(LONG_POLL_FOR));
        let mut is_over = false;
        while !is_over && told.waits_for().is_some() {
            tokio::select! {
                biased;
                () = waiting.closing.cancelled() => break,
                () = &mut end => is_over = true,
                () = watch.rung() => {}
            }
            context.now = state.clock.now();
            told = self.ask(state, context).await;
        }
        told.response
    }

    /// Ask, and go on telling what is news. A refusal is an answer like any other.
    pub(super) async fn stream(&self, state: &Arc<ServerState>, context: &CallContext) -> Answer {
        self.stream_for(EVENTS_FOR, state, context).await
    }

    async fn stream_for(
        &self,
        lasts: Duration,
        state: &Arc<ServerState>,
        context: &CallContext,
    ) -> Answer {
        let waiting = &state.waiting;
        let noted = waiting.bell.times();
        let told = self.ask(state, context).await;
        let news = told.news.as_ref().filter(|_| !told.is_refused);
        let Some(news) = news else {
            return told.response.map(AnswerBody::from);
        };
        let watch = waiting.bell.watch(&news.of, noted);
        let held = waiting.hold(&news.of, context.peer);
        let (parts, first) = told.response.into_parts();
        let (body, teller) = AnswerBody::events(event(&first));
        if let Some(held) = held {
            let telling = Telling {
                kept: self.keep(),
                state: Arc::clone(state),
                context: context.clone(),
                watch,
                last: first,
                _held: held,
                teller,
            };
            system::spawn(&waiting.tellers, telling.go_on(lasts));
        }
        let mut answer = Answer::from_parts(parts, body);
        let headers = answer.headers_mut();
        let media_type = HeaderValue::from_static("text/event-stream");
        headers.insert(header::CONTENT_TYPE, media_type);
        headers.remove(header::CONTENT_LENGTH);
        headers.insert(X_ACCEL_BUFFERING, HeaderValue::from_static("no"));
        answer
    }

    /// The same, for longer than the request.
    fn keep(&self) -> Kept {
        let parameters = self.parameters.iter();
        Kept {
            route: self.route,
            host: self.host.to_owned(),
            parts: self.parts.clone(),
            parameters: parameters
                .map(|(name, value)| ((*name).to_owned(), value.clone().into_owned()))
                .collect(),
            body: self.body.to_vec(),
        }
    }
}

impl Told {
    fn waits_for(&self) -> Option<Key> {
        let news = self.news.as_ref()?;
        (!news.is_there).then(|| news.of.clone())
    }
}

/// A request that outlives its handler.
struct Kept {
    route: &'static Route,
    host: String,
    parts: Parts,
    parameters: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Kept {
    async fn ask(&self, state: &ServerState, context: &CallContext) -> Told {
        let parameters: Vec<_> = self
            .parameters
            .iter()
            .map(|(name, value)| (name.as_str(), Cow::from(value.as_str())))
            .collect();
        let question = Question {
            route: self.route,
            host: &self.host,
            parts: &self.parts,
            parameters: &parameters,
            body: &self.body,
        };
        question.ask(state, context).await
    }
}

/// A stream of events while it lasts. It runs by itself, not as its reader reads: who reads nothing holds it no longer.
struct Telling {
    kept: Kept,
    state: Arc<ServerState>,
    context: CallContext,
    watch: Watch,
    /// What was told last.
    last: Bytes,
    _held: Held,
    /// The last to go: whoever sees the end finds the place free.
    teller: Teller,
}

impl Telling {
    /// Tell what is news, until the end of its time, the drain, or nobody reads.
    async fn go_on(mut self, lasts: Duration) {
        let closing = self.state.waiting.closing.clone();
        let mut comments = interval(COMMENT_EVERY);
        comments.set_missed_tick_behavior(MissedTickBehavior::Delay);
        comments.reset();
        tokio::select! {
            biased;
            () = closing.cancelled() => {}
            () = sleep(lasts) => {}
            () = self.news(comments) => {}
        }
    }

    async fn news(&mut self, mut comments: Interval) {
        loop {
            let event = tokio::select! {
                biased;
                () = self.teller.unread() => return,
                () = self.watch.rung() => {
                    let Some(body) = self.asked().await else {
                        return;
                    };
                    if body == self.last {
                        continue;
                    }
                    self.last = body;
                    event(&self.last)
                }
                _ = comments.tick() => Bytes::from_static(b":\n\n"),
            };
            if !self.teller.tell(event).await {
                return;
            }
        }
    }

    /// What there is now; none: its reader has to ask anew, and is told why.
    async fn asked(&mut self) -> Option<Bytes> {
        self.context.now = self.state.clock.now();
        let asking = Box::pin(self.kept.ask(&self.state, &self.context));
        match tokio::time::timeout(ASKING_TIMEOUT, panics::caught(asking)).await {
            Ok(Ok(told)) if !told.is_refused => Some(told.response.into_body()),
            Ok(Ok(_)) | Err(_) => None,
            Ok(Err(panics::Panicked)) => {
                self.state.metrics.panics.inc();
                error!("a handler panicked");
                None
            }
        }
    }
}

/// One event with these data: a line for each of theirs.
fn event(data: &[u8]) -> Bytes {
    let mut event = Vec::with_capacity(data.len() + 16);
    for line in data.split(|byte| *byte == b'\n') {
        event.extend_from_slice(b"data: ");
        event.extend_from_slice(line);
        event.push(b'\n');
    }
    event.push(b'\n');
    event.into()
}

/// Count a refusal; of ours, say what it was.
pub(super) fn note(state: &ServerState, context: &CallContext, refusal: &Refusal) {
    state.metrics.refused(refusal);
    let request_id = context.request_id.as_str();
    match refusal {
        Refusal::Denied(_) => {}
        Refusal::Fault(Fault::Unavailable(detail)) => warn!(request_id, detail, "unavailable"),
        Refusal::Fault(Fault::Internal(detail)) => error!(request_id, detail, "internal fault"),
    }
}

#[cfg(test)]
mod tests;
