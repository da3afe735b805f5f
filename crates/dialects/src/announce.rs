//! From events to what receivers of webhooks are sent: Quiltt's body and signature, and Standard Webhooks' (1.0.0)
//! signature beside it. Made anew for each attempt.

use crate::admin::time;
use bytes::Bytes;
use countersign_engine::{
    denied::Fault,
    global_id,
    model::{
        environment::Mode,
        webhook::{EnvironmentFacts, Event, SubjectFacts, Subscription},
    },
    secret::Secret,
    time::Timestamp,
};
use countersign_jose::{Algorithm, SigningKey};
use serde::Serialize;
use serde_json::{Map, Value};

/// A request to a receiver, ready to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outbound {
    /// Where to.
    pub url: String,
    /// Its headers: names in lower case, values of visible ASCII.
    pub headers: Vec<(&'static str, String)>,
    /// Exactly the bytes that are signed.
    pub body: Bytes,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    environment: EnvironmentBody<'a>,
    event_types: [&'a str; 1],
    events: [EventBody<'a>; 1],
}

#[derive(Serialize)]
struct EnvironmentBody<'a> {
    id: String,
    mode: &'static str,
    name: &'a str,
    metadata: Map<String, Value>,
}

#[derive(Serialize)]
struct EventBody<'a> {
    id: &'a str,
    at: String,
    #[serde(rename = "type")]
    kind: &'a str,
    profile: Option<Profile<'a>>,
    record: &'a Map<String, Value>,
    metadata: Map<String, Value>,
}

#[derive(Serialize)]
struct Profile<'a> {
    id: String,
    uuid: &'a str,
    metadata: Option<&'a Map<String, Value>>,
}

/// What the receiver of `subscription` is sent about `event`. `secrets` sign it, the current one first and then
/// the one before it while a rotation's overlap lasts. Standard Webhooks' header has a signature of each; Quiltt's
/// has room for one, which is the older's, as a receiver that has not changed over knows no other.
///
/// # Errors
/// [`Fault`] when there is no secret, or one that is none of ours.
pub fn announce(
    event: &Event,
    subscription: &Subscription,
    secrets: &[Secret<String>],
    now: Timestamp,
) -> Result<Outbound, Fault> {
    let body = Body {
        environment: environment(&event.environment),
        event_types: [&event.kind],
        events: [EventBody {
            id: event.id.as_str(),
            at: time::write(event.at),
            kind: &event.kind,
            profile: event.subject.as_ref().map(profile).transpose()?,
            record: &event.record,
            metadata: Map::new(),
        }],
    };
    let body = serde_json::to_vec(&body).map_err(Fault::internal)?;
    let sent_at = now.seconds().to_string();
    let oldest = secrets
        .last()
        .ok_or_else(|| Fault::internal("a subscription has no secret"))?;
    let quiltt = sign(
        oldest.expose().as_bytes(),
        &[b"1", sent_at.as_bytes(), &body],
    )?;
    let mut headers = vec![
        ("content-type", "application/json".into()),
        ("quiltt-signature", quiltt),
        ("quiltt-timestamp", sent_at),
    ];
    headers.extend(standard_headers(event.id.as_str(), secrets, &body, now)?);
    Ok(Outbound {
        url: subscription.target_url.clone(),
        headers,
        body: body.into(),
    })
}

/// Standard Webhooks' headers of what is sent under the name `id`: a signature of each secret, and none without one.
pub(crate) fn standard_headers(
    id: &str,
    secrets: &[Secret<String>],
    body: &[u8],
    now: Timestamp,
) -> Result<Vec<(&'static str, String)>, Fault> {
    let sent_at = now.seconds().to_string();
    let signatures = secrets.iter().map(|secret| {
        let key = standard_key(secret)?;
        let parts = [id.as_bytes(), b".", sent_at.as_bytes(), b".", body];
        Ok(format!("v1,{}", sign(key.expose(), &parts)?))
    });
    let signatures: Vec<String> = signatures.collect::<Result<_, Fault>>()?;
    let mut headers = vec![("webhook-id", id.into()), ("webhook-timestamp", sent_at)];
    if !signatures.is_empty() {
        headers.push(("webhook-signature", signatures.join(" ")));
    }
    Ok(headers)
}

fn environment(facts: &EnvironmentFacts) -> EnvironmentBody<'_> {
    EnvironmentBody {
        id: global_id::of_environment(facts.id.as_str()),
        mode: match facts.mode {
            Mode::Sandbox => "SANDBOX",
            Mode::Production => "PRODUCTION",
        },
        name: &facts.display_name,
        metadata: Map::new(),
    }
}

fn profile(facts: &SubjectFacts) -> Result<Profile<'_>, Fault> {
    let (id, _) = global_id::of_subject(&facts.id)?;
    Ok(Profile {
        id,
        uuid: facts.id.as_str(),
        metadata: facts.metadata.as_ref(),
    })
}

