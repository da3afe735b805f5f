//! The parts, put together: store, keystore, engine, and what requests are handed.

mod opening;

pub use opening::StoreUrl;

use crate::{
    config::Config,
    default_environment::DefaultEnvironment,
    folder::DataFolder,
    health::Health,
    http::Waiting,
    keystore::{MasterKey, SoftwareKeystore, TokenError, TokenKeystore},
    named,
    outbox::{Ways, network::Reach},
    passwords::Argon2Hasher,
    state::ServerState,
    system::{self, Machine, RequestNames},
    telemetry::{
        collected::{ApprovalNumbers, KeystoreNumbers, StoreNumbers},
        metrics::Metrics,
        outbox::OutboxNumbers,
    },
    workers::Feed,
};
use anyhow::{Context as _, ensure};
use countersign_engine::{
    Engine, Ports,
    ports::{Entropy, KeyPlace, Keystore, Query, Store},
};
use std::sync::{Arc, OnceLock};

/// The parts of a server that has no sockets yet. Dropped in this order: the folder is unlocked last.
pub struct Composed {
    /// What requests are handed.
    pub state: Arc<ServerState>,
    /// What reads the feed.
    pub feed: Arc<dyn Feed>,
    /// By what things leave.
    pub ways: Ways,
    /// The locked data folder.
    pub folder: DataFolder,
}

/// Open everything that `config` names, on `machine`.
///
/// # Errors
/// What cannot be opened, and why.
pub async fn compose(
    config: &Config,
    variables: &[(String, String)],
    machine: Machine,
) -> anyhow::Result<Composed> {
    let folder = DataFolder::open(&config.data.dir)?;
    let Machine { clock, entropy } = machine;
    let url = StoreUrl::parse(&config.data.store, folder.path())?;
    let master = MasterKey::load(folder.path(), variables, url.has_data(), &*entropy)?;
    let opened = opening::open(&url, Arc::clone(&clock)).await?;
    let software = SoftwareKeystore::new(&master, Arc::clone(&entropy), system::cores())?;
    let software = Arc::new(software);
    check_keys(&*opened.store, &software).await?;
    let keystore = keystore(config, variables, &software, &entropy)?;
    let default_environment = DefaultEnvironment::new(config.server.default_environment.clone());
    let may_be_default = default_environment.judge(&*opened.store).await?;
    ensure!(
        may_be_default,
        "server.default_environment: a production environment cannot be the default beside a sandbox"
    );
    let names = RequestNames::new(&*entropy)?;
    let engine = Engine::new(
        Ports {
            store: Arc::clone(&opened.store) as _,
            freshness: Arc::clone(&opened.store) as _,
            passwords: Arc::new(Argon2Hasher::new(Arc::clone(&entropy), system::cores())?),
            entropy: Arc::clone(&entropy),
            keystore,
        },
        dialect_names(),
    );
    let reach = Reach {
        allowed: config.webhooks.allow_networks.clone(),
    };
    let engine = with_ways(engine, config, &reach);
    let numbers = OutboxNumbers::default();
    let written = Arc::clone(opened.store.outbox());
    let ways = Ways::new(config, reach, entropy, written, numbers.clone())?;
    let engine = Arc::new(engine);
    let metrics = Metrics::default();
    metrics.with_registry(|registry| {
        registry.register_collector(Box::new(StoreNumbers(opened.clone())));
        registry.register_collector(Box::new(KeystoreNumbers(Arc::clone(&software))));
        registry.register_collector(Box::new(ApprovalNumbers(Arc::clone(&engine))));
        numbers.register(registry);
    });
    let waiting = Waiting::new(Arc::clone(opened.store.bell()), &metrics);
    let state = Arc::new(ServerState {
        engine,
        store: Arc::clone(&opened.store) as _,
        freshness: Arc::clone(&opened.store) as _,
        clock,
        names,
        metrics,
        health: Health::default(),
        waiting,
        default_environment,
        named: named::of(config),
        trusted_proxies: config.server.trusted_proxies.clone(),
    });
    Ok(Composed {
        state,
        folder,
        feed: opened.store,
        ways,
    })
}

/// The engine, told by what ways things leave.
fn with_ways(engine: Engine, config: &Config, reach: &Reach) -> Engine {
    let engine = match reach.allows_loopback() {
        true => engine.with_plain_webhooks(),
        false => engine,
    };
    match config.mail.is_configured() {
        true => engine.with_mail(),
        false => engine,
    }
}

/// Where private keys are: all in software, or assets' in a token.
fn keystore(
    config: &Config,
    variables: &[(String, String)],
    software: &Arc<SoftwareKeystore>,
    entropy: &Arc<dyn Entropy>,
) -> Result<Arc<dyn Keystore>, TokenError> {
    let software = Arc::clone(software);
    let Some(token) = &config.keystore.pkcs11 else {
        return Ok(software);
    };
    let entropy = Arc::clone(entropy);
    let backend = config.keystore.backend;
    let keystore = TokenKeystore::open(software, backend, token, variables, entropy)?;
    Ok(Arc::new(keystore))
}

/// The names that environments may enable, for ever: the registry does not change.
fn dialect_names() -> &'static [&'static str] {
    static NAMES: OnceLock<Vec<&'static str>> = OnceLock::new();
    NAMES.get_or_init(|| {
        let dialects = countersign_dialects::registry().iter();
        dialects.map(|dialect| dialect.name).collect()
    })
}

/// Every environment's data key must open: with another master key nothing would work, and now is the time
/// to say so.
async fn check_keys(store: &dyn Store, keystore: &SoftwareKeystore) -> anyhow::Result<()> {
    let mut after = None;
    loop {
        let page = store
            .list(&Query::Environments, after.as_ref(), 100)
            .await?;
        for environment in page.rows.iter().filter_map(|row| row.environment()) {
            let at = KeyPlace {
                environment: environment.id.clone(),
                data_key: environment.data_key.clone(),
            };
            keystore.check(&at).with_context(|| {
                let id = &environment.id;
                format!("the master key does not open the data key of environment {id}")
            })?;
        }
        after = page.next;
        if after.is_none() {
            return Ok(());
        }
    }
}
