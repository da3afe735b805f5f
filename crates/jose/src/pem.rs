//! PEM as people paste it (RFC 7468): a byte order mark, white space around it and either line
//! ending are forgiven; anything that is not exactly one block of the wanted label is refused.

use data_encoding::BASE64;
use zeroize::Zeroizing;

/// The bytes of the one block in `text`, if its label is `label`.
pub(crate) fn block(label: &str, text: &str) -> Option<Vec<u8>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text).trim_ascii();
    let body = text
        .strip_prefix("-----BEGIN ")?
        .strip_prefix(label)?
        .strip_prefix("-----")?
        .strip_suffix("-----")?
        .strip_suffix(label)?
        .strip_suffix("-----END ")?;
    let encoded: Vec<u8> = body
        .bytes()
        .filter(|byte| !byte.is_ascii_whitespace())
        .collect();
    BASE64.decode(&encoded).ok()
}

/// One block, 64 characters a line, ending in a line break.
pub(crate) fn encode(label: &str, bytes: &[u8]) -> Zeroizing<String> {
    let encoded = Zeroizing::new(BASE64.encode(bytes));
    // All the room at once: growing would leave copies of a private key behind.
    let lines = encoded.len() / 64 + 1;
    let mut out = Zeroizing::new(String::with_capacity(
        encoded.len() + lines + 2 * label.len() + 40,
    ));
    let edge = |out: &mut String, word: &str| {
        for piece in ["-----", word, " ", label, "-----\n"] {
            out.push_str(piece);
        }
    };
    edge(&mut out, "BEGIN");
    let mut rest = encoded.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at_checked(64).unwrap_or((rest, ""));
        out.push_str(line);
        out.push('\n');
        rest = after;
    }
    edge(&mut out, "END");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: &str = "-----BEGIN PUBLIC KEY-----\nQUJD\n-----END PUBLIC KEY-----\n";

    #[test]
    fn pasting_accidents_are_forgiven() {
        for text in [
            PLAIN.to_owned(),
            PLAIN.replace('\n', "\r\n"),
            format!("\u{feff}{PLAIN}"),
            format!("  \n {PLAIN} "),
            PLAIN.trim().to_owned(),
        ] {
            assert_eq!(
                block("PUBLIC KEY", &text),
                Some(b"ABC".to_vec()),
                "{text:?}"
            );
        }
    }

    #[test]
    fn what_is_written_is_read_and_fits_the_room_made_for_it() {
        for len in [1, 47, 48, 49, 96, 500] {
            let bytes = vec![7; len];
            let text = encode("PUBLIC KEY", &bytes);
            assert_eq!(block("PUBLIC KEY", &text), Some(bytes));
            assert!(text.lines().all(|line| line.len() <= 64));
            let room = BASE64.encode_len(len) + BASE64.encode_len(len) / 64 + 1 + 20 + 40;
            assert!(text.len() <= room, "{len}");
        }
    }

    #[test]
    fn what_is_not_one_block_of_the_label_is_refused() {
        for text in [
            String::new(),
            "QUJD".to_owned(),
            format!("x{PLAIN}"),
            format!("{PLAIN}{PLAIN}"),
            PLAIN.replace("PUBLIC", "PRIVATE"),
            PLAIN.replace("END PUBLIC", "END PRIVATE"),
            PLAIN.replace("QUJD", "QUJ"),
            PLAIN.replace("QUJD", "QUJ="),
            PLAIN.replace("QUJD", "Proc-Type: 4,ENCRYPTED\n\nQUJD"),
            "-----BEGIN PUBLIC KEY-----".to_owned(),
            "-----BEGIN PUBLIC KEY-----END PUBLIC KEY-----".to_owned(),
        ] {
            assert_eq!(block("PUBLIC KEY", &text), None, "{text:?}");
        }
    }
}
