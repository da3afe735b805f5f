//! What is kept of a credential, and its secret, made: in the spelling of its client.

use super::environments::no_such;
use crate::{
    Engine,
    denied::{Denied, Fault, ProblemKind, Refusal},
    digest::Digest,
    global_id,
    id::CredentialId,
    model::{
        client::{Client, Spelling},
        credential::{CredentialKind, Material},
        environment::Environment,
    },
    opaque::{self, hex_id, random_text},
    pem,
    secret::Secret,
};
use countersign_jose::{Algorithm, Jwk, VerifyingKey};

impl Engine {
    /// A new public name, in the spelling of its client.
    pub(crate) fn new_credential_id(&self, spelling: Spelling) -> Result<CredentialId, Fault> {
        let entropy = &*self.ports.entropy;
        let name = match spelling {
            Spelling::Quiltt => global_id::encode("api", global_id::random(entropy)?),
            _ => format!("cred_{}", random_text(16, entropy)?),
        };
        CredentialId::parse(&name).map_err(Fault::internal)
    }

    pub(crate) fn bearer_secret(
        &self,
        environment: &Environment,
        client: &Client,
        kind: CredentialKind,
    ) -> Result<Made, Refusal> {
        let entropy = &*self.ports.entropy;
        let secret = match (client.spelling, kind, kind.opaque_word()) {
            (Spelling::Ayyeka, CredentialKind::ClientSecret, _) => {
                let mut bytes = [0; 32];
                entropy.fill(&mut bytes)?;
                Secret::new(data_encoding::BASE64.encode(&bytes))
            }
            (Spelling::Quiltt, CredentialKind::ApiKey, _) => {
                let mut bytes = [0; 36];
                entropy.fill(&mut bytes)?;
                Secret::new(format!("qltt_0{}", data_encoding::HEXLOWER.encode(&bytes)))
            }
            (Spelling::Ubiqu, CredentialKind::ApiKey, _) => Secret::new(hex_id(entropy)?),
            (_, _, Some(word)) => {
                let place = crate::compiled::place_of(environment);
                let tag_key = environment.tag_keys.first();
                let tag_key = tag_key
                    .map(|sealed| self.ports.keystore.open(&place, "tag", sealed))
                    .transpose()?;
                let tag_key = tag_key.map(|key| {
                    aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, key.expose())
                });
                let kind = opaque::Kind {
                    brand: &environment.brand,
                    word,
                    mode: environment.mode,
                };
                opaque::mint(kind, &environment.id, tag_key.as_ref(), entropy)?
            }
            _ => return Err(kind_expected().into()),
        };
        Ok(Made {
            digest: opaque::lookup(&environment.id, secret.expose()),
            material: Material::DigestOnly,
            hint: hint(secret.expose()),
            secret: Some(secret),
        })
    }

    /// A pair made here: its public half is kept, its private half told once, as the PKCS#1 document that
    /// partners paste into their code (RFC 8017 appendix A.1.2).
    pub(super) async fn key_pair(
        &self,
        environment: &Environment,
        client: &Client,
        algorithm: Algorithm,
    ) -> Result<Made, Refusal> {
        let place = crate::compiled::place_of(environment);
        let keystore = &self.ports.keystore;
        let pair = keystore.generate(&place, algorithm, PAIR_RSA_BITS).await?;
        let private = keystore.open(&place, pair.id.as_str(), &pair.private)?;
        let secret = pem::rsa_private_key(private.expose())
            .ok_or_else(|| Fault::internal("the keystore made no RSA key"))?;
        Ok(Made {
            secret: Some(secret),
            ..public_key(client, Some((algorithm, pair.public)))?
        })
    }

    pub(super) fn signing_secret(
        &self,
        environment: &Environment,
        id: &CredentialId,
        key: Option<(Algorithm, Option<Jwk>)>,
    ) -> Result<Made, Refusal> {
        let Some((algorithm, None)) = key else {
            return Err(algorithm_expected("HS256, HS384 or HS512").into());
        };
        if !algorithm.is_symmetric() {
            return Err(algorithm_expected("HS256, HS384 or HS512").into());
        }
        // The text itself is the HMAC key, as every library takes it: 86 characters of 64 random bytes.
        let mut bytes = [0; 64];
        self.ports.entropy.fill(&mut bytes)?;
        let secret = Secret::new(countersign_jose::base64url_encode(&bytes));
        let place = crate::compiled::place_of(environment);
        let sealed = self
            .ports
            .keystore
            .seal(&place, id.as_str(), secret.expose().as_bytes())?;
        Ok(Made {
            digest: opaque::lookup(&environment.id, secret.expose()),
            material: Material::Shared(algorithm, sealed),
            // Its text may hold underscores, which are no prefix here.
            hint: format!("{} {}", algorithm.name(), first_letters(secret.expose())),
            secret: Some(secret),
        })
    }
}

/// Bits of the RSA pairs that are made for clients.
const PAIR_RSA_BITS: u32 = 2048;

/// What a platform signs with, it signs with the one algorithm that it has: the header of a token never chooses.
pub(super) fn of_platform(
    client: &Client,
    key: Option<(Algorithm, Option<Jwk>)>,
) -> Result<Option<(Algorithm, Option<Jwk>)>, Denied> {
    let Some(platform) = &client.platform else {
        return Ok(key);
    };
    match key {
        None => Ok(Some((platform.algorithm, None))),
        Some((algorithm, _)) if algorithm != platform.algorithm => Err(algorithm_expected(
            "the platform's own algorithm, which its `platform` says",
        )),
        key => Ok(key),
    }
}

/// A credential's material, just made.
pub(crate) struct Made {
    pub digest: Digest,
    pub material: Material,
    pub hint: String,
    pub secret: Option<Secret<String>>,
}

pub(super) fn public_key(
    client: &Client,
    key: Option<(Algorithm, Option<Jwk>)>,
) -> Result<Made, Denied> {
    let Some((algorithm, Some(jwk))) = key else {
        return Err(no_such("jwk"));
    };
    let parsed = VerifyingKey::from_jwk(algorithm, &jwk);
    parsed.map_err(|_| {
        Denied::invalid(
            "jwk",
            ProblemKind::Expected("a public key that its algorithm can use"),
        )
    })?;
    let thumbprint = jwk.thumbprint();
    // The same key may belong to one client only once; two clients with one key would be one client.
    let parts = [
        client.environment.as_str().as_bytes(),
        thumbprint.as_bytes(),
    ];
    Ok(Made {
        digest: Digest::of("countersign/public-key", &parts),
        material: Material::PublicKey(algorithm, jwk),
        hint: format!("{} {thumbprint}", algorithm.name()),
        secret: None,
    })
}

/// What is left of a secret for people to recognise it by: its prefix and four characters.
pub(super) fn hint(secret: &str) -> String {
    let prefix = secret
        .match_indices('_')
        .nth(2)
        .map_or(0, |(place, _)| place + 1);
    secret.chars().take(prefix + HINT_LETTERS).collect()
}

/// The same of a secret that has no prefix.
fn first_letters(secret: &str) -> String {
    secret.chars().take(HINT_LETTERS).collect()
}

const HINT_LETTERS: usize = 4;

pub(super) fn kind_expected() -> Denied {
    let kinds = "client_secret, api_key, registration_token, public_key or signing_secret";
    Denied::invalid("kind", ProblemKind::Expected(kinds))
}

fn algorithm_expected(names: &'static str) -> Denied {
    Denied::invalid("algorithm", ProblemKind::Expected(names))
}
