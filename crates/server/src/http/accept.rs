//! Accepting connections, as many as the listener puts up with.

use super::{
    Handler, Kind, Peer,
    address::{self, Socket},
    connection::{self, Bounds},
    tls::Reloading,
};
use crate::{
    config::{Address, Limits, Listener},
    state::ServerState,
    system,
    trouble::Trouble,
};
use std::{io, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::{OwnedSemaphorePermit, Semaphore},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{debug, warn};

/// A listener whose sockets are open, and which does not accept yet.
pub struct Bound {
    sockets: Vec<Socket>,
    /// Where it listens; free ports have their numbers here.
    pub addresses: Vec<Address>,
    tls: Option<Arc<Reloading>>,
    limits: Limits,
}

/// Open every address of `listener`, which the configuration calls `name`.
///
/// # Errors
/// The address that cannot be opened, or the certificate that cannot be read, with why.
pub async fn bind(name: &str, listener: &Listener) -> anyhow::Result<Bound> {
    let tls = match &listener.tls {
        Some(files) => Some(Arc::new(Reloading::load(files)?)),
        None => None,
    };
    let mut sockets = Vec::new();
    let mut addresses = Vec::new();
    for address in &listener.addresses {
        let (socket, at) = address::open(address)
            .await
            .map_err(|error| taken(name, address, &error))?;
        sockets.push(socket);
        addresses.push(at);
    }
    Ok(Bound {
        sockets,
        addresses,
        tls,
        limits: listener.limits,
    })
}

fn taken(name: &str, address: &Address, error: &io::Error) -> Trouble {
    let place = format!("listener.{name}.addresses");
    let (why, first) = match error.kind() {
        io::ErrorKind::AddrInUse => ("another program listens there".to_owned(), "stop it, or "),
        io::ErrorKind::AddrNotAvailable => ("this machine has no such address".to_owned(), ""),
        io::ErrorKind::PermissionDenied => (error.to_string(), "run it as a user who may, or "),
        _ => (error.to_string(), ""),
    };
    let variable = name.replace('[', "__").replace(']', "").to_uppercase();
    Trouble {
        what: format!("cannot listen on {address}: {why}"),
        advice: format!(
            "{first}set another address there, or in COUNTERSIGN__LISTENER__{variable}__ADDRESSES"
        ),
        place,
    }
}

impl Bound {
    /// The certificate that is read again when it changes, if the listener has one.
    pub fn tls(&self) -> Option<Arc<Reloading>> {
        self.tls.clone()
    }
}

/// When to stop, and who waits.
#[derive(Debug, Clone)]
pub struct Accepting {
    /// Accept no more; let what is under way finish.
    pub drain: CancellationToken,
    /// Close what is still open.
    pub end: CancellationToken,
    /// Waits for every connection.
    pub connections: TaskTracker,
}

impl Bound {
    /// Accept until the drain begins.
    pub fn accept(self, kind: Kind, state: &Arc<ServerState>, handler: Handler, until: &Accepting) {
        let listening = Arc::new(Listening {
            kind,
            bounds: Bounds::new(self.limits),
            permits: Arc::new(Semaphore::new(
                usize::try_from(self.limits.connections_max).unwrap_or(Semaphore::MAX_PERMITS),
            )),
            open: state.metrics.connections(kind.word()),
            refused: state.metrics.connections_refused(kind.word()),
            tls: self.tls,
            state: Arc::clone(state),
            handler,
            until: until.clone(),
        });
        for socket in self.sockets {
            let listening = Arc::clone(&listening);
            system::spawn(&until.connections, accept(listening, socket));
        }
    }
}

struct Listening {
    kind: Kind,
    bounds: Bounds,
    permits: Arc<Semaphore>,
    open: prometheus_client::metrics::gauge::Gauge,
    refused: prometheus_client::metrics::counter::Counter,
    tls: Option<Arc<Reloading>>,
    state: Arc<ServerState>,
    handler: Handler,
    until: Accepting,
}

async fn accept(listening: Arc<Listening>, socket: Socket) {
    loop {
        let accepted = tokio::select! {
            biased;
            () = listening.until.drain.cancelled() => break,
            accepted = next(&listening, &socket) => accepted,
        };
        if let Err(error) = accepted {
            // Mostly: no more file descriptors. Others end soon; a tight loop would not help them.
            warn!(listener = listening.kind.word(), %error, "cannot accept");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    if let Socket::Unix(listener) = &socket
        && let Ok(address) = listener.local_addr()
        && let Some(path) = address.as_pathname()
        && let Err(error) = std::fs::remove_file(path)
    {
        debug!(%error, "the socket file is gone already");
    }
}

async fn next(listening: &Arc<Listening>, socket: &Socket) -> io::Result<()> {
    match socket {
        Socket::Tcp(listener) => {
            let (stream, peer) = listener.accept().await?;
            // A socket that the peer has closed already says so when it is read.
            drop(stream.set_nodelay(true));
            listening.welcome(stream, Some(peer.ip().to_canonical()));
        }
        Socket::Unix(listener) => {
            let (stream, _) = listener.accept().await?;
            listening.welcome(stream, None);
        }
    }
    Ok(())
}

impl Listening {
    /// Serve a connection, or close it at once where there are too many.
    fn welcome<S>(self: &Arc<Self>, stream: S, address: Option<std::net::IpAddr>)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let Ok(permit) = Arc::clone(&self.permits).try_acquire_owned() else {
            self.refused.inc();
            return;
        };
        let listening = Arc::clone(self);
        system::spawn(&self.until.connections, async move {
            listening.open.inc();
            listening.serve(stream, address, permit).await;
            listening.open.dec();
        });
    }

    async fn serve<S>(
        &self,
        stream: S,
        address: Option<std::net::IpAddr>,
        _permit: OwnedSemaphorePermit,
    ) where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let peer = Peer { address };
        let Some(tls) = &self.tls else {
            return connection::serve(stream, peer, self.as_served()).await;
        };
        let handshake = tls.acceptor().accept(stream);
        tokio::select! {
            biased;
            () = self.until.end.cancelled() => {}
            shaken = tokio::time::timeout(self.bounds.handshake, handshake) => match shaken {
                // In a box: without TLS a connection needs less room.
                Ok(Ok(stream)) => {
                    Box::pin(connection::serve(stream, peer, self.as_served())).await;
                }
                Ok(Err(error)) => debug!(%error, "TLS handshake failed"),
                Err(_) => debug!("TLS handshake took too long"),
            }
        }
    }

    fn as_served(&self) -> connection::Served<'_> {
        connection::Served {
            kind: self.kind,
            bounds: &self.bounds,
            state: &self.state,
            handler: &self.handler,
            until: &self.until,
        }
    }
}
