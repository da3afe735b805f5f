//! The real proxies, each with the sample configuration that it is shipped with.

use super::child::{Child, free_port};
use countersign::gateway::samples::{self, Places};
use std::{fs, net::SocketAddr, path::Path};
use tempfile::TempDir;

/// Which proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Nginx,
    Caddy,
    Haproxy,
}

impl Kind {
    /// The profile of the gateway listener that it asks.
    pub const fn profile(self) -> &'static str {
        match self {
            Self::Nginx => "nginx",
            Self::Caddy => "forward_auth",
            Self::Haproxy => "haproxy",
        }
    }
}

/// A running proxy. It stops when it is dropped.
pub struct Proxy {
    pub kind: Kind,
    pub address: SocketAddr,
    _child: Child,
    _folder: TempDir,
}

impl Proxy {
    pub fn start(kind: Kind, gateway: SocketAddr, api: SocketAddr) -> Self {
        Self::start_with(kind, gateway, api, samples::haproxy_lua)
    }

    /// HAProxy with its sample, but this Lua. There is nobody to ask.
    pub fn start_haproxy_with(lua: &str, api: SocketAddr) -> Self {
        let nobody = SocketAddr::from(([127, 0, 0, 1], free_port()));
        Self::start_with(Kind::Haproxy, nobody, api, |_| lua.to_owned())
    }

    fn start_with(
        kind: Kind,
        gateway: SocketAddr,
        api: SocketAddr,
        lua_of: impl FnOnce(&Places) -> String,
    ) -> Self {
        let folder = TempDir::new().unwrap();
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let lua = folder.path().join("countersign.lua");
        let places = Places {
            listen: address.to_string(),
            gateway: gateway.to_string(),
            api: api.to_string(),
            lua: lua.to_str().unwrap().to_owned(),
        };
        let mut child = match kind {
            Kind::Nginx => nginx(folder.path(), &places),
            Kind::Caddy => caddy(folder.path(), &places),
            Kind::Haproxy => haproxy(folder.path(), &places, &lua_of(&places)),
        };
        child.wait_for(address);
        Self {
            kind,
            address,
            _child: child,
            _folder: folder,
        }
    }
}

/// What a distribution's nginx.conf has around the sample. The folder is root's alone, so the workers
/// stay with whoever runs the test.
const NGINX_CONF: &str = "
daemon off;
worker_processes 2;
pid nginx.pid;
error_log error.log info;
events {}
http {
    access_log off;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    include countersign.conf;
}
";

fn nginx(folder: &Path, places: &Places) -> Child {
    let is_root = fs::metadata("/proc/self").is_ok_and(|process| {
        use std::os::unix::fs::MetadataExt;
        process.uid() == 0
    });
    let user = if is_root { "user root;" } else { "" };
    fs::write(folder.join("nginx.conf"), format!("{user}{NGINX_CONF}")).unwrap();
    fs::write(folder.join("countersign.conf"), samples::nginx(places)).unwrap();
    let (prefix, conf) = (folder.to_owned(), folder.join("nginx.conf"));
    Child::start("nginx", folder, |command| {
        let log = folder.join("error.log");
        command.arg("-e").arg(log);
        command.arg("-p").arg(prefix).arg("-c").arg(conf)
    })
}

fn caddy(folder: &Path, places: &Places) -> Child {
    // Its admin endpoint would take a fixed port, and a loopback name needs no certificate.
    let options = "{\n\tadmin off\n\tauto_https off\n}\n";
    let file = folder.join("Caddyfile");
    fs::write(&file, format!("{options}{}", samples::caddy(places))).unwrap();
    Child::start("caddy", folder, |command| {
        command
            .env("HOME", folder)
            .env("XDG_DATA_HOME", folder)
            .env("XDG_CONFIG_HOME", folder)
            .args(["run", "--adapter", "caddyfile", "--config"])
            .arg(file)
    })
}

fn haproxy(folder: &Path, places: &Places, lua: &str) -> Child {
    let file = folder.join("haproxy.cfg");
    fs::write(&file, samples::haproxy(places)).unwrap();
    fs::write(&places.lua, lua).unwrap();
    Child::start("haproxy", folder, |command| {
        command.arg("-db").arg("-f").arg(file)
    })
}
