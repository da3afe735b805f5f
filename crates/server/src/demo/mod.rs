//! `countersign demo`: everything on one laptop. A server with a sandbox and a production environment, an API
//! behind it, a client for each system, and commands to paste. The server is the real one; the demo sets it
//! up with the operator's own calls.

mod clients;
mod facts;
mod flows;
mod folder;
mod guards;
mod operator;
mod people;
mod phone;
mod ports;
mod printed;
pub mod sample_api;
mod setup;

use crate::{
    config::{
        Address, AdminListener, Config, Data, GatewayListener, Listener, Listeners, Log, LogLevel,
        Mail, Profile, Server, Webhooks,
    },
    http::install_hook,
    serve::{self, Running},
    system,
    telemetry::log,
    workers,
};
use anyhow::Context as _;
use countersign_engine::{id::EnvironmentId, model::environment::Mode};
use facts::{Environments, Facts, OwnPhone, Phone, Place};
use flows::Hands;
use folder::Folder;
use operator::Operator;
use phone::DemoPhone;
use ports::{EnvironmentPorts, Ports};
use printed::Style;
use sample_api::{AskedBy, SampleApi};
use setup::{NewPlace, SetUp};
use std::{
    io::{IsTerminal as _, Write as _},
    net::SocketAddr,
    path::PathBuf,
    sync::Arc,
};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::warn;

/// How the sample API asks, and so what the gateway listeners expect.
const PROFILE: Profile = Profile::ForwardAuth;

/// Seconds that requests under way have when the demo ends: someone is waiting at the keyboard.
const DRAIN_S: u16 = 3;

/// Who the demo's mails are from.
const MAILS_FROM: &str = "Countersign demo <demo@localhost.localdomain>";

/// What the command line says.
#[derive(Debug, Clone, Default)]
pub struct Arguments {
    /// Where to keep the data; without it a temporary folder, removed at the end.
    pub data: Option<PathBuf>,
    /// Take free ports instead of the usual ones.
    pub free_ports: bool,
    /// Where to write what the printed commands use, as JSON.
    pub facts: Option<PathBuf>,
    /// The demo's own phone approves everything that it is asked.
    pub auto_approve: bool,
}

/// Run the demo until it is told to stop.
///
/// # Errors
/// What cannot be started or removed, and why.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    install_hook();
    log::start(&Log {
        level: LogLevel::Warn,
        ..Log::default()
    });
    let folder = Folder::choose(arguments.data.as_deref())?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let ran = runtime.block_on(until_told_to_stop(arguments, &folder));
    runtime.shutdown_background();
    let closed = folder.close();
    ran.and(closed)
}

async fn until_told_to_stop(arguments: &Arguments, folder: &Folder) -> anyhow::Result<()> {
    let mut stop = Stop::listen()?;
    let demo = tokio::select! {
        demo = Demo::start(arguments, folder) => demo?,
        () = stop.told() => return Ok(()),
    };
    stop.told().await;
    tokio::select! {
        () = demo.shutdown() => Ok(()),
        () = stop.told() => anyhow::bail!("a second signal cut the end short"),
    }
}

/// Ctrl-C, or what a supervisor sends.
struct Stop {
    interrupt: Signal,
    terminate: Signal,
}

impl Stop {
    fn listen() -> anyhow::Result<Self> {
        let listen = |kind| signal(kind).context("cannot listen for signals");
        Ok(Self {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
        })
    }

