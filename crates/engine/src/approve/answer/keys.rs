//! The asset's key, used for an approved request of that asset and for nothing else.

use super::{Answering, Request};
use crate::{
    Engine,
    approve::{receipt::pair_for, record::digest_of},
    denied::{Denied, Fault, Reason, Refusal},
    model::{
        approval::{Asked, Cipher, OperationKind},
        asset::Asset,
        held_key::HeldKey,
    },
    octets::Octets,
    ports::{KeyPlace, NotDecrypted},
    secret::Secret,
};
use aws_lc_rs::{
    cipher::{AES_128, AES_256, EncryptionContext, PaddedBlockEncryptingKey, UnboundCipherKey},
    iv::FixedLength,
};

/// Bytes of a block of AES.
const BLOCK_BYTES: usize = 16;

/// What the asset's key made.
pub(super) struct Made {
    /// The asset's signature.
    pub signature: Option<Octets>,
    /// What the service provider gets: that signature, or what was decrypted.
    pub answer: Option<Octets>,
    /// Why nothing could be made: the word for the audit log.
    pub failed: Option<&'static str>,
}

impl Made {
    fn signed(signature: Vec<u8>) -> Self {
        let signature = Some(Octets(signature));
        Self {
            answer: signature.clone(),
            signature,
            failed: None,
        }
    }

    const fn failed(why: &'static str) -> Self {
        Self {
            signature: None,
            answer: None,
            failed: Some(why),
        }
    }
}

impl Engine {
    /// Use the pair that answers what is asked.
    pub(super) async fn use_key(
        &self,
        it: &Answering<'_>,
        request: &Request,
    ) -> Result<Made, Refusal> {
        let asset = request.standing.asset(&request.seat);
        let asset = asset.ok_or(Denied::Forbidden(Reason::Revoked))?;
        let place = it.compiled.place()?;
        let approval = &request.approval;
        let pair = pair_for(&approval.asked, asset);
        let digest = match &approval.asked {
            Asked::Countersignature(_) => digest_of(&approval.record),
            Asked::Operation(operation) => match (operation.kind, &operation.cipher) {
                (OperationKind::Decrypt, Some(cipher)) => {
                    return Ok(self.decrypted(&place, asset, pair, cipher).await?);
                }
                (OperationKind::Decrypt, None) => {
                    return Err(Fault::internal("a decryption of nothing").into());
                }
                (OperationKind::Authenticate | OperationKind::Sign, _) => operation.fingerprint,
            },
        };
        let bound_to = Asset::bound_to(&asset.id);
        let keystore = &self.ports.keystore;
        let signature = keystore
            .sign_digest(&place, &bound_to, pair, digest.as_bytes())
            .await?;
        Ok(Made::signed(signature))
    }

    /// Open what was sent, and encrypt it under the key that was sent along. What does not open is a state of the
    /// request, and no fault: its sender is told so, and not why (RFC 8017 section 7.1.2).
    async fn decrypted(
        &self,
        place: &KeyPlace,
        asset: &Asset,
        pair: &HeldKey,
        cipher: &Cipher,
    ) -> Result<Made, Fault> {
        let bound_to = Asset::bound_to(&asset.id);
        let open = |octets| {
            let keystore = &self.ports.keystore;
            keystore.decrypt(place, &bound_to, pair, cipher.form, octets)
        };
        let opened = match (open(&cipher.key.0).await?, open(&cipher.data.0).await?) {
            (Ok(key), Ok(plain)) => (key, plain),
            (Err(NotDecrypted::UnsupportedForm), _) | (_, Err(NotDecrypted::UnsupportedForm)) => {
                return Ok(Made::failed("unsupported_form"));
            }
            (Err(NotDecrypted::Ciphertext), _) | (_, Err(NotDecrypted::Ciphertext)) => {
                return Ok(Made::failed("unusable_ciphertext"));
            }
        };
        let (key, plain) = opened;
        let Some(key) = aes_key(key.expose()) else {
            return Ok(Made::failed("unusable_ciphertext"));
        };
        let mut iv = [0; BLOCK_BYTES];
        self.ports.entropy.fill(&mut iv)?;
        Ok(Made {
            signature: None,
            answer: Some(Octets(encrypted(key, iv, &plain)?)),
            failed: None,
        })
    }
}

