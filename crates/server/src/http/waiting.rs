//! Requests that wait for news: held and asked again when the bell rings, or answered as a stream of events.
//!
//! Decoding is pure, so the same request makes the same call each time; the clock is read anew for each. The row that
//! is waited for is known only from the first answer: the bell is counted before that is asked for, and a ring in
//! between means asking once more, so none is lost.

use super::{Answer, AnswerBody, cors, panics};
use crate::{state::ServerState, telemetry::metrics::Metrics};
use bytes::Bytes;
use countersign_dialects::{Request, Response, Route};
use countersign_engine::{
    bounds::{EVENTS_FOR, HELD_REQUESTS_MAX, LONG_POLL_FOR},
    call::{Asked, CallContext},
    denied::{Fault, Refusal},
    outcome::{News, Outcome},
    row::Key,
};
use countersign_store::{Bell, Watch};
use futures_util::stream;
use http::{HeaderName, HeaderValue, header, request::Parts};
use http_body_util::StreamBody;
use hyper::body::Frame;
use prometheus_client::metrics::{counter::Counter, gauge::Gauge};
use std::{borrow::Cow, convert::Infallible, pin::Pin, sync::Arc, time::Duration};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Interval, MissedTickBehavior, Sleep, interval, sleep},
};
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

/// How often a stream says that it is alive: proxies close what is silent for a minute, or half of one.
const COMMENT_EVERY: Duration = Duration::from_secs(15);
/// For how long the asking of a stream may take: nobody waits for its answer.
const ASKING_TIMEOUT: Duration = Duration::from_secs(10);
/// What tells nginx not to collect a stream before it passes it on.
const X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// Holds requests: so many, and until the drain.
#[derive(Debug)]
pub struct Waiting {
    bell: Arc<Bell>,
    places: Arc<Semaphore>,
    closing: CancellationToken,
    held: Gauge,
    refused: Counter,
}

/// A request that is held.
#[derive(Debug)]
struct Held {
    _place: OwnedSemaphorePermit,
    held: Gauge,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.held.dec();
    }
}

impl Waiting {
    /// Nothing is held yet.
    pub fn new(bell: Arc<Bell>, metrics: &Metrics) -> Self {
        Self {
            bell,
            places: Arc::new(Semaphore::new(HELD_REQUESTS_MAX)),
            closing: CancellationToken::new(),
            held: metrics.held_requests.clone(),
            refused: metrics.held_requests_refused.clone(),
        }
    }

    /// Hold nothing any more, and let go of what is held: the server drains.
    pub fn close(&self) {
        self.closing.cancel();
    }

    /// A place for one more; none: answer at once.
    fn hold(&self) -> Option<Held> {
        if self.closing.is_cancelled() {
            return None;
        }
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
            self.refused.inc();
            return None;
        };
        self.held.inc();
        Some(Held {
            _place: place,
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
        let Some(_held) = waiting.hold() else {
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
        let waiting = &state.waiting;
        let noted = waiting.bell.times();
        let told = self.ask(state, context).await;
        let news = told.news.as_ref().filter(|_| !told.is_refused);
        let Some(news) = news else {
            return told.response.map(AnswerBody::from);
        };
        let watch = waiting.bell.watch(&news.of, noted);
        let (parts, first) = told.response.into_parts();
        let mut comments = interval(COMMENT_EVERY);
        comments.set_missed_tick_behavior(MissedTickBehavior::Delay);
        comments.reset();
        let telling = Telling {
            kept: self.keep(),
            state: Arc::clone(state),
            context: context.clone(),
            watch: waiting.hold().map(|held| (watch, held)),
            end: Box::pin(sleep(EVENTS_FOR)),
            comments,
            first: Some(event(&first)),
            last: first,
        };
        let frames = StreamBody::new(stream::unfold(telling, Telling::next));
        let mut answer = Answer::from_parts(parts, AnswerBody::events(Box::pin(frames)));
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

/// A stream of events while it lasts.
struct Telling {
    kept: Kept,
    state: Arc<ServerState>,
    context: CallContext,
    /// What wakes it, and its place; none: too many are held, so it ends after the first event.
    watch: Option<(Watch, Held)>,
    end: Pin<Box<Sleep>>,
    comments: Interval,
    first: Option<Bytes>,
    /// What was told last.
    last: Bytes,
}

type Next = (Result<Frame<Bytes>, Infallible>, Telling);

impl Telling {
    async fn next(mut self) -> Option<Next> {
        if let Some(first) = self.first.take() {
            return Some((Ok(Frame::data(first)), self));
        }
        let (watch, _) = self.watch.as_mut()?;
        loop {
            tokio::select! {
                biased;
                () = self.state.waiting.closing.cancelled() => return None,
                () = &mut self.end => return None,
                () = watch.rung() => {}
                _ = self.comments.tick() => {
                    let comment = Bytes::from_static(b":\n\n");
                    return Some((Ok(Frame::data(comment)), self));
                }
            }
            self.context.now = self.state.clock.now();
            let asking = Box::pin(self.kept.ask(&self.state, &self.context));
            let asked = tokio::time::timeout(ASKING_TIMEOUT, panics::caught(asking)).await;
            let told = match asked {
                Ok(Ok(told)) if !told.is_refused => told,
                // Its reader asks anew, and is told why not.
                Ok(Ok(_)) | Err(_) => return None,
                Ok(Err(panics::Panicked)) => {
                    self.state.metrics.panics.inc();
                    error!("a handler panicked");
                    return None;
                }
            };
            let body = told.response.into_body();
            if body != self.last {
                let frame = Frame::data(event(&body));
                self.last = body;
                return Some((Ok(frame), self));
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
