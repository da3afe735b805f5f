//! Service providers that register themselves, and are confirmed by a nonce.
//!
//! The identification has the identifier of the client that it confirms, so that each is found by the other. Until it
//! is typed in, the client may only look at itself; its API key ends with the nonce.

use super::{
    facts::provider_object,
    identifications::rows_of,
    providers::{any_provider_of, poll_of},
    sentence::is_unseen,
};
use crate::{
    Engine,
    admin::{check::Problems, clients::number_name},
    bounds::{CONFLICT_TRIES_MAX, REGISTRATION_RATE, TARGET_URL_BYTES_MAX},
    call::{CallContext, NewProvider},
    commit::{Change, CommitError},
    compiled::Compiled,
    denied::{Denied, Fault, Refusal},
    engine::not_found,
    id::{ClientId, IdentificationId, OrganizationId},
    model::{
        State,
        audit::AuditEvent,
        client::{Client, ClientKind, ServiceProvider, Spelling},
        credential::{Credential, CredentialKind, Holder},
        identification::{IdentificationPurpose, IdentificationState},
        scopes::Scopes,
    },
    outcome::ProviderOutcome,
    row::{Key, Row, Stored},
    secret::Secret,
    subscriptions::is_target,
    time::Timestamp,
    verify::{Authenticated, ClientCaller},
};

const NOUN: &str = "serviceprovider";

impl Engine {
    pub(super) async fn register_provider(
        &self,
        context: &CallContext,
        new: NewProvider,
    ) -> Result<ProviderOutcome, Refusal> {
        let compiled = self.arrived(context).await?;
        let owner = compiled.environment()?.provider_registrations.clone();
        let owner = owner.ok_or_else(|| not_found("route"))?;
        self.take_of_peer(context, "countersign/registrations", REGISTRATION_RATE)?;
        decide_provider(&new, self.plain_webhooks)?;
        for _ in 0..CONFLICT_TRIES_MAX {
            if let Some(made) = self.registered(context, &compiled, &owner, &new).await? {
                return Ok(made);
            }
        }
        Err(Fault::unavailable("no name was free for a registration").into())
    }

    /// None: one of its random names is taken, or its organization has just changed.
    async fn registered(
        &self,
        context: &CallContext,
        compiled: &Compiled,
        owner: &OrganizationId,
        new: &NewProvider,
    ) -> Result<Option<ProviderOutcome>, Refusal> {
        let owner_key = Key::Organization(owner.clone());
        let [stored] = self.load(std::array::from_ref(&owner_key)).await?;
        let is_active = |stored: &Stored| {
            let organization = stored.organization();
            organization.is_some_and(|it| it.state == State::Active)
        };
        let stored = stored.filter(|stored| is_active(stored));
        let if_version = stored.ok_or_else(|| not_found("route"))?.version;
        let client = self.new_provider(context, compiled, owner, new)?;
        let purpose = IdentificationPurpose::Registration(client.id.clone());
        let id = confirming(&client.id)?;
        let place = &compiled.id;
        let shown = self.new_identification(context, place, id, purpose, owner)?;
        let (key, secret) = self.registered_key(compiled, &client, shown.expires_at)?;
        let mut changes = vec![
            Change::Require {
                key: owner_key,
                if_version,
            },
            Change::Insert(Row::Client(client.clone())),
            Change::Insert(Row::Name(number_name(&client))),
            Change::Insert(Row::Credential(key)),
        ];
        changes.extend(rows_of(&shown));
        let target = format!("client:{}", client.id);
        let audit = AuditEvent {
            organization: Some(owner.clone()),
            ..self.event(context, "-", "provider.register", &target)
        };
        match self.commit(context.now, changes, audit).await {
            Ok(()) => {}
            Err(CommitError::Conflict { .. }) => return Ok(None),
            Err(CommitError::Fault(fault)) => return Err(fault.into()),
        }
        let object = provider_object(&client, Some(shown.nonce));
        Ok(Some(ProviderOutcome {
            object: object.ok_or_else(|| Fault::internal("a provider is none"))?,
            api_key: Some(secret),
        }))
    }

    fn new_provider(
        &self,
        context: &CallContext,
        compiled: &Compiled,
        owner: &OrganizationId,
        new: &NewProvider,
    ) -> Result<Client, Fault> {
        Ok(Client {
            environment: compiled.id.clone(),
            id: self.new_client_id(Spelling::Ubiqu)?,
            organization: owner.clone(),
            display_name: new.name.clone(),
            kind: ClientKind::ServiceProvider,
            spelling: Spelling::Ubiqu,
            state: State::Active,
            scopes: Scopes::default(),
            resources: Vec::new(),
            serves: Vec::new(),
            platform: None,
            sign_in: None,
            provider: Some(ServiceProvider {
                callback_url: new.callback_url.clone(),
                notification_url: new.notification_url.clone(),
                url: new.url.clone(),
                callback_secret: None,
                unconfirmed: true,
                admin_asset: None,
            }),
            number: self.random_number()?,
            // Nobody's: it made itself.
            maker_number: MADE_ITSELF,
            created_at: context.now,
        })
    }

