//! The API that the demo protects: sites and their streams, in Ayyeka's shapes, in plain JSON and in GraphQL.
//!
//! It is its own proxy: every request is asked about at a gateway listener first, over HTTP, and reaches a
//! handler only with the identity that the answer names. Behind a proxy of somebody else's, that one has asked.

mod countersigned;
mod gate;
mod graphql;
mod handlers;
mod money;
mod page;
mod pages;
mod sites;

pub use money::{ACCOUNT, PROFILE};
pub use pages::origins;

use crate::{http::Answer, system};
use anyhow::Context as _;
use bytes::Bytes;
use gate::Gate;
use graphql::Graph;
use http::{HeaderMap, Request};
use http_body_util::{BodyExt as _, Limited};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use pages::Pages;
use std::{
    convert::Infallible,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    pin::pin,
    sync::Arc,
    time::Duration,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{debug, warn};

/// Connections at once: a demo's, not a service's.
const CONNECTIONS_MAX: usize = 256;
/// Bytes of a body: a GraphQL document at length.
const BODY_BYTES_MAX: usize = 64 * 1024;
/// How long a head may take, and a connection may stay open without a request.
const HEAD_WITHIN: Duration = Duration::from_secs(10);
/// How long a body may take.
const BODY_WITHIN: Duration = Duration::from_secs(10);
/// How long requests under way have when the demo ends.
const DRAIN_WITHIN: Duration = Duration::from_secs(3);

/// The sample API of one environment. It ends with [`SampleApi::shutdown`].
pub struct SampleApi {
    /// Where it listens.
    pub address: SocketAddr,
    drain: CancellationToken,
    end: CancellationToken,
    connections: TaskTracker,
}

/// Who asks the gateway whether a request may pass.
#[derive(Debug, Clone, Copy)]
pub enum AskedBy {
    /// This API, as a proxy would, at this gateway listener.
    Itself(SocketAddr),
    /// A proxy, and nobody reaches this API but through it: what it says of the caller is believed.
    Proxy,
}

/// What every connection is served with.
struct Serving {
    /// None: a proxy has asked.
    gate: Option<Gate>,
    schemas: Schemas,
    pages: Pages,
    permits: Arc<Semaphore>,
    drain: CancellationToken,
    end: CancellationToken,
    connections: TaskTracker,
}

/// What can be asked in GraphQL, by whom.
struct Schemas {
    sites: Graph<graphql::Query>,
    profile: Graph<money::Query>,
}

/// A request that the gateway let pass.
struct Passed {
    request: http::request::Parts,
    body: Bytes,
    /// Who called, in the gateway's words: its identity headers and nothing that the caller sent.
    identity: HeaderMap,
}

impl SampleApi {
    /// Listen on `port` of this machine (0 takes a free one).
    ///
    /// # Errors
    /// When it cannot listen there.
    pub async fn start(port: u16, asked_by: AskedBy) -> anyhow::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))
            .await
            .with_context(|| format!("cannot listen on 127.0.0.1:{port} for the sample API"))?;
        let api = Self {
            address: listener.local_addr()?,
            drain: CancellationToken::new(),
            end: CancellationToken::new(),
            connections: TaskTracker::new(),
        };
        let serving = Arc::new(Serving {
            gate: match asked_by {
                AskedBy::Itself(gateway) => Some(Gate::new(gateway)),
                AskedBy::Proxy => None,
            },
            schemas: Schemas {
                sites: graphql::schema(graphql::Query),
                profile: graphql::schema(money::Query),
            },
            pages: Pages {
                origins: pages::origins(api.address.port()),
            },
            permits: Arc::new(Semaphore::new(CONNECTIONS_MAX)),
            drain: api.drain.clone(),
            end: api.end.clone(),
            connections: api.connections.clone(),
        });
        system::spawn(&api.connections, accept(serving, listener));
        Ok(api)
    }

    /// Accept nothing more, let what is under way finish, then close.
    pub async fn shutdown(self) {
        self.drain.cancel();
        self.connections.close();
        if tokio::time::timeout(DRAIN_WITHIN, self.connections.wait())
            .await
            .is_err()
        {
            warn!("requests to the sample API were cut off");
        }
        self.end.cancel();
        self.connections.wait().await;
    }
}

async fn accept(serving: Arc<Serving>, listener: TcpListener) {
    loop {
        let accepted = tokio::select! {
            biased;
            () = serving.drain.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => {
                // Too many at once: the newest is closed.
                let Ok(permit) = Arc::clone(&serving.permits).try_acquire_owned() else {
                    continue;
                };
                let with = Arc::clone(&serving);
                system::spawn(&serving.connections, async move {
                    serve(with, stream, peer.ip().to_canonical()).await;
                    drop(permit);
                });
            }
            Err(error) => {
                warn!(%error, "the sample API cannot accept");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

async fn serve(serving: Arc<Serving>, stream: TcpStream, peer: IpAddr) {
    let with = Arc::clone(&serving);
    let service = service_fn(move |request| {
        let serving = Arc::clone(&with);
        async move { Ok::<_, Infallible>(serving.answer(request, peer).await) }
    });
    let mut connection = pin!(
        hyper::server::conn::http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_WITHIN)
            .half_close(false)
            .serve_connection(TokioIo::new(stream), service)
    );
    let mut is_ending = false;
    loop {
        tokio::select! {
            biased;
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    debug!(%error, "a connection to the sample API ended");
                }
                break;
            }
            () = serving.drain.cancelled(), if !is_ending => {
                is_ending = true;
                connection.as_mut().graceful_shutdown();
            }
            () = serving.end.cancelled() => break,
        }
    }
}

impl Serving {
    async fn answer(&self, request: Request<Incoming>, peer: IpAddr) -> Answer {
        let (parts, body) = request.into_parts();
        // The question first: a stranger's body is not worth reading.
        let identity = match &self.gate {
            Some(gate) => gate.ask(&parts, peer).await,
            None => gate::told(&parts.headers),
        };
        let identity = match identity {
            Ok(identity) => identity,
            Err(denial) => return *denial,
        };
        let is_dropped = self.gate.is_some() && parts.uri.path() == countersigned::WITHOUT_BODY;
        let read = if is_dropped {
            Ok(Bytes::new())
        } else {
            read(body).await
        };
        let body = match read {
            Ok(body) => body,
            Err(refusal) => return *refusal,
        };
        let passed = Passed {
            request: parts,
            body,
            identity,
        };
        match self.pages.preflight(&passed) {
            Some(answer) => answer,
            None => {
                let mut answer = handlers::answer(&passed, &self.schemas).await;
                self.pages
                    .share(&passed.request.headers, answer.headers_mut());
                answer
            }
        }
    }
}

/// The whole body, if it is small enough and comes in time.
async fn read(body: Incoming) -> Result<Bytes, Box<Answer>> {
    let read = Limited::new(body, BODY_BYTES_MAX).collect();
    match tokio::time::timeout(BODY_WITHIN, read).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => {
            Err(Box::new(handlers::too_large(BODY_BYTES_MAX)))
        }
        Ok(Err(_)) | Err(_) => Err(Box::new(handlers::unreadable())),
    }
}
