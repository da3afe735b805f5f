//! The body of an answer: whole, as nearly all are, or events that come as they happen.

use super::activity::InFlight;
use bytes::Bytes;
use http_body_util::Full;
use hyper::body::{Body, Frame, SizeHint};
use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
};
use tokio::sync::{mpsc, oneshot};

/// An answer on its way out.
pub type Answer = http::Response<AnswerBody>;

/// The body of an answer.
pub enum AnswerBody {
    /// All of it is there.
    Whole(Full<Bytes>),
    /// It goes on until the server or the reader ends it.
    Events(Box<Events>),
}

/// Events on their way out: whoever tells them has the other end.
pub struct Events {
    told: mpsc::Receiver<Bytes>,
    /// Whoever tells keeps the connection busy, not whoever reads: a reader that reads nothing holds nothing.
    teller: Option<oneshot::Sender<InFlight>>,
}

/// Tells events, as long as somebody reads.
pub(super) struct Teller {
    events: mpsc::Sender<Bytes>,
    /// Says that the connection is not idle, for as long as there may be events.
    _in_flight: oneshot::Receiver<InFlight>,
}

impl Teller {
    /// Send one more, once the last is on its way. Whether anybody reads.
    pub(super) async fn tell(&self, event: Bytes) -> bool {
        self.events.send(event).await.is_ok()
    }

    /// Wait until nobody reads any more.
    pub(super) async fn unread(&self) {
        self.events.closed().await;
    }
}

impl AnswerBody {
    /// A body that begins with one event, and ends with its teller.
    pub(super) fn events(first: Bytes) -> (Self, Teller) {
        let (events, told) = mpsc::channel(1);
        let (teller, in_flight) = oneshot::channel();
        // There is room for one.
        drop(events.try_send(first));
        let body = Events {
            told,
            teller: Some(teller),
        };
        let teller = Teller {
            events,
            _in_flight: in_flight,
        };
        (Self::Events(Box::new(body)), teller)
    }

    /// The request is under way for as long as its answer is: of one that is whole, until now.
    pub(super) fn hold(&mut self, in_flight: InFlight) {
        if let Self::Events(events) = self
            && let Some(teller) = events.teller.take()
        {
            // A teller that is through needs it no more.
            drop(teller.send(in_flight));
        }
    }
}

impl std::fmt::Debug for AnswerBody {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Whole(_) => "Whole(..)",
            Self::Events(_) => "Events(..)",
        })
    }
}

impl Default for AnswerBody {
    fn default() -> Self {
        Self::Whole(Full::default())
    }
}

impl From<Bytes> for AnswerBody {
    fn from(bytes: Bytes) -> Self {
        Self::Whole(Full::new(bytes))
    }
}

impl From<String> for AnswerBody {
    fn from(text: String) -> Self {
        Bytes::from(text).into()
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match self.get_mut() {
            Self::Whole(whole) => Pin::new(whole).poll_frame(context),
            Self::Events(events) => {
                let told = events.told.poll_recv(context);
                told.map(|event| event.map(|event| Ok(Frame::data(event))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(whole) => whole.is_end_stream(),
            Self::Events(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(whole) => whole.size_hint(),
            Self::Events(_) => SizeHint::default(),
        }
    }
}
