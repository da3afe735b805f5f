//! Mails, to a server by SMTP or into a folder. Only the outbox's worker sends them.

use super::{Came, Why, letters};
use crate::{
    config::{Mail, MailServer},
    system,
};
use anyhow::Context as _;
use countersign_engine::{
    model::webhook::{Delivery, Letter},
    time::Timestamp,
};
use lettre::{
    AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor,
    message::{
        Body, Mailbox,
        header::{ContentTransferEncoding, ContentType},
    },
    transport::smtp::{
        PoolConfig,
        authentication::Credentials,
        client::{Tls, TlsParameters},
        extension::ClientId,
    },
};
use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};
use tracing::warn;

/// For each step of a conversation with a mail server.
const STEP_FOR: Duration = Duration::from_secs(20);
/// For a whole conversation, however slowly each step comes.
const CONVERSATION_FOR: Duration = Duration::from_secs(60);
/// Bytes of a line, which may be no longer (RFC 5322 section 2.1.1).
const LINE_BYTES_MAX: usize = 998;
/// Connections to the mail server.
const CONNECTIONS_MAX: u32 = 4;

/// Sends mails.
pub struct Mailer {
    from: Mailbox,
    by: By,
}

enum By {
    Smtp(AsyncSmtpTransport<Tokio1Executor>),
    Folder(PathBuf),
}

impl Mailer {
    /// What the configuration says; nothing where it says nothing of mail.
    ///
    /// # Errors
    /// When the sender's address, the password's file or TLS cannot be used.
    pub fn new(mail: &Mail) -> anyhow::Result<Option<Self>> {
        let by = match (&mail.server, &mail.folder) {
            (Some(server), _) => By::Smtp(smtp(mail, server)?),
            (None, Some(folder)) => {
                fs::create_dir_all(folder)
                    .with_context(|| format!("mail.folder: cannot make {}", folder.display()))?;
                By::Folder(folder.clone())
            }
            (None, None) => return Ok(None),
        };
        let from = mail.from.as_deref().unwrap_or_default();
        let from = from.parse().context("mail.from: expected an address")?;
        Ok(Some(Self { from, by }))
    }

    /// Send a letter, and say what came of it.
    pub(crate) async fn send(&self, delivery: &Delivery, letter: &Letter, now: Timestamp) -> Came {
        let useful_until = letters::minutes(&letter.text).map(|minutes| {
            delivery
                .created_at
                .plus(Duration::from_secs(u64::from(minutes) * 60))
        });
        if useful_until.is_some_and(|until| now >= until) {
            return Came::GivenUp(Why::TooLate);
        }
        let Ok(message) = self.message(delivery, letter) else {
            return Came::GivenUp(Why::Address);
        };
        match &self.by {
            By::Folder(folder) => {
                let path = folder.join(format!("{}.eml", delivery.id));
                write(path, message.formatted()).await
            }
            By::Smtp(smtp) => {
                let sent = tokio::time::timeout(CONVERSATION_FOR, smtp.send(message)).await;
                match sent {
                    Ok(Ok(_)) => Came::Arrived,
                    Ok(Err(error)) => judge(&error),
                    Err(_) => Came::Later(Why::TimedOut, None),
                }
            }
        }
    }

    /// The mail. Its parts are typed, so no line of its head can begin inside a name or address. Its name is the
    /// delivery's, so that a mail that was sent twice is recognised.
    fn message(&self, delivery: &Delivery, letter: &Letter) -> anyhow::Result<Message> {
        // Taken before contacts had to be in ASCII: a server without SMTPUTF8 would refuse it as if it were away.
        anyhow::ensure!(letter.to.is_ascii(), "the address is not in ASCII");
        let words = letters::words(&letter.text);
        let written = u64::try_from(delivery.created_at.seconds()).unwrap_or_default();
        let message = Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, letter.to.parse()?))
            .subject(words.subject)
            .message_id(Some(format!(
                "<{}@{}>",
                delivery.id,
                self.from.email.domain()
            )))
            .date(SystemTime::UNIX_EPOCH + Duration::from_secs(written))
            .raw_header(automatic())
            .header(ContentType::TEXT_PLAIN)
            .body(body(words.text))?;
        Ok(message)
    }
}

/// As it is wherever it may be: whoever reads a mail's source, or its file, finds the link in one piece.
fn body(text: String) -> Body {
    let is_plain = text.is_ascii() && !text.contains(['\0', '\r']);
    let is_short = text.lines().all(|line| line.len() <= LINE_BYTES_MAX);
    match is_plain && is_short {
        true => {
            let lines = text.replace('\n', "\r\n");
            Body::dangerous_pre_encoded(lines.into_bytes(), ContentTransferEncoding::SevenBit)
        }
        false => Body::new(text),
    }
}

/// Nobody's holiday message is to answer (RFC 3834 section 5).
fn automatic() -> lettre::message::header::HeaderValue {
    use lettre::message::header::{HeaderName, HeaderValue};
    let name = HeaderName::new_from_ascii_str("Auto-Submitted");
    HeaderValue::new(name, "auto-generated".into())
}

