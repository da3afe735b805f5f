//! What leaves the server: webhooks and mails.

use super::list;
use ipnet::IpNet;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use std::path::PathBuf;

/// Webhooks.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Webhooks {
    /// Networks inside that receivers may be in. With one of this machine's own, targets may be `http` there.
    #[serde(deserialize_with = "list::one_or_many")]
    pub allow_networks: Vec<IpNet>,
}

/// Mails. Without a server and without a folder none leaves.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Mail {
    /// The mail server.
    pub server: Option<MailServer>,
    /// Who sends: `Acme <no-reply@example.com>`, or the address alone.
    pub from: Option<String>,
    /// The name to log in with.
    pub username: Option<String>,
    /// A file with the password to log in with.
    pub password_file: Option<PathBuf>,
    /// Where mails are written, a file each, instead of being sent.
    pub folder: Option<PathBuf>,
}

impl Mail {
    /// Whether any mail leaves.
    pub fn is_configured(&self) -> bool {
        self.server.is_some() || self.folder.is_some()
    }
}

/// A mail server, as `smtps://HOST`, `smtp://HOST` or `smtp+insecure://HOST`, each with a port where it has another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailServer {
    /// Its name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the conversation is protected.
    pub tls: MailTls,
}

/// How a conversation with a mail server is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailTls {
    /// TLS from the first byte (RFC 8314 section 3.3).
    Implicit,
    /// TLS before anything is said that matters; a server without it is refused (RFC 3207).
    StartTls,
    /// Not at all.
    None,
}

const EXPECTED: &str =
    "expected smtps://HOST[:PORT], smtp://HOST[:PORT] or smtp+insecure://HOST[:PORT]";

impl MailServer {
    fn parse(text: &str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        let (tls, port) = match scheme {
            "smtps" => (MailTls::Implicit, 465),
            "smtp" => (MailTls::StartTls, 587),
            "smtp+insecure" => (MailTls::None, 25),
            _ => return None,
        };
        let url = url::Url::parse(&format!("smtp://{rest}")).ok()?;
        let is_plain = url.username().is_empty()
            && url.password().is_none()
            && matches!(url.path(), "" | "/")
            && url.query().is_none()
            && url.fragment().is_none();
        let host = url.host_str().filter(|host| is_plain && !host.is_empty())?;
        Some(Self {
            host: host.trim_matches(['[', ']']).to_owned(),
            port: url.port().unwrap_or(port),
            tls,
        })
    }
}

impl<'de> Deserialize<'de> for MailServer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| D::Error::custom(EXPECTED))
    }
}

impl Serialize for MailServer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let scheme = match self.tls {
            MailTls::Implicit => "smtps",
            MailTls::StartTls => "smtp",
            MailTls::None => "smtp+insecure",
        };
        let host = match self.host.contains(':') {
            true => format!("[{}]", self.host),
            false => self.host.clone(),
        };
        serializer.collect_str(&format_args!("{scheme}://{host}:{}", self.port))
    }
}

impl Mail {
    /// What no single value can be wrong about: the member, and what was expected.
    pub(super) fn wrong(&self) -> Option<(&'static str, &'static str)> {
        if self.server.is_some() && self.folder.is_some() {
            return Some(("mail.folder", "expected no folder beside mail.server"));
        }
        let leaves = self.server.is_some() || self.folder.is_some();
        let from = self
            .from
            .as_deref()
            .map(str::parse::<lettre::message::Mailbox>);
        match (from, leaves) {
            (Some(Err(_)), _) => {
                return Some(("mail.from", "expected an address, or a name and <address>"));
            }
            (None, true) => {
                return Some(("mail.from", "expected it beside mail.server or mail.folder"));
            }
            _ => {}
        }
        let is_plain = self
            .server
            .as_ref()
            .is_some_and(|server| server.tls == MailTls::None);
        match (&self.username, &self.password_file) {
            (Some(_), None) => Some(("mail.password_file", "expected it beside mail.username")),
            (None, Some(_)) => Some(("mail.username", "expected it beside mail.password_file")),
            (Some(_), Some(_)) if is_plain => Some((
                "mail.server",
                "expected smtps:// or smtp://: a password is not sent in the clear",
            )),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mail_servers_are_told_by_their_urls() {
        for (text, expected) in [
            (
                "smtps://mail.example.com",
                Some(("mail.example.com", 465, MailTls::Implicit)),
            ),
            (
                "smtp://mail.example.com",
                Some(("mail.example.com", 587, MailTls::StartTls)),
            ),
            (
                "smtp://mail.example.com:2525/",
                Some(("mail.example.com", 2525, MailTls::StartTls)),
            ),
            (
                "smtp+insecure://127.0.0.1:1025",
                Some(("127.0.0.1", 1025, MailTls::None)),
            ),
            ("smtps://[::1]:465", Some(("::1", 465, MailTls::Implicit))),
            ("smtps://user:secret@mail.example.com", None),
            ("smtps://mail.example.com/path", None),
            ("https://mail.example.com", None),
            ("mail.example.com", None),
            ("smtps://", None),
        ] {
            let found = MailServer::parse(text);
            let found = found
                .as_ref()
                .map(|found| (found.host.as_str(), found.port, found.tls));
            assert_eq!(found, expected, "{text}");
        }
    }

    #[test]
    fn what_does_not_fit_together_is_told() {
        let server = |text| MailServer::parse(text);
        let good = Mail {
            server: server("smtps://mail.example.com"),
            from: Some("Acme <no-reply@example.com>".into()),
            ..Mail::default()
        };
        let with = |change: fn(&mut Mail)| {
            let mut mail = good.clone();
            change(&mut mail);
            mail.wrong().map(|(member, _)| member)
        };
        assert_eq!(Mail::default().wrong(), None);
        assert_eq!(with(|_| ()), None);
        assert_eq!(
            with(|mail| mail.folder = Some("mails".into())),
            Some("mail.folder")
        );
        assert_eq!(with(|mail| mail.from = None), Some("mail.from"));
        assert_eq!(
            with(|mail| mail.from = Some("nobody".into())),
            Some("mail.from")
        );
        assert_eq!(
            with(|mail| mail.from = Some("a@example.com\r\nBcc: b@example.com".into())),
            Some("mail.from")
        );
        assert_eq!(
            with(|mail| mail.username = Some("a".into())),
            Some("mail.password_file")
        );
        assert_eq!(
            with(|mail| mail.password_file = Some("a".into())),
            Some("mail.username")
        );
        let in_the_clear = Mail {
            server: server("smtp+insecure://mail.example.com"),
            username: Some("a".into()),
            password_file: Some("a".into()),
            ..good
        };
        assert_eq!(
            in_the_clear.wrong().map(|(member, _)| member),
            Some("mail.server")
        );
    }
}
