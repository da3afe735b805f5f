//! A receiver of webhooks that behaves as it is told.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::Notify,
    task::JoinSet,
};

/// What a receiver does with a request that it has read.
#[derive(Debug, Clone)]
pub enum Says {
    /// Answer with this status.
    Status(u16),
    /// Answer that it is elsewhere.
    Redirect(String),
    /// Keep the connection, and say nothing.
    Nothing,
    /// Break the connection.
    Reset,
}

/// A request that was heard.
#[derive(Debug, Clone)]
pub struct Heard {
    head: String,
    pub body: Vec<u8>,
}

impl Heard {
    pub fn header(&self, name: &str) -> &str {
        let lines = self
            .head
            .split("\r\n")
            .filter_map(|line| line.split_once(": "));
        let mut found = lines.filter(|(known, _)| known.eq_ignore_ascii_case(name));
        let (_, value) = found.next().unwrap_or_else(|| panic!("{name} in {self:?}"));
        assert!(found.next().is_none(), "{name} twice in {self:?}");
        value
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

#[derive(Default)]
struct Ear {
    says: Mutex<Option<Says>>,
    heard: Mutex<Vec<Heard>>,
    connections: AtomicUsize,
    rang: Notify,
}

/// A receiver. It ends when it is dropped.
pub struct Receiver {
    port: u16,
    ear: Arc<Ear>,
    _tasks: JoinSet<()>,
}

impl Receiver {
    pub async fn start(says: Says) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let ear = Arc::new(Ear::default());
        *ear.says.lock().unwrap() = Some(says);
        let mut tasks = JoinSet::new();
        let listening = Arc::clone(&ear);
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                listening.connections.fetch_add(1, Ordering::SeqCst);
                connections.spawn(serve(stream, Arc::clone(&listening)));
            }
        });
        Self {
            port,
            ear,
            _tasks: tasks,
        }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/hooks?key=value", self.port)
    }

    /// Do this from now on.
    pub fn say(&self, says: Says) {
        *self.ear.says.lock().unwrap() = Some(says);
    }

    pub fn connections(&self) -> usize {
        self.ear.connections.load(Ordering::SeqCst)
    }

    pub fn heard(&self) -> Vec<Heard> {
        self.ear.heard.lock().unwrap().clone()
    }

    /// Wait until so many were heard.
    pub async fn hear(&self, count: usize) -> Vec<Heard> {
        loop {
            let rang = self.ear.rang.notified();
            let heard = self.heard();
            if heard.len() >= count {
                return heard;
            }
            rang.await;
        }
    }
}

async fn serve(mut stream: TcpStream, ear: Arc<Ear>) {
    let mut bytes = Vec::new();
    let heard = loop {
        let mut chunk = [0; 4096];
        match stream.read(&mut chunk).await {
            Ok(0) | Err(_) => return,
            Ok(count) => bytes.extend_from_slice(&chunk[..count]),
        }
        if let Some(heard) = whole(&bytes) {
            break heard;
        }
    };
    ear.heard.lock().unwrap().push(heard);
    ear.rang.notify_waiters();
    let says = ear.says.lock().unwrap().clone().unwrap();
    let answer = match says {
        Says::Status(status) => format!("HTTP/1.1 {status} Said\r\nContent-Length: 0\r\n\r\n"),
        Says::Redirect(to) => {
            format!("HTTP/1.1 307 Elsewhere\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n")
        }
        Says::Nothing => return std::future::pending().await,
        Says::Reset => {
            // Closing with what was not read left in the buffer resets, and so does not lingering.
            stream.set_zero_linger().unwrap();
            return;
        }
    };
    // Whoever asked may have gone.
    drop(stream.write_all(answer.as_bytes()).await);
}

/// The request, once all of it is there.
fn whole(bytes: &[u8]) -> Option<Heard> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let heard = Heard {
        body: bytes[end..].to_vec(),
        head,
    };
    let length: usize = heard.header("content-length").parse().unwrap();
    (heard.body.len() >= length).then_some(heard)
}
