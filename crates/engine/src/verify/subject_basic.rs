//! A subject's identifier with an API key as Basic, at a guard (Quiltt): a server speaks for one of its users
//! without a session.

use super::{Refused, decide_client, decide_credential, decide_subject, session_token::subject_of};
use crate::{
    Engine,
    bounds::SECRET_BYTES_MAX,
    call::CallContext,
    compiled::Compiled,
    decision::{Fact, Principal, ShownKind},
    denied::{Denied, Malformed, Reason, Refusal},
    digest::Digest,
    global_id,
    id::{EnvironmentId, SubjectId},
    model::credential::{Credential, CredentialKind, Holder},
    opaque::{self, Glance},
    ports::Generation,
    row::{Key, Stored},
    secret::Secret,
    time::Timestamp,
};
use data_encoding::BASE64;
use std::sync::Arc;
use uuid::Uuid;

/// Bytes of the base64 of both halves: an identifier has 36 at most.
const PAIR_BYTES_MAX: usize = 2 * (SECRET_BYTES_MAX + 64);

/// The digest under which a pair is kept in memory: of everything behind the scheme, as carried.
pub(crate) fn basic_digest(environment: &EnvironmentId, carried: &str) -> Digest {
    Digest::of(
        "countersign/subject-basic",
        &[environment.as_str().as_bytes(), carried.as_bytes()],
    )
}

impl Engine {
    /// The fact behind `Basic base64(subject:api key)`. The caller has looked for a warm one.
    pub(crate) async fn verify_subject_basic(
        &self,
        context: &CallContext,
        compiled: &Compiled,
        carried: &str,
        digest: Digest,
    ) -> Result<Arc<Fact>, Refused> {
        let (subject, secret) = pair(carried).map_err(Denied::MalformedCredential)?;
        let brand = &compiled.environment()?.brand;
        let text = secret.expose();
        if opaque::glance(text, brand, &compiled.id, &compiled.tag_keys) == Glance::Forged {
            return Err(Denied::InvalidToken(Reason::Forged).into());
        }
        let first = Key::Credential(compiled.id.clone(), opaque::lookup(&compiled.id, text));
        let generations = vec![self.ports.freshness.generation(&first)];
        let [found] = self.load(&[first]).await?;
        let credential = found.as_deref().and_then(Stored::credential);
        let credential = credential.ok_or(Denied::InvalidToken(Reason::Unknown))?;
        let fact = self
            .basic_fact(context, compiled, credential, subject, generations)
            .await
            .map_err(|refusal| Refused::of(refusal, credential))?;
        let fact = Arc::new(fact);
        self.keep_fact(digest, &fact);
        Ok(fact)
    }

    async fn basic_fact(
        &self,
        context: &CallContext,
        compiled: &Compiled,
        credential: &Credential,
        subject: SubjectId,
        mut generations: Vec<Generation>,
    ) -> Result<Fact, Refusal> {
        let (CredentialKind::ApiKey, Holder::Client(organization, client)) =
            (credential.kind, &credential.holder)
        else {
            return Err(Denied::InvalidToken(Reason::Kind).into());
        };
        decide_credential(credential, context.now, context.peer).map_err(Denied::InvalidToken)?;
        let owners = [
            Key::Client(compiled.id.clone(), client.clone()),
            Key::Organization(organization.clone()),
            Key::Subject(compiled.id.clone(), subject),
        ];
        let noted = owners.iter();
        generations.extend(noted.map(|key| self.ports.freshness.generation(key)));
        let [client, organization, subject] = self.load(&owners).await?;
        let (client, _) = decide_client(
            client.as_ref(),
            organization.as_ref(),
            credential.created_at,
        )
        .map_err(Denied::InvalidToken)?;
        // Nothing that was shown is older than the subject, or than the end of its sessions.
        let subject = decide_subject(subject.as_ref(), organization.as_ref(), Timestamp::FAR)
            .map_err(Denied::InvalidToken)?;
        // Whom a platform vouches for comes by that platform only.
        if subject.platform.is_some() {
            return Err(Denied::InvalidToken(Reason::Mismatch).into());
        }
        let principal = Principal {
            environment: compiled.id.clone(),
            organization: Some(subject.organization.clone()),
            client: Some(client.id.clone()),
            subject: Some(subject.id.to_string()),
            scopes: client.scopes.intersection(&credential.scopes),
            shown: ShownKind::SubjectBasic,
            expires_at: credential.expires_at,
        };
        let mut fact = Fact::of(principal, context.now);
        fact.generations = generations;
        fact.credential = Some(self.credential_fact(credential));
        Ok(fact)
    }
}

