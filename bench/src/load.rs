//! The load: a fixed number of kept connections, each of which asks again as soon as it was answered.
//!
//! It runs as a process of its own, pinned to a core of its own, and reads the server's processor time at the two
//! ends of the span in which it counts.

use crate::{
    machine::{self, HostTime},
    message::{self, ANSWER_BYTES_MAX, Extent},
};
use anyhow::{Context, Result, anyhow, bail};
use bytes::{Bytes, BytesMut};
use serde::{Deserialize, Serialize};
use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
};

/// What to do.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Plan {
    /// Where the server listens.
    pub address: SocketAddr,
    /// Its process.
    pub server: u32,
    /// The request, head and body, as it is written.
    pub request: String,
    /// How many connections ask at once.
    pub connections: usize,
    /// For how long before anything is counted.
    pub warm_up: Duration,
    /// For how long it is counted.
    pub measured: Duration,
}

/// What one half of a round showed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// Requests that were answered with 200; nothing else is.
    pub requests: u64,
    /// The span in which they were.
    pub seconds: f64,
    /// Processor time that the server spent in it.
    pub server_seconds: f64,
    /// The part of the machine's time that the host gave to others in it: 0 to 1.
    pub stolen: f64,
}

impl Sample {
    /// Requests a second.
    pub fn rate(&self) -> f64 {
        self.requests as f64 / self.seconds
    }

    /// Microseconds of the server's processor time for each request.
    pub fn micros(&self) -> f64 {
        self.server_seconds * 1e6 / self.requests as f64
    }

    /// The part of one core that the server used: below about 0.9 something else was the limit.
    pub fn busy(&self) -> f64 {
        self.server_seconds / self.seconds
    }
}

/// Do as planned.
///
/// # Errors
/// When the server cannot be reached, stops answering, or answers with anything but 200.
pub fn run(plan: &Plan) -> Result<Sample> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start a runtime")?;
    runtime.block_on(measure(plan))
}

async fn measure(plan: &Plan) -> Result<Sample> {
    let answered = Arc::new(AtomicU64::new(0));
    let request = Bytes::copy_from_slice(plan.request.as_bytes());
    let mut connections = JoinSet::new();
    for _ in 0..plan.connections {
        let answered = Arc::clone(&answered);
        connections.spawn(ask(plan.address, request.clone(), answered));
    }
    let counted = async {
        tokio::time::sleep(plan.warm_up).await;
        let started = machine::now();
        let host = HostTime::read()?;
        let server = machine::process_time(plan.server)?;
        let before = answered.load(Ordering::Relaxed);
        tokio::time::sleep(plan.measured).await;
        let requests = answered.load(Ordering::Relaxed) - before;
        let server = machine::process_time(plan.server)?.saturating_sub(server);
        anyhow::ensure!(requests > 0, "nothing was answered");
        Ok(Sample {
            requests,
            seconds: started.elapsed().as_secs_f64(),
            server_seconds: server.as_secs_f64(),
            stolen: HostTime::read()?.stolen_since(&host),
        })
    };
    tokio::select! {
        sample = counted => sample,
        Some(ended) = connections.join_next() => match ended {
            Ok(Err(error)) => Err(error),
            Ok(Ok(never)) => match never {},
            Err(error) => Err(anyhow!(error).context("a connection's task failed")),
        },
    }
}

/// Ask for ever on one connection.
async fn ask(
    address: SocketAddr,
    request: Bytes,
    answered: Arc<AtomicU64>,
) -> Result<std::convert::Infallible> {
    let mut stream = TcpStream::connect(address)
        .await
        .with_context(|| format!("cannot connect to {address}"))?;
    stream.set_nodelay(true)?;
    let mut buffer = BytesMut::with_capacity(ANSWER_BYTES_MAX);
    let mut last = None;
    loop {
        stream.write_all(&request).await?;
        last = Some(answer(&mut stream, &mut buffer, last).await?);
        answered.fetch_add(1, Ordering::Relaxed);
    }
}

