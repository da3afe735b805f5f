//! One connection, one request after the other: when each was answered, and with how much.

use crate::{
    machine,
    message::{self, ANSWER_BYTES_MAX},
};
use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

/// What to ask, in this order.
#[derive(Debug, Serialize, Deserialize)]
pub struct Plan {
    /// Where.
    pub address: SocketAddr,
    /// The requests, as they are written.
    pub requests: Vec<String>,
}

/// An answer, as a stranger sees it who does not read it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Took {
    /// From the first byte of the request to the last of the answer, in microseconds.
    pub micros: f64,
    /// Its status.
    pub status: u16,
    /// How long it is.
    pub bytes: usize,
}

/// Do as planned.
///
/// # Errors
/// When the server stops answering.
pub fn run(plan: &Plan) -> Result<Vec<Took>> {
    let mut connection = Connection::open(plan.address)?;
    plan.requests
        .iter()
        .map(|request| connection.ask(request))
        .collect()
}

/// A kept connection.
pub struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    /// To this address.
    ///
    /// # Errors
    /// When nobody listens there.
    pub fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address);
        let stream = stream.with_context(|| format!("cannot connect to {address}"))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        Ok(Self {
            stream,
            buffer: Vec::with_capacity(ANSWER_BYTES_MAX),
        })
    }

    /// Ask, and wait for the whole answer.
    ///
    /// # Errors
    /// When none comes.
    pub fn ask(&mut self, request: &str) -> Result<Took> {
        let mut chunk = [0; 8 * 1024];
        self.buffer.clear();
        let started = machine::now();
        self.stream.write_all(request.as_bytes())?;
        loop {
            let count = self.stream.read(&mut chunk)?;
            if count == 0 {
                bail!("the server closed the connection");
            }
            self.buffer.extend(chunk.iter().take(count));
            let Some(extent) = message::extent(&self.buffer)? else {
                continue;
            };
            if self.buffer.len() >= extent.whole {
                return Ok(Took {
                    micros: started.elapsed().as_secs_f64() * 1e6,
                    status: message::status(&self.buffer)?,
                    bytes: extent.whole,
                });
            }
        }
    }
}
