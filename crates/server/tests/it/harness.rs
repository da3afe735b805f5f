//! A server of one test, and the plainest of clients: bytes in, bytes out.

use countersign::{
    config::{Address, Config, Tls},
    serve::{self, Running},
    system::Machine,
};
use countersign_engine::{
    call::{AdminCall, Asked, Call, Callers, New, NewEnvironment, Presented, Shown},
    id::EnvironmentId,
    model::{environment::Mode, operator::Role},
    secret::Secret,
};
use std::{net::SocketAddr, os::unix::fs::PermissionsExt, path::PathBuf, time::Duration};
use tempfile::TempDir;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
};

/// A running server, and its folder.
pub struct Server {
    pub running: Running,
    pub folder: TempDir,
}

/// An answer, in pieces.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut found = self.headers.iter().filter(|(known, _)| known == name);
        let value = found.next().map(|(_, value)| value.as_str());
        assert!(found.next().is_none(), "{name} twice in {self:?}");
        value
    }
}

impl Server {
    /// A server in memory on free ports.
    pub async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// The same, with a changed configuration.
    pub async fn start_with(change: impl FnOnce(&mut Config)) -> Self {
        Self::start_on(Machine::own(), change).await
    }

    /// The same, with the time and the chance of `machine`.
    pub async fn start_on(machine: Machine, change: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut config = config(&folder);
        change(&mut config);
        let running = serve::start_on(machine, config, &[]).await.unwrap();
        Self { running, folder }
    }

    pub fn public(&self) -> SocketAddr {
        tcp(&self.running.addresses.public[0])
    }

    pub fn admin(&self) -> SocketAddr {
        tcp(&self.running.addresses.admin[0])
    }

    pub fn gateway(&self) -> SocketAddr {
        tcp(&self.running.addresses.gateway[0][0])
    }

    /// The first operator's token.
    pub fn operator_token(&self) -> String {
        let text = std::fs::read_to_string(self.folder.path().join("data/operator.json")).unwrap();
        let file: serde_json::Value = serde_json::from_str(&text).unwrap();
        file["token"].as_str().unwrap().to_owned()
    }

    /// Make an environment that lists `hosts`.
    pub async fn environment(&self, name: &str, mode: Mode, hosts: &[&str]) {
        self.environment_for(name, mode, hosts, &[]).await;
    }

    /// The same, for browsers of these origins too.
    pub async fn environment_for(&self, name: &str, mode: Mode, hosts: &[&str], origins: &[&str]) {
        self.environment_with(name, mode, hosts, origins, None)
            .await;
    }

    /// The same, with these dialects.
    pub async fn environment_with(
        &self,
        name: &str,
        mode: Mode,
        hosts: &[&str],
        origins: &[&str],
        dialects: Option<&[&str]>,
    ) {
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        let new = New::Environment(NewEnvironment {
            id: EnvironmentId::parse(name).unwrap(),
            display_name: None,
            mode,
            issuer: format!("https://{name}.example"),
            hosts: owned(hosts),
            dialects: dialects.map(owned),
            brand: None,
            allowed_origins: owned(origins),
            public_url: None,
            phone_url: None,
            provider_registrations: None,
        });
        let state = &self.running.state;
        let context = state.context(EnvironmentId::installation(), None, "admin");
        let asked = Asked {
            callers: Callers::Operator(Role::Owner),
            presented: Presented::Present(Shown::Bearer(Secret::new(self.operator_token()))),
            sender: countersign_engine::call::Sender::Machine,
            call: Ok(Call::Admin(AdminCall::Create {
                new,
                idempotency: None,
            })),
        };
        state.engine.handle(&context, asked).await.unwrap();
    }

    pub async fn stop(self) {
        assert!(self.running.shutdown().await, "drained in time");
    }
}

/// The configuration of a test: everything on free ports, nothing on disk but the folder.
pub fn config(folder: &TempDir) -> Config {
    let mut config = Config::default();
    config.data.dir = folder.path().join("data");
    config.data.store = "memory:".into();
    config.listener.public.addresses = vec![Address::loopback(0)];
    config.listener.admin.addresses = vec![Address::loopback(0)];
    config.listener.gateway[0].addresses = vec![Address::loopback(0)];
    config.server.drain_s = 5;
    config
}

/// A certificate for `localhost` of its own making, in files; and its DER.
pub fn certificate(folder: &TempDir) -> (Tls, rustls::pki_types::CertificateDer<'static>) {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let files = Tls {
        certificate_file: folder.path().join("certificate.pem"),
        private_key_file: folder.path().join("key.pem"),
    };
    std::fs::write(&files.certificate_file, made.cert.pem()).unwrap();
    std::fs::write(&files.private_key_file, made.signing_key.serialize_pem()).unwrap();
    let owners = std::fs::Permissions::from_mode(0o600);
    std::fs::set_permissions(&files.private_key_file, owners).unwrap();
    (files, made.cert.der().clone())
}

pub fn tcp(address: &Address) -> SocketAddr {
    match address {
        Address::Tcp(tcp) => *tcp,
        Address::Unix(path) => panic!("{} is no TCP address", path.display()),
    }
}

pub fn socket(folder: &TempDir, name: &str) -> (Address, PathBuf) {
    let path = folder.path().join(name);
    (Address::Unix(path.clone()), path)
}

/// `GET path` of `host`.
pub async fn get(address: SocketAddr, host: &str, path: &str) -> Answer {
    let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    send(address, request.as_bytes()).await
}

/// Send bytes, and read to the end of the connection.
pub async fn send(address: SocketAddr, request: &[u8]) -> Answer {
    let stream = TcpStream::connect(address).await.unwrap();
    exchange(stream, request).await
}

/// The same, on a stream that is open already.
pub async fn exchange<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S, request: &[u8]) -> Answer {
    stream.write_all(request).await.unwrap();
    let answer = read(stream).await;
    parse(&answer)
}

/// Everything until the peer closes. A peer that goes on for a minute has failed the test.
pub async fn read<S: AsyncRead + Unpin>(mut stream: S) -> Vec<u8> {
    let mut bytes = Vec::new();
    let all = async {
        let mut chunk = [0; 4096];
        loop {
            match stream.read(&mut chunk).await {
                Ok(0) => break,
                Ok(count) => bytes.extend_from_slice(&chunk[..count]),
                // What the peer said before it broke the connection still counts.
                Err(_) => break,
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(60), all)
        .await
        .expect("the connection ends");
    bytes
}

pub fn parse(bytes: &[u8]) -> Answer {
    let text = String::from_utf8_lossy(bytes);
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let mut lines = head.split("\r\n");
    let first = lines.next().unwrap_or_default();
    let status = first.split(' ').nth(1).and_then(|text| text.parse().ok());
    Answer {
        status: status.unwrap_or_else(|| panic!("no answer: {text:?}")),
        headers: lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
            .collect(),
        body: body.to_owned(),
    }
}

/// Memory that a process holds now, without pages of files.
pub fn resident_kib(process: u32) -> u64 {
    status_kib(process, "RssAnon:")
}

/// All the memory that a process holds now.
pub fn resident_whole_kib(process: u32) -> u64 {
    status_kib(process, "VmRSS:")
}

fn status_kib(process: u32, name: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let kib = line.and_then(|rest| rest.trim().strip_suffix("kB"));
    kib.unwrap().trim().parse().unwrap()
}
