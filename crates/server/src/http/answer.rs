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

/// An answer on its way out.
pub type Answer = http::Response<AnswerBody>;

/// The body of an answer.
pub enum AnswerBody {
    /// All of it is there.
    Whole(Full<Bytes>),
    /// It goes on until the server or the reader ends it.
    Events(Box<Events>),
}

/// Events on their way out.
pub struct Events {
    frames: Frames,
    /// Says that the connection is not idle.
    in_flight: Option<InFlight>,
}

type Frames = Pin<Box<dyn Body<Data = Bytes, Error = Infallible> + Send>>;

impl AnswerBody {
    /// A body that ends when `frames` do.
    pub(super) fn events(frames: Frames) -> Self {
        Self::Events(Box::new(Events {
            frames,
            in_flight: None,
        }))
    }

    /// The request is under way for as long as its answer is: of one that is whole, until now.
    pub(super) fn hold(&mut self, in_flight: InFlight) {
        if let Self::Events(events) = self {
            events.in_flight = Some(in_flight);
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
                let polled = events.frames.as_mut().poll_frame(context);
                if matches!(polled, Poll::Ready(None)) {
                    events.in_flight = None;
                }
                polled
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(whole) => whole.is_end_stream(),
            Self::Events(events) => events.frames.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(whole) => whole.size_hint(),
            Self::Events(events) => events.frames.size_hint(),
        }
    }
}
