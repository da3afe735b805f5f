//! An environment with people and their phones, and several nodes that serve it.

use super::{
    ledger::{Ledger, run},
    strongbox::{Strongbox, pairs},
};
use crate::{
    Engine, Ports,
    approve::record::{Stated, digest_of},
    call::{
        Answer, Asked, Call, CallContext, Callers, DeviceCall, DeviceSignature, Presented, Sender,
        Shown,
    },
    decision::{Carrier, Decision, Fact, Judged, Principal, ShownKind},
    denied::{Denied, Refusal},
    id::{
        ApprovalId, ApproverId, AssetId, ClientId, DeviceId, EnvironmentId, OrganizationId,
        RequestId, SubjectId,
    },
    kept_code::CodeOf,
    model::{
        State,
        approval::Approval,
        approver::{Approver, ApproverList},
        asset::{Asset, AssetState},
        client::{Client, ClientKind, ServiceProvider, Spelling},
        device::{Device, DeviceAsset, Link},
        environment::{Environment, Mode},
        guard::{Accept, ApprovalRule, Approvers, BoundBody, Guard, GuardList},
        organization::Organization,
        profile::TokenProfile,
        scopes::Scopes,
        subject::{Attributes, Subject},
    },
    opaque,
    outcome::{DeviceOutcome, Outcome},
    row::{Key, Row},
    sealed::Sealed,
    secret::Secret,
    testing::{CountingEntropy, NoPasswords, Unmoved},
    time::Timestamp,
};
use countersign_jose::{Algorithm, Jwk, RsaBits, SigningKey};
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

pub const NOW: Timestamp = Timestamp::from_micros(1_795_754_426_500_000);
pub const PIN: &str = "402311";
pub const JANE: &str = "6f1e0c9a-3b52-4d8e-9a47-0c1d2e3f4a5b";
pub const PAYOUT: &str = "/payouts?to=Ada&amount=5";

pub fn at(seconds: u64) -> Timestamp {
    NOW.plus(Duration::from_secs(seconds))
}

pub fn sandbox() -> EnvironmentId {
    EnvironmentId::parse("sandbox").unwrap()
}

pub fn acme() -> OrganizationId {
    OrganizationId::parse("acme").unwrap()
}

pub fn client(id: &str) -> ClientId {
    ClientId::parse(id).unwrap()
}

pub fn jane() -> SubjectId {
    SubjectId::parse(JANE).unwrap()
}

/// A phone with its key.
pub struct Phone {
    key: SigningKey,
    pub jwk: Jwk,
    pub id: DeviceId,
    nonces: AtomicUsize,
}

impl Phone {
    pub fn new() -> Self {
        let key = SigningKey::generate(Algorithm::Es256, RsaBits::B2048).unwrap();
        let made = key.verifying_key().unwrap().to_jwk().unwrap();
        let jwk = Jwk {
            kty: made.kty,
            crv: made.crv,
            x: made.x,
            y: made.y,
            ..Jwk::default()
        };
        Self {
            id: DeviceId::parse(&jwk.thumbprint()).unwrap(),
            jwk,
            key,
            nonces: AtomicUsize::new(0),
        }
    }

    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.key.sign(message).unwrap()
    }

    /// The answer to a request, signed.
    pub fn answer(&self, approval: &Approval, pin: Option<&str>, now: Timestamp) -> Answer {
        let stated = Stated {
            approval: &approval.id,
            approves: pin.is_some(),
            record: digest_of(&approval.record),
            device: &self.id,
            audience: "https://auth.example",
        };
        let statement = stated.write(now);
        Answer {
            approval: approval.id.clone(),
            approves: pin.is_some(),
            pin: pin.map(|pin| Secret::new(pin.to_owned())),
            signature: self.sign(statement.as_bytes()),
            statement,
        }
    }

    /// A call, signed with a nonce of its own.
    pub fn signed(&self, now: Timestamp) -> DeviceSignature {
        let nonce = self.nonces.fetch_add(1, SeqCst) as u128;
        let base = b"the request".to_vec();
        DeviceSignature {
            device: self.id.to_string(),
            new_key: None,
            signature: self.sign(&base),
            base,
            created_s: now.seconds(),
            nonce: countersign_jose::base64url_encode(&nonce.to_be_bytes()),
        }
    }
}

