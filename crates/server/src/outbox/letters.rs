//! The words of mails.

use countersign_engine::model::webhook::LetterText;

/// A mail's subject and text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words {
    /// One line.
    pub subject: String,
    /// Plain text.
    pub text: String,
}

/// The words of a letter.
pub fn words(text: &LetterText) -> Words {
    match text {
        LetterText::Passcode {
            code,
            minutes,
            client,
        } => {
            let client = plain(client);
            Words {
                subject: format!("{code} is your code for {client}"),
                text: format!(
                    "Your code for {client} is:\n\n    {code}\n\nIt is good for {minutes} minutes, once. \
                     Nobody else needs it: do not pass it on.\n\nIf you did not ask for it, you need do \
                     nothing.\n"
                ),
            }
        }
        LetterText::PasswordReset { link, minutes } => Words {
            subject: "Choose a new password".into(),
            text: format!(
                "Follow this link to choose a new password:\n\n    {link}\n\nIt is good for {minutes} minutes, \
                 once.\n\nIf you did not ask for it, you need do nothing: your password stays as it is.\n"
            ),
        },
        LetterText::PasswordLink { link, minutes } => Words {
            subject: "Choose your password".into(),
            text: format!(
                "You can log in with a password. Follow this link to choose it:\n\n    {link}\n\nIt is good for \
                 {} hours, once.\n\nIf you do not expect this, you need do nothing: nothing changes.\n",
                minutes / 60
            ),
        },
        LetterText::PasswordChanged { at } => Words {
            subject: "Your password was changed".into(),
            text: format!(
                "Your password was changed at {}, and whoever was logged in with the old one no longer \
                 is.\n\nIf that was not you, ask for a new password at once.\n",
                countersign_dialects::admin::time::write(*at)
            ),
        },
    }
}

/// How long it is of use, in minutes; none: for ever.
pub const fn minutes(text: &LetterText) -> Option<u32> {
    match text {
        LetterText::Passcode { minutes, .. }
        | LetterText::PasswordReset { minutes, .. }
        | LetterText::PasswordLink { minutes, .. } => Some(*minutes),
        LetterText::PasswordChanged { .. } => None,
    }
}

/// Names are people's; a line of a mail's head must stay one.
fn plain(name: &str) -> String {
    let one = |c: char| if c.is_control() { ' ' } else { c };
    name.chars().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign_engine::time::Timestamp;

    #[test]
    fn letters_say_what_they_are_for() {
        let letters = [
            LetterText::Passcode {
                code: "123456".into(),
                minutes: 10,
                client: "Acme\r\nBcc: everybody@example.com".into(),
            },
            LetterText::PasswordReset {
                link: "https://portal.example.com/reset#abc".into(),
                minutes: 30,
            },
            LetterText::PasswordLink {
                link: "https://portal.example.com/password-reset#token=abc".into(),
                minutes: 1440,
            },
            LetterText::PasswordChanged {
                at: Timestamp::from_seconds(1_800_000_000),
            },
        ];
        let shown = letters.iter().map(words);
        let shown = shown.map(|words| format!("{}\n\n{}", words.subject, words.text));
        insta::assert_snapshot!(shown.collect::<Vec<_>>().join("-----\n"));
    }
}