    fn registered_key(
        &self,
        compiled: &Compiled,
        client: &Client,
        expires_at: Timestamp,
    ) -> Result<(Credential, Secret<String>), Refusal> {
        let kind = CredentialKind::ApiKey;
        let made = self.bearer_secret(compiled.environment()?, client, kind)?;
        let secret = made
            .secret
            .ok_or_else(|| Fault::internal("an API key has a secret"))?;
        let key = Credential {
            environment: client.environment.clone(),
            digest: made.digest,
            id: self.new_credential_id(client.spelling)?,
            kind,
            holder: Holder::Client(client.organization.clone(), client.id.clone()),
            material: made.material,
            hint: made.hint,
            comment: "Registered by itself".into(),
            scopes: Scopes::default(),
            not_before: None,
            expires_at: Some(expires_at),
            revoked_at: None,
            allowed_networks: Vec::new(),
            origins: Vec::new(),
            metadata: None,
            api_version: None,
            rate_limit: None,
            replaces: None,
            replaced_by: None,
            created_at: client.created_at,
        };
        Ok((key, secret))
    }

    /// Itself, confirmed or not.
    pub(super) async fn show_provider(
        &self,
        context: &CallContext,
        caller: &Authenticated<ClientCaller>,
        id: &ClientId,
    ) -> Result<ProviderOutcome, Refusal> {
        let client = any_provider_of(caller)?;
        if client.id != *id {
            return Err(not_found(NOUN));
        }
        self.take_poll(context, poll_of(context, NOUN, id.as_str()))?;
        let nonce = self.confirming_nonce(context, client).await?;
        let object = provider_object(client, nonce);
        Ok(ProviderOutcome {
            object: object.ok_or_else(|| Fault::internal("a provider is none"))?,
            api_key: None,
        })
    }

    /// The nonce that confirms it, while it waits for that.
    async fn confirming_nonce(
        &self,
        context: &CallContext,
        client: &Client,
    ) -> Result<Option<String>, Fault> {
        if !client.is_unconfirmed() {
            return Ok(None);
        }
        let id = confirming(&client.id)?;
        let key = Key::Identification(client.environment.clone(), id);
        let [stored] = self.load(&[key]).await?;
        let shown = stored.as_deref().and_then(Stored::identification);
        let is_good = IdentificationState::Created;
        let shown = shown.filter(|shown| shown.state_at(context.now) == is_good);
        Ok(shown.map(|shown| shown.nonce.clone()))
    }
}

/// The identification that confirms a client.
pub(super) fn confirming(client: &ClientId) -> Result<IdentificationId, Fault> {
    IdentificationId::parse(client.as_str()).map_err(Fault::internal)
}

/// The number of whoever made a client that made itself.
const MADE_ITSELF: u64 = 1;

/// What a service provider must be; `plain`: `http` is allowed on loopback.
fn decide_provider(new: &NewProvider, plain: bool) -> Result<(), Denied> {
    let mut problems = Problems::default();
    problems.text(&new.name, "name");
    // A stranger chose it, and people read it before they approve: it must not look like another's.
    let expected = "a text of which everything is seen, in one direction";
    let hides = |it: char| is_unseen(it) && !it.is_control();
    problems.expect(!new.name.contains(hides), "name", expected);
    // Its page is only shown: it may be an unencrypted one.
    let page = new.url.as_deref();
    let page = page.map(|url| url.replacen("http://", "https://", 1));
    for (url, field) in [
        (&page, "url"),
        (&new.callback_url, "callback_url"),
        (&new.notification_url, "notification_url"),
    ] {
        decide_address(url.as_deref(), field, plain, &mut problems);
    }
    problems.done()
}

/// An address that is told of changes, or a page.
pub(super) fn decide_address(url: Option<&str>, field: &str, plain: bool, problems: &mut Problems) {
    let Some(url) = url else {
        return;
    };
    problems.at_most(url.len(), TARGET_URL_BYTES_MAX, field);
    let expected = "an https URL without user, password or fragment";
    problems.expect(is_target(url, plain), field, expected);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(new: &NewProvider, plain: bool) -> Vec<String> {
        match decide_provider(new, plain) {
            Ok(()) => vec![],
            Err(Denied::Invalid(problems)) => problems.into_iter().map(|it| it.field).collect(),
            Err(other) => panic!("{other:?}"),
        }
    }

    #[test]
    fn each_wrong_member_of_a_registration_is_named() {
        let good = NewProvider {
            name: "Example Shop".into(),
            url: Some("http://shop.example.com/about".into()),
            callback_url: Some("https://shop.example.com/callback?from=cs".into()),
            notification_url: None,
        };
        let named = |name: &str| NewProvider {
            name: name.into(),
            ..good.clone()
        };
        let called = |url: &str| NewProvider {
            callback_url: Some(url.into()),
            notification_url: Some(url.into()),
            ..good.clone()
        };
        let both: &[&str] = &["callback_url", "notification_url"];
        for (what, new, plain, expected) in [
            ("all as it should be", good.clone(), false, &[][..]),
            ("no name", named(" "), false, &["name"]),
            ("a name of two lines", named("a\nb"), false, &["name"]),
            (
                "a name that turns around",
                named("Bank\u{202e}knaB"),
                false,
                &["name"],
            ),
            (
                "a name with something in it that is not seen",
                named("Ba\u{200b}nk"),
                false,
                &["name"],
            ),
            (
                "plain callbacks",
                called("http://shop.example.com/"),
                false,
                both,
            ),
            (
                "plain callbacks on loopback",
                called("http://127.0.0.1:8000/"),
                false,
                both,
            ),
            (
                "the same on a laptop",
                called("http://127.0.0.1:8000/"),
                true,
                &[],
            ),
            (
                "a user in the address",
                called("https://a:b@shop.example.com/"),
                false,
                both,
            ),
            (
                "a fragment",
                called("https://shop.example.com/#a"),
                false,
                both,
            ),
        ] {
            assert_eq!(fields(&new, plain), expected, "{what}");
        }
    }
}
