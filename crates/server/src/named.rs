//! The environments that the configuration names. One that is not there is refused to everybody with 421,
//! which looks like a wrong host: so the start, `/readyz` of the admin listener and `doctor` say its name.

use crate::config::Config;
use countersign_engine::{denied::Fault, id::EnvironmentId, ports::Store, row::Key};

/// One place of the configuration that names an environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// The key, as configuration errors write it: `listener.gateway[0].environment`.
    pub place: String,
    /// The environment.
    pub environment: EnvironmentId,
}

/// Every such place, in the order of the configuration.
pub fn of(config: &Config) -> Vec<Named> {
    let gateways = config.listener.gateway.iter().enumerate();
    let gateways = gateways.filter_map(|(index, gateway)| {
        Some(Named {
            place: format!("listener.gateway[{index}].environment"),
            environment: gateway.environment.clone()?,
        })
    });
    let default = config.server.default_environment.iter().map(|id| Named {
        place: "server.default_environment".into(),
        environment: id.clone(),
    });
    gateways.chain(default).collect()
}

/// A line for each that names an environment which is not there.
///
/// # Errors
/// [`Fault`] when the store cannot tell.
pub async fn lacking(named: &[Named], store: &dyn Store) -> Result<Vec<String>, Fault> {
    let keys: Vec<Key> = named
        .iter()
        .map(|named| Key::Environment(named.environment.clone()))
        .collect();
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let found = store.load(&keys).await?;
    let lacking = named.iter().zip(found).filter(|(_, row)| row.is_none());
    Ok(lacking
        .map(|(Named { place, environment }, _)| {
            format!(
                "{place}: there is no environment `{environment}`; until it is made, every request there gets 421"
            )
        })
        .collect())
}
