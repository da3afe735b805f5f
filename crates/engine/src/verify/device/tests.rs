use super::*;
use crate::{
    denied::Refusal,
    id::RequestId,
    model::{
        environment::{Environment, Mode},
        ticket::KeptCode,
    },
    row::Row,
    sealed::Sealed,
    testing::{at_once, engine_over},
};
use countersign_jose::{RsaBits, SigningKey};
use std::time::Duration;

const NOW: i64 = 1_700_000_000;
const NONCE: &str = "qzXh0Fw9m3N1pK2sVtYb7A";
const BASE: &[u8] = b"\"@method\": POST";

fn now() -> Timestamp {
    Timestamp::from_seconds(NOW)
}

fn sandbox() -> EnvironmentId {
    EnvironmentId::parse("sandbox").unwrap()
}

fn context() -> CallContext {
    CallContext {
        environment: sandbox(),
        now: now(),
        request_id: RequestId::parse("r1").unwrap(),
        peer: None,
        dialect: "phone",
    }
}

fn environment() -> Row {
    Row::Environment(Environment {
        id: sandbox(),
        display_name: "Sandbox".into(),
        mode: Mode::Sandbox,
        issuer: "https://auth.example.com".into(),
        hosts: vec![],
        dialects: vec![],
        brand: "cs".into(),
        profiles: vec![],
        allowed_origins: vec![],
        public_url: None,
        phone_url: Some("https://phone.example.com".into()),
        provider_registrations: None,
        data_key: Sealed(vec![1]),
        tag_keys: vec![],
        created_at: now(),
    })
}

fn key() -> SigningKey {
    SigningKey::generate(Algorithm::Es256, RsaBits::B2048).unwrap()
}

fn public(key: &SigningKey) -> Jwk {
    key.verifying_key().unwrap().to_jwk().unwrap()
}

fn device(key: &SigningKey, enrolled_at: Timestamp) -> Device {
    let public_key = public(key);
    Device {
        environment: sandbox(),
        id: DeviceId::parse(&public_key.thumbprint()).unwrap(),
        public_key,
        name: "Ada's phone".into(),
        pin: KeptCode {
            pepper: Sealed(vec![]),
            mac: Digest::of("pin", &[]),
        },
        wrong_pins: 0,
        locked_at: None,
        assets: vec![],
        links: vec![],
        waiting: vec![],
        created_at: enrolled_at,
        updated_at: enrolled_at,
    }
}

fn signed(key: &SigningKey) -> DeviceSignature {
    DeviceSignature {
        device: public(key).thumbprint(),
        new_key: None,
        base: BASE.into(),
        signature: key.sign(BASE).unwrap(),
        created_s: NOW,
        nonce: NONCE.into(),
    }
}

fn reason<T>(verified: Result<Authenticated<T>, Refused>) -> Result<T, Reason> {
    match verified.map_err(Refusal::from) {
        Ok(Authenticated(who)) => Ok(who),
        Err(Refusal::Denied(Denied::InvalidToken(reason))) => Err(reason),
        Err(other) => panic!("{other:?}"),
    }
}

fn verify(rows: Vec<Row>, signature: &DeviceSignature) -> Result<DeviceCaller, Reason> {
    let engine = engine_over(rows);
    reason(at_once(engine.verify_device(&context(), signature)))
}

#[test]
fn a_device_is_believed_by_its_own_keys_signature_and_no_other() {
    let (own, other) = (key(), key());
    let known = device(&own, now());
    let rows = || vec![environment(), Row::Device(Box::new(known.clone()))];
    let good = signed(&own);
    assert_eq!(verify(rows(), &good).unwrap().device, known);
    let cases = [
        ("of another key", {
            let signature = other.sign(BASE).unwrap();
            (
                DeviceSignature {
                    signature,
                    ..good.clone()
                },
                Reason::Signature,
            )
        }),
        ("over another request", {
            let base = b"\"@method\": GET".to_vec();
            (
                DeviceSignature {
                    base,
                    ..good.clone()
                },
                Reason::Signature,
            )
        }),
        ("cut short", {
            let signature = good.signature[..63].to_vec();
            (
                DeviceSignature {
                    signature,
                    ..good.clone()
                },
                Reason::Signature,
            )
        }),
        (
            "of a device that nobody knows",
            (signed(&other), Reason::Unknown),
        ),
        ("of no name", {
            let device = "no/name".into();
            (
                DeviceSignature {
                    device,
                    ..good.clone()
                },
                Reason::Unknown,
            )
        }),
        ("with a short nonce", {
            let nonce = NONCE[1..].into();
            (
                DeviceSignature {
                    nonce,
                    ..good.clone()
                },
                Reason::Claims,
            )
        }),
        ("with a long nonce", {
            let nonce = format!("{NONCE}AA");
            (
                DeviceSignature {
                    nonce,
                    ..good.clone()
                },
                Reason::Claims,
            )
        }),
        ("with a nonce in another spelling", {
            let nonce = format!("{}B", &NONCE[..21]);
            (
                DeviceSignature {
                    nonce,
                    ..good.clone()
                },
                Reason::Claims,
            )
        }),
    ];
    for (what, (signature, expected)) in cases {
        assert_eq!(verify(rows(), &signature).err(), Some(expected), "{what}");
    }
    // Its row is all that is asked: a removed device is nobody.
    assert_eq!(
        verify(vec![environment()], &good).err(),
        Some(Reason::Unknown)
    );
}

