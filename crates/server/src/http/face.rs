//! A request on the public or admin listener: host, environment, route, body, call, answer.

use super::{
    Answer, AnswerBody, Kind, Peer, body,
    body::Unread,
    cors,
    finish::Trace,
    forwarded, host, parameters,
    router::{Collision, Endpoint, Found, Place, Router},
    speaker::Speaker,
    waiting::{self, Question},
};
use crate::{
    config::{self, Limits},
    state::ServerState,
    telemetry::seldom::Seldom,
};
use countersign_dialects::{Cors, Delivery, Dialect, Listener, OnTheBeat, Route};
use countersign_engine::{
    call::CallContext,
    denied::{Denied, ProblemKind, Refusal},
    id::EnvironmentId,
    model::environment::Environment,
    row::Stored,
    time::Timestamp,
};
use http::{HeaderMap, Request, request::Parts};
use hyper::body::Incoming;
use ipnet::IpNet;
use std::{borrow::Cow, sync::Arc, time::Duration};
use tracing::warn;

/// The dialects and built-in endpoints of one listener.
pub struct Face {
    kind: Kind,
    router: Router,
    body_bytes_max: usize,
    body_timeout: Duration,
    /// For a whole request.
    pub(super) request_timeout: Duration,
    /// Whether all that comes is encrypted as far as here.
    pub(super) has_tls: bool,
    /// Of peers that speak for others and are not believed.
    disbelieved: Seldom,
}

/// A request while it is being answered.
struct Asking<'a> {
    state: &'a Arc<ServerState>,
    parts: &'a Parts,
    context: CallContext,
    /// When it came.
    arrived: Duration,
    trace: &'a mut Trace,
}

/// Where a request belongs: an environment's row, or none on the admin listener.
type MaybeEnvironment = Option<Arc<Stored>>;

impl Face {
    /// The face of a listener that serves `dialects`.
    ///
    /// # Errors
    /// [`Collision`], which is a defect of the registry.
    pub fn new(
        kind: Kind,
        dialects: &'static [Dialect],
        listener: &config::Listener,
    ) -> Result<Self, Collision> {
        let limits = &listener.limits;
        Ok(Self {
            kind,
            router: Router::new(kind, dialects)?,
            body_bytes_max: usize::try_from(limits.body_bytes_max).unwrap_or(usize::MAX),
            body_timeout: Limits::seconds(limits.body_timeout_s),
            request_timeout: Limits::seconds(limits.request_timeout_s),
            has_tls: listener.tls.is_some(),
            disbelieved: Seldom::default(),
        })
    }

    /// Whether this request may be held until there are news.
    pub(super) fn holds(&self, request: &Request<Incoming>) -> bool {
        let delivery = self.router.delivery(request.method(), request.uri().path());
        delivery != Delivery::Once
    }

    /// Answer one request, and leave in `trace` what is learned on the way.
    pub(super) async fn answer(
        &self,
        state: &Arc<ServerState>,
        request: Request<Incoming>,
        peer: Peer,
        trace: &mut Trace,
    ) -> Answer {
        let (parts, body) = request.into_parts();
        let trusted = &state.trusted_proxies;
        let context = CallContext {
            environment: EnvironmentId::installation(),
            now: state.clock.now(),
            request_id: trace.request_id.clone(),
            peer: forwarded::address(peer, &parts.headers, trusted),
            dialect: "",
        };
        self.warn_of_proxy(peer, &parts.headers, trusted, context.now);
        let mut asking = Asking {
            state,
            parts: &parts,
            context,
            arrived: state.clock.monotonic(),
            trace,
        };
        self.routed(&mut asking, body).await
    }

    /// Limits for each network mean little where a proxy that nobody named stands between.
    fn warn_of_proxy(&self, peer: Peer, headers: &HeaderMap, trusted: &[IpNet], now: Timestamp) {
        if let Some(address) = forwarded::disbelieved(peer, headers, trusted)
            && self.disbelieved.is_due(now)
        {
            warn!(
                "listener.{}: {address} sent X-Forwarded-For and is not believed; if it is your proxy, name it in server.trusted_proxies, or all who come by it share one address and its limits",
                self.kind.word()
            );
        }
    }

