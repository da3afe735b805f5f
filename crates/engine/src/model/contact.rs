//! Contacts: e-mail addresses and phone numbers in the one form in which they are compared.

/// The address in the form in which it is kept and compared: without white space around it, in lower case.
/// None when it is no address that mail could reach: `local@domain` of RFC 5321 section 4.5.3.1's lengths, a local part
/// without quotes (its `Dot-string`), and a domain of at least two labels. In ASCII: what is not needs SMTPUTF8 (RFC 6531)
/// at every server on its way, and whoever signed up by it could never be written to where one of them has none.
pub fn email(text: &str) -> Option<String> {
    let text = text.trim();
    let (local, domain) = text.rsplit_once('@')?;
    let is_plain = |c: char| c.is_ascii_graphic() && !"\"(),:;<>[\\]@".contains(c);
    let fits = (1..=64).contains(&local.len()) && text.len() <= 254;
    let dots = |part: &str| part.starts_with('.') || part.ends_with('.') || part.contains("..");
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
    };
    let is_domain = domain.contains('.') && domain.split('.').all(label);
    (fits && is_domain && local.chars().all(is_plain) && !dots(local))
        .then(|| text.to_ascii_lowercase())
}

/// The number in E.164, `+` and 8 to 15 digits; spaces, hyphens, dots and parentheses are left out.
pub fn phone(text: &str) -> Option<String> {
    let plain: String = text.chars().filter(|c| !" -.()".contains(*c)).collect();
    let digits = plain.strip_prefix('+')?;
    let fits = (8..=15).contains(&digits.len()) && !digits.starts_with('0');
    (fits && digits.bytes().all(|b| b.is_ascii_digit())).then_some(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_one_form() {
        for (text, expected) in [
            (" John@Email.COM ", Some("john@email.com")),
            ("a+b@x.example", Some("a+b@x.example")),
            // The Kelvin sign is no `k`.
            ("\u{212a}im@email.com", None),
            ("jörg@email.com", None),
            ("john@émail.com", None),
            ("john", None),
            ("john@", None),
            ("@email.com", None),
            ("john@localhost", None),
            ("jo hn@email.com", None),
            ("john@email.com\nBcc: x@y.z", None),
            ("a..b@email.com", None),
            ("john@-email.com", None),
            ("\"john\"@email.com", None),
        ] {
            assert_eq!(email(text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn a_phone_number_has_one_form() {
        for (text, expected) in [
            ("+1 (555) 123-4567", Some("+15551234567")),
            ("+49.30.1234567", Some("+49301234567")),
            ("5551234567", None),
            ("+0123456789", None),
            ("+1234", None),
            ("+1234567890123456", None),
            ("+12345x7890", None),
        ] {
            assert_eq!(phone(text).as_deref(), expected, "{text}");
        }
    }
}
