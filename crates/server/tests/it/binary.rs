//! The real binary: its signals, and what `kill -9` leaves.
#![expect(
    clippy::disallowed_methods,
    reason = "the tests' own harness starts programs"
)]

use crate::{
    harness::{get, parse, read, resident_kib},
    world::Doors,
};
use std::{
    io::{BufRead, BufReader, Read},
    net::SocketAddr,
    os::unix::fs::PermissionsExt,
    process::{Child, Command, ExitStatus, Output, Stdio},
    sync::mpsc::{Receiver, channel},
    time::Duration,
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// A process of our own, ended with the test however that ends.
pub struct Process {
    child: Child,
    /// What it says on standard error: its log.
    pub lines: Receiver<String>,
    /// What it says on standard output.
    out: Receiver<String>,
}

/// All that a process said.
pub struct Said {
    pub log: Vec<String>,
    pub out: Vec<String>,
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself, which is what most tests want.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Process {
    pub fn serve(folder: &TempDir) -> Self {
        Self::serve_at(folder, "info")
    }

    /// The same, with log lines from `level` on.
    pub fn serve_at(folder: &TempDir, level: &str) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
        command.arg("serve");
        Self::start(command, folder, level)
    }

    /// The same, with one more setting.
    pub fn serve_with(folder: &TempDir, variable: &str, value: &str) -> Self {
        Self::serve_among(folder, &[(variable, value)])
    }

    /// The same, with several.
    pub fn serve_among(folder: &TempDir, settings: &[(&str, &str)]) -> Self {
        let mut command = Command::new("/usr/bin/env");
        command.args(
            settings
                .iter()
                .map(|(name, value)| format!("{name}={value}")),
        );
        command.args([env!("CARGO_BIN_EXE_countersign"), "serve"]);
        Self::start(command, folder, "info")
    }

    /// Another command, beside a server of this folder.
    pub fn run_among(folder: &TempDir, settings: &[(&str, &str)], arguments: &[&str]) -> Output {
        let ran = Command::new(env!("CARGO_BIN_EXE_countersign"))
            .args(arguments)
            .current_dir(folder.path())
            .env_clear()
            .envs(settings.iter().copied())
            .output();
        ran.unwrap()
    }

    /// The same, where no file may grow beyond so many KiB: a disk that is full, for this process alone.
    pub fn serve_below(folder: &TempDir, kib: u32) -> Self {
        let mut command = Command::new("/bin/bash");
        // The signal would end the process; ignored, the write fails instead, as it does on a full disk.
        let script = format!("trap '' XFSZ; ulimit -S -f {kib}; exec \"$0\" serve");
        command.args(["-c", &script, env!("CARGO_BIN_EXE_countersign")]);
        Self::start(command, folder, "info")
    }

    /// There is room again.
    pub fn make_room(&self) {
        let prlimit = Command::new("prlimit")
            .args(["--fsize=unlimited", "--pid", &self.child.id().to_string()])
            .status();
        assert!(prlimit.unwrap().success());
    }

    fn start(mut command: Command, folder: &TempDir, level: &str) -> Self {
        let mut child = command
            .current_dir(folder.path())
            .env_clear()
            .env("COUNTERSIGN__LISTENER__PUBLIC__ADDRESSES", "127.0.0.1:0")
            .env("COUNTERSIGN__LISTENER__ADMIN__ADDRESSES", "127.0.0.1:0")
            .env(
                "COUNTERSIGN__LISTENER__GATEWAY__0__ADDRESSES",
                "127.0.0.1:0",
            )
            .env("COUNTERSIGN__LOG__FORMAT", "json")
            .env("COUNTERSIGN__LOG__LEVEL", level)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = listen("stderr", child.stderr.take().unwrap());
        let out = listen("stdout", child.stdout.take().unwrap());
        Self { child, lines, out }
    }

    /// Wait for a log line that says `message`, and has `field`; the field.
    fn said(&self, message: &str, field: &str, with: &str) -> String {
        loop {
            let line = self
                .lines
                .recv_timeout(Duration::from_secs(60))
                .expect("the line comes");
            let parsed: serde_json::Value = serde_json::from_str(&line).unwrap();
            if parsed["message"] == message && line.contains(with) {
                return parsed[field].as_str().unwrap_or_default().to_owned();
            }
        }
    }

    /// Its number.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// `kill -9`, at once.
    pub fn kill(mut self) -> Said {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        Said {
            log: self.lines.iter().collect(),
            out: self.out.iter().collect(),
        }
    }

    /// Every door, once all are open.
    pub fn doors(&self, folder: &TempDir) -> Doors {
        let at = |name: &str| {
            let address = self.said("listening", "addresses", &format!("\"{name}\""));
            address.parse().unwrap()
        };
        let (public, admin, gateway) = (at("public"), at("admin"), at("gateway"));
        let file = std::fs::read(folder.path().join("countersign-data/operator.json")).unwrap();
        let operator: serde_json::Value = serde_json::from_slice(&file).unwrap();
        Doors {
            public,
            admin,
            gateways: vec![gateway],
            owner: operator["token"].as_str().unwrap().to_owned(),
        }
    }

    /// Wait for a log line whose message begins with `beginning`; it names `command`.
    fn said_that(&self, beginning: &str, command: &str) {
        loop {
            let line = self
                .lines
                .recv_timeout(Duration::from_secs(60))
                .expect("the line comes");
            let parsed: serde_json::Value = serde_json::from_str(&line).unwrap();
            let message = parsed["message"].as_str().unwrap_or_default();
            if message.starts_with(beginning) {
                assert!(message.contains(command), "{message}");
                return;
            }
        }
    }

    pub fn public(&self) -> SocketAddr {
        self.said("listening", "addresses", "\"public\"")
            .parse()
            .unwrap()
    }

    pub fn signal(&self, name: &str) {
        let kill = Command::new("kill")
            .arg(format!("-{name}"))
            .arg(self.child.id().to_string())
            .status();
        assert!(kill.unwrap().success());
    }

    pub fn ended(&mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }
}

/// The lines of a pipe, which ends with the process. Bytes that are no text are kept too, as well as they can be.
fn listen(name: &str, pipe: impl Read + Send + 'static) -> Receiver<String> {
    let (send, lines) = channel();
    countersign::system::thread(name, move || {
        for line in BufReader::new(pipe).split(b'\n').map_while(Result::ok) {
            drop(send.send(String::from_utf8_lossy(&line).into_owned()));
        }
    })
    .unwrap();
    lines
}

#[tokio::test]
async fn serve_needs_no_configuration_and_ends_when_told_to() {
    let folder = tempfile::tempdir().unwrap();
    let mut process = Process::serve(&folder);
    let public = process.public();
    assert_eq!(get(public, "x", "/healthz").await.status, 200);
    process.signal("HUP");
    assert_eq!(get(public, "x", "/readyz").await.status, 200);
    process.signal("TERM");
    assert!(process.ended().success());
    let data = folder.path().join("countersign-data");
    for file in ["master.key", "operator.json", "countersign.db"] {
        assert!(data.join(file).exists(), "{file}");
    }
}

/// Half of what an idle server may take in all, 30 MiB; the other half are pages of the program's own file, of
/// which a build for tests has more than a release.
#[tokio::test]
async fn an_idle_server_takes_little_memory() {
    let folder = tempfile::tempdir().unwrap();
    let process = Process::serve(&folder);
    assert_eq!(get(process.public(), "x", "/readyz").await.status, 200);
    let kib = resident_kib(process.child.id());
    assert!(kib < 15 * 1024, "{kib} KiB");
}

#[tokio::test]
async fn the_token_of_the_first_operator_is_not_logged() {
    let folder = tempfile::tempdir().unwrap();
    let mut process = Process::serve(&folder);
    process.public();
    process.signal("TERM");
    assert!(process.ended().success());
    let file = folder.path().join("countersign-data/operator.json");
    let operator: serde_json::Value =
        serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    let token = operator["token"].as_str().unwrap();
    assert!(token.len() > 20);
    let all: Vec<String> = process.lines.iter().collect();
    assert!(all.iter().any(|line| line.contains("draining")), "{all:?}");
    assert!(!all.iter().any(|line| line.contains(token)), "{all:?}");
}

#[tokio::test]
async fn losing_operator_json_locked_everyone_out() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("countersign-data/operator.json");
    let init = || {
        let ran = Command::new(env!("CARGO_BIN_EXE_countersign"))
            .args(["init", "--reset-operator"])
            .current_dir(folder.path())
            .env_clear()
            .output();
        ran.unwrap()
    };
    let end = |mut process: Process| {
        process.signal("TERM");
        assert!(process.ended().success());
    };
    let process = Process::serve(&folder);
    process.public();
    end(process);
    for damage in [None, Some("{\"admin\":")] {
        match damage {
            None => {
                std::fs::remove_file(&file).unwrap();
                let process = Process::serve(&folder);
                let lacking = "there are operators, and no file";
                process.said_that(lacking, "countersign init --reset-operator");
                process.public();
                let ran = init();
                let said = String::from_utf8_lossy(&ran.stderr).into_owned();
                assert!(
                    said.contains("another server uses the data folder"),
                    "{said}"
                );
                assert!(!file.exists());
                end(process);
            }
            Some(text) => std::fs::write(&file, text).unwrap(),
        }
        assert!(init().status.success());
        let mode = std::fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    let process = Process::serve(&folder);
    process.public();
    make_sandbox(&folder).await;
}

/// A connection whose request is under way: the server has asked for its body.
async fn under_way(public: SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(public).await.unwrap();
    let head = "POST /oauth2/token HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut interim = [0; 25];
    stream.read_exact(&mut interim).await.unwrap();
    assert_eq!(&interim, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream
}

#[tokio::test]
async fn the_first_signal_drains_and_the_second_ends() {
    let folder = tempfile::tempdir().unwrap();
    let mut process = Process::serve(&folder);
    let public = process.public();
    make_sandbox(&folder).await;
    let mut finishing = under_way(public).await;
    let _held = under_way(public).await;
    process.signal("TERM");
    process.said("draining", "level", "");
    finishing.write_all(b"a=bc").await.unwrap();
    assert_eq!(parse(&read(finishing).await).status, 401);
    assert!(
        process.child.try_wait().unwrap().is_none(),
        "it waits for the other"
    );
    process.signal("INT");
    assert!(!process.ended().success());
}

/// An environment for `localhost`, made through the admin API.
async fn make_sandbox(folder: &TempDir) {
    let file = folder.path().join("countersign-data/operator.json");
    let operator: serde_json::Value =
        serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    let address = operator["admin"]
        .as_str()
        .unwrap()
        .strip_prefix("http://")
        .unwrap();
    let token = operator["token"].as_str().unwrap();
    let body =
        r#"{"id":"sandbox","mode":"sandbox","issuer":"http://localhost","hosts":["localhost"]}"#;
    let request = format!(
        "POST /admin/v1/environments HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    let answer = crate::harness::send(address.parse().unwrap(), request.as_bytes()).await;
    assert_eq!(answer.status, 201, "{answer:?}");
}

#[tokio::test]
async fn what_was_acknowledged_is_there_after_kill_9() {
    let folder = tempfile::tempdir().unwrap();
    let process = Process::serve(&folder);
    process.public();
    make_sandbox(&folder).await;
    process.signal("KILL");
    drop(process);
    let process = Process::serve(&folder);
    let public = process.public();
    assert_eq!(get(public, "localhost", "/oauth2/jwks").await.status, 200);
}
