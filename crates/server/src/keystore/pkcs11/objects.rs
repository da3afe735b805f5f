//! Key pairs as objects of the token: made so that they cannot leave it, found, used, destroyed.

use super::trouble::Trouble;
use aws_lc_rs::{
    encoding::{AsDer, PublicKeyX509Der},
    rsa::{OAEP_SHA1_MGF1SHA1, OaepPublicEncryptingKey, PublicEncryptingKey, PublicKeyComponents},
};
use countersign_engine::{
    denied::Fault,
    ports::{Decrypted, NotDecrypted},
    secret::Secret,
};
use cryptoki::{
    error::{Error, RvError},
    mechanism::{
        Mechanism, MechanismType,
        rsa::{PkcsMgfType, PkcsOaepParams, PkcsOaepSource},
    },
    object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle},
    session::{Session, SessionState},
};

/// 65537.
const EXPONENT: [u8; 3] = [1, 0, 1];
const MODULUS_BITS: u64 = 2048;
const MODULUS_BYTES: usize = 256;
/// A `DigestInfo` up to the digest itself, for SHA-256 (RFC 8017 section 9.2, note 1).
const DIGEST_INFO: [u8; 19] = [
    0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05,
    0x00, 0x04, 0x20,
];
/// What is encrypted to see whether the token decrypts at all.
const PROBE: &[u8] = b"countersign";

/// A pair in the token.
#[derive(Debug, Clone)]
pub(super) struct TokenPair {
    /// `CKA_ID`.
    pub(super) id: Vec<u8>,
    /// `SubjectPublicKeyInfo`, DER.
    pub(super) public: Vec<u8>,
}

/// Make a pair of this name. The public half is kept by whoever needs it, and not in the token.
pub(super) fn make(session: &Session, id: &[u8], label: &str) -> Result<TokenPair, Trouble> {
    let public = [
        Attribute::Token(false),
        Attribute::Encrypt(true),
        Attribute::Verify(true),
        Attribute::ModulusBits(MODULUS_BITS.into()),
        Attribute::PublicExponent(EXPONENT.to_vec()),
    ];
    let private = [
        Attribute::Token(true),
        Attribute::Private(true),
        Attribute::Sensitive(true),
        Attribute::Extractable(false),
        Attribute::Sign(true),
        Attribute::Decrypt(true),
        Attribute::Unwrap(false),
        Attribute::Id(id.to_vec()),
        Attribute::Label(label.as_bytes().to_vec()),
    ];
    let made = session.generate_key_pair(&Mechanism::RsaPkcsKeyPairGen, &public, &private);
    let (public, private) = made?;
    session.destroy_object(public)?;
    if may_leave(session, private)? {
        session.destroy_object(private)?;
        return Err(Trouble::Fault(Fault::internal(
            "the PKCS#11 token makes private keys that can be read: it ignores CKA_SENSITIVE or CKA_EXTRACTABLE",
        )));
    }
    Ok(TokenPair {
        id: id.to_vec(),
        public: public_half(session, private)?,
    })
}

/// Whether the token did not do as it was told.
fn may_leave(session: &Session, private: ObjectHandle) -> Result<bool, Trouble> {
    let asked = [AttributeType::Sensitive, AttributeType::Extractable];
    let told = session.get_attributes(private, &asked)?;
    let is_safe = |attribute: &Attribute| {
        matches!(
            attribute,
            Attribute::Sensitive(true) | Attribute::Extractable(false)
        )
    };
    Ok(told.len() != asked.len() || !told.iter().all(is_safe))
}

fn public_half(session: &Session, private: ObjectHandle) -> Result<Vec<u8>, Trouble> {
    let told = session.get_attributes(private, &[AttributeType::Modulus])?;
    let [Attribute::Modulus(modulus)] = told.as_slice() else {
        return Err(fault("a private key without a modulus"));
    };
    let leading = modulus.iter().take_while(|byte| **byte == 0).count();
    let components = PublicKeyComponents {
        n: modulus.get(leading..).unwrap_or_default(),
        e: &EXPONENT[..],
    };
    let public: PublicKeyX509Der<'_> = components
        .as_der()
        .map_err(|_| fault("a modulus that makes no public key"))?;
    Ok(public.as_ref().to_vec())
}

fn fault(what: &str) -> Trouble {
    Trouble::Fault(Fault::internal(format!("the PKCS#11 token has {what}")))
}

/// Every pair with this label.
pub(super) fn labelled(session: &Session, label: &str) -> Result<Vec<TokenPair>, Trouble> {
    let template = [
        Attribute::Class(ObjectClass::PRIVATE_KEY),
        Attribute::KeyType(KeyType::RSA),
        Attribute::Label(label.as_bytes().to_vec()),
    ];
    let mut pairs = Vec::new();
    for private in session.find_objects(&template)? {
        let told = session.get_attributes(private, &[AttributeType::Id])?;
        let [Attribute::Id(id)] = told.as_slice() else {
            return Err(fault("a private key without a name"));
        };
        pairs.push(TokenPair {
            id: id.clone(),
            public: public_half(session, private)?,
        });
    }
    Ok(pairs)
}

