//! The device's key, and what it signs.

use crate::cli::failure::Failure;
use countersign_engine::{digest::sha256, ports::Entropy as _, time::Timestamp};
use countersign_jose::{Algorithm, Jwk, RsaBits, SigningKey, base64url_encode};
use data_encoding::BASE64;
use serde::Serialize;
use url::Url;
use zeroize::Zeroizing;

use crate::system::SystemEntropy;

/// A P-256 key with its name.
pub struct DeviceKey {
    key: SigningKey,
    public: Jwk,
    /// The RFC 7638 thumbprint: the device's name.
    pub id: String,
}

/// The headers of a signed request.
pub struct Signed {
    /// `Content-Digest`.
    pub digest: String,
    /// `Signature-Input`.
    pub input: String,
    /// `Signature`.
    pub signature: String,
}

/// What a device signs when it answers: these members in this order (docs/receipts.md).
#[derive(Serialize)]
struct Statement<'a> {
    v: u8,
    approval: &'a str,
    decision: &'a str,
    record: String,
    device: &'a str,
    audience: &'a str,
    at: String,
}

impl DeviceKey {
    /// A new one.
    ///
    /// # Errors
    /// [`Failure`] when the library fails.
    pub fn generate() -> Result<Self, Failure> {
        // The bits matter to RSA only.
        Self::of(SigningKey::generate(Algorithm::Es256, RsaBits::B2048).map_err(unusable)?)
    }

    /// Read back what [`DeviceKey::secret`] wrote.
    ///
    /// # Errors
    /// [`Failure`] when it is none.
    pub fn restore(document: &[u8]) -> Result<Self, Failure> {
        Self::of(SigningKey::from_pkcs8(Algorithm::Es256, document).map_err(unusable)?)
    }

    fn of(key: SigningKey) -> Result<Self, Failure> {
        let named = key
            .verifying_key()
            .map_err(unusable)?
            .to_jwk()
            .ok_or_else(|| Failure::refused("the key has no public half"))?;
        let public = Jwk {
            kty: named.kty,
            crv: named.crv,
            x: named.x,
            y: named.y,
            ..Jwk::default()
        };
        let id = public.thumbprint();
        Ok(Self { key, public, id })
    }

    /// The private key, as PKCS#8.
    ///
    /// # Errors
    /// [`Failure`] when the library fails.
    pub fn secret(&self) -> Result<Zeroizing<Vec<u8>>, Failure> {
        self.key.to_secret_bytes().map_err(unusable)
    }

    /// The public key: the members that make its name.
    pub const fn public(&self) -> &Jwk {
        &self.public
    }

    /// Sign a request (docs/device-protocol.md).
    ///
    /// # Errors
    /// [`Failure`] without entropy, or when the library fails.
    pub fn sign_request(
        &self,
        method: &str,
        url: &Url,
        body: &str,
        now: Timestamp,
    ) -> Result<Signed, Failure> {
        let mut nonce = [0; 16];
        SystemEntropy
            .fill(&mut nonce)
            .map_err(|fault| Failure::refused(fault.to_string()))?;
        let digest = format!("sha-256=:{}:", BASE64.encode(&sha256(body.as_bytes())));
        let parameters = format!(
            r#"("@method" "@authority" "@request-target" "content-digest");created={};nonce="{}";keyid="{}";alg="ecdsa-p256-sha256""#,
            now.seconds(),
            base64url_encode(&nonce),
            self.id
        );
        let target = match url.query() {
            Some(query) => format!("{}?{query}", url.path()),
            None => url.path().to_owned(),
        };
        let base = format!(
            "\"@method\": {method}\n\"@authority\": {}\n\"@request-target\": {target}\n\"content-digest\": {digest}\n\
             \"@signature-params\": {parameters}",
            authority(url)
        );
        Ok(Signed {
            digest,
            input: format!("countersign={parameters}"),
            signature: format!("countersign=:{}:", BASE64.encode(&self.sign(&base)?)),
        })
    }

    /// Sign an answer: the statement, and the signature in base64url.
    ///
    /// # Errors
    /// [`Failure`] when the library fails.
    pub fn sign_answer(
        &self,
        approval: &str,
        decision: &str,
        record: &str,
        audience: &str,
        now: Timestamp,
    ) -> Result<(String, String), Failure> {
        let statement = Statement {
            v: 1,
            approval,
            decision,
            record: base64url_encode(&sha256(record.as_bytes())),
            device: &self.id,
            audience,
            at: Timestamp::from_seconds(now.seconds())
                .rfc3339()
                .replace(".000000Z", "Z"),
        };
        let statement = serde_json::to_string(&statement).map_err(unusable)?;
        let signature = base64url_encode(&self.sign(&statement)?);
        Ok((statement, signature))
    }

    fn sign(&self, text: &str) -> Result<Vec<u8>, Failure> {
        self.key.sign(text.as_bytes()).map_err(unusable)
    }
}

fn unusable(error: impl std::fmt::Display) -> Failure {
    Failure::refused(format!("the phone's key cannot be used: {error}"))
}

/// The host and port as `Host` carries them, without a default port.
fn authority(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port() {
        None | Some(80 | 443) => host.to_owned(),
        Some(port) => format!("{host}:{port}"),
    }
}