/// Everything that stands behind one store.
pub struct World {
    pub ledger: Arc<Ledger>,
    pub strongbox: Arc<Strongbox>,
    pub nodes: Vec<Engine>,
    /// Jane's, with an asset at the bank too.
    pub jane: Phone,
    pub ada: Phone,
    pub bob: Phone,
}

impl World {
    pub fn new() -> Self {
        let (jane, ada, bob) = (Phone::new(), Phone::new(), Phone::new());
        let world = Self {
            ledger: Arc::new(Ledger::of(common_rows(&jane, &ada, &bob))),
            strongbox: Arc::default(),
            nodes: Vec::new(),
            jane,
            ada,
            bob,
        }
        .with_nodes(1);
        for (phone, link, bank) in [
            (&world.jane, Link::Subject(self::jane()), true),
            (&world.ada, approves("ada"), false),
            (&world.bob, approves("bob"), false),
        ] {
            world.enrol(phone, link, bank);
        }
        world
    }

    /// The same store, served by so many nodes that know nothing yet: also after a restart.
    pub fn with_nodes(self, count: usize) -> Self {
        let entropy = Arc::new(CountingEntropy::default());
        // What earlier nodes named must not be named again.
        entropy.skip(1_000_000 * (self.nodes.len() as u64 + 1));
        let node = |_| {
            let ports = Ports {
                store: self.ledger.clone(),
                freshness: Arc::new(Unmoved),
                entropy: entropy.clone(),
                keystore: self.strongbox.clone(),
                passwords: Arc::new(NoPasswords),
            };
            Engine::new(ports, &["standard"])
        };
        Self {
            nodes: (0..count).map(node).collect(),
            ..self
        }
    }

    fn enrol(&self, phone: &Phone, link: Link, bank: bool) {
        let engine = &self.nodes[0];
        let compiled = run(engine.compiled(&sandbox(), NOW)).unwrap().unwrap();
        let of = CodeOf::device(&sandbox(), &phone.id);
        let pin = Secret::new(PIN.to_owned());
        let own = (None, asset_of(phone, None));
        let at_bank = bank.then(|| (Some(client("bank")), asset_of(phone, Some("bank"))));
        let assets: Vec<_> = [own].into_iter().chain(at_bank).collect();
        for (provider, id) in &assets {
            self.ledger.put(Row::Asset(Box::new(Asset {
                environment: sandbox(),
                id: id.clone(),
                provider: provider.clone(),
                organization: Some(acme()),
                device: phone.id.clone(),
                sign: pairs()[0].clone(),
                decrypt: pairs()[1].clone(),
                authenticate: pairs()[2].clone(),
                state: AssetState::Active,
                created_at: Timestamp::EPOCH,
                updated_at: Timestamp::EPOCH,
            })));
        }
        self.ledger.put(Row::Device(Box::new(Device {
            environment: sandbox(),
            id: phone.id.clone(),
            public_key: phone.jwk.clone(),
            name: "a phone".into(),
            pin: engine.kept_code(&compiled, &of, &pin).unwrap(),
            wrong_pins: 0,
            locked_at: None,
            assets: assets
                .into_iter()
                .map(|(provider, asset)| DeviceAsset { provider, asset })
                .collect(),
            links: vec![link],
            waiting: vec![],
            created_at: Timestamp::EPOCH,
            updated_at: Timestamp::EPOCH,
        })));
    }

    pub fn device(&self, phone: &Phone) -> Device {
        let key = Key::Device(sandbox(), phone.id.clone());
        self.ledger.get(&key).unwrap().device().unwrap().clone()
    }

    pub fn approval(&self, id: &ApprovalId) -> Approval {
        let key = Key::Approval(sandbox(), id.clone());
        self.ledger.get(&key).unwrap().approval().unwrap().clone()
    }