    async fn routed(&self, asking: &mut Asking<'_>, body: Incoming) -> Answer {
        let path = asking.parts.uri.path();
        let found = self.router.find(&asking.parts.method, path);
        if let Found::Endpoint(Endpoint::Builtin(builtin), ..) = found {
            asking.trace.route = builtin.name();
            return builtin.answer(asking.state).await;
        }
        let fallback = Speaker::of(self.router.fallback());
        let mut speaker = match &found {
            Found::Endpoint(Endpoint::Route(dialect, route), ..) => Speaker::Route(dialect, route),
            Found::Endpoint(_, place, _) | Found::OtherMethod(place) => place.speaker(),
            Found::Nothing => Speaker::of(self.router.refuser(path, |_| true)),
        };
        asking.trace.speaker = speaker.or(fallback);
        let (host, environment) = match self.place(asking).await {
            Ok(placed) => placed,
            Err(refusal) => return asking.refuse(&refusal),
        };
        let environment = environment.as_deref().and_then(Stored::environment);
        let is_for_phones = environment.is_some_and(|e| e.is_phone_host(&host));
        let fallback = match is_for_phones {
            true => Speaker::of(self.router.phones().or(self.router.fallback())),
            false => fallback,
        };
        let is_enabled = |dialect: &Dialect| match environment {
            None => dialect.listener == Listener::Admin,
            // A page that strangers see all day stands on no host where anything else answers.
            Some(_) if is_for_phones => dialect.is_for_phones(),
            Some(environment) => {
                let is_named = environment.dialects.iter().any(|name| name == dialect.name);
                is_named && !dialect.is_for_phones()
            }
        };
        let not_found: Refusal = Denied::NotFound { noun: "route" }.into();
        // A dialect that the environment does not have is not there, and does not speak.
        if let Found::Nothing = found {
            speaker = Speaker::of(self.router.refuser(path, is_enabled));
            asking.trace.speaker = speaker.or(fallback);
        }
        let dialect = speaker.dialect();
        if !dialect.is_none_or(is_enabled) {
            asking.trace.speaker = fallback;
            return asking.refuse(&not_found);
        }
        match found {
            Found::Endpoint(Endpoint::Route(dialect, route), _, raw) => {
                asking.trace.route = route.name;
                let at = At {
                    host: &host,
                    environment,
                    dialect,
                    route,
                };
                let mut answer = self.called(asking, &at, &raw, body).await;
                at.cors(asking.parts, &mut answer);
                answer
            }
            Found::OtherMethod(place) => other_method(asking, place, environment)
                .unwrap_or_else(|refusal| asking.refuse(&refusal)),
            Found::Endpoint(Endpoint::Builtin(_), ..) | Found::Nothing => asking.refuse(&not_found),
        }
    }

    /// The host, and the environment that it leads to.
    async fn place(&self, asking: &mut Asking<'_>) -> Result<(String, MaybeEnvironment), Refusal> {
        let parts = asking.parts;
        let host = host::host(&parts.uri, &parts.headers)
            .map_err(|bad| Denied::invalid("Host", ProblemKind::Expected(bad.0)))?;
        if self.kind == Kind::Admin {
            return Ok((host, None));
        }
        let state = asking.state;
        let id = match state
            .engine
            .environment_of(&host, asking.context.now)
            .await?
        {
            Some(id) => id,
            None if host::is_local(&host) => state
                .default_environment
                .usable()
                .ok_or(Denied::UnknownHost)?,
            None => return Err(Denied::UnknownHost.into()),
        };
        let environment = state.engine.environment(&id, asking.context.now).await?;
        // Gone since the host was looked up: then nothing lists the host any more.
        let environment = environment.ok_or(Denied::UnknownHost)?;
        asking.context.environment = id;
        Ok((host, Some(environment)))
    }

