//! A person's phone, at the engine's door: it signs every call, and answers what it is asked.

use aws_lc_rs::digest::{SHA256, digest};
use countersign_engine::{
    Engine,
    call::{
        Answer, Asked, Call, CallContext, Callers, DeviceCall, DeviceSignature, Presented, Sender,
        Shown,
    },
    denied::Refusal,
    id::ApprovalId,
    outcome::{DeviceOutcome, Outcome},
    secret::Secret,
};
use countersign_jose::{Algorithm, Jwk, RsaBits, SigningKey, base64url_encode};
use serde_json::Value;
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

pub const PIN: &str = "402311";

pub struct Phone {
    engine: Arc<Engine>,
    /// Where and when it calls.
    context: Box<dyn Fn() -> CallContext + Send + Sync>,
    key: SigningKey,
    jwk: Jwk,
    id: String,
    calls: AtomicU64,
}

impl Phone {
    /// A phone that has enrolled.
    pub async fn enrol(
        engine: Arc<Engine>,
        context: impl Fn() -> CallContext + Send + Sync + 'static,
    ) -> Self {
        let key = SigningKey::generate(Algorithm::Es256, RsaBits::B2048).unwrap();
        let jwk = key.verifying_key().unwrap().to_jwk().unwrap();
        let phone = Self {
            engine,
            context: Box::new(context),
            key,
            id: jwk.thumbprint(),
            jwk,
            calls: AtomicU64::new(0),
        };
        let call = DeviceCall::Enrol {
            name: "Ada's phone".into(),
            pin: Secret::new(PIN.into()),
        };
        phone.call(Callers::NewDevice, call).await.unwrap();
        phone
    }

    async fn call(&self, callers: Callers, call: DeviceCall) -> Result<DeviceOutcome, Refusal> {
        let context = (self.context)();
        let number = self.calls.fetch_add(1, Ordering::Relaxed);
        let base = format!("{} {number}", call.name()).into_bytes();
        let mut nonce = [0; 16];
        nonce[8..].copy_from_slice(&number.to_be_bytes());
        let signature = DeviceSignature {
            device: self.id.clone(),
            new_key: (callers == Callers::NewDevice).then(|| self.jwk.clone()),
            signature: self.key.sign(&base).unwrap(),
            base,
            created_s: context.now.seconds(),
            nonce: base64url_encode(&nonce),
        };
        let asked = Asked {
            callers,
            presented: Presented::Present(Shown::DeviceSignature(Box::new(signature))),
            sender: Sender::Machine,
            call: Ok(Call::Device(call)),
        };
        match self.engine.handle(&context, asked).await? {
            Outcome::Device(outcome) => Ok(outcome),
            other => panic!("{other:?}"),
        }
    }

    pub async fn type_in(&self, nonce: &str) -> Result<(), Refusal> {
        let nonce = nonce.to_owned();
        let typed = self.call(Callers::Device, DeviceCall::TypeIn { nonce });
        typed.await.map(|_| ())
    }

    /// What it is shown of a request.
    pub async fn record(&self, approval: &str) -> String {
        let id = ApprovalId::parse(approval).unwrap();
        match self.call(Callers::Device, DeviceCall::Show(id)).await {
            Ok(DeviceOutcome::Request(approval)) => approval.record.clone(),
            other => panic!("{other:?}"),
        }
    }

    pub async fn approve(&self, approval: &str) -> Result<(), Refusal> {
        self.answer(approval, true, PIN).await
    }

    pub async fn reject(&self, approval: &str) -> Result<(), Refusal> {
        self.answer(approval, false, PIN).await
    }

    pub async fn answer(&self, approval: &str, approves: bool, pin: &str) -> Result<(), Refusal> {
        let record = self.record(approval).await;
        let read: Value = serde_json::from_str(&record).unwrap();
        let read_digest = base64url_encode(digest(&SHA256, record.as_bytes()).as_ref());
        let decision = if approves { "approve" } else { "reject" };
        let at = jiff::Timestamp::from_second((self.context)().now.seconds()).unwrap();
        let statement = format!(
            r#"{{"v":1,"approval":"{approval}","decision":"{decision}","record":"{read_digest}","device":"{}","audience":{},"at":"{at}"}}"#,
            self.id, read["issuer"],
        );
        let answer = Answer {
            approval: ApprovalId::parse(approval).unwrap(),
            approves,
            pin: approves.then(|| Secret::new(pin.to_owned())),
            signature: self.key.sign(statement.as_bytes()).unwrap(),
            statement,
        };
        let answered = self.call(Callers::Device, DeviceCall::Answer(answer));
        answered.await.map(|_| ())
    }
}
