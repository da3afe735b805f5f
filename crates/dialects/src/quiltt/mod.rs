//! Quiltt: sessions for profiles, issued by servers or by passcode, checked and revoked; introspection; and the part
//! of its platform API that is ours: profiles and webhook subscriptions.
//!
//! Everything is served on every host of an environment, but for hosts whose first label is `auth` or `api`: they
//! have the vendor's own half each.

pub mod error;
pub mod introspect;
mod members;
pub mod profiles;
mod routes;
pub mod sessions;
pub mod sign_in;
pub mod subscriptions;
mod version;

pub use error::Expected;
pub use version::Version;

use crate::{
    Decoded, Dialect, Listener, Reply, Request, Response,
    wire::{
        Found, authorization, media,
        openapi::{self, About, Body},
    },
};
use countersign_engine::{
    budget::{Budgets, Told},
    call::{Call, CallContext, Presented, Shown},
    denied::{Denied, Fault, Refusal},
    model::credential::RateLimit,
    outcome::Outcome,
};
use http::{HeaderName, HeaderValue};

/// The dialect.
pub const DIALECT: Dialect = Dialect {
    name: "quiltt",
    listener: Listener::Public,
    routes: routes::ROUTES,
    refuse: error::refuse_at_guard,
    refuse_graphql: None,
    openapi: document,
};

/// What callers may ask in a second, by the vendor's table: 100 with a session, 25 otherwise.
pub const BUDGETS: Budgets = Budgets {
    session: per_second(100),
    others: per_second(25),
};

const fn per_second(count: u32) -> RateLimit {
    RateLimit {
        per_minute: 60 * count,
        burst: count,
    }
}

static ABOUT: About = About {
    title: "Countersign: Quiltt",
    description: "Quiltt's Auth API, and of its Platform API profiles and webhook subscriptions. A validation error \
                  (422) is an object of the members that are wrong, each with a list of texts. Every answer names \
                  the version of the API in `Quiltt-Version`, and what is left of the caller's budget in \
                  `Ratelimit-Limit`, `Ratelimit-Remaining` and `Ratelimit-Reset` (unix seconds).",
    listener: Listener::Public,
    error: Body {
        media_type: media::JSON,
        schema: openapi::of::<error::ErrorBody>,
    },
};

fn document() -> serde_json::Value {
    openapi::document(&ABOUT, routes::ROUTES)
}

/// What every answer says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Framing {
    /// The version that the request asks for.
    pub version: Option<Version>,
    /// What the engine tells of the caller.
    pub told: Told,
}

/// Which of the vendor's two hosts a path stands on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Auth,
    Api,
}

impl Side {
    /// Whether this half is served at `host`.
    fn is_at(self, host: &str) -> bool {
        let other = match self {
            Self::Auth => "api",
            Self::Api => "auth",
        };
        host.split('.').next() != Some(other)
    }
}

/// Decode what every request has: a bearer, a host, a version; then what is asked.
fn decoded(
    request: &Request<'_>,
    side: Side,
    call: impl FnOnce() -> Result<Call, Denied>,
) -> Decoded {
    let presented = match authorization::bearer(request.headers) {
        Found::Absent => Presented::Absent,
        Found::Malformed(why) => Presented::Malformed(why),
        Found::Present(token) => Presented::Present(Shown::Bearer(token)),
    };
    let version = Version::asked(request.headers);
    let framing = Framing {
        version: version.as_ref().ok().copied().flatten(),
        told: Told::default(),
    };
    let is_here = side.is_at(request.host);
    let here = is_here
        .then_some(())
        .ok_or(Denied::NotFound { noun: "route" });
    Decoded {
        presented,
        call: here.and(version).and_then(|_| call()),
        reply: Reply::Quiltt(framing),
    }
}

/// Encode an outcome, or why there is none.
fn encoded(
    result: &Result<Outcome, Refusal>,
    expected: Expected,
    reply: &Reply,
    context: &CallContext,
    answer: impl FnOnce(&Outcome) -> Option<Response>,
) -> Response {
    let answer = match result {
        Ok(outcome) => answer(outcome).ok_or_else(|| {
            Refusal::from(Fault::internal(
                "the outcome is not one of this route's call",
            ))
        }),
        Err(refusal) => Err(refusal.clone()),
    };
    let answer = answer.unwrap_or_else(|refusal| error::refuse(&refusal, expected, context));
    framed(answer, reply)
}

const LIMIT: HeaderName = HeaderName::from_static("ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("ratelimit-reset");

/// Say which version was used, and what is left of the budget.
fn framed(mut answer: Response, reply: &Reply) -> Response {
    let headers = answer.headers_mut();
    let Reply::Quiltt(Framing { version, told }) = reply else {
        headers.insert(
            version::HEADER,
            HeaderValue::from_static(Version::NEWEST.name()),
        );
        return answer;
    };
    let pinned = told.api_version.as_deref().and_then(Version::from_name);
    let used = version.or(pinned).unwrap_or(Version::NEWEST);
    headers.insert(version::HEADER, HeaderValue::from_static(used.name()));
    if let Some(budget) = &told.budget {
        headers.insert(LIMIT, HeaderValue::from(budget.limit));
        headers.insert(REMAINING, HeaderValue::from(budget.remaining));
        headers.insert(RESET, HeaderValue::from(budget.reset_at.seconds_up()));
    }
    answer
}
