//! An API behind the proxy: it answers everything and remembers what reached it.

use super::wire::{self, Headers};
use std::{
    io::{self, BufReader, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

/// A request that reached the API.
#[derive(Debug, Clone)]
pub struct Reached {
    pub method: String,
    pub target: String,
    pub headers: Headers,
    pub body: Vec<u8>,
}

impl Reached {
    pub fn values(&self, name: &str) -> Vec<&str> {
        wire::values(&self.headers, name)
    }
}

/// The API. It stops when it is dropped.
pub struct SampleApi {
    pub address: SocketAddr,
    reached: Arc<Mutex<Vec<Reached>>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl SampleApi {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let reached = Arc::<Mutex<Vec<Reached>>>::default();
        let stop = Arc::<AtomicBool>::default();
        let (here, end) = (Arc::clone(&reached), Arc::clone(&stop));
        let thread = std::thread::Builder::new().spawn(move || {
            for stream in listener.incoming() {
                if end.load(Ordering::Relaxed) {
                    return;
                }
                if let Err(error) = stream.and_then(|stream| answer(stream, &here)) {
                    // A proxy may hang up at any time; what came whole was remembered.
                    eprintln!("the API: {error}");
                }
            }
        });
        Self {
            address,
            reached,
            stop,
            thread: thread.ok(),
        }
    }

    /// What reached the API since the last time.
    pub fn take(&self) -> Vec<Reached> {
        std::mem::take(&mut self.reached.lock().unwrap())
    }
}

impl Drop for SampleApi {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        // Wakes the thread up; if it is gone already, there is nothing to wake.
        drop(TcpStream::connect(self.address));
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

/// One request a connection, remembered before it is answered: by then the caller may ask for it.
fn answer(stream: TcpStream, reached: &Mutex<Vec<Reached>>) -> io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    let mut reader = BufReader::new(stream);
    let line = wire::line(&mut reader)?;
    let headers = wire::headers(&mut reader)?;
    let (body, _) = wire::body(&mut reader, &headers, false)?;
    let mut words = line.split(' ').map(str::to_owned);
    let shared = for_pages(&headers);
    reached.lock().unwrap().push(Reached {
        method: words.next().unwrap_or_default(),
        target: words.next().unwrap_or_default(),
        headers,
        body,
    });
    let answer = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n{shared}Content-Length: 8\r\nConnection: close\r\n\r\nreached\n"
    );
    reader.get_mut().write_all(answer.as_bytes())
}

/// The API lets any page read and send anything: whether it may call at all is the gateway's to say.
fn for_pages(headers: &Headers) -> String {
    let asked = wire::values(headers, "Access-Control-Request-Headers");
    let origins = wire::values(headers, "Origin");
    let allowed = asked
        .first()
        .map(|asked| format!("Access-Control-Allow-Headers: {asked}\r\n"));
    let readable = origins
        .first()
        .map(|origin| format!("Access-Control-Allow-Origin: {origin}\r\n"));
    format!(
        "{}{}",
        readable.unwrap_or_default(),
        allowed.unwrap_or_default()
    )
}
