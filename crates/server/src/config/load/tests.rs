use super::*;
use crate::config::{LogFormat, Profile};

fn from_file(text: &str) -> Result<Config, ConfigError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("countersign.toml");
    std::fs::write(&path, text).unwrap();
    load(Some(&path), &[])
}

fn from_variables(variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let variables: Vec<(String, String)> = variables
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    load(None, &variables)
}

#[test]
fn nothing_configured_serves_on_a_laptop() {
    let config = load(None, &[]).unwrap();
    let addresses = |list: &[crate::config::Address]| list.first().unwrap().to_string();
    assert_eq!(
        addresses(&config.listener.public.addresses),
        "127.0.0.1:8080"
    );
    assert_eq!(
        addresses(&config.listener.admin.addresses),
        "127.0.0.1:8082"
    );
    let gateway = config.listener.gateway.first().unwrap();
    assert_eq!(addresses(&gateway.addresses), "127.0.0.1:8081");
    assert_eq!(gateway.profile, Profile::Nginx);
}

#[test]
fn an_unknown_key_names_itself_its_line_and_what_there_is() {
    let error =
        from_file("[server]\ndrain_s = 3\n\n[listener.public]\nadress = \"x\"\n").unwrap_err();
    let text = error.to_string();
    assert!(text.contains("line 5"), "{text}");
    assert!(text.contains("listener.public.adress"), "{text}");
    assert!(text.contains("expected one of `addresses`"), "{text}");
}

#[test]
fn a_bad_value_names_its_path_and_what_was_expected() {
    for (file, path, expected) in [
        (
            "[server]\ndrain_s = \"long\"",
            "server.drain_s",
            "expected u16",
        ),
        (
            "[log]\nformat = \"xml\"",
            "log.format",
            "expected `human` or `json`",
        ),
        (
            "[listener.public]\naddresses = [\"localhost:1\"]",
            "listener.public.addresses[0]",
            "expected IP:PORT",
        ),
        (
            "[[listener.gateway]]\nprofile = \"apache\"",
            "listener.gateway[0].profile",
            "expected one of `nginx`",
        ),
    ] {
        let text = from_file(file).unwrap_err().to_string();
        assert!(text.contains(path), "{text}");
        assert!(text.contains(expected), "{text}");
        assert!(text.contains("line 2"), "{text}");
    }
}

#[test]
fn what_is_not_toml_names_its_line() {
    let text = from_file("[server]\ndrain_s = = 3")
        .unwrap_err()
        .to_string();
    assert!(text.contains("line 2"), "{text}");
}

#[test]
fn variables_lie_over_the_file_and_are_read_as_toml_or_as_text() {
    let config = from_variables(&[
        ("COUNTERSIGN__SERVER__DRAIN_S", "3"),
        ("COUNTERSIGN__LOG__FORMAT", "json"),
        (
            "COUNTERSIGN__LISTENER__PUBLIC__ADDRESSES",
            "[\"127.0.0.1:1\", \"[::1]:1\"]",
        ),
        (
            "COUNTERSIGN__LISTENER__ADMIN__ADDRESSES",
            "unix:/run/admin.sock",
        ),
        ("COUNTERSIGN__LISTENER__ADMIN__URL", "https://admin.example"),
        ("COUNTERSIGN__LISTENER__GATEWAY__0__PROFILE", "haproxy"),
        ("COUNTERSIGN_MASTER_KEY", "is not configuration"),
        ("PATH", "/bin"),
    ])
    .unwrap();
    assert_eq!(config.server.drain_s, 3);
    assert_eq!(config.log.format, LogFormat::Json);
    assert_eq!(config.listener.public.addresses.len(), 2);
    assert_eq!(config.listener.admin.addresses.len(), 1);
    let gateway = config.listener.gateway.first().unwrap();
    assert_eq!(gateway.profile, Profile::Haproxy);
}

#[test]
fn a_wrong_variable_names_itself() {
    for (name, value, expected) in [
        ("COUNTERSIGN__SERVER__DRAIN_S", "soon", "expected u16"),
        ("COUNTERSIGN__SERVER__DRAINS", "3", "unknown field `drains`"),
        (
            "COUNTERSIGN__LISTENER__PUBLIC__ADDRESSES",
            "nowhere",
            "expected IP:PORT",
        ),
        (
            "COUNTERSIGN__LISTENER__GATEWAY__1__PROFILE",
            "nginx",
            "nothing of this name",
        ),
        ("COUNTERSIGN__", "3", "two underscores"),
    ] {
        let text = from_variables(&[(name, value)]).unwrap_err().to_string();
        assert!(text.contains(name), "{text}");
        assert!(text.contains(expected), "{text}");
    }
}

#[test]
fn values_that_do_not_go_together_are_refused() {
    for (file, expected) in [
        (
            "[listener.public]\naddresses = []",
            "listener.public.addresses: expected at least one",
        ),
        (
            "[listener.public]\naddresses = \"127.0.0.1:8082\"",
            "listener.admin.addresses: expected an address that no other listener has",
        ),
        (
            "[listener.public.limits]\nidle_timeout_s = 0",
            "listener.public.limits.idle_timeout_s: expected at least 1",
        ),
        (
            "[listener.admin]\naddresses = \"unix:/run/admin.sock\"",
            "listener.admin.addresses: expected an IP:PORT among them",
        ),
        (
            "[listener.admin]\nurl = \"http://admin.example\"",
            "listener.admin.url: the server `http://admin.example` is in plain text",
        ),
        (
            "[server]\naudit_retention_days = 0",
            "server.audit_retention_days",
        ),
    ] {
        let text = from_file(file).unwrap_err().to_string();
        assert!(text.contains(expected), "{text}");
    }
}

#[test]
fn a_listener_without_addresses_keeps_its_usual_one() {
    let config = from_file("[listener.public.limits]\nidle_timeout_s = 5").unwrap();
    assert_eq!(
        config.listener.public,
        crate::config::Listener {
            limits: config.listener.public.limits,
            ..Config::default().listener.public
        }
    );
}

#[test]
fn a_gateways_limits_are_its_own_where_some_are_configured() {
    for file in [
        "",
        "[[listener.gateway]]\n",
        "[[listener.gateway]]\n[listener.gateway.limits]\nconnections_max = 5\n",
    ] {
        let config = from_file(file).unwrap();
        let limits = config.listener.gateway.first().unwrap().limits;
        assert_eq!(limits.header_bytes_max, 64 * 1024, "{file}");
        assert_eq!(limits.headers_max, 256, "{file}");
        assert_eq!(config.listener.public.limits, Limits::default(), "{file}");
    }
    let file = "[[listener.gateway]]\n[listener.gateway.limits]\nheaders_max = 20\n";
    let config = from_file(file).unwrap();
    assert_eq!(
        config.listener.gateway.first().unwrap().limits.headers_max,
        20
    );
}

#[test]
fn the_command_line_could_not_use_an_admin_listener_with_a_certificate_or_a_socket() {
    let url = "url = \"https://admin.example:8082\"";
    for addresses in ["unix:/run/admin.sock", "0.0.0.0:8082"] {
        let file = format!("[listener.admin]\naddresses = \"{addresses}\"\n{url}\n");
        let config = from_file(&file).unwrap();
        let admin = &config.listener.admin;
        assert_eq!(
            crate::serve::admin_url(admin, &admin.addresses),
            "https://admin.example:8082"
        );
    }
}
