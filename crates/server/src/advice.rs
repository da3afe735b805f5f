//! What an operator should be told at the start: it works, and is probably not what was meant.

use crate::config::{Address, Config};

/// One line for each. `several`: there is more than one environment.
pub fn of(config: &Config, several: bool) -> Vec<String> {
    gateways(config, several).chain(public(config)).collect()
}

/// The caller chooses `Host`, and so, where no environment is named, whose credentials are good.
fn gateways(config: &Config, several: bool) -> impl Iterator<Item = String> {
    let gateways = config.listener.gateway.iter().enumerate();
    gateways
        .filter(move |(_, gateway)| several && gateway.environment.is_none())
        .map(|(index, _)| {
            format!(
                "listener.gateway[{index}] names no environment and there are several: the caller's Host chooses; name the environment that its upstream serves"
            )
        })
}

/// Secrets come this way: something must encrypt it, and that would be a proxy.
fn public(config: &Config) -> Option<String> {
    let public = &config.listener.public;
    let is_far = |address: &Address| match address {
        Address::Tcp(tcp) => !tcp.ip().is_loopback(),
        Address::Unix(_) => false,
    };
    let far = public.addresses.iter().find(|address| is_far(address))?;
    let is_plain = public.tls.is_none() && config.server.trusted_proxies.is_empty();
    is_plain.then(|| {
        format!(
            "listener.public is in plain text at {far}: set listener.public.tls, or name the proxy that has TLS in server.trusted_proxies"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gateway_where_the_caller_chooses_the_environment_was_not_told_of() {
        let mut config = Config::default();
        assert!(of(&config, false).is_empty());
        let lines = of(&config, true);
        assert!(
            matches!(lines.as_slice(), [line] if line.contains("listener.gateway[0]")),
            "{lines:?}"
        );
        let sandbox = countersign_engine::id::EnvironmentId::parse("sandbox").unwrap();
        for gateway in &mut config.listener.gateway {
            gateway.environment = Some(sandbox.clone());
        }
        assert!(of(&config, true).is_empty());
    }

    #[test]
    fn secrets_in_plain_text_over_a_network_were_not_told_of() {
        let mut config = Config::default();
        config.listener.public.addresses = vec!["0.0.0.0:8080".parse().unwrap()];
        let lines = of(&config, false);
        assert!(
            matches!(lines.as_slice(), [line] if line.contains("0.0.0.0:8080")),
            "{lines:?}"
        );
        config.server.trusted_proxies = vec!["10.0.0.0/8".parse().unwrap()];
        assert!(of(&config, false).is_empty());
        config.server.trusted_proxies.clear();
        config.listener.public.tls = Some(crate::config::Tls {
            certificate_file: "c".into(),
            private_key_file: "k".into(),
        });
        assert!(of(&config, false).is_empty());
    }
}