#[test]
fn a_locked_device_is_still_known_and_one_that_was_never_used_is_not_after_its_hour() {
    let key = key();
    let rows = |device| vec![environment(), Row::Device(Box::new(device))];
    let locked = Device {
        locked_at: Some(now()),
        ..device(&key, now())
    };
    assert!(verify(rows(locked), &signed(&key)).is_ok());
    let an_hour = Duration::from_secs(3600);
    let old = device(&key, now().minus(an_hour));
    assert_eq!(
        verify(rows(old), &signed(&key)).err(),
        Some(Reason::Unknown)
    );
    let in_time = now().minus(an_hour).plus(Duration::from_micros(1));
    assert!(verify(rows(device(&key, in_time)), &signed(&key)).is_ok());
}

#[test]
fn reading_is_allowed_for_as_long_as_a_call_is_held_and_changing_is_not() {
    let key = key();
    let rows = || vec![environment(), Row::Device(Box::new(device(&key, now())))];
    for (seconds, reads, changes) in [
        (61, Err(Reason::NotYet), false),
        (60, Ok(()), true),
        (0, Ok(()), true),
        (-60, Ok(()), true),
        (-61, Ok(()), false),
        (-120, Ok(()), false),
        (-121, Err(Reason::Expired), false),
        (i64::MAX / 2_000_000, Err(Reason::NotYet), false),
        (i64::MIN, Err(Reason::Expired), false),
    ] {
        let created_s = NOW.saturating_add(seconds);
        let signature = DeviceSignature {
            created_s,
            ..signed(&key)
        };
        let verified = verify(rows(), &signature);
        let may_change = verified
            .as_ref()
            .is_ok_and(|who| who.may_change(now()).is_ok());
        assert_eq!(verified.map(|_| ()), reads, "{seconds}");
        assert_eq!(may_change, changes, "{seconds}");
    }
}

#[test]
fn a_nonce_is_the_devices_own_and_outlives_its_signature() {
    let keys = [key(), key()];
    let spent = keys.each_ref().map(|key| {
        let rows = vec![environment(), Row::Device(Box::new(device(key, now())))];
        verify(rows, &signed(key)).unwrap().nonce
    });
    assert_ne!(spent[0].digest, spent[1].digest);
    assert!(spent[0].expires_at > now().plus(DEVICE_CLOCK_SKEW_MAX));
}

#[test]
fn a_new_device_proves_that_it_has_the_key() {
    let (own, other) = (key(), key());
    let rsa = SigningKey::generate(Algorithm::Rs256, RsaBits::B2048).unwrap();
    let edwards = SigningKey::generate(Algorithm::EdDsa, RsaBits::B2048).unwrap();
    let enrols = |key: &SigningKey| DeviceSignature {
        new_key: Some(public(key).with_kid("whatever")),
        ..signed(key)
    };
    let engine = engine_over(vec![]);
    let verify =
        |signature: &DeviceSignature| reason(engine.verify_new_device(&context(), signature));
    let good = enrols(&own);
    let new = verify(&good).unwrap();
    assert_eq!(new.id.as_str(), public(&own).thumbprint());
    // Nothing of the key is kept but what its name is made of.
    assert_eq!((new.key.kid, new.key.alg, new.key.use_), (None, None, None));
    let late = NOW - 61;
    let early = NOW + 61;
    for (what, signature, expected) in [
        ("without a key", signed(&own), Reason::Kind),
        ("an RSA key", enrols(&rsa), Reason::Kind),
        ("an Ed25519 key", enrols(&edwards), Reason::Kind),
        (
            "another key than the one that is named",
            DeviceSignature {
                device: public(&other).thumbprint(),
                ..good.clone()
            },
            Reason::Mismatch,
        ),
        (
            "a key that somebody else has",
            DeviceSignature {
                signature: other.sign(BASE).unwrap(),
                ..good.clone()
            },
            Reason::Signature,
        ),
        (
            "too late",
            DeviceSignature {
                created_s: late,
                ..good.clone()
            },
            Reason::Expired,
        ),
        (
            "from the future",
            DeviceSignature {
                created_s: early,
                ..good.clone()
            },
            Reason::NotYet,
        ),
        (
            "without a nonce",
            DeviceSignature {
                nonce: String::new(),
                ..good.clone()
            },
            Reason::Claims,
        ),
    ] {
        assert_eq!(verify(&signature).err(), Some(expected), "{what}");
    }
}
