use super::*;
use crate::{
    denied::Problem,
    id::{ClientId, DeviceId, EnvironmentId, OrganizationId},
    model::{
        State,
        approval::Cipher,
        client::{ClientKind, ServiceProvider, Spelling},
        held_key::HeldKey,
        scopes::Scopes,
    },
    octets::Octets,
    sealed::Sealed,
    time::Timestamp,
};

const NOW: Timestamp = Timestamp::from_seconds(1_700_000_000);

fn provider(id: &str) -> Client {
    Client {
        environment: EnvironmentId::parse("sandbox").unwrap(),
        id: ClientId::parse(id).unwrap(),
        organization: OrganizationId::parse("acme").unwrap(),
        display_name: "Example Bank".into(),
        kind: ClientKind::ServiceProvider,
        spelling: Spelling::Ubiqu,
        state: State::Active,
        scopes: Scopes::default(),
        resources: vec![],
        serves: vec![],
        platform: None,
        sign_in: None,
        provider: Some(ServiceProvider::default()),
        number: 1,
        maker_number: 1,
        created_at: NOW,
    }
}

fn asset(private: HeldPrivate) -> Asset {
    let key = HeldKey {
        public: vec![1],
        private,
    };
    Asset {
        environment: EnvironmentId::parse("sandbox").unwrap(),
        id: AssetId::parse("asset").unwrap(),
        provider: Some(ClientId::parse("bank").unwrap()),
        organization: Some(OrganizationId::parse("acme").unwrap()),
        device: DeviceId::parse("device").unwrap(),
        sign: key.clone(),
        decrypt: key.clone(),
        authenticate: key,
        state: AssetState::Active,
        created_at: NOW,
        updated_at: NOW,
    }
}

fn ask(kind: OperationKind) -> NewOperation {
    NewOperation {
        kind,
        asset: AssetId::parse("asset").unwrap(),
        pair: kind,
        fingerprint: Some([7; 32]),
        resource_uri: None,
        notify: true,
        cipher: None,
    }
}

fn decrypt(form: Oaep, bytes: usize) -> NewOperation {
    let octets = || Octets(vec![1; bytes]);
    NewOperation {
        cipher: Some(Cipher {
            data: octets(),
            key: octets(),
            form,
        }),
        ..ask(OperationKind::Decrypt)
    }
}

fn with_uri(uri: &str) -> NewOperation {
    NewOperation {
        resource_uri: Some(uri.into()),
        ..ask(OperationKind::Sign)
    }
}

/// The fields that are wrong.
fn wrong(new: &NewOperation, asset: Option<Asset>) -> Vec<String> {
    match decide_operation(new, &provider("bank"), asset) {
        Ok(_) => vec![],
        Err(Denied::Invalid(problems)) => {
            problems.into_iter().map(|it: Problem| it.field).collect()
        }
        Err(other) => panic!("{other:?}"),
    }
}

#[test]
fn each_wrong_member_is_named_as_the_vendor_names_it() {
    let sealed = || Some(asset(HeldPrivate::Sealed(Sealed::default())));
    let in_token = || Some(asset(HeldPrivate::Token { id: "01".into() }));
    let authenticate = || ask(OperationKind::Authenticate);
    let both = ["cipher_data", "cipher_key"];
    let cases: [(&str, NewOperation, Option<Asset>, &[&str]); 14] = [
        ("an authentication", authenticate(), sealed(), &[]),
        ("a signature", ask(OperationKind::Sign), in_token(), &[]),
        ("no such asset", authenticate(), None, &["asset_uuid"]),
        (
            "nothing to decrypt",
            ask(OperationKind::Decrypt),
            sealed(),
            &["cipher_data"],
        ),
        ("a decryption", decrypt(Oaep::Sha1, 256), sealed(), &[]),
        ("with SHA-256", decrypt(Oaep::Sha256, 256), sealed(), &[]),
        (
            "with SHA-1 in a token",
            decrypt(Oaep::Sha1, 256),
            in_token(),
            &[],
        ),
        (
            "with SHA-256 in a token",
            decrypt(Oaep::Sha256, 256),
            in_token(),
            &["oaep"],
        ),
        (
            "with two hashes",
            decrypt(Oaep::Sha256Mgf1Sha1, 256),
            sealed(),
            &["oaep"],
        ),
        (
            "of another length",
            decrypt(Oaep::Sha1, 255),
            sealed(),
            &both,
        ),
        (
            "what is not decrypted",
            NewOperation {
                kind: OperationKind::Sign,
                ..decrypt(Oaep::Sha1, 256)
            },
            sealed(),
            &["cipher_data"],
        ),
        (
            "a document",
            with_uri("https://example.com/contract.pdf"),
            sealed(),
            &[],
        ),
        (
            "a document with a line break",
            with_uri("https://a.example/\n"),
            sealed(),
            &["resource_uri"],
        ),
        (
            "a document of no scheme",
            with_uri("contract.pdf"),
            sealed(),
            &["resource_uri"],
        ),
    ];
    for (what, new, asset, expected) in cases {
        assert_eq!(wrong(&new, asset), expected, "{what}");
    }
}

#[test]
fn an_asset_is_used_by_its_own_provider_and_while_it_is_active() {
    let sealed = || asset(HeldPrivate::Sealed(Sealed::default()));
    let new = ask(OperationKind::Authenticate);
    let other = decide_operation(&new, &provider("shop"), Some(sealed()));
    let unknown = decide_operation(&new, &provider("shop"), None);
    // Whether another provider has it is not told.
    assert_eq!(other.unwrap_err(), unknown.unwrap_err());
    let of_environment = Asset {
        provider: None,
        ..sealed()
    };
    assert_eq!(wrong(&new, Some(of_environment)), ["asset_uuid"]);
    for state in [AssetState::Locked, AssetState::Destroyed] {
        let asset = Asset { state, ..sealed() };
        let refused = decide_operation(&new, &provider("bank"), Some(asset));
        assert!(matches!(refused, Err(Denied::Conflict(_))), "{state:?}");
    }
}
