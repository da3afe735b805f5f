//! People's phones: how they enrol, whom they approve for, and the service providers that ask them.

mod enrolment;
mod links;
mod nonces;
mod operators;
mod providers;

use super::world::*;
use countersign_engine::{
    call::{
        AdminCall, Amend, ApprovalAdmin, Asked, Call, Callers, DeviceCall, DeviceSignature,
        EnvironmentChange, LinkTo, Presented, ProviderCall, Sender, Shown, Target,
    },
    denied::{Denied, Refusal},
    id::{ApproverId, AssetId, ClientId, DeviceId, IdentificationId, OrganizationId, SubjectId},
    model::{
        client::{ClientKind, Spelling},
        credential::CredentialKind,
        device::Device,
        identification::IdentificationState,
        provider_object::{IdentificationFacts, ProviderObject},
    },
    outcome::{ApprovalOutcome, DeviceFacts, DeviceOutcome, Outcome, ProviderOutcome, TypedIn},
    ports::{Query, Store},
    row::{Key, Row, Stored},
    secret::Secret,
};
use countersign_jose::{Algorithm, Jwk, RsaBits, SigningKey};
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

const PIN: &str = "402311";
/// Of the sandbox, with the phones' own.
const HOSTS: [&str; 3] = [
    "auth.sandbox.example.com",
    "api.sandbox.example.com",
    "phone.example.com",
];

/// A phone with its own key.
struct Phone {
    key: SigningKey,
    signed: AtomicU64,
}

impl Phone {
    fn new() -> Self {
        Self {
            key: SigningKey::generate(Algorithm::Es256, RsaBits::B2048).unwrap(),
            signed: AtomicU64::new(0),
        }
    }

    fn public(&self) -> Jwk {
        self.key.verifying_key().unwrap().to_jwk().unwrap()
    }

    fn id(&self) -> DeviceId {
        DeviceId::parse(&self.public().thumbprint()).unwrap()
    }

    /// A signature made now, with a nonce of its own.
    fn sign(&self, world: &World) -> DeviceSignature {
        let count = u128::from(self.signed.fetch_add(1, Ordering::Relaxed));
        let base = b"the signature base".to_vec();
        DeviceSignature {
            device: self.id().to_string(),
            new_key: None,
            signature: self.key.sign(&base).unwrap(),
            base,
            created_s: world.now().seconds(),
            nonce: countersign_jose::base64url_encode(&count.to_be_bytes()),
        }
    }
}

fn acme() -> OrganizationId {
    OrganizationId::parse("acme").unwrap()
}

/// The world with a phone page, where service providers may register themselves.
async fn world() -> World {
    let world = World::new().await;
    amend(
        &world,
        EnvironmentChange {
            hosts: Some(HOSTS.map(String::from).to_vec()),
            phone_url: Some(Some("https://phone.example.com".into())),
            provider_registrations: Some(Some(acme())),
            ..EnvironmentChange::default()
        },
    )
    .await;
    world
}

async fn amend(world: &World, change: EnvironmentChange) {
    let show = AdminCall::Show(Target::Environment(env(SANDBOX)));
    let Outcome::Row(view) = world.admin(show).await.unwrap() else {
        panic!("no environment")
    };
    let amend = AdminCall::Amend {
        change: Amend::Environment(env(SANDBOX), change),
        if_version: Some(view.stored.version),
    };
    world.admin(amend).await.unwrap();
}

async fn signed(
    world: &World,
    callers: Callers,
    signature: DeviceSignature,
    call: DeviceCall,
) -> Result<DeviceOutcome, Denied> {
    let asked = Asked {
        callers,
        presented: Presented::Present(Shown::DeviceSignature(Box::new(signature))),
        sender: Sender::Machine,
        call: Ok(Call::Device(call)),
    };
    let answer = world.engine.handle(&world.context(SANDBOX), asked).await;
    match denied(answer)? {
        Outcome::Device(outcome) => Ok(outcome),
        other => panic!("{other:?}"),
    }
}

fn denied<T>(answer: Result<T, Refusal>) -> Result<T, Denied> {
    match answer {
        Ok(answer) => Ok(answer),
        Err(Refusal::Denied(denied)) => Err(denied),
        Err(Refusal::Fault(fault)) => panic!("{fault}"),
    }
}

async fn enrol(world: &World, phone: &Phone, pin: &str) -> Result<DeviceFacts, Denied> {
    let signature = DeviceSignature {
        new_key: Some(phone.public()),
        ..phone.sign(world)
    };
    let call = DeviceCall::Enrol {
        name: "Ada's phone".into(),
        pin: Secret::new(pin.into()),
    };
    match signed(world, Callers::NewDevice, signature, call).await? {
        DeviceOutcome::Device(facts) => Ok(facts),
        other => panic!("{other:?}"),
    }
}

async fn enrolled(world: &World) -> Phone {
    let phone = Phone::new();
    enrol(world, &phone, PIN).await.unwrap();
    phone
}

async fn itself(world: &World, phone: &Phone) -> Result<DeviceFacts, Denied> {
    let call = DeviceCall::ShowSelf;
    match signed(world, Callers::Device, phone.sign(world), call).await? {
        DeviceOutcome::Device(facts) => Ok(facts),
        other => panic!("{other:?}"),
    }
}