/// Read one whole answer; most have the form of the one before, which is quickly told.
async fn answer(
    stream: &mut TcpStream,
    buffer: &mut BytesMut,
    last: Option<Extent>,
) -> Result<Extent> {
    buffer.clear();
    loop {
        if stream.read_buf(buffer).await? == 0 {
            bail!("the server closed the connection");
        }
        if let Some(last) = last.filter(|last| looks_like(buffer, *last)) {
            return Ok(last);
        }
        let Some(extent) = message::extent(buffer)? else {
            continue;
        };
        if message::status(buffer)? != 200 || buffer.len() > extent.whole {
            bail!(
                "not the answer that is measured:\n{}",
                String::from_utf8_lossy(buffer)
            );
        }
        if buffer.len() == extent.whole {
            return Ok(extent);
        }
    }
}

/// As long, the head as long, and a 200. Should it be longer after all, its rest is no start of the next answer.
fn looks_like(bytes: &[u8], last: Extent) -> bool {
    bytes.len() == last.whole
        && bytes.starts_with(b"HTTP/1.1 200 ")
        && bytes
            .get(..last.head)
            .is_some_and(|head| head.ends_with(b"\r\n\r\n"))
}

/// Ask once on a connection of its own, and take the answer to pieces.
///
/// # Errors
/// When the server cannot be reached or its answer is none.
pub async fn ask_once(address: SocketAddr, request: &str) -> Result<Answer> {
    let work = async {
        let mut stream = TcpStream::connect(address)
            .await
            .with_context(|| format!("cannot connect to {address}"))?;
        stream.write_all(request.as_bytes()).await?;
        let mut buffer = BytesMut::new();
        loop {
            if stream.read_buf(&mut buffer).await? == 0 {
                bail!("{address} closed the connection");
            }
            match message::extent(&buffer)? {
                Some(extent) if buffer.len() >= extent.whole => {
                    return Answer::read(&buffer, extent);
                }
                _ => {}
            }
        }
    };
    let answer = tokio::time::timeout(Duration::from_secs(10), work).await;
    answer.with_context(|| format!("{address} did not answer in time"))?
}

/// An answer, taken to pieces: what the real server said, and what the bare one is to say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// Names in lower case and values, in their order.
    pub headers: Vec<(String, String)>,
    /// The body, which is text with all answers that are asked for here.
    pub body: String,
}

impl Answer {
    fn read(bytes: &[u8], extent: Extent) -> Result<Self> {
        let (head, rest) = bytes.split_at_checked(extent.head).context("a cut head")?;
        let body = rest
            .get(..extent.whole - extent.head)
            .context("a cut body")?;
        Ok(Self {
            status: message::status(head)?,
            headers: message::headers(head)?,
            body: String::from_utf8(body.to_vec()).context("a body that is not text")?,
        })
    }

    /// The value of a header, by its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_judged_by_rate_and_by_processor_time() {
        let sample = Sample {
            requests: 50_000,
            seconds: 2.0,
            server_seconds: 1.9,
            stolen: 0.0,
        };
        assert_eq!(sample.rate(), 25_000.0);
        assert_eq!(sample.busy(), 0.95);
        assert!((sample.micros() - 38.0).abs() < 1e-9);
    }

    #[test]
    fn only_a_200_of_the_same_form_is_taken_for_another_of_the_last() {
        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
        let last = message::extent(answer).unwrap().unwrap();
        assert!(looks_like(answer, last));
        assert!(!looks_like(&answer[..answer.len() - 1], last));
        assert!(!looks_like(
            b"HTTP/1.1 403 No\r\ncontent-length: 2\r\n\r\nok",
            last
        ));
        let elsewhere = b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\no";
        assert_eq!(elsewhere.len(), answer.len());
        assert!(!looks_like(elsewhere, last), "its head ends one byte later");
    }
}
