//! A sample API behind a proxy's question: it asks the gateway listener about every request as `forward_auth`
//! does, answers with who the caller is, or passes the denial on.

use crate::proxies::wire::{self, Answer, Ask};
use serde_json::json;
use std::{
    io::{self, BufReader, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

const PATIENCE: Duration = Duration::from_secs(20);

/// The API. It stops when it is dropped.
pub struct Door {
    pub address: SocketAddr,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Door {
    pub fn open(gateway: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let stop = Arc::<AtomicBool>::default();
        let end = Arc::clone(&stop);
        let thread = countersign::system::thread("door", move || {
            for stream in listener.incoming() {
                if end.load(Ordering::Relaxed) {
                    return;
                }
                if let Err(error) = stream.and_then(|stream| serve(stream, gateway)) {
                    // The caller has gone without its answer, and its own test says what it missed.
                    eprintln!("the API: {error}");
                }
            }
        });
        Self {
            address,
            stop,
            thread: Some(thread.unwrap()),
        }
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        // Wakes the thread up; if it is gone already, there is nothing to wake.
        drop(TcpStream::connect(self.address));
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

/// One request a connection.
fn serve(stream: TcpStream, gateway: SocketAddr) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut reader = BufReader::new(stream);
    let line = wire::line(&mut reader)?;
    let headers = wire::headers(&mut reader)?;
    let mut words = line.split(' ');
    let (method, target) = (
        words.next().unwrap_or_default(),
        words.next().unwrap_or_default(),
    );
    let mut question = Ask::get("/", "gateway")
        .header("X-Forwarded-Method", method)
        .header("X-Forwarded-Uri", target)
        .header("X-Forwarded-For", "127.0.0.1");
    for (name, carried) in [
        ("Host", "X-Forwarded-Host"),
        ("Authorization", "Authorization"),
    ] {
        for value in wire::values(&headers, name) {
            question = question.header(carried, value);
        }
    }
    let decision = question.send_within(gateway, PATIENCE)?;
    reader.get_mut().write_all(answer(&decision).as_bytes())
}

fn answer(decision: &Answer) -> String {
    let (content_type, body) = match decision.status {
        200 => {
            let said = |name: &str| decision.values(name).join(", ");
            let identity = json!({
                "client": said("Countersign-Client"),
                "environment": said("Countersign-Environment"),
                "organization": said("Countersign-Organization"),
                "scopes": said("Countersign-Scopes"),
                "subject": said("Countersign-Subject"),
            });
            ("application/json".to_owned(), identity.to_string())
        }
        _ => (
            decision.values("Content-Type").join(", "),
            decision.body.clone(),
        ),
    };
    let challenges: String = decision
        .values("WWW-Authenticate")
        .iter()
        .map(|challenge| format!("WWW-Authenticate: {challenge}\r\n"))
        .collect();
    format!(
        "HTTP/1.1 {} Decided\r\nContent-Type: {content_type}\r\n{challenges}Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        decision.status,
        body.len()
    )
}