async fn type_in(world: &World, phone: &Phone, nonce: &str) -> Result<TypedIn, Denied> {
    type_in_signed(world, phone.sign(world), nonce).await
}

async fn type_in_signed(
    world: &World,
    signature: DeviceSignature,
    nonce: &str,
) -> Result<TypedIn, Denied> {
    let call = DeviceCall::TypeIn {
        nonce: nonce.into(),
    };
    match signed(world, Callers::Device, signature, call).await? {
        DeviceOutcome::TypedIn(typed) => Ok(typed),
        other => panic!("{other:?}"),
    }
}

/// A service provider with its API key.
async fn provider(world: &World) -> Kept {
    let id = world
        .client(SANDBOX, ClientKind::ServiceProvider, Spelling::Ubiqu)
        .await;
    world.credential(SANDBOX, &id, CredentialKind::ApiKey).await
}

async fn provider_asks(
    world: &World,
    key: &Secret<String>,
    call: ProviderCall,
) -> Result<ProviderOutcome, Denied> {
    let asked = Asked {
        callers: Callers::ApiKey,
        presented: Presented::Present(Shown::Bearer(key.clone())),
        sender: Sender::Machine,
        call: Ok(Call::Provider(call)),
    };
    let answer = world.engine.handle(&world.context(SANDBOX), asked).await;
    match denied(answer)? {
        Outcome::Provider(outcome) => Ok(outcome),
        other => panic!("{other:?}"),
    }
}

async fn identify(world: &World, key: &Secret<String>) -> Result<IdentificationFacts, Denied> {
    let outcome = provider_asks(world, key, ProviderCall::Identify).await?;
    match outcome.object {
        ProviderObject::Identification(facts) => Ok(facts),
        other => panic!("{other:?}"),
    }
}

async fn identification(
    world: &World,
    key: &Secret<String>,
    id: &IdentificationId,
) -> Result<IdentificationFacts, Denied> {
    let call = ProviderCall::ShowIdentification(id.clone());
    match provider_asks(world, key, call).await?.object {
        ProviderObject::Identification(facts) => Ok(facts),
        other => panic!("{other:?}"),
    }
}

async fn admin(world: &World, call: ApprovalAdmin) -> Result<Outcome, Denied> {
    denied(world.admin(AdminCall::Approvals(call)).await)
}

async fn link_nonce(world: &World, to: LinkTo) -> Result<String, Denied> {
    match admin(world, ApprovalAdmin::LinkNonce(env(SANDBOX), to)).await? {
        Outcome::Approval(ApprovalOutcome::Nonce(facts, _)) => Ok(facts.nonce),
        other => panic!("{other:?}"),
    }
}

async fn row(world: &World, key: Key) -> Option<Arc<Stored>> {
    let rows = world.store.load(&[key]).await.unwrap();
    rows.into_iter().next().flatten()
}

async fn device_row(world: &World, phone: &Phone) -> Option<(Device, u64)> {
    let stored = row(world, Key::Device(env(SANDBOX), phone.id())).await?;
    Some((stored.device().unwrap().clone(), stored.version))
}

/// What waits to be told to a service provider, oldest first: a word for each.
async fn told(world: &World) -> Vec<String> {
    let query = Query::Deliveries {
        environment: env(SANDBOX),
        dead: false,
    };
    let page = world.store.list(&query, None, 200).await.unwrap();
    let rows = page.rows.iter().map(|stored| stored.delivery().unwrap());
    let word = |it: &countersign_engine::model::webhook::Delivery| {
        use countersign_engine::model::webhook::Content;
        let Content::Object(object) = &it.content else {
            panic!("{:?}", it.content)
        };
        let what = match &**object {
            ProviderObject::Identification(facts) => format!("identification {:?}", facts.state),
            ProviderObject::Asset(facts) => format!("asset {:?}", facts.state),
            ProviderObject::Operation(facts) => format!("operation {:?}", facts.state),
            ProviderObject::Provider(facts) => format!("provider {:?}", facts.state),
        };
        assert_eq!(it.order, object.id());
        let kind = it.destination.text();
        format!("{} {what}", kind.split(':').next().unwrap())
    };
    rows.map(word).collect()
}

async fn set_callback(world: &World, client: &ClientId) -> Option<Secret<String>> {
    let call = ApprovalAdmin::Callbacks {
        environment: env(SANDBOX),
        provider: client.clone(),
        callback_url: Some("https://bank.example.com/callback".into()),
        notification_url: None,
        idempotency: None,
    };
    match admin(world, call).await.unwrap() {
        Outcome::Created { secret, .. } => secret,
        other => panic!("{other:?}"),
    }
}

/// What the audit log says, oldest first: commits, and what was observed.
async fn audit(world: &World) -> Vec<countersign_engine::model::audit::AuditEvent> {
    let (observed, _) = world.engine.take_observations(world.now());
    world.store.observe(observed).await.unwrap();
    let query = Query::Audit {
        environment: Some(env(SANDBOX)),
        organization: None,
        since: None,
    };
    let page = world.store.list(&query, None, 200).await.unwrap();
    let lines = page.rows.iter().rev();
    lines.map(|row| row.audit().unwrap().clone()).collect()
}
