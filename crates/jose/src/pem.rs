//! PEM as people paste it (RFC 7468): a byte order mark, white space around it and either line
//! ending are forgiven; anything that is not exactly one block of the wanted label is refused.

use data_encoding::BASE64;

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