fn smtp(mail: &Mail, server: &MailServer) -> anyhow::Result<AsyncSmtpTransport<Tokio1Executor>> {
    let tls = || TlsParameters::new_rustls(server.host.clone()).context("mail.server: no TLS");
    let tls = match server.tls {
        crate::config::MailTls::Implicit => Tls::Wrapper(tls()?),
        crate::config::MailTls::StartTls => Tls::Required(tls()?),
        crate::config::MailTls::None => Tls::None,
    };
    let own_name = mail.from.as_deref().and_then(|from| from.rsplit_once('@'));
    let own_name = own_name.map_or("localhost", |(_, domain)| domain.trim_end_matches('>'));
    let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&server.host)
        .port(server.port)
        .tls(tls)
        .hello_name(ClientId::Domain(own_name.to_owned()))
        .timeout(Some(STEP_FOR))
        .pool_config(PoolConfig::new().max_size(CONNECTIONS_MAX));
    if let Some(username) = &mail.username {
        let password = mail.password_file.as_deref().map_or_else(
            || Ok(String::new()),
            |path| {
                let read = fs::read_to_string(path);
                read.with_context(|| format!("mail.password_file: cannot read {}", path.display()))
            },
        )?;
        let password = password.trim_end_matches(['\r', '\n']).to_owned();
        builder = builder.credentials(Credentials::new(username.clone(), password));
    }
    Ok(builder.build())
}

/// A server's last word (5yz, RFC 5321 section 4.2.1) is believed; everything else may pass.
fn judge(error: &lettre::transport::smtp::Error) -> Came {
    let status = error
        .status()
        .and_then(|code| code.to_string().parse().ok());
    match status {
        Some(code) if error.is_permanent() => Came::GivenUp(Why::MailRefused(code)),
        Some(code) => Came::Later(Why::MailRefused(code), None),
        None if error.is_timeout() => Came::Later(Why::TimedOut, None),
        None => Came::Later(Why::Unreachable, None),
    }
}

/// A mail that is there is whole: written beside, then renamed.
async fn write(path: PathBuf, mail: Vec<u8>) -> Came {
    let (done, written) = tokio::sync::oneshot::channel();
    system::off_runtime(move || {
        // Whoever waits has gone only when the process ends.
        let _ = done.send(write_now(&path, &mail));
    })
    .await;
    let written = written.await;
    let why: &dyn std::error::Error = match &written {
        Ok(Ok(())) => return Came::Arrived,
        Ok(Err(error)) => error,
        Err(gone) => gone,
    };
    warn!(error = why, "a mail cannot be written into mail.folder");
    Came::Later(Why::Unwritable, None)
}

fn write_now(path: &Path, mail: &[u8]) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or_else(|| Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(mail)?;
    file.persist(path).map(drop).map_err(|error| error.error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign_engine::{
        id::{DeliveryId, EnvironmentId},
        model::{
            contact,
            webhook::{Content, Destination, LetterText},
        },
        sealed::Sealed,
    };

    #[tokio::test]
    async fn an_address_that_no_server_may_take_is_given_up_before_one_is_asked() {
        let folder = tempfile::tempdir().unwrap();
        let mailer = Mailer {
            from: "no-reply@acme.example".parse().unwrap(),
            by: By::Folder(folder.path().to_owned()),
        };
        let now = Timestamp::from_seconds(1_800_000_000);
        let delivery = Delivery {
            environment: EnvironmentId::parse("sandbox").unwrap(),
            id: DeliveryId::parse("dlv_1").unwrap(),
            organization: None,
            destination: Destination::Mail,
            order: "s1".into(),
            content: Content::Letter(Sealed::default()),
            attempts: 0,
            due_at: Some(now),
            last_error: None,
            created_at: now,
            expires_at: now,
        };
        for (to, expected) in [
            ("j\u{f6}rg@email.com", Came::GivenUp(Why::Address)),
            ("john@email@com", Came::GivenUp(Why::Address)),
            ("john@email.com", Came::Arrived),
        ] {
            let letter = Letter {
                to: to.into(),
                text: LetterText::PasswordChanged { at: now },
            };
            assert_eq!(mailer.send(&delivery, &letter, now).await, expected, "{to}");
        }
    }

    #[test]
    fn every_address_that_can_be_a_contact_can_be_written_to() {
        let label = "l".repeat(63);
        let longest = format!(
            "{}@{label}.{label}.{}.example",
            "x".repeat(64),
            "m".repeat(53)
        );
        for text in [
            "john@email.com",
            "!#$%&'*+-/=?^_`{|}~@email.com",
            "a.b-c_d@1.2",
            "1@x--1.example",
            &longest,
        ] {
            assert_eq!(contact::email(text).as_deref(), Some(text));
            let parsed = text.parse::<lettre::Address>().unwrap();
            assert_eq!(parsed.to_string(), text);
        }
        for byte in 0..=u8::MAX {
            let text = format!("a{}b@email.com", char::from(byte));
            let is_contact = contact::email(&text).is_some();
            assert!(
                !is_contact || text.parse::<lettre::Address>().is_ok(),
                "{text}"
            );
        }
    }
}
