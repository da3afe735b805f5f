//! One key of each algorithm, and tokens that are well signed whatever they say.

use std::sync::LazyLock;

use countersign_jose::{Algorithm, RsaBits, SigningKey, base64url_encode};

/// In the order of [`Algorithm::ALL`]. The RSA algorithms share one pair: making one takes long.
static KEYS: LazyLock<Vec<SigningKey>> = LazyLock::new(|| {
    let rsa = SigningKey::generate(Algorithm::Rs256, RsaBits::B2048).unwrap();
    let document = rsa.to_secret_bytes().unwrap();
    Algorithm::ALL
        .into_iter()
        .map(|algorithm| {
            if algorithm.is_rsa() {
                SigningKey::from_pkcs8(algorithm, &document).unwrap()
            } else {
                SigningKey::generate(algorithm, RsaBits::B2048).unwrap()
            }
        })
        .collect()
});

pub fn key(algorithm: Algorithm) -> &'static SigningKey {
    KEYS.iter()
        .find(|key| key.algorithm() == algorithm)
        .unwrap()
}

/// Signs any bytes as header and payload, so that only what they say can be the reason.
pub fn signed(key: &SigningKey, header: &[u8], payload: &[u8]) -> String {
    let input = format!("{}.{}", base64url_encode(header), base64url_encode(payload));
    let signature = key.sign(input.as_bytes()).unwrap();
    format!("{input}.{}", base64url_encode(&signature))
}
