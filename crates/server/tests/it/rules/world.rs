//! An installation in memory with one operator, two environments, an organization and a client.

use countersign::keystore::{MasterKey, SoftwareKeystore};
use countersign_engine::{
    Engine, Ports,
    call::{
        AdminCall, Amend, Asked, Call, CallContext, Callers, Lifecycle, New, NewClient,
        NewCredential, NewEnvironment, NewHolder, NewOrganization, Presented, Shown, Target,
    },
    decision::{Carrier, Decision, Judged},
    denied::{Denied, Fault, Refusal},
    id::{ClientId, CredentialId, EnvironmentId, OperatorId, OrganizationId, RequestId},
    model::{
        client::{ClientKind, Spelling},
        credential::{Credential, CredentialKind},
        environment::Mode,
        guard::{Accept, Guard},
        operator::Role,
        scopes::Scopes,
    },
    outcome::{Issued, Outcome},
    ports::{Clock, Entropy},
    row::Stored,
    secret::Secret,
    time::Timestamp,
};
use countersign_store::{cached::CachedStore, memory::MemoryStore};
use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};

pub struct StandingClock(AtomicI64);

impl StandingClock {
    pub fn at(now: Timestamp) -> Self {
        Self(AtomicI64::new(now.micros()))
    }

    pub fn turn_to(&self, now: Timestamp) {
        self.0.store(now.micros(), Ordering::SeqCst);
    }
}

impl Clock for StandingClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::SeqCst))
    }

    fn monotonic(&self) -> Duration {
        Duration::from_micros(self.0.load(Ordering::SeqCst) as u64)
    }
}

#[derive(Default)]
pub struct CountingEntropy(AtomicU64);

impl Entropy for CountingEntropy {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), Fault> {
        for chunk in bytes.chunks_mut(32) {
            let count = self.0.fetch_add(1, Ordering::SeqCst);
            let digest = countersign_engine::digest::Digest::of("test", &[&count.to_be_bytes()]);
            chunk.copy_from_slice(&digest.as_bytes()[..chunk.len()]);
        }
        Ok(())
    }
}

pub struct World {
    pub engine: Arc<Engine>,
    pub store: Arc<CachedStore<MemoryStore>>,
    clock: Arc<StandingClock>,
    operator: Secret<String>,
    _folder: tempfile::TempDir,
}

pub const SANDBOX: &str = "sandbox";
pub const PRODUCTION: &str = "production";
pub const ISSUER: &str = "https://auth.sandbox.example.com";

pub fn env(name: &str) -> EnvironmentId {
    EnvironmentId::parse(name).unwrap()
}

pub fn scopes(text: &str) -> Scopes {
    Scopes::parse(text).unwrap()
}

impl World {
    /// Both environments, the organization `acme`, no clients, no guards; RSA keys are made when asked for.
    pub async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(StandingClock(AtomicI64::new(1_700_000_000_000_000)));
        let entropy = Arc::new(CountingEntropy::default());
        let store = Arc::new(CachedStore::new(
            Arc::new(MemoryStore::new()),
            clock.clone(),
        ));
        store.poll_feed().await.unwrap();
        let master = MasterKey::load(folder.path(), &[], false, &*entropy).unwrap();
        let keystore = SoftwareKeystore::new(&master, entropy.clone(), 2).unwrap();
        let ports = Ports {
            store: store.clone(),
            freshness: store.clone(),
            keystore: Arc::new(keystore),
            passwords: Arc::new(
                countersign::passwords::Argon2Hasher::new(entropy.clone(), 2).unwrap(),
            ),
            entropy,
        };
        let dialects = &[
            "standard",
            "ayyeka",
            "bitcanuck",
            "ultra",
            "quiltt",
            "ubiqu",
        ];
        let engine = Arc::new(Engine::new(ports, dialects).with_mail());
        let context = context_at(&EnvironmentId::installation(), clock.now());
        let operator = engine
            .bootstrap(&context, OperatorId::parse("root").unwrap())
            .await
            .unwrap();
        let world = Self {
            engine,
            store,
            clock,
            operator,
            _folder: folder,
        };
        for (name, mode) in [(SANDBOX, Mode::Sandbox), (PRODUCTION, Mode::Production)] {
            world
                .create(New::Environment(NewEnvironment {
                    id: env(name),
                    display_name: None,
                    mode,
                    issuer: format!("https://auth.{name}.example.com"),
                    hosts: vec![
                        format!("auth.{name}.example.com"),
                        format!("api.{name}.example.com"),
                    ],
                    dialects: Some(
                        ["standard", "ayyeka", "ultra", "quiltt"]
                            .map(String::from)
                            .to_vec(),
                    ),
                    brand: None,
                    allowed_origins: vec![],
                    public_url: None,
                    phone_url: None,
                    provider_registrations: None,
                }))
                .await
                .unwrap();
        }
        let organization = NewOrganization {
            id: Some(OrganizationId::parse("acme").unwrap()),
            display_name: "Acme".into(),
            number: Some(2091),
        };
        world.create(New::Organization(organization)).await.unwrap();
        world
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Its clock, for whoever calls from outside.
    pub fn clock(&self) -> Arc<StandingClock> {
        Arc::clone(&self.clock)
    }

