//! HTTP/1.1 as far as the load generator needs it: where an answer ends, and what it says.

use anyhow::{Context, Result, bail, ensure};
use std::ops::Range;

/// Bytes of the longest answer that is taken in.
pub const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// Where an answer's parts stand in the bytes that were read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    /// Bytes of the head, with the empty line that ends it.
    pub head: usize,
    /// Bytes of the whole answer.
    pub whole: usize,
}

/// Where the answer at the start of `bytes` ends (RFC 9112 section 6.3); none while its head is incomplete.
///
/// # Errors
/// An answer whose length is not told by `Content-Length`: ours all are.
pub fn extent(bytes: &[u8]) -> Result<Option<Extent>> {
    let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else {
        ensure!(bytes.len() < ANSWER_BYTES_MAX, "a head without end");
        return Ok(None);
    };
    let head = end + 4;
    if status(bytes)? == 204 {
        return Ok(Some(Extent { head, whole: head }));
    }
    let fields = headers(bytes.get(..end).unwrap_or_default())?;
    let length = fields
        .iter()
        .find(|(name, _)| name == "content-length")
        .context("an answer without Content-Length")?;
    let length: usize = length.1.parse().context("Content-Length is no number")?;
    ensure!(length < ANSWER_BYTES_MAX, "an answer of {length} bytes");
    Ok(Some(Extent {
        head,
        whole: head + length,
    }))
}

/// Names in lower case and values, in their order. `head` has no empty line at its end.
///
/// # Errors
/// A head that is not UTF-8, or a line without a colon.
pub fn headers(head: &[u8]) -> Result<Vec<(String, String)>> {
    let text = std::str::from_utf8(head).context("a head that is not UTF-8")?;
    let lines = text.split("\r\n").skip(1).filter(|line| !line.is_empty());
    lines
        .map(|line| {
            let (name, value) = line
                .split_once(':')
                .with_context(|| format!("no header: {line:?}"))?;
            Ok((name.to_ascii_lowercase(), value.trim().to_owned()))
        })
        .collect()
}

/// The status in the first line.
///
/// # Errors
/// When there is none.
pub fn status(bytes: &[u8]) -> Result<u16> {
    const PLACE: Range<usize> = 9..12;
    if !bytes.starts_with(b"HTTP/1.1 ") {
        bail!("not an answer in HTTP/1.1");
    }
    let digits = bytes
        .get(PLACE)
        .and_then(|digits| str::from_utf8(digits).ok());
    digits
        .and_then(|digits| digits.parse().ok())
        .context("an answer without a status")
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nA: b\r\nContent-Length:  3\r\n\r\nxyzHTTP/1.1";

    #[test]
    fn an_answer_ends_where_its_length_says() {
        let extent_found = extent(ANSWER).unwrap().unwrap();
        assert_eq!(&ANSWER[extent_found.head..extent_found.whole], b"xyz");
        for cut in 0..extent_found.head {
            assert_eq!(extent(&ANSWER[..cut]).unwrap(), None, "{cut}");
        }
    }

    #[test]
    fn an_answer_without_content_ends_with_its_head() {
        let answer = b"HTTP/1.1 204 No Content\r\ndate: now\r\n\r\n";
        let found = extent(answer).unwrap().unwrap();
        assert_eq!((found.head, found.whole), (answer.len(), answer.len()));
    }

    #[test]
    fn an_answer_of_unknown_length_is_an_error() {
        assert!(extent(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").is_err());
        assert!(extent(b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n").is_err());
        assert!(extent(b"HTTP/1.1 200 OK\r\nContent-Length: 9999999\r\n\r\n").is_err());
    }

    #[test]
    fn a_status_is_three_digits_in_the_first_line() {
        assert_eq!(status(ANSWER).unwrap(), 200);
        assert!(status(b"HTTP/1.0 200 OK\r\n").is_err());
        assert!(status(b"HTTP/1.1 2").is_err());
    }
}