    /// Read, decode, handle, encode.
    async fn called(
        &self,
        asking: &mut Asking<'_>,
        at: &At<'_>,
        raw: &[(&str, &str)],
        body: Incoming,
    ) -> Answer {
        let (dialect, route) = (at.dialect, at.route);
        asking.context.dialect = dialect.name;
        let mut decoded = Vec::with_capacity(raw.len());
        for (name, value) in raw {
            let Some(value) = parameters::decode(value) else {
                let expected = ProblemKind::Expected("percent-encoded UTF-8");
                return asking.refuse(&Denied::invalid(*name, expected).into());
            };
            decoded.push((*name, value));
        }
        let limit = route.body_bytes_max.min(self.body_bytes_max);
        let headers = &asking.parts.headers;
        let body = match body::read(headers, body, limit, self.body_timeout).await {
            Ok(body) => body,
            Err(unread) => {
                asking.trace.is_unread = true;
                return match unread {
                    Unread::Denied(denied) => asking.refuse(&denied.into()),
                    Unread::Broken(status) => {
                        asking.trace.speaker.refuse_body(status, &asking.context)
                    }
                };
            }
        };
        asking.call(at, &decoded, &body).await
    }
}

/// Between two moments at which an answer may leave that is to tell nothing by its time: several times what differs
/// between an account that is read and one that is not there, and nothing to somebody who mistyped a password.
const BEAT: Duration = Duration::from_millis(10);

/// How long until the next whole beat, for what took so long.
fn until_beat(took: Duration) -> Duration {
    let since_beat = took.as_nanos() % BEAT.as_nanos();
    BEAT - Duration::from_nanos(u64::try_from(since_beat).unwrap_or_default())
}

/// The route that a request took.
struct At<'a> {
    host: &'a str,
    environment: Option<&'a Environment>,
    dialect: &'static Dialect,
    route: &'static Route,
}

impl At<'_> {
    /// Tell a browser whether it may read the answer.
    fn cors(&self, parts: &Parts, answer: &mut Answer) {
        let headers = answer.headers_mut();
        if let Some(origin) = cors::origin(&parts.headers) {
            cors::permit(self.route.cors, origin, origins(self.environment), headers);
        }
        cors::vary(self.route.cors, headers);
    }
}

impl Asking<'_> {
    async fn call(
        &mut self,
        at: &At<'_>,
        parameters: &[(&str, Cow<'_, str>)],
        body: &[u8],
    ) -> Answer {
        let question = Question {
            route: at.route,
            host: at.host,
            parts: self.parts,
            parameters,
            body,
        };
        let state = self.state;
        let response = match at.route.delivery {
            Delivery::Once => question.ask(state, &self.context).await.response,
            Delivery::LongPoll => question.wait(state, &mut self.context).await,
            Delivery::Events => return question.stream(state, &self.context).await,
        };
        if response.extensions().get() == Some(&OnTheBeat) {
            let took = state.clock.monotonic().saturating_sub(self.arrived);
            tokio::time::sleep(until_beat(took)).await;
        }
        response.map(AnswerBody::from)
    }

    /// Refuse in the words of whoever speaks by now.
    fn refuse(&self, refusal: &Refusal) -> Answer {
        waiting::note(self.state, &self.context, refusal);
        self.trace.speaker.refuse(refusal, &self.context)
    }
}

/// A preflight, or a method that is not there.
fn other_method(
    asking: &Asking<'_>,
    place: &Place,
    environment: Option<&Environment>,
) -> Result<Answer, Refusal> {
    let parts = asking.parts;
    let refused = Denied::MethodNotAllowed { allow: place.allow };
    let Some(asked) = cors::preflight(&parts.method, &parts.headers) else {
        return Err(refused.into());
    };
    let cors = match place.endpoint(&asked) {
        Some(Endpoint::Route(_, route)) => route.cors,
        Some(Endpoint::Builtin(_)) | None => Cors::No,
    };
    let origin = cors::origin(&parts.headers).unwrap_or_default();
    if !cors::allows(cors, origin, origins(environment)) {
        return Err(refused.into());
    }
    let mut answer = cors::preflight_answer(place);
    cors::permit(cors, origin, origins(environment), answer.headers_mut());
    cors::vary(cors, answer.headers_mut());
    Ok(answer)
}

fn origins(environment: Option<&Environment>) -> &[String] {
    environment.map_or(&[], |environment| &environment.allowed_origins)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_took_more_or_less_leaves_at_the_same_beat() {
        for (took, left) in [
            (0, 10_000),
            (1, 9_999),
            (9_999, 1),
            (10_000, 10_000),
            (44_187, 5_813),
        ] {
            let until = until_beat(Duration::from_micros(took));
            assert_eq!(until, Duration::from_micros(left), "{took}");
        }
    }
}
