//! Where a request ends must be the same for everyone who reads it on its way (RFC 9112 section 6.3).

use super::{Answer, bare};
use http::{HeaderMap, HeaderValue, StatusCode, header};

/// The refusal of a transfer coding that a proxy may have read in another way: anything but one plain
/// `chunked`. What is behind it on the connection is not believed either.
///
/// The HTTP library refuses the rest: differing lengths, lengths that are no numbers, a coding that does not
/// end in `chunked`; and it closes the connection where a length and a coding stand together.
pub(super) fn refuse(headers: &HeaderMap) -> Option<Answer> {
    let mut codings = headers.get_all(header::TRANSFER_ENCODING).iter();
    let first = codings.next()?;
    if first.as_bytes().eq_ignore_ascii_case(b"chunked") && codings.next().is_none() {
        return None;
    }
    let mut answer = bare::answer(StatusCode::BAD_REQUEST);
    let headers = answer.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    Some(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_refused(values: &[&'static str]) -> bool {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(header::TRANSFER_ENCODING, HeaderValue::from_static(value));
        }
        refuse(&headers).is_some()
    }

    #[test]
    fn chunked_is_the_only_coding() {
        for plain in [&[][..], &["chunked"], &["Chunked"]] {
            assert!(!is_refused(plain), "{plain:?}");
        }
        for other in [
            &["chunked, chunked"][..],
            &["chunked", "chunked"],
            &["gzip, chunked"],
            &["identity", "chunked"],
            &["chunked;q=1"],
            &[""],
        ] {
            assert!(is_refused(other), "{other:?}");
        }
    }
}
