//! The running server: its listeners and workers, from the start to the end of the drain.

use crate::{
    advice,
    compose::{self, Composed},
    config::{Address, AdminListener, Config, GatewayListener, Limits},
    folder::DataFolder,
    gateway::GatewayProfile,
    http::{Accepting, Bound, Face, Handler, Kind, bind, install_hook, tls::Reloading},
    state::ServerState,
    system::{self, Machine},
    telemetry,
    workers::{Work, Workers},
};
use anyhow::Context as _;
use countersign_dialects::registry;
use countersign_engine::{
    denied::{Denied, Refusal},
    id::{EnvironmentId, OperatorId},
};
use std::{net::Ipv4Addr, sync::Arc, time::Duration};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{info, warn};

/// Where a running server listens.
#[derive(Debug, Clone, Default)]
pub struct Addresses {
    /// For the world.
    pub public: Vec<Address>,
    /// For operators.
    pub admin: Vec<Address>,
    /// For proxies, in the order of the configuration.
    pub gateway: Vec<Vec<Address>>,
}

/// A server that answers. It ends with [`Running::shutdown`].
pub struct Running {
    /// Where it listens.
    pub addresses: Addresses,
    /// What its requests are handed.
    pub state: Arc<ServerState>,
    /// What works and is probably not what was meant, a line each.
    pub advice: Vec<String>,
    folder: DataFolder,
    accepting: Accepting,
    workers: Workers,
    certificates: Vec<Arc<Reloading>>,
    drain_for: Duration,
}

/// Start everything that `config` says, and answer from now on.
///
/// # Errors
/// What cannot be opened, and why. Nothing is left running then.
pub async fn start(config: Config, variables: &[(String, String)]) -> anyhow::Result<Running> {
    start_on(Machine::own(), config, variables).await
}

/// The same, with the time and the chance of `machine`.
///
/// # Errors
/// What cannot be opened, and why. Nothing is left running then.
pub async fn start_on(
    machine: Machine,
    config: Config,
    variables: &[(String, String)],
) -> anyhow::Result<Running> {
    let composed = compose::compose(&config, variables, machine).await?;
    let mut advice = advice::of(&config, composed.state.has_several_environments().await?);
    advice.extend(composed.state.lacking_environments().await?);
    let public = bind("public", &config.listener.public).await?;
    let operators = config.listener.admin.listener();
    let admin = bind("admin", &operators).await?;
    let mut gateways = Vec::new();
    for (index, gateway) in config.listener.gateway.iter().enumerate() {
        let name = format!("gateway[{index}]");
        gateways.push((bind(&name, &gateway.listener()).await?, gateway.clone()));
    }
    let addresses = Addresses {
        public: public.addresses.clone(),
        admin: admin.addresses.clone(),
        gateway: gateways
            .iter()
            .map(|(bound, _)| bound.addresses.clone())
            .collect(),
    };
    let certificates = certificates([&public, &admin], &gateways);
    let url = admin_url(&config.listener.admin, &addresses.admin);
    welcome_operator(&composed, &url, false).await?;

    let accepting = Accepting {
        drain: CancellationToken::new(),
        end: CancellationToken::new(),
        connections: TaskTracker::new(),
    };
    let state = &composed.state;
    for (kind, bound, listener) in [
        (Kind::Public, public, &config.listener.public),
        (Kind::Admin, admin, &operators),
    ] {
        let face = Face::new(kind, registry(), listener)?;
        bound.accept(kind, state, Handler::Face(Arc::new(face)), &accepting);
    }
    for (index, (bound, gateway)) in gateways.into_iter().enumerate() {
        let timeout = Limits::seconds(gateway.limits.request_timeout_s);
        let place = format!("listener.gateway[{index}]");
        let profile = GatewayProfile::new(place, gateway.profile, gateway.environment);
        let handler = Handler::Gateway(Arc::new(profile), timeout);
        bound.accept(Kind::Gateway, state, handler, &accepting);
    }
    let work = Work {
        state: Arc::clone(state),
        feed: Arc::clone(&composed.feed),
        certificates: certificates.clone(),
        audit_retention: days(config.server.audit_retention_days),
    };
    let workers = Workers::start(work, composed.ways);
    addresses.tell();
    Ok(Running {
        addresses,
        state: composed.state,
        advice,
        folder: composed.folder,
        accepting,
        workers,
        certificates,
        drain_for: Limits::seconds(config.server.drain_s),
    })
}

/// What is read again when it changes.
fn certificates(faces: [&Bound; 2], gateways: &[(Bound, GatewayListener)]) -> Vec<Arc<Reloading>> {
    let gateways = gateways.iter().map(|(bound, _)| bound);
    let all = faces.into_iter().chain(gateways);
    all.filter_map(Bound::tls).collect()
}

fn days(days: u32) -> Duration {
    Duration::from_secs(u64::from(days).saturating_mul(24 * 60 * 60))
}

impl Addresses {
    fn tell(&self) {
        for (kind, list) in [("public", &self.public), ("admin", &self.admin)] {
            info!(listener = kind, addresses = %shown(list), "listening");
        }
        for list in &self.gateway {
            info!(listener = "gateway", addresses = %shown(list), "listening");
        }
    }
}

impl Running {
    /// What to do first, where nothing was done yet.
    ///
    /// # Errors
    /// When the store cannot tell.
    pub async fn first_step(&self) -> anyhow::Result<Option<String>> {
        let folder = self.folder.path().display();
        let is_new = !self.state.has_environment().await?;
        Ok(is_new.then(|| format!(
            "there is no environment yet, so every request gets 421; make one: `countersign --data {folder} apply FILE` (examples/apply.toml is one) or `countersign --data {folder} env create`; `countersign demo` shows everything at work"
        )))
    }