/// Standard Webhooks keys its HMAC with the bytes behind the prefix; Quiltt with the text as it was shown.
fn standard_key(secret: &Secret<String>) -> Result<Secret<Vec<u8>>, Fault> {
    let bytes = secret.expose().strip_prefix("whsec_");
    let bytes = bytes.and_then(|text| data_encoding::BASE64.decode(text.as_bytes()).ok());
    bytes
        .map(Secret::new)
        .ok_or_else(|| Fault::internal("a webhook's secret is none of ours"))
}

/// Base64 of the HMAC-SHA256 of the parts, one after the other.
fn sign(key: &[u8], parts: &[&[u8]]) -> Result<String, Fault> {
    let key = SigningKey::from_secret(Algorithm::Hs256, key).map_err(Fault::internal)?;
    let signature = key.sign(&parts.concat()).map_err(Fault::internal)?;
    Ok(data_encoding::BASE64.encode(&signature))
}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign_engine::{
        id::{EnvironmentId, EventId, OrganizationId, SubjectId, SubscriptionId},
        sealed::Sealed,
    };

    const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

    fn event() -> Event {
        let record =
            serde_json::json!({"id": "p_12VnSaRRxyP12Sl9rLZg8n1", "email": "j\u{f6}hn@email.com"});
        Event {
            id: EventId::parse("evt_12VnSaRRxyP12Sl9rLZg8n1").unwrap(),
            at: Timestamp::from_micros(1_799_999_999_500_000),
            kind: "profile.created".into(),
            environment: EnvironmentFacts {
                id: EnvironmentId::parse("sandbox").unwrap(),
                display_name: "Sandbox".into(),
                mode: Mode::Sandbox,
            },
            subject: Some(SubjectFacts {
                id: SubjectId::parse("52909e05-e1cb-4e45-b273-2b7b5d1f9bff").unwrap(),
                metadata: None,
            }),
            record: record.as_object().cloned().unwrap(),
        }
    }

    fn subscription() -> Subscription {
        Subscription {
            environment: EnvironmentId::parse("sandbox").unwrap(),
            id: SubscriptionId::parse("wh_1").unwrap(),
            organization: OrganizationId::parse("acme").unwrap(),
            name: "One".into(),
            target_url: "https://hooks.example.com/a?b=c".into(),
            event_types: vec!["profile".into()],
            disabled: false,
            secret: Sealed::default(),
            previous_secret: None,
            created_at: NOW,
            updated_at: NOW,
        }
    }

    fn secret(byte: u8) -> Secret<String> {
        Secret::new(format!(
            "whsec_{}",
            data_encoding::BASE64.encode(&[byte; 32])
        ))
    }

    /// The signatures of these bytes were made with OpenSSL.
    #[test]
    fn an_event_is_printed_and_signed_as_documented() {
        let sent = announce(&event(), &subscription(), &[secret(1)], NOW).unwrap();
        insta::assert_snapshot!(shown(&sent));
    }

    #[test]
    fn during_a_rotation_each_secret_signs() {
        let alone = |byte| announce(&event(), &subscription(), &[secret(byte)], NOW).unwrap();
        let (old, new) = (alone(1), alone(2));
        let both = announce(&event(), &subscription(), &[secret(2), secret(1)], NOW).unwrap();
        let header = |sent: &Outbound, name: &str| {
            let found = sent.headers.iter().find(|(known, _)| *known == name);
            found.unwrap().1.clone()
        };
        let standard = "webhook-signature";
        let each = format!("{} {}", header(&new, standard), header(&old, standard));
        assert_eq!(header(&both, standard), each);
        let quiltt = "quiltt-signature";
        assert_eq!(header(&both, quiltt), header(&old, quiltt));
        assert_ne!(header(&new, quiltt), header(&old, quiltt));
    }

    #[test]
    fn an_attempt_has_a_time_of_its_own_and_the_same_body_and_id() {
        let send = |now| announce(&event(), &subscription(), &[secret(1)], now).unwrap();
        let (first, later) = (send(NOW), send(Timestamp::from_seconds(1_800_000_060)));
        assert_eq!(first.body, later.body);
        let differing = first.headers.iter().zip(&later.headers);
        let differing: Vec<_> = differing
            .filter(|(a, b)| a != b)
            .map(|(a, _)| a.0)
            .collect();
        assert_eq!(
            differing,
            [
                "quiltt-signature",
                "quiltt-timestamp",
                "webhook-timestamp",
                "webhook-signature"
            ]
        );
    }

    #[test]
    fn without_a_secret_of_ours_nothing_is_sent() {
        let foreign = Secret::new("not a secret of ours, however long it may be".to_owned());
        assert!(announce(&event(), &subscription(), &[foreign], NOW).is_err());
        assert!(announce(&event(), &subscription(), &[], NOW).is_err());
    }

    fn shown(sent: &Outbound) -> String {
        let headers = sent.headers.iter();
        let headers: Vec<_> = headers
            .map(|(name, value)| format!("{name}: {value}"))
            .collect();
        let body = std::str::from_utf8(&sent.body).unwrap();
        format!("POST {}\n{}\n\n{body}", sent.url, headers.join("\n"))
    }
}
