//! One connection: HTTP/1.1 or HTTP/2 by its first bytes, bounded and timed.

use super::{
    Accepting, Handler, Kind, Peer,
    activity::{Activity, Noticed, Watcher},
};
use crate::{config::Limits, state::ServerState};
use futures_util::{StreamExt, stream::FuturesUnordered};
use http::Version;
use hyper::service::service_fn;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto,
};
use std::{convert::Infallible, pin::pin, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::{Interval, MissedTickBehavior},
};
use tracing::debug;

/// A listener's limits, ready for use.
pub(super) struct Bounds {
    /// For a TLS handshake.
    pub(super) handshake: Duration,
    tick: Duration,
    idle_ticks_max: u32,
    head_ticks_max: u32,
    builder: auto::Builder<TokioExecutor>,
}

impl Bounds {
    /// The bounds that `limits` mean.
    pub(super) fn new(limits: Limits) -> Self {
        let idle = Limits::seconds(limits.idle_timeout_s);
        let head = Limits::seconds(limits.header_timeout_s);
        // Four ticks in the shorter of the two: a connection ends at most a quarter late.
        let tick = idle.min(head) / 4;
        let ticks = |span: Duration| {
            u32::try_from(span.as_millis() / tick.as_millis().max(1)).unwrap_or(u32::MAX)
        };
        Self {
            handshake: Limits::seconds(limits.handshake_timeout_s),
            tick,
            idle_ticks_max: ticks(idle),
            head_ticks_max: ticks(head),
            builder: builder(limits),
        }
    }
}

fn builder(limits: Limits) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        // The watcher times heads: hyper's own timer would also end connections that a proxy keeps.
        .header_read_timeout(None)
        .max_headers(usize::from(limits.headers_max))
        .max_buf_size(usize::try_from(limits.header_bytes_max).unwrap_or(usize::MAX))
        .half_close(false);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits.http2_streams_max)
        .max_pending_accept_reset_streams(usize::from(limits.http2_resets_max))
        .max_local_error_reset_streams(usize::from(limits.http2_resets_max))
        .max_header_list_size(limits.header_bytes_max)
        .keep_alive_interval(Duration::from_secs(20))
        .keep_alive_timeout(Duration::from_secs(20));
    builder
}

/// What a connection is served with.
#[derive(Clone, Copy)]
pub(super) struct Served<'a> {
    /// Which listener it came by.
    pub(super) kind: Kind,
    /// The listener's limits.
    pub(super) bounds: &'a Bounds,
    /// The running server.
    pub(super) state: &'a Arc<ServerState>,
    /// Who answers.
    pub(super) handler: &'a Handler,
    /// When to stop.
    pub(super) until: &'a Accepting,
}

/// Serve until the peer is done, does nothing for too long, or the server ends.
pub(super) async fn serve<S>(stream: S, peer: Peer, with: Served<'_>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let activity = Arc::new(Activity::default());
    let mut watcher = Watcher::new(Arc::clone(&activity));
    let io = TokioIo::new(Noticed {
        stream,
        activity: Arc::clone(&activity),
    });
    let service = service_fn(move |request: http::Request<hyper::body::Incoming>| {
        let in_flight = activity.begin(request.version() == Version::HTTP_2);
        let state = Arc::clone(with.state);
        let handler = with.handler.clone();
        async move {
            let mut answer = handler.answer(&state, with.kind, request, peer).await;
            answer.body_mut().hold(in_flight);
            Ok::<_, Infallible>(answer)
        }
    });
    let mut connection = pin!(with.bounds.builder.serve_connection(io, service));
    let mut ticks = tokio::time::interval(with.bounds.tick);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks.reset();
    let mut is_ending = false;
    // What happens beside the connection is polled when it wakes, not with every request: asking whether the
    // server drains takes a lock that all connections share.
    let mut asides = FuturesUnordered::from_iter([aside(with.until, ticks, false)]);
    loop {
        tokio::select! {
            biased;
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    debug!(%error, "connection ended");
                }
                break;
            }
            Some((aside_of, ticks)) = asides.next() => {
                let bounds = with.bounds;
                match aside_of {
                    Aside::Drain => connection.as_mut().graceful_shutdown(),
                    Aside::End => break,
                    Aside::Tick if watcher.is_over(bounds.idle_ticks_max, bounds.head_ticks_max) => {
                        debug!("connection closed: no request in time");
                        break;
                    }
                    Aside::Tick => {}
                }
                is_ending |= matches!(aside_of, Aside::Drain);
                asides.push(aside(with.until, ticks, is_ending));
            }
        }
    }
}

/// What happens beside a connection.
enum Aside {
    /// The server drains: answer what is under way, take no more.
    Drain,
    /// The server's time to drain is over.
    End,
    /// Time passed.
    Tick,
}

async fn aside(until: &Accepting, mut ticks: Interval, is_ending: bool) -> (Aside, Interval) {
    let aside = tokio::select! {
        biased;
        () = until.end.cancelled() => Aside::End,
        () = until.drain.cancelled(), if !is_ending => Aside::Drain,
        _ = ticks.tick() => Aside::Tick,
    };
    (aside, ticks)
}
