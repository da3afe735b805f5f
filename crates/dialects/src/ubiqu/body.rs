//! Members of JSON bodies. What is not known is left alone: the vendor's clients send more than we need.

use super::{flavour::V1, key};
use crate::{
    Request,
    wire::{json, media},
};
use countersign_engine::{
    denied::{Denied, Problem, ProblemKind},
    id::AssetId,
    model::{approval::Cipher, held_key::Oaep},
    octets::Octets,
};
use data_encoding::HEXLOWER_PERMISSIVE;
use serde_json::{Map, Value};

/// The members of a body, and all that is wrong with those that were asked for.
pub(super) struct Members {
    values: Map<String, Value>,
    problems: Vec<Problem>,
}

impl Members {
    /// Of a body that is an object; `null`, which some clients send, is one without members.
    pub fn read(request: &Request<'_>) -> Result<Self, Denied> {
        let is_json = |media_type| media::require(request.headers, media_type);
        is_json(media::JSON).or_else(|why| is_json(V1).map_err(|_| why))?;
        let values = match json::parse(request.body)? {
            Value::Object(values) => values,
            Value::Null => Map::new(),
            _ => {
                let expected = ProblemKind::Expected("an object or null");
                return Err(Denied::invalid("body", expected));
            }
        };
        Ok(Self {
            values,
            problems: Vec::new(),
        })
    }

    /// `made` of them, or all that is wrong.
    pub fn finish<T>(self, made: Option<T>) -> Result<T, Denied> {
        match made {
            Some(made) if self.problems.is_empty() => Ok(made),
            _ => Err(Denied::Invalid(self.problems)),
        }
    }

    fn wrong<T>(&mut self, name: &str, kind: ProblemKind) -> Option<T> {
        self.problems.push(Problem::new(name, kind));
        None
    }

    /// A text, if it is there; `null` is as good as nothing.
    pub fn text(&mut self, name: &str) -> Option<String> {
        match self.values.remove(name) {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) => Some(text),
            Some(_) => self.wrong(name, ProblemKind::Expected("a string")),
        }
    }

    /// A text that has to be there. Whether it lacks or is none, exactly one problem is noted.
    pub fn needed(&mut self, name: &str) -> Option<String> {
        let before = self.problems.len();
        let text = self.text(name).filter(|text| !text.is_empty());
        if text.is_none() && self.problems.len() == before {
            return self.wrong(name, ProblemKind::Missing);
        }
        text
    }

    /// Yes or no, if it is there.
    pub fn flag(&mut self, name: &str) -> Option<bool> {
        match self.values.remove(name) {
            None | Some(Value::Null) => None,
            Some(Value::Bool(flag)) => Some(flag),
            Some(_) => self.wrong(name, ProblemKind::Expected("true or false")),
        }
    }

    /// `asset_uuid`.
    pub fn asset(&mut self) -> Option<AssetId> {
        let text = self.needed("asset_uuid")?;
        let id = AssetId::parse(&text).ok();
        let id = id.filter(|id| key::is_hex_32(id.as_str()));
        let expected = ProblemKind::Expected("32 lower-case hexadecimal digits");
        id.or_else(|| self.wrong("asset_uuid", expected))
    }

    /// `fingerprint`, if it is there: 64 hexadecimal digits.
    pub fn fingerprint(&mut self) -> Option<[u8; 32]> {
        let text = self.text("fingerprint")?;
        let bytes = HEXLOWER_PERMISSIVE.decode(text.as_bytes()).ok();
        let bytes = bytes.and_then(|bytes| bytes.try_into().ok());
        let expected = ProblemKind::Expected("64 hexadecimal digits of SHA-256");
        bytes.or_else(|| self.wrong("fingerprint", expected))
    }

    /// That there is a fingerprint.
    pub fn need_fingerprint(&mut self, fingerprint: Option<[u8; 32]>) {
        if fingerprint.is_none() && self.problems.iter().all(|p| p.field != "fingerprint") {
            self.problems
                .push(Problem::new("fingerprint", ProblemKind::Missing));
        }
    }

    /// `cipher_data`, `cipher_key`, and how both are padded.
    pub fn cipher(&mut self) -> Option<Cipher> {
        let (data, key) = (self.octets("cipher_data"), self.octets("cipher_key"));
        let form = match self.text("oaep").as_deref() {
            None | Some("sha1") => Some(Oaep::Sha1),
            Some("sha256") => Some(Oaep::Sha256),
            Some("sha256-mgf1-sha1") => Some(Oaep::Sha256Mgf1Sha1),
            Some(_) => {
                let expected = ProblemKind::Expected("sha1, sha256 or sha256-mgf1-sha1");
                self.wrong("oaep", expected)
            }
        };
        Some(Cipher {
            data: data?,
            key: key?,
            form: form?,
        })
    }

    fn octets(&mut self, name: &str) -> Option<Octets> {
        let text = self.needed(name)?;
        let bytes = HEXLOWER_PERMISSIVE.decode(text.as_bytes()).ok();
        let expected = ProblemKind::Expected("an even number of hexadecimal digits");
        bytes.map(Octets).or_else(|| self.wrong(name, expected))
    }
}