/// The private half of this name, if it is there.
fn find(session: &Session, id: &[u8]) -> Result<Option<ObjectHandle>, Trouble> {
    let template = [
        Attribute::Class(ObjectClass::PRIVATE_KEY),
        Attribute::Id(id.to_vec()),
    ];
    match session.find_objects(&template)?.as_slice() {
        [private] => Ok(Some(*private)),
        // Whoever is not logged in sees no private object at all.
        [] if !is_logged_in(session)? => Err(Trouble::LoggedOut),
        [] => Ok(None),
        _ => Err(fault("two private keys of one name")),
    }
}

fn is_logged_in(session: &Session) -> Result<bool, Trouble> {
    let state = session.get_session_info()?.session_state();
    Ok(matches!(state, SessionState::RwUser))
}

fn existing(session: &Session, id: &[u8]) -> Result<ObjectHandle, Trouble> {
    find(session, id)?.ok_or_else(|| {
        let id = data_encoding::HEXLOWER.encode(id);
        Trouble::Fault(Fault::internal(format!(
            "the PKCS#11 token has no private key {id}: it was destroyed there, or is in another token"
        )))
    })
}

/// Give a pair another label.
pub(super) fn relabel(session: &Session, id: &[u8], label: &str) -> Result<(), Trouble> {
    let label = Attribute::Label(label.as_bytes().to_vec());
    Ok(session.update_attributes(existing(session, id)?, &[label])?)
}

/// Destroy a private half. That it is gone already is as good.
pub(super) fn destroy(session: &Session, id: &[u8]) -> Result<(), Trouble> {
    match find(session, id)? {
        Some(private) => Ok(session.destroy_object(private)?),
        None => Ok(()),
    }
}

/// RSASSA-PKCS1-v1_5 over the `DigestInfo` of a digest.
pub(super) fn sign(session: &Session, id: &[u8], digest: &[u8; 32]) -> Result<Vec<u8>, Trouble> {
    let info = [&DIGEST_INFO[..], digest].concat();
    Ok(session.sign(&Mechanism::RsaPkcs, existing(session, id)?, &info)?)
}

/// RSAES-OAEP with SHA-1 for both.
pub(super) fn decrypt(
    session: &Session,
    pair: &TokenPair,
    ciphertext: &[u8],
) -> Result<Decrypted, Trouble> {
    let private = existing(session, &pair.id)?;
    if ciphertext.len() != MODULUS_BYTES {
        // RFC 8017 section 7.1.2, step 1: its length is no secret, and modules differ in what they do about it.
        return Ok(Err(NotDecrypted::Ciphertext));
    }
    let decrypt = |ciphertext: &[u8]| {
        let source = PkcsOaepSource::empty();
        let form = PkcsOaepParams::new(MechanismType::SHA1, PkcsMgfType::MGF1_SHA1, source);
        session.decrypt(&Mechanism::RsaPkcsOaep(form), private, ciphertext)
    };
    match decrypt(ciphertext).map(Secret::new) {
        Ok(plain) => Ok(Ok(plain)),
        Err(error) if may_be_the_ciphertext(&error) => {
            // SoftHSM has one word for a bad ciphertext and for a failure of its own. Whichever word it was, the
            // same follows, and only what the token does with a good one tells whose fault it is.
            let probe = probe(&pair.public)?;
            match decrypt(&probe).map(Secret::new) {
                Ok(plain) if plain.expose() == PROBE => Ok(Err(NotDecrypted::Ciphertext)),
                _ => Err(error.into()),
            }
        }
        Err(error) => Err(error.into()),
    }
}

fn may_be_the_ciphertext(error: &Error) -> bool {
    let Error::Pkcs11(value, cryptoki::context::Function::Decrypt) = error else {
        return false;
    };
    matches!(
        value,
        RvError::EncryptedDataInvalid
            | RvError::EncryptedDataLenRange
            | RvError::DataInvalid
            | RvError::DataLenRange
            | RvError::FunctionFailed
            | RvError::GeneralError
    )
}

fn probe(public: &[u8]) -> Result<Vec<u8>, Trouble> {
    let cannot = || Trouble::Fault(Fault::internal("cannot encrypt with an asset's key"));
    let public = PublicEncryptingKey::from_der(public).map_err(|_| cannot())?;
    let public = OaepPublicEncryptingKey::new(public).map_err(|_| cannot())?;
    let mut room = vec![0; public.ciphertext_size()];
    let ciphertext = public.encrypt(&OAEP_SHA1_MGF1SHA1, PROBE, &mut room, None);
    Ok(ciphertext.map_err(|_| cannot())?.to_vec())
}
