//! A demo in a process of its own, and the clients that its readers have.

use crate::harness::resident_kib;
use serde_json::Value;
use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex, OnceLock, Weak},
    time::Duration,
};
use tempfile::TempDir;

/// A running demo, ended with the last test that uses it.
pub struct Demo {
    child: Child,
    temp: TempDir,
    printed: Arc<Mutex<String>>,
    complaints: Arc<Mutex<String>>,
    pub facts_file: PathBuf,
    pub facts: Value,
}

/// An answer.
#[derive(Debug)]
pub struct Said {
    pub status: u16,
    headers: Vec<(String, String)>,
    pub body: String,
}

impl Said {
    /// The one header of this name.
    pub fn header(&self, name: &str) -> &str {
        let mut found = self.headers.iter().filter(|(known, _)| known == name);
        let value = found.next().unwrap_or_else(|| panic!("{name} in {self:?}"));
        assert!(found.next().is_none(), "{name} twice in {self:?}");
        &value.1
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The answer that stands last in `text`: before it may be what other programs print, or a `100 Continue`.
    fn parse(text: &str) -> Self {
        let text = &text[text.rfind("HTTP/1.1 ").unwrap_or_default()..];
        let (head, body) = text
            .split_once("\r\n\r\n")
            .unwrap_or_else(|| panic!("an answer: {text:?}"));
        let mut lines = head.split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1));
        let headers = lines.filter_map(|line| line.split_once(':'));
        Self {
            status: status.unwrap().parse().unwrap(),
            headers: headers
                .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
                .collect(),
            body: body.to_owned(),
        }
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        // It may have ended by itself, which is what some tests want.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Demo {
    /// One demo for the tests that run at the same time: its keys take a while to make.
    pub fn shared() -> Arc<Self> {
        static SHARED: OnceLock<Mutex<Weak<Demo>>> = OnceLock::new();
        let mut shared = SHARED.get_or_init(Mutex::default).lock().unwrap();
        shared.upgrade().unwrap_or_else(|| {
            let demo = Arc::new(Self::start(&[]));
            *shared = Arc::downgrade(&demo);
            demo
        })
    }

    /// A demo on free ports that has written its facts.
    pub fn start(arguments: &[&str]) -> Self {
        let temp = tempfile::tempdir().unwrap();
        let facts_file = temp.path().join("facts.json");
        let mut child = command(&temp)
            .args(["--free-ports", "--facts", facts_file.to_str().unwrap()])
            .args(arguments)
            .spawn()
            .unwrap();
        let printed = collect("stdout", child.stdout.take().unwrap());
        let complaints = collect("stderr", child.stderr.take().unwrap());
        let mut demo = Self {
            child,
            temp,
            printed,
            complaints,
            facts: Value::Null,
            facts_file,
        };
        demo.wait_for("its facts", |demo| demo.facts_file.exists());
        let text = std::fs::read(&demo.facts_file).unwrap();
        demo.facts = serde_json::from_slice(&text).unwrap();
        let last = demo.fact("/commands/whoami").to_owned();
        demo.wait_for("its commands", |demo| demo.printed().contains(&last));
        demo
    }

    fn wait_for(&mut self, what: &str, is_there: impl Fn(&Self) -> bool) {
        for _ in 0..3000 {
            if is_there(self) {
                return;
            }
            if let Some(status) = self.child.try_wait().unwrap() {
                panic!("the demo ended with {status}: {}", self.complaints());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("the demo does not tell {what}: {}", self.complaints());
    }

    /// Wait until it holds less than so much memory.
    pub fn wait_for_less_memory_than(&mut self, kib: u64) {
        self.wait_for("that it gave memory back", |demo| {
            resident_kib(demo.child.id()) < kib
        });
    }

    /// A demo on its folder's ports that does not start: how it ended, and what it said.
    pub fn fails(arguments: &[&str]) -> (ExitStatus, String) {
        let temp = tempfile::tempdir().unwrap();
        let output = command(&temp).args(arguments).output().unwrap();
        let complaint = String::from_utf8(output.stderr).unwrap();
        (output.status, complaint)
    }

    /// What the facts say at this place.
    pub fn fact(&self, pointer: &str) -> &str {
        let fact = self.facts.pointer(pointer).and_then(Value::as_str);
        fact.unwrap_or_else(|| panic!("{pointer} in {}", self.facts))
    }

    /// The host and port of a URL of the facts.
    pub fn host(&self, pointer: &str) -> &str {
        self.fact(pointer).strip_prefix("http://").unwrap()
    }

    /// The folder in which it makes temporary ones.
    pub fn temp(&self) -> &Path {
        self.temp.path()
    }

    /// What it has printed so far.
    pub fn printed(&self) -> String {
        self.printed.lock().unwrap().clone()
    }

    /// What it has complained of so far.
    pub fn complaints(&self) -> String {
        self.complaints.lock().unwrap().clone()
    }

    /// Send it a signal, and wait for its end.
    pub fn stop(&mut self, signal: &str) -> ExitStatus {
        let kill = Command::new("kill")
            .arg(format!("-{signal}"))
            .arg(self.child.id().to_string())
            .status();
        assert!(kill.unwrap().success());
        self.child.wait().unwrap()
    }

    /// Paste `command` into a shell; the answer that curl shows last.
    pub fn sh(&self, command: &str) -> Said {
        let output = Command::new("sh")
            .args(["-c", command])
            .env("NO_PROXY", "*")
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{command}: {text}");
        Said::parse(&text)
    }

    /// Send these bytes to a host of the facts, and read one answer.
    pub fn raw(&self, pointer: &str, bytes: &[u8]) -> Said {
        let mut stream = TcpStream::connect(self.host(pointer)).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(60)))
            .unwrap();
        stream.write_all(bytes).unwrap();
        let mut reader = BufReader::new(stream);
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert_ne!(reader.read_line(&mut head).unwrap(), 0, "cut off: {head}");
        }
        let mut said = Said::parse(&head);
        let length = said.header("content-length").parse().unwrap();
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        said.body = String::from_utf8(body).unwrap();
        said
    }

    /// A fresh token of the Ayyeka-spelled client at this place of the facts; `""` is the sandbox.
    pub fn ayyeka_token(&self, place: &str) -> String {
        let fact = |member: &str| self.fact(&format!("{place}{member}"));
        let said = self.sh(&format!(
            "curl -s -i {}/auth/token -u '{}:{}' -d grant_type=client_credentials",
            fact("/public"),
            fact("/ayyeka/key"),
            fact("/ayyeka/secret"),
        ));
        assert_eq!(said.status, 200, "{said:?}");
        said.json()["access_token"].as_str().unwrap().to_owned()
    }
}

fn command(temp: &TempDir) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
    command
        .arg("demo")
        .env_clear()
        .env("TMPDIR", temp.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// What a pipe says, as it comes; the pipe ends with the process.
fn collect(name: &str, pipe: impl Read + Send + 'static) -> Arc<Mutex<String>> {
    let said = Arc::new(Mutex::new(String::new()));
    let into = Arc::clone(&said);
    countersign::system::thread(name, move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            let mut said = into.lock().unwrap();
            said.push_str(&line);
            said.push('\n');
        }
    })
    .unwrap();
    said
}
