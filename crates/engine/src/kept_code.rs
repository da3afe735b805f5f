//! Codes that are too short for a digest (passcodes, PINs): kept as an HMAC under a pepper of their own, which is sealed
//! beside it, so that a copy of the store cannot be searched with all codes there are.

use crate::{
    Engine,
    compiled::Compiled,
    denied::Fault,
    digest::Digest,
    id::{DeviceId, EnvironmentId},
    model::{device::Device, ticket::KeptCode},
    secret::{self, Secret},
};
use aws_lc_rs::hmac;

/// What a code belongs to: neither the sealed pepper nor the code is good for anything else.
pub(crate) struct CodeOf {
    /// What the pepper is sealed under.
    bound_to: String,
    /// Goes into the HMAC before the code.
    digest: Digest,
}

impl CodeOf {
    /// The passcode of a ticket.
    pub fn ticket(digest: Digest) -> Self {
        let name = data_encoding::HEXLOWER.encode(digest.as_bytes());
        Self {
            bound_to: format!("passcode {name}"),
            digest,
        }
    }

    /// The PIN of a device.
    pub fn device(environment: &EnvironmentId, device: &DeviceId) -> Self {
        let names = [environment.as_str(), device.as_str()].map(str::as_bytes);
        Self {
            bound_to: format!("pin {device}"),
            digest: Digest::of("countersign/pin", &names),
        }
    }
}

impl Engine {
    /// What is kept of a code: nothing that a copy of the store could be searched with.
    pub(crate) fn kept_code(
        &self,
        compiled: &Compiled,
        of: &CodeOf,
        code: &Secret<String>,
    ) -> Result<KeptCode, Fault> {
        let mut bytes = vec![0; 32];
        self.ports.entropy.fill(&mut bytes)?;
        let pepper = Secret::new(bytes);
        let place = compiled.place()?;
        let keystore = &self.ports.keystore;
        Ok(KeptCode {
            pepper: keystore.seal(&place, &of.bound_to, pepper.expose())?,
            mac: mac(&pepper, of.digest, code),
        })
    }

    /// Whether this is the code that was kept.
    pub(crate) fn is_kept_code(
        &self,
        compiled: &Compiled,
        of: &CodeOf,
        kept: &KeptCode,
        code: &Secret<String>,
    ) -> Result<bool, Fault> {
        let place = compiled.place()?;
        let keystore = &self.ports.keystore;
        let pepper = keystore.open(&place, &of.bound_to, &kept.pepper)?;
        let shown = mac(&pepper, of.digest, code);
        Ok(secret::equal(shown.as_bytes(), kept.mac.as_bytes()))
    }

    /// Whether this is the device's PIN. A try has to be counted before.
    pub(crate) fn is_pin(
        &self,
        compiled: &Compiled,
        device: &Device,
        pin: &Secret<String>,
    ) -> Result<bool, Fault> {
        let of = CodeOf::device(&device.environment, &device.id);
        self.is_kept_code(compiled, &of, &device.pin, pin)
    }
}

fn mac(pepper: &Secret<Vec<u8>>, of: Digest, code: &Secret<String>) -> Digest {
    let key = hmac::Key::new(hmac::HMAC_SHA256, pepper.expose());
    let mut context = hmac::Context::with_key(&key);
    context.update(of.as_bytes());
    context.update(code.expose().as_bytes());
    let mut bytes = [0; 32];
    bytes.copy_from_slice(context.sign().as_ref().get(..32).unwrap_or(&[0; 32]));
    Digest::from_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> Secret<String> {
        Secret::new(text.into())
    }

    #[test]
    fn what_is_kept_belongs_to_one_code_of_one_thing_under_one_pepper() {
        let pepper = Secret::new(vec![7; 32]);
        let sandbox = EnvironmentId::parse("sandbox").unwrap();
        let production = EnvironmentId::parse("production").unwrap();
        let [ada, bob] = ["ada", "bob"].map(|name| DeviceId::parse(name).unwrap());
        let of = CodeOf::device(&sandbox, &ada);
        let kept = mac(&pepper, of.digest, &secret("402311"));
        assert_eq!(mac(&pepper, of.digest, &secret("402311")), kept);
        let others = [
            ("another code", &pepper, of.digest, "402312"),
            ("the code and more", &pepper, of.digest, "4023110"),
            (
                "another device",
                &pepper,
                CodeOf::device(&sandbox, &bob).digest,
                "402311",
            ),
            (
                "another environment",
                &pepper,
                CodeOf::device(&production, &ada).digest,
                "402311",
            ),
            (
                "another pepper",
                &Secret::new(vec![8; 32]),
                of.digest,
                "402311",
            ),
        ];
        for (what, pepper, digest, code) in others {
            assert_ne!(mac(pepper, digest, &secret(code)), kept, "{what}");
        }
    }
}