/// Subject and secret. The vendor's example is strict base64; what shells and older encoders add, white space
/// inside and a line end behind the secret, is left out.
fn pair(carried: &str) -> Result<(SubjectId, Secret<String>), Malformed> {
    if carried.len() > PAIR_BYTES_MAX {
        return Err(Malformed::TooLong);
    }
    let packed = Secret::new(carried.replace([' ', '\t'], ""));
    let plain = BASE64
        .decode(packed.expose().as_bytes())
        .map(Secret::new)
        .map_err(|_| Malformed::Form)?;
    let text = std::str::from_utf8(plain.expose()).map_err(|_| Malformed::Form)?;
    let (subject, secret) = text
        .trim_end_matches(['\r', '\n'])
        .split_once(':')
        .ok_or(Malformed::Form)?;
    if secret.len() > SECRET_BYTES_MAX {
        return Err(Malformed::TooLong);
    }
    let uuid = global_id::decode("p", subject).or_else(|| Uuid::try_parse(subject).ok());
    let subject = uuid.and_then(|uuid| subject_of(uuid).ok());
    let is_empty = secret.is_empty();
    subject
        .filter(|_| !is_empty)
        .map(|subject| (subject, Secret::new(secret.to_owned())))
        .ok_or(Malformed::Form)
}

#[cfg(test)]
mod tests {
    use super::*;

    const UUID: &str = "e6dd0bda-7384-4d88-866b-2e5aa1b2c693";

    fn read(carried: &str) -> Result<(String, String), Malformed> {
        pair(carried).map(|(subject, secret)| (subject.to_string(), secret.expose().clone()))
    }

    #[test]
    fn a_profile_is_named_by_its_global_id_or_its_uuid() {
        let expected = Ok((UUID.to_owned(), "qltt_0abc".to_owned()));
        for name in ["p_171dFj1jSknZiR3VZOHKcol", UUID] {
            let strict = BASE64.encode(format!("{name}:qltt_0abc").as_bytes());
            assert_eq!(read(&strict), expected, "{name}");
        }
    }

    #[test]
    fn what_shells_and_older_encoders_add_is_left_out() {
        let encoded = BASE64.encode(format!("{UUID}:qltt_0abc\n").as_bytes());
        let (start, end) = encoded.split_at(60);
        let expected = Ok((UUID.to_owned(), "qltt_0abc".to_owned()));
        assert_eq!(read(&format!("{start} {end}")), expected);
    }

    #[test]
    fn other_pairs_are_malformed() {
        for (plain, why) in [
            ("", Malformed::Form),
            ("p_171dFj1jSknZiR3VZOHKcol", Malformed::Form),
            ("p_171dFj1jSknZiR3VZOHKcol:", Malformed::Form),
            (":qltt_0abc", Malformed::Form),
            ("acct_171dFj1jSknZiR3VZOHKcol:qltt_0abc", Malformed::Form),
            ("somebody:qltt_0abc", Malformed::Form),
        ] {
            assert_eq!(read(&BASE64.encode(plain.as_bytes())), Err(why), "{plain}");
        }
        assert_eq!(read("not base64!"), Err(Malformed::Form));
        let long = BASE64.encode(format!("{UUID}:{}", "x".repeat(4000)).as_bytes());
        assert_eq!(read(&long), Err(Malformed::TooLong));
    }
}
