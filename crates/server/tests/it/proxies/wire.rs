//! HTTP as it stands on the wire: what no client library would send, and every header as it came.

use std::{
    io::{self, BufRead, BufReader, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

/// Longer than anything here takes: a test that waits so long has failed.
const PATIENCE: Duration = Duration::from_secs(20);

pub type Headers = Vec<(String, String)>;

/// The values of a header, whatever its case.
pub fn values<'a>(headers: &'a Headers, name: &str) -> Vec<&'a str> {
    let named = headers
        .iter()
        .filter(|(other, _)| other.eq_ignore_ascii_case(name));
    named.map(|(_, value)| value.as_str()).collect()
}

/// A request to send.
#[derive(Debug, Clone)]
pub struct Ask {
    pub line: String,
    pub headers: Headers,
    pub body: String,
}

impl Ask {
    pub fn new(method: &str, target: &str, host: &str) -> Self {
        Self {
            line: format!("{method} {target} HTTP/1.1"),
            headers: vec![("Host".to_owned(), host.to_owned())],
            body: String::new(),
        }
    }

    pub fn get(target: &str, host: &str) -> Self {
        Self::new("GET", target, host)
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn bearer(self, token: &str) -> Self {
        self.header("Authorization", &format!("Bearer {token}"))
    }

    pub fn without(mut self, name: &str) -> Self {
        self.headers
            .retain(|(other, _)| !other.eq_ignore_ascii_case(name));
        self
    }

    pub fn json(mut self, body: &serde_json::Value) -> Self {
        self.body = body.to_string();
        self.header("Content-Type", "application/json")
    }

    pub fn form(mut self, body: &str) -> Self {
        body.clone_into(&mut self.body);
        self.header("Content-Type", "application/x-www-form-urlencoded")
    }

    fn text(&self) -> String {
        let mut text = format!("{}\r\n", self.line);
        for (name, value) in &self.headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        let is_framed = !values(&self.headers, "Transfer-Encoding").is_empty();
        if !is_framed && (!self.body.is_empty() || !self.line.starts_with("GET")) {
            text.push_str(&format!("Content-Length: {}\r\n", self.body.len()));
        }
        // A test's own Connection header asks for the close itself.
        if values(&self.headers, "Connection").is_empty() {
            text.push_str("Connection: close\r\n");
        }
        text.push_str("\r\n");
        text.push_str(&self.body);
        text
    }

    /// Send it and read the answer.
    pub fn send(&self, to: SocketAddr) -> Answer {
        self.send_within(to, PATIENCE)
            .unwrap_or_else(|error| panic!("{self:?}: {error}"))
    }

    /// The same; an answer that is not there in time is an error.
    pub fn send_within(&self, to: SocketAddr, time: Duration) -> io::Result<Answer> {
        let mut stream = TcpStream::connect_timeout(&to, time)?;
        stream.set_read_timeout(Some(time))?;
        stream.write_all(self.text().as_bytes())?;
        let mut reader = BufReader::new(stream);
        let line = line(&mut reader)?;
        let status = line.split(' ').nth(1).and_then(|word| word.parse().ok());
        let status = status.ok_or_else(|| io::Error::other(format!("no status in {line:?}")))?;
        let headers = headers(&mut reader)?;
        let is_bodiless = self.line.starts_with("HEAD ") || status == 204 || status == 304;
        let (body, _) = match is_bodiless {
            true => (Vec::new(), Headers::new()),
            false => body(&mut reader, &headers, true)?,
        };
        Ok(Answer {
            status,
            headers,
            body: String::from_utf8_lossy(&body).into_owned(),
        })
    }
}

/// An answer as it came.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: Headers,
    pub body: String,
}

impl Answer {
    pub fn values(&self, name: &str) -> Vec<&str> {
        values(&self.headers, name)
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{self:?}: {error}"))
    }
}

/// One line without its end.
pub fn line(reader: &mut impl BufRead) -> io::Result<String> {
    let mut bytes = Vec::new();
    if reader.read_until(b'\n', &mut bytes)? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let text = String::from_utf8_lossy(&bytes);
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

/// Header or trailer fields, until the empty line.
pub fn headers(reader: &mut impl BufRead) -> io::Result<Headers> {
    let mut headers = Headers::new();
    loop {
        let line = line(reader)?;
        if line.is_empty() {
            return Ok(headers);
        }
        let (name, value) = line.split_once(':').unwrap_or((&line, ""));
        headers.push((name.to_owned(), value.trim().to_owned()));
    }
}

/// A body and its trailers. Without any framing an answer goes on until the end, and a request has none.
pub fn body(
    reader: &mut impl BufRead,
    headers: &Headers,
    until_end: bool,
) -> io::Result<(Vec<u8>, Headers)> {
    let mut bytes = Vec::new();
    if !values(headers, "Transfer-Encoding").is_empty() {
        loop {
            let size = line(reader)?;
            let size = size.split(';').next().unwrap_or_default();
            let size = usize::from_str_radix(size, 16).map_err(io::Error::other)?;
            if size == 0 {
                return Ok((bytes, self::headers(reader)?));
            }
            let start = bytes.len();
            bytes.resize(start + size, 0);
            reader.read_exact(&mut bytes[start..])?;
            line(reader)?;
        }
    }
    match values(headers, "Content-Length").first() {
        Some(length) => {
            bytes.resize(length.parse().map_err(io::Error::other)?, 0);
            reader.read_exact(&mut bytes)?;
        }
        None if until_end => drop(reader.read_to_end(&mut bytes)?),
        None => {}
    }
    Ok((bytes, Headers::new()))
}