/// The DER before a key: `SEQUENCE { SEQUENCE { OID, NULL }, OCTET STRING }` of aes128-CBC and aes256-CBC (NIST,
/// 2.16.840.1.101.3.4.1.2 and .42).
const AES_128_CBC: &[u8] = &[
    0x30, 0x21, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01, 0x02, 0x05,
    0x00, 0x04, 0x10,
];
const AES_256_CBC: &[u8] = &[
    0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01, 0x2a, 0x05,
    0x00, 0x04, 0x20,
];

/// The key in this DER, which has one spelling for each length; none where it is another thing.
fn aes_key(der: &[u8]) -> Option<&[u8]> {
    let of = |prefix, bytes| {
        der.strip_prefix(prefix)
            .filter(|key: &&[u8]| key.len() == bytes)
    };
    of(AES_128_CBC, 16).or_else(|| of(AES_256_CBC, 32))
}

/// `IV || AES-CBC(PKCS#7)`.
fn encrypted(key: &[u8], iv: [u8; BLOCK_BYTES], plain: &Secret<Vec<u8>>) -> Result<Vec<u8>, Fault> {
    let library = |_| Fault::internal("the cryptographic library could not encrypt");
    let algorithm = match key.len() {
        16 => &AES_128,
        _ => &AES_256,
    };
    let key = UnboundCipherKey::new(algorithm, key).map_err(library)?;
    let key = PaddedBlockEncryptingKey::cbc_pkcs7(key).map_err(library)?;
    // Encrypted where it stands, so that no plain copy is left behind when it grows.
    let mut text = Vec::with_capacity(plain.expose().len() + BLOCK_BYTES);
    text.extend_from_slice(plain.expose());
    let context = EncryptionContext::Iv128(FixedLength::from(iv));
    key.less_safe_encrypt(&mut text, context).map_err(library)?;
    Ok([&iv[..], &text].concat())
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_lc_rs::cipher::{DecryptionContext, PaddedBlockDecryptingKey};

    #[test]
    fn what_was_decrypted_is_told_under_the_key_that_was_sent() {
        for bytes in [16, 32] {
            let key = vec![7; bytes];
            for length in [0, 1, 15, 16, 17, 190] {
                let plain = Secret::new(vec![b'x'; length]);
                let told = encrypted(&key, [9; 16], &plain).unwrap();
                assert_eq!(told.len(), 16 + (length / 16 + 1) * 16);
                let (iv, text) = told.split_at(16);
                let algorithm = if bytes == 16 { &AES_128 } else { &AES_256 };
                let unbound = UnboundCipherKey::new(algorithm, &key).unwrap();
                let opening = PaddedBlockDecryptingKey::cbc_pkcs7(unbound).unwrap();
                let iv: [u8; 16] = iv.try_into().unwrap();
                let context = DecryptionContext::Iv128(FixedLength::from(iv));
                let mut text = text.to_vec();
                let opened = opening.decrypt(&mut text, context).unwrap();
                assert_eq!(opened, plain.expose());
            }
        }
    }

    #[test]
    fn only_an_aes_key_in_its_one_spelling_is_taken() {
        let small = [AES_128_CBC, &[1; 16]].concat();
        let large = [AES_256_CBC, &[2; 32]].concat();
        assert_eq!(aes_key(&small), Some(&[1; 16][..]));
        assert_eq!(aes_key(&large), Some(&[2; 32][..]));
        for der in [
            &[][..],
            &[1; 16],
            &small[..34],
            &[&small[..], &[0]].concat(),
            &[AES_128_CBC, &[1; 32]].concat(),
            &[AES_256_CBC, &[1; 16]].concat(),
        ] {
            assert_eq!(aes_key(der), None);
        }
        for place in 0..AES_128_CBC.len() {
            let mut changed = small.clone();
            changed[place] ^= 1;
            assert_eq!(aes_key(&changed), None, "byte {place}");
        }
    }
}