    /// Change a row, whatever stands there.
    pub fn change<T>(&self, key: &Key, change: impl FnOnce(&mut Row) -> T) -> T {
        let mut row = self.ledger.get(key).unwrap().row.clone();
        let changed = change(&mut row);
        self.ledger.put(row);
        changed
    }

    /// What a phone's call came to at a node.
    pub async fn call(
        &self,
        node: usize,
        signature: DeviceSignature,
        call: DeviceCall,
        now: Timestamp,
    ) -> Result<DeviceOutcome, Refusal> {
        let asked = Asked {
            callers: Callers::Device,
            presented: Presented::Present(Shown::DeviceSignature(Box::new(signature))),
            sender: Sender::Machine,
            call: Ok(Call::Device(call)),
        };
        match self.nodes[node].handle(&context(now), asked).await? {
            Outcome::Device(outcome) => Ok(outcome),
            other => panic!("{other:?}"),
        }
    }

    /// The same of an answer; `None` as PIN: a rejection.
    pub async fn answer(
        &self,
        node: usize,
        phone: &Phone,
        approval: &Approval,
        pin: Option<&str>,
        now: Timestamp,
    ) -> Result<Approval, Refusal> {
        let answer = phone.answer(approval, pin, now);
        let call = DeviceCall::Answer(answer);
        match self.call(node, phone.signed(now), call, now).await? {
            DeviceOutcome::Request(approval) => Ok(*approval),
            other => panic!("{other:?}"),
        }
    }

    /// What a gateway is told of Jane's request.
    pub fn decide(&self, judged: &Judged<'_>, now: Timestamp) -> Result<Option<String>, Denied> {
        self.decide_of(judged, &principal(), now)
    }

    pub fn decide_of(
        &self,
        judged: &Judged<'_>,
        principal: &Principal,
        now: Timestamp,
    ) -> Result<Option<String>, Denied> {
        let engine = &self.nodes[0];
        let fact = Arc::new(Fact::of(principal.clone(), now));
        engine.keep_fact(opaque::lookup(&sandbox(), "a-session"), &fact);
        let fresh = engine.fresh(now).unwrap();
        let warm = engine.decide_warm(&context(now), judged, fresh);
        assert!(
            warm.is_none(),
            "a countersigned request was told from memory"
        );
        match run(engine.decide(&context(now), judged)) {
            Decision::Allow(allowed) => Ok(allowed.content_digest),
            Decision::Deny(denied) => match denied.refusal {
                Refusal::Denied(denied) => Err(denied),
                Refusal::Fault(fault) => panic!("{fault}"),
            },
        }
    }

    /// The approval that a request waits for.
    pub fn ask(&self, judged: &Judged<'_>, now: Timestamp) -> Approval {
        let Err(Denied::Unapproved(why)) = self.decide(judged, now) else {
            panic!("nobody is asked")
        };
        let crate::denied::Unapproved::Waiting { approval, .. } = *why else {
            panic!("{why:?}")
        };
        self.approval(&approval)
    }
}

pub fn asset_of(phone: &Phone, provider: Option<&str>) -> AssetId {
    let short = phone.id.as_str().get(..20).unwrap();
    AssetId::parse(&format!("{short}.{}", provider.unwrap_or("own"))).unwrap()
}

pub fn approves(id: &str) -> Link {
    Link::Approver(acme(), ApproverId::parse(id).unwrap())
}

pub fn context(now: Timestamp) -> CallContext {
    CallContext {
        environment: sandbox(),
        now,
        request_id: RequestId::parse("ours").unwrap(),
        peer: None,
        dialect: "test",
    }
}

pub fn principal() -> Principal {
    Principal {
        environment: sandbox(),
        organization: Some(acme()),
        client: Some(client("shop")),
        subject: Some(JANE.into()),
        scopes: Scopes::default(),
        shown: ShownKind::Session,
        expires_at: None,
    }
}