    async fn told(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// A running demo.
struct Demo {
    running: Running,
    sample_apis: [SampleApi; 2],
    background: TaskTracker,
    stop: CancellationToken,
}

impl Demo {
    async fn start(arguments: &Arguments, folder: &Folder) -> anyhow::Result<Self> {
        if let Some(path) = &arguments.facts {
            facts::forget(path)?;
        }
        if folder.is_kept() {
            ports::claim(folder.path())?;
        }
        let ports = Ports::choose(folder.path(), arguments.free_ports)?;
        if folder.is_kept() {
            ports.remember(folder.path())?;
        }
        let sandbox = EnvironmentId::parse("sandbox")?;
        let production = EnvironmentId::parse("production")?;
        let config = config(folder, &ports, [&sandbox, &production]);
        let running = serve::start(config, &[]).await?;
        let [one, other] = listening(&running)?;
        let apis = [
            SampleApi::start(ports.sandbox.sample_api, AskedBy::Itself(one.gateway)).await?,
            SampleApi::start(ports.production.sample_api, AskedBy::Itself(other.gateway)).await?,
        ];
        let token = operator::token(folder.path())?;
        let operator = Operator {
            state: Arc::clone(&running.state),
            token,
        };
        let place = |id, mode, at: &ListeningAt, api: &SampleApi| NewPlace {
            id,
            mode,
            public: at.public.port(),
            phone: at.phone.port(),
            pages: sample_api::origins(api.address.port()),
        };
        let [api, other_api] = &apis;
        let sandbox = place(sandbox, Mode::Sandbox, &one, api);
        let production = place(production, Mode::Production, &other, other_api);
        let mut made = [
            setup::set_up(&operator, &sandbox).await?,
            setup::set_up(&operator, &production).await?,
        ];
        let admin = tcp(running.addresses.admin.first())?;
        let demo = Self {
            running,
            sample_apis: apis,
            background: TaskTracker::new(),
            stop: CancellationToken::new(),
        };
        if folder.is_kept() {
            demo.ports(admin, [&one, &other]).remember(folder.path())?;
        }
        let own = demo.phone(arguments, folder, (&operator, &sandbox, &mut made[0]));
        let own = own.await.context("cannot make the demo's phone")?;
        // After the phone's: nobody asks for a token before it is said where.
        demo.make_keys();
        let facts = demo.facts(folder, admin, [&one, &other], (&made, own), &operator);
        if let Some(path) = &arguments.facts {
            facts.write(path)?;
        }
        print(&facts, folder, &made)?;
        Ok(demo)
    }

    /// Key pairs take seconds: they are made while people read. Whoever is quicker waits for their own.
    fn make_keys(&self) {
        let (state, stop) = (Arc::clone(&self.running.state), self.stop.clone());
        system::spawn(&self.background, async move {
            // At the end of the demo a key pair that is half made is worth nothing.
            let _ = stop.run_until_cancelled(workers::keep_keys(&state)).await;
        });
    }

    /// The phone of the sandbox. Its keys take a second or two, during which everything else answers already.
    async fn phone(
        &self,
        arguments: &Arguments,
        folder: &Folder,
        (operator, place, made): (&Operator, &NewPlace, &mut SetUp),
    ) -> anyhow::Result<OwnPhone> {
        let owner = phone::Owner {
            operator,
            place,
            organization: &made.organization,
            groups: &[guards::OPERATIONS],
            subject: people::profile_subject()?,
            provider: clients::PROVIDER,
            api_key: &made.clients.ubiqu.api_key,
        };
        let phone = DemoPhone::ready(&owner, folder.path()).await?;
        made.clients.ubiqu.asset_uuid = Some(phone.asset.clone());
        let own = OwnPhone {
            file: phone.file.clone(),
            pin: phone::PIN,
            approves_everything: arguments.auto_approve,
        };
        if arguments.auto_approve {
            let stop = self.stop.clone();
            system::spawn(&self.background, async move {
                // What it does at the end of the demo nobody waits for.
                let _ = stop.run_until_cancelled(phone.approve_everything()).await;
            });
        }
        Ok(own)
    }

    /// The ports that everything really has.
    fn ports(&self, admin: SocketAddr, at: [&ListeningAt; 2]) -> Ports {
        let [one, other] = &self.sample_apis;
        let [sandbox, production] = at;
        let of = |at: &ListeningAt, api: &SampleApi| EnvironmentPorts {
            public: at.public.port(),
            gateway: at.gateway.port(),
            sample_api: api.address.port(),
            phone: at.phone.port(),
        };
        Ports {
            admin: admin.port(),
            sandbox: of(sandbox, one),
            production: of(production, other),
        }
    }

    fn facts(
        &self,
        folder: &Folder,
        admin: SocketAddr,
        at: [&ListeningAt; 2],
        (made, own): (&[SetUp; 2], OwnPhone),
        operator: &Operator,
    ) -> Facts {
        let url = |address: SocketAddr| format!("http://{address}");
        let place = |at: &ListeningAt, api: &SampleApi, made: &SetUp| Place {
            public: url(at.public),
            gateway: url(at.gateway),
            sample_api: url(api.address),
            phone: Phone {
                url: url(at.phone),
                own: None,
            },
            clients: made.clients.clone(),
        };
        let [sandbox_at, production_at] = at;
        let [sandbox_api, production_api] = &self.sample_apis;
        let [sandbox_made, production_made] = made;
        let mut sandbox = place(sandbox_at, sandbox_api, sandbox_made);
        sandbox.phone.own = Some(own);
        let production = place(production_at, production_api, production_made);
        let admin = url(admin);
        Facts {
            public: sandbox.public.clone(),
            gateway: sandbox.gateway.clone(),
            sample_api: sandbox.sample_api.clone(),
            phone: sandbox.phone.clone(),
            operator_token: operator.token.clone(),
            clients: sandbox.clients.clone(),
            page: sandbox.page(),
            data: folder.path().to_owned(),
            mails: folder.mails(),
            commands: flows::flows(
                &sandbox,
                &production,
                &Hands::of(&sandbox, &program(), folder.path()),
                (&admin, operator.token.expose()),
                &folder.mails(),
            ),
            admin,
            environments: Environments {
                sandbox,
                production,
            },
        }
    }

    /// The APIs first: they ask the server.
    async fn shutdown(self) {
        self.stop.cancel();
        self.background.close();
        let [one, other] = self.sample_apis;
        tokio::join!(one.shutdown(), other.shutdown(), self.background.wait());
        self.running.shutdown().await;
    }
}

/// The server's configuration: the usual one, with two of everything that is an environment's.
fn config(folder: &Folder, ports: &Ports, environments: [&EnvironmentId; 2]) -> Config {
    let [sandbox, production] = environments;
    let gateway = |port: u16, environment: &EnvironmentId| GatewayListener {
        addresses: vec![Address::loopback(port)],
        profile: PROFILE,
        environment: Some(environment.clone()),
        ..GatewayListener::default()
    };
    Config {
        data: Data {
            dir: folder.path().to_owned(),
            ..Data::default()
        },
        listener: Listeners {
            public: Listener {
                addresses: [
                    ports.sandbox.public,
                    ports.production.public,
                    ports.sandbox.phone,
                    ports.production.phone,
                ]
                .map(Address::loopback)
                .to_vec(),
                ..Listener::default()
            },
            admin: AdminListener {
                addresses: vec![Address::loopback(ports.admin)],
                ..AdminListener::default()
            },
            gateway: vec![
                gateway(ports.sandbox.gateway, sandbox),
                gateway(ports.production.gateway, production),
            ],
        },
        mail: Mail {
            from: Some(MAILS_FROM.into()),
            folder: Some(folder.mails()),
            ..Mail::default()
        },
        // Receivers that are tried out run on this machine, too.
        webhooks: Webhooks {
            allow_networks: ["127.0.0.0/8", "::1/128"]
                .iter()
                .filter_map(|network| network.parse().ok())
                .collect(),
        },
        server: Server {
            drain_s: DRAIN_S,
            ..Server::default()
        },
        ..Config::default()
    }
}

/// Where an environment's listeners are.
struct ListeningAt {
    public: SocketAddr,
    phone: SocketAddr,
    gateway: SocketAddr,
}

/// Where the server really listens, in the order in which [`config`] lists it.
fn listening(running: &Running) -> anyhow::Result<[ListeningAt; 2]> {
    let addresses = &running.addresses;
    let at = |n: usize| {
        Ok::<_, anyhow::Error>(ListeningAt {
            public: tcp(addresses.public.get(n))?,
            phone: tcp(addresses.public.get(n + 2))?,
            gateway: tcp(addresses.gateway.get(n).and_then(|list| list.first()))?,
        })
    };
    Ok([at(0)?, at(1)?])
}

/// This program, as it can be called again.
fn program() -> PathBuf {
    // Where the system does not tell, it is looked for where programs are.
    std::env::current_exe().unwrap_or_else(|_| "countersign".into())
}

fn tcp(address: Option<&Address>) -> anyhow::Result<SocketAddr> {
    match address {
        Some(Address::Tcp(address)) => Ok(*address),
        _ => anyhow::bail!("the server does not listen where the demo told it to"),
    }
}

fn print(facts: &Facts, folder: &Folder, made: &[SetUp; 2]) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    let mut variables = system::environment_variables().into_iter();
    // The convention of no-color.org: any value that is not empty.
    let says_no = variables.any(|(name, value)| name == "NO_COLOR" && !value.is_empty());
    let style = Style {
        colours: out.is_terminal() && !says_no,
    };
    let [sandbox, production] = made;
    let places = [("sandbox", sandbox), ("production", production)];
    let page = printed::page(facts, folder, &places, style)?;
    let written = out.write_all(page.as_bytes()).and_then(|()| out.flush());
    if let Err(error) = written {
        // Nobody reads along (`demo | head`): it still serves.
        warn!(%error, "cannot print the commands");
    }
    Ok(())
}