    /// Let time pass; the feed goes on being read.
    pub async fn pass(&self, seconds: i64) {
        self.clock
            .0
            .fetch_add(seconds * 1_000_000, Ordering::SeqCst);
        self.store.poll_feed().await.unwrap();
    }

    pub fn context(&self, environment: &str) -> CallContext {
        context_at(&env(environment), self.now())
    }

    pub async fn admin(&self, call: AdminCall) -> Result<Outcome, Refusal> {
        self.admin_as(&self.operator, call).await
    }

    pub async fn admin_as(
        &self,
        token: &Secret<String>,
        call: AdminCall,
    ) -> Result<Outcome, Refusal> {
        let asked = Asked {
            callers: Callers::Operator(Role::Owner),
            presented: Presented::Present(Shown::Bearer(token.clone())),
            sender: countersign_engine::call::Sender::Machine,
            call: Ok(Call::Admin(call)),
        };
        let context = context_at(&EnvironmentId::installation(), self.now());
        self.engine.handle(&context, asked).await
    }

    pub async fn create(&self, new: New) -> Result<(Arc<Stored>, Option<Secret<String>>), Refusal> {
        match self
            .admin(AdminCall::Create {
                new,
                idempotency: None,
            })
            .await?
        {
            Outcome::Created { view, secret } => Ok((view.stored, secret)),
            other => panic!("{other:?}"),
        }
    }

    /// A backend of the sandbox, with our own spelling.
    pub async fn backend(&self) -> ClientId {
        self.client(SANDBOX, ClientKind::Backend, Spelling::Countersign)
            .await
    }

    pub async fn client(
        &self,
        environment: &str,
        kind: ClientKind,
        spelling: Spelling,
    ) -> ClientId {
        let new = NewClient {
            environment: env(environment),
            id: None,
            organization: OrganizationId::parse("acme").unwrap(),
            display_name: "A client".into(),
            kind,
            spelling,
            scopes: scopes("read write"),
            resources: vec!["https://api.example.com".into()],
            serves: vec![],
            platform: None,
            sign_in: None,
            number: None,
            maker_number: Some(6237),
        };
        self.create(New::Client(new))
            .await
            .unwrap()
            .0
            .client()
            .unwrap()
            .id
            .clone()
    }

    pub async fn credential(
        &self,
        environment: &str,
        client: &ClientId,
        kind: CredentialKind,
    ) -> Kept {
        self.credential_with(environment, client, kind, Lifecycle::default())
            .await
    }

    pub async fn credential_with(
        &self,
        environment: &str,
        client: &ClientId,
        kind: CredentialKind,
        lifecycle: Lifecycle,
    ) -> Kept {
        let new = NewCredential {
            environment: env(environment),
            holder: NewHolder::Client(client.clone()),
            kind,
            key: None,
            lifecycle,
        };
        let (stored, secret) = self.create(New::Credential(new)).await.unwrap();
        Kept {
            client: client.clone(),
            id: stored.credential().unwrap().id.clone(),
            secret: secret.unwrap(),
        }
    }

    pub async fn stored_credential(
        &self,
        environment: &str,
        id: &CredentialId,
    ) -> (Credential, u64) {
        match self
            .admin(AdminCall::Show(Target::Credential(
                env(environment),
                id.clone(),
            )))
            .await
            .unwrap()
        {
            Outcome::Row(view) => (
                view.stored.credential().unwrap().clone(),
                view.stored.version,
            ),
            other => panic!("{other:?}"),
        }
    }