    /// Read every certificate again.
    pub fn reload_certificates(&self) {
        for certificate in &self.certificates {
            certificate.reload(true);
        }
    }

    /// Drain: not ready any more, nothing new, let what is under way finish, write what is in memory.
    /// Whether everything finished in time; what did not is cut off.
    pub async fn shutdown(self) -> bool {
        self.state.health.begin_drain();
        self.state.waiting.close();
        self.accepting.drain.cancel();
        self.accepting.connections.close();
        let drained = self.accepting.connections.wait();
        let in_time = tokio::time::timeout(self.drain_for, drained).await.is_ok();
        if !in_time {
            warn!("requests were cut off at the end of the drain");
        }
        self.accepting.end.cancel();
        self.accepting.connections.wait().await;
        self.workers.stop().await;
        let (state, folder) = (self.state, self.folder);
        system::off_runtime(move || {
            // Closing the store waits for the disk. The lock goes last: from then on another process may
            // open the folder.
            drop(state);
            drop(folder);
        })
        .await;
        in_time
    }
}

/// Serve until a signal says to stop. What `countersign serve` does.
///
/// # Errors
/// What cannot be opened, and why; or that a second signal cut the drain short.
pub fn run(config: Config, variables: &[(String, String)]) -> anyhow::Result<()> {
    telemetry::log::start(&config.log);
    install_hook();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let result = runtime.block_on(async {
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let mut hang_up = signal(SignalKind::hangup())?;
        let running = start(config, variables).await?;
        for line in &running.advice {
            warn!("{line}");
        }
        if let Some(step) = running.first_step().await? {
            info!("{step}");
        }
        loop {
            tokio::select! {
                _ = interrupt.recv() => break,
                _ = terminate.recv() => break,
                _ = hang_up.recv() => running.reload_certificates(),
            }
        }
        info!("draining");
        tokio::select! {
            _ = running.shutdown() => Ok(()),
            _ = interrupt.recv() => anyhow::bail!("a second signal cut the drain short"),
            _ = terminate.recv() => anyhow::bail!("a second signal cut the drain short"),
        }
    });
    runtime.shutdown_background();
    result
}

/// What `countersign init` found and did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operators {
    /// There was none: the first was made, and its token written down.
    First,
    /// There is one, and nothing was changed.
    Kept,
    /// There is one, and a new token of the first owner was written down.
    Recovered,
}

/// Make the data folder without serving: master key, store, first operator. What `countersign init` does.
/// With `reset`, an owner gets a new token where there are operators already.
///
/// # Errors
/// What cannot be made or opened, and why.
pub fn init(
    config: &Config,
    variables: &[(String, String)],
    reset: bool,
) -> anyhow::Result<Operators> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    // The store closes after the runtime's last work: it waits for the disk.
    let (composed, operators) = runtime.block_on(async {
        let composed = compose::compose(config, variables, Machine::own()).await?;
        let admin = &config.listener.admin;
        let url = admin_url(admin, &admin.addresses);
        let operators = welcome_operator(&composed, &url, reset).await?;
        anyhow::Ok((composed, operators))
    })?;
    drop(composed);
    Ok(operators)
}

/// The first start makes the first operator; every start says where the admin API is. The token is committed
/// before it can be written down, so the file may be lacking for good: then `reset` makes another.
async fn welcome_operator(
    composed: &Composed,
    url: &str,
    reset: bool,
) -> anyhow::Result<Operators> {
    let (state, folder) = (&composed.state, &composed.folder);
    let context = state.context(EnvironmentId::installation(), None, "server");
    let operator = OperatorId::parse("admin").context("the first operator's name")?;
    let path = folder.path().join(crate::folder::OPERATOR_FILE);
    match state.engine.bootstrap(&context, operator).await {
        Ok(token) => {
            folder.write_operator(url, &token)?;
            info!(file = %path.display(), "made the first operator; its token is in the file");
            Ok(Operators::First)
        }
        Err(Refusal::Denied(Denied::Conflict(_))) if reset => {
            let token = state.engine.recover_operator(&context).await;
            folder.write_operator(url, &token.context("cannot make a new token")?)?;
            Ok(Operators::Recovered)
        }
        Err(Refusal::Denied(Denied::Conflict(_))) => {
            if !folder.update_operator(url)? {
                warn!(file = %path.display(), "there are operators, and no file with a token of one; if every token is lost, stop the server and run: countersign init --reset-operator");
            }
            Ok(Operators::Kept)
        }
        Err(refusal) => Err(refusal).context("cannot make the first operator"),
    }
}

/// Where the command line of this machine finds the admin API.
pub(crate) fn admin_url(listener: &AdminListener, addresses: &[Address]) -> String {
    if let Some(url) = &listener.url {
        return url.clone();
    }
    let scheme = if listener.tls.is_some() {
        "https"
    } else {
        "http"
    };
    let tcp = addresses.iter().find_map(|address| match address {
        Address::Tcp(tcp) => Some(*tcp),
        Address::Unix(_) => None,
    });
    match tcp {
        Some(mut tcp) => {
            if tcp.ip().is_unspecified() {
                tcp.set_ip(Ipv4Addr::LOCALHOST.into());
            }
            format!("{scheme}://{tcp}")
        }
        None => addresses
            .first()
            .map_or_else(String::new, ToString::to_string),
    }
}

fn shown(addresses: &[Address]) -> String {
    let texts: Vec<String> = addresses.iter().map(ToString::to_string).collect();
    texts.join(", ")
}