/// Jane pays.
pub fn request(target: &str) -> Judged<'_> {
    Judged {
        method: "POST",
        host: "api.example",
        target,
        peer: None,
        authorization: Carrier::Present("Bearer a-session"),
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

pub fn guard(name: &str, path: &str, approvers: Approvers, body: BoundBody) -> Guard {
    Guard {
        name: name.into(),
        hosts: vec![],
        paths: vec![path.into()],
        methods: vec![],
        accept: vec![Accept::Session],
        profiles: vec![],
        audiences: vec![],
        scopes: Scopes::default(),
        origins: vec!["https://app.example".into()],
        rate_limit: None,
        dialect: None,
        secrets_from_browsers: false,
        assertion: false,
        approval: Some(ApprovalRule {
            approvers,
            body,
            sentence: "Pay {query.amount} to {query.to}".into(),
        }),
    }
}

pub fn finance(needed: u8) -> Approvers {
    Approvers::Group {
        organization: None,
        group: "finance".into(),
        needed,
    }
}

pub fn guards() -> Vec<Guard> {
    vec![
        guard("payouts", "/payouts", Approvers::Subject, BoundBody::None),
        guard("others", "/others", Approvers::Subject, BoundBody::None),
        guard("both", "/both", finance(2), BoundBody::None),
        guard(
            "bodies",
            "/bodies",
            Approvers::Subject,
            BoundBody::CheckedByApi,
        ),
    ]
}

fn application(id: &str, kind: ClientKind, provider: Option<ServiceProvider>) -> Row {
    Row::Client(Client {
        environment: sandbox(),
        id: client(id),
        organization: acme(),
        display_name: format!("The {id}"),
        kind,
        spelling: Spelling::Countersign,
        state: State::Active,
        scopes: Scopes::default(),
        resources: vec![],
        serves: vec![],
        platform: None,
        sign_in: None,
        provider,
        number: 1,
        maker_number: 1,
        created_at: Timestamp::EPOCH,
    })
}

fn common_rows(jane: &Phone, ada: &Phone, bob: &Phone) -> Vec<Row> {
    let approver = |id: &str, phone: &Phone| Approver {
        id: ApproverId::parse(id).unwrap(),
        display_name: format!("{id} of Acme"),
        groups: vec!["finance".into()],
        device: Some(phone.id.clone()),
        created_at: Timestamp::EPOCH,
    };
    let bank = ServiceProvider {
        callback_url: Some("https://bank.example/callback".into()),
        ..ServiceProvider::default()
    };
    vec![
        Row::Environment(Environment {
            id: sandbox(),
            display_name: "Sandbox".into(),
            mode: Mode::Sandbox,
            issuer: "https://auth.example".into(),
            hosts: vec![],
            dialects: vec![],
            brand: "cs".into(),
            profiles: vec![TokenProfile::standard("https://auth.example")],
            allowed_origins: vec![],
            public_url: None,
            phone_url: None,
            provider_registrations: None,
            data_key: Sealed::default(),
            tag_keys: vec![],
            created_at: Timestamp::EPOCH,
        }),
        Row::Guards(GuardList {
            environment: sandbox(),
            guards: guards(),
        }),
        Row::Organization(Organization {
            id: acme(),
            display_name: "Acme".into(),
            state: State::Active,
            number: 1,
            created_at: Timestamp::EPOCH,
        }),
        application("shop", ClientKind::Backend, None),
        application("bank", ClientKind::ServiceProvider, Some(bank)),
        Row::Subject(Subject {
            environment: sandbox(),
            id: self::jane(),
            organization: acme(),
            platform: None,
            email: None,
            phone: None,
            attributes: Attributes::default(),
            metadata: None,
            state: State::Active,
            closing_at: None,
            password: None,
            devices: vec![jane.id.clone()],
            created_at: Timestamp::EPOCH,
            updated_at: Timestamp::EPOCH,
        }),
        Row::Approvers(ApproverList {
            environment: sandbox(),
            organization: acme(),
            approvers: vec![approver("ada", ada), approver("bob", bob)],
        }),
    ]
}