    pub async fn as_client(
        &self,
        environment: &str,
        kept: &Kept,
        call: Call,
    ) -> Result<Outcome, Refusal> {
        let shown = Shown::ClientSecret {
            client_id: kept.client.to_string(),
            secret: kept.secret.clone(),
        };
        let asked = Asked {
            callers: Callers::Client,
            presented: Presented::Present(shown),
            sender: countersign_engine::call::Sender::Machine,
            call: Ok(call),
        };
        self.engine.handle(&self.context(environment), asked).await
    }

    pub async fn token(
        &self,
        environment: &str,
        kept: &Kept,
        profile: &'static str,
    ) -> Result<Issued, Refusal> {
        let call = Call::ClientCredentials {
            profile,
            scopes: None,
            resources: vec![],
        };
        match self.as_client(environment, kept, call).await? {
            Outcome::Token(issued) => Ok(issued),
            other => panic!("{other:?}"),
        }
    }

    /// Guards of an environment: everything below `/anonymous`, `/keys`, `/tokens`, `/write`, `/register`.
    pub async fn guards(&self, environment: &str) {
        let guard = |name: &str, accept: &[Accept], needed: &str| Guard {
            name: name.into(),
            hosts: vec![],
            paths: vec![format!("/{name}/*")],
            methods: vec![],
            accept: accept.to_vec(),
            profiles: vec![],
            audiences: vec![],
            scopes: scopes(needed),
            origins: vec!["https://app.example.com".into()],
            rate_limit: None,
            dialect: None,
            secrets_from_browsers: false,
            assertion: false,
            approval: None,
        };
        let guards = vec![
            guard("anonymous", &[Accept::Anonymous], ""),
            guard("keys", &[Accept::ApiKey], "read"),
            guard("tokens", &[Accept::AccessToken], "read"),
            guard("admin", &[Accept::AccessToken, Accept::ApiKey], "admin"),
            guard("register", &[Accept::RegistrationToken], ""),
        ];
        self.set_guards(environment, guards).await.unwrap();
    }

    pub async fn set_guards(
        &self,
        environment: &str,
        guards: Vec<Guard>,
    ) -> Result<Outcome, Refusal> {
        let stored = match self
            .admin(AdminCall::Show(Target::Guards(env(environment))))
            .await?
        {
            Outcome::Row(view) => view.stored,
            other => panic!("{other:?}"),
        };
        let change = Amend::Guards(env(environment), guards);
        self.admin(AdminCall::Amend {
            change,
            if_version: Some(stored.version),
        })
        .await
    }

    /// What a gateway is told about `GET target` with this bearer.
    pub async fn ask(&self, environment: &str, target: &str, bearer: &str) -> Result<(), Denied> {
        let value = format!("Bearer {bearer}");
        self.judge(
            environment,
            &Judged {
                authorization: Carrier::Present(&value),
                ..request(target)
            },
        )
        .await
    }

    pub async fn judge(&self, environment: &str, judged: &Judged<'_>) -> Result<(), Denied> {
        let context = self.context(environment);
        // As a gateway asks: first what is in memory, then what is not.
        let fresh = self.engine.fresh(context.now);
        let warm = fresh.and_then(|fresh| self.engine.decide_warm(&context, judged, fresh));
        let decision = match warm {
            Some(decision) => decision,
            None => self.engine.decide(&context, judged).await,
        };
        match decision {
            Decision::Allow(_) => Ok(()),
            Decision::Deny(denied) => match denied.refusal {
                Refusal::Denied(denied) => Err(denied),
                Refusal::Fault(fault) => panic!("{fault}"),
            },
        }
    }
}

/// A credential with its secret.
#[derive(Clone)]
pub struct Kept {
    pub client: ClientId,
    pub id: CredentialId,
    pub secret: Secret<String>,
}

pub fn request(target: &str) -> Judged<'_> {
    Judged {
        method: "GET",
        host: "api.sandbox.example.com",
        target,
        peer: Some([192, 0, 2, 7].into()),
        authorization: Carrier::Absent,
        client_id: Carrier::Absent,
        origin: Carrier::Absent,
        from_browser: false,
        preflight_method: Carrier::Absent,
        client_headers: Default::default(),
        approval: Carrier::Absent,
        content_digest: Carrier::Absent,
        request_id: None,
    }
}

pub fn context_at(environment: &EnvironmentId, now: Timestamp) -> CallContext {
    CallContext {
        environment: environment.clone(),
        now,
        request_id: RequestId::parse("test0001").unwrap(),
        peer: Some([192, 0, 2, 7].into()),
        dialect: "test",
    }
}
