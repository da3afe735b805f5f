//! What a password must be (NIST SP 800-63B-4 section 3.1.1.2): long, and none that attackers try first. Nothing is
//! said of its composition, it is never cut, and every character counts.

use crate::{
    bounds::{PASSWORD_BYTES_MAX, PASSWORD_CHARS_MIN},
    denied::{Denied, ProblemKind},
    secret::Secret,
};
use icu_normalizer::ComposingNormalizerBorrowed;
use std::sync::LazyLock;
use zeroize::Zeroizing;

/// Known passwords that are long enough, in lower case and sorted: `docs/adr/0008` tells their origin.
static COMMON: LazyLock<Vec<&str>> =
    LazyLock::new(|| include_str!("common-passwords.txt").lines().collect());

/// What repeats a text shorter than this is no longer than that text.
const REPEATED_CHARS_MIN: usize = 8;
/// What is left without the account's own names has to be at least as long.
const OWN_CHARS_MIN: usize = 8;
/// A shorter part of a name stands in too many words by chance.
const NAME_CHARS_MIN: usize = 3;

/// The password in the form in which it is hashed: NFC, so that the same characters are the same bytes on every
/// keyboard. Of a length that is worth hashing: looked at before and after, because NFC may lengthen a text.
///
/// # Errors
/// [`Denied::Invalid`] of `field`.
pub(crate) fn normalised(password: &Secret<String>, field: &str) -> Result<Secret<String>, Denied> {
    let fits = |text: &str| {
        if text.len() <= PASSWORD_BYTES_MAX {
            Ok(())
        } else {
            let max = PASSWORD_BYTES_MAX;
            Err(Denied::invalid(field, ProblemKind::TooLong { max }))
        }
    };
    fits(password.expose())?;
    let nfc = ComposingNormalizerBorrowed::new_nfc().normalize(password.expose());
    fits(&nfc)?;
    Ok(Secret::new(nfc.into_owned()))
}

/// Whether a normalised password may be set for an account with this e-mail address.
///
/// # Errors
/// [`Denied::Invalid`] of `field`, with the reason.
pub(crate) fn decide_password(
    password: &Secret<String>,
    email: Option<&str>,
    field: &str,
) -> Result<(), Denied> {
    let refuse = |what| Err(Denied::invalid(field, ProblemKind::Expected(what)));
    let folded = Zeroizing::new(password.expose().to_lowercase());
    // Each code point counts as one character (same section).
    if password.expose().chars().count() < PASSWORD_CHARS_MIN {
        return refuse("a password of at least 15 characters");
    }
    if COMMON.binary_search(&folded.as_str()).is_ok() {
        return refuse("a password that is not among those that are commonly used");
    }
    if repeats_a_short_text(&folded) {
        return refuse("a password that does not repeat a short text");
    }
    if email.is_some_and(|email| is_made_of_names(&folded, email)) {
        return refuse("a password with more in it than the account's e-mail address");
    }
    Ok(())
}

fn repeats_a_short_text(text: &str) -> bool {
    let chars = Zeroizing::new(text.chars().collect::<Vec<char>>());
    (1..REPEATED_CHARS_MIN).any(|period| {
        let shifted = chars.iter().skip(period);
        period < chars.len() && shifted.zip(chars.iter()).all(|(a, b)| a == b)
    })
}

fn is_made_of_names(text: &str, email: &str) -> bool {
    let (local, domain) = email.split_once('@').unwrap_or((email, ""));
    let label = domain.split('.').next().unwrap_or_default();
    let mut rest = Zeroizing::new(text.to_owned());
    for name in [email, domain, local, label] {
        if name.chars().count() >= NAME_CHARS_MIN {
            *rest = rest.replace(name, "");
        }
    }
    rest.len() < text.len() && rest.chars().count() < OWN_CHARS_MIN
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn decided(password: &str) -> Result<(), String> {
        let secret = Secret::new(password.to_owned());
        let normalised = normalised(&secret, "password").map_err(|denied| format!("{denied:?}"))?;
        decide_password(&normalised, Some("john.smith@email.com"), "password").map_err(|denied| {
            match denied {
                Denied::Invalid(problems) => format!("{:?}", problems[0].kind),
                other => format!("{other:?}"),
            }
        })
    }

    #[test]
    fn long_passwords_of_any_characters_are_taken() {
        for password in [
            "correct horse battery staple",
            "               x",
            "only lower case letters",
            "2718281828459045235",
            "пароль из нескольких слов",
            "密码密码不要告诉任何人这是我的密码",
            "🦀🦞🦐🦑🐙🐚🐌🐜🐝🐞🦗🕷🦂🦟🐢",
            &"many words ".repeat(93),
        ] {
            assert_eq!(decided(password), Ok(()), "{password}");
        }
    }

    #[test]
    fn each_refusal_says_why() {
        for (password, why) in [
            ("", "15 characters"),
            ("fourteen chars", "15 characters"),
            // Twenty-eight bytes, and fourteen characters.
            ("ееееееабвгдежз", "15 characters"),
            // Fifteen code points before NFC, fourteen after it.
            ("fourteen char\u{65}\u{301}", "15 characters"),
            ("passwordpassword", "commonly used"),
            ("PasswordPassword", "commonly used"),
            ("1234567890123456", "commonly used"),
            ("qwertyuiopasdfghjkl", "commonly used"),
            ("zzzzzzzzzzzzzzzzzzz", "repeat"),
            ("x7Q!x7Q!x7Q!x7Q!x7", "repeat"),
            ("john.smith@email.com", "e-mail address"),
            ("John.Smith12345", "e-mail address"),
            ("email-john.smith", "e-mail address"),
        ] {
            let refused = decided(password).expect_err(password);
            assert!(refused.contains(why), "{password}: {refused}");
        }
    }

    #[test]
    fn what_is_too_long_is_refused_before_it_is_normalised() {
        let refused = decided(&"x".repeat(PASSWORD_BYTES_MAX + 1)).unwrap_err();
        assert!(refused.contains("TooLong"), "{refused}");
    }

    #[test]
    fn the_same_characters_are_the_same_password_on_every_keyboard() {
        let composed = Secret::new("caf\u{e9} au lait, s'il te pla\u{ee}t".to_owned());
        let decomposed = Secret::new("cafe\u{301} au lait, s'il te plai\u{302}t".to_owned());
        let nfc = |secret| normalised(secret, "password").unwrap().expose().clone();
        assert_eq!(nfc(&composed), nfc(&decomposed));
        assert_ne!(composed.expose(), decomposed.expose());
    }

    #[test]
    fn the_list_is_sorted_folded_and_holds_only_what_would_pass_otherwise() {
        assert!(COMMON.len() >= 3000, "{}", COMMON.len());
        assert!(COMMON.is_sorted());
        for known in COMMON.iter() {
            assert_eq!(known.to_lowercase(), *known);
            assert!(known.chars().count() >= PASSWORD_CHARS_MIN, "{known}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_decided(text in "\\PC{0,60}") {
            let _ = decided(&text);
        }
    }
}
