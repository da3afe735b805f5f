//! JSON with one meaning. Where parsers differ (RFC 8259 sections 4, 8 and 9), two programs that
//! read the same bytes can be made to see different claims, so all of that is refused.

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use crate::limits::Limits;

/// Why a text is not strict JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StrictJsonError {
    /// Not UTF-8 (RFC 8259 section 8.1).
    #[error("not UTF-8")]
    NotUtf8,
    /// Begins with a byte order mark.
    #[error("begins with a byte order mark")]
    ByteOrderMark,
    /// Not JSON: includes lone surrogates and numbers that no 64-bit type holds.
    #[error("not well-formed JSON")]
    Syntax,
    /// Something other than white space follows the value.
    #[error("bytes after the value")]
    TrailingBytes,
    /// A member name stands twice in one object, at any depth.
    #[error("duplicate member")]
    DuplicateMember,
    /// A string or member name holds U+0000.
    #[error("NUL in a string")]
    Nul,
    /// Nested deeper than [`Limits::depth_max`].
    #[error("nested too deeply")]
    TooDeep,
    /// An array longer than [`Limits::array_max`].
    #[error("array too long")]
    ArrayTooLong,
}

/// Parses one JSON value. `limits` gives depth and array length; the caller bounds the bytes.
///
/// # Errors
/// The first reason in reading order, see [`StrictJsonError`].
pub fn parse(bytes: &[u8], limits: &Limits) -> Result<Value, StrictJsonError> {
    let text = std::str::from_utf8(bytes).map_err(|_| StrictJsonError::NotUtf8)?;
    if text.starts_with('\u{feff}') {
        return Err(StrictJsonError::ByteOrderMark);
    }
    let reason = Cell::new(None);
    let seed = Strict {
        limits,
        depth_left: limits.depth_max,
        reason: &reason,
    };
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let value = seed
        .deserialize(&mut deserializer)
        .map_err(|_| reason.get().unwrap_or(StrictJsonError::Syntax))?;
    deserializer
        .end()
        .map_err(|_| StrictJsonError::TrailingBytes)?;
    Ok(value)
}

/// As [`parse`], and the value must be an object.
pub(crate) fn parse_object(
    bytes: &[u8],
    limits: &Limits,
) -> Result<Option<Map<String, Value>>, StrictJsonError> {
    Ok(match parse(bytes, limits)? {
        Value::Object(members) => Some(members),
        _ => None,
    })
}

/// Builds a [`Value`] while keeping our own reason beside serde's untyped error.
#[derive(Clone, Copy)]
struct Strict<'a> {
    limits: &'a Limits,
    depth_left: usize,
    reason: &'a Cell<Option<StrictJsonError>>,
}

impl Strict<'_> {
    fn refuse<E: serde::de::Error>(self, reason: StrictJsonError) -> E {
        self.reason.set(Some(reason));
        E::custom(reason)
    }

    fn deeper<E: serde::de::Error>(self) -> Result<Self, E> {
        match self.depth_left.checked_sub(1) {
            Some(depth_left) => Ok(Self { depth_left, ..self }),
            None => Err(self.refuse(StrictJsonError::TooDeep)),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value)
            .map(Value::Number)
            .ok_or_else(|| E::custom("not a finite number"))
    }

    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<Value, E> {
        self.visit_string(value.to_owned())
    }

    fn visit_string<E: serde::de::Error>(self, value: String) -> Result<Value, E> {
        if value.contains('\0') {
            return Err(self.refuse(StrictJsonError::Nul));
        }
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut array = Vec::new();
        while let Some(element) = elements.next_element_seed(inner)? {
            if array.len() >= self.limits.array_max {
                return Err(self.refuse(StrictJsonError::ArrayTooLong));
            }
            array.push(element);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut object = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            if name.contains('\0') {
                return Err(self.refuse(StrictJsonError::Nul));
            }
            // Judged before the value is read: a duplicate is the reason, whatever it holds.
            if object.contains_key(&name) {
                return Err(self.refuse(StrictJsonError::DuplicateMember));
            }
            let value = members.next_value_seed(inner)?;
            object.insert(name, value);
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &[u8]) -> Result<Value, StrictJsonError> {
        parse(text, &Limits::default())
    }

    fn nested(depth: usize) -> String {
        "[".repeat(depth) + &"]".repeat(depth)
    }

    #[test]
    fn ordinary_values_are_read_as_serde_json_reads_them() {
        for text in [
            r#"{"a":[1,-2,3.5,"x",true,null],"b":{"a":{}}}"#,
            " \n\t[1e3, 18446744073709551615, -9223372036854775808] ",
            r#""\ud83d\ude00 \u00e9""#,
            "0",
        ] {
            let expected: Value = serde_json::from_str(text).unwrap();
            assert_eq!(read(text.as_bytes()), Ok(expected), "{text}");
        }
    }

    #[test]
    fn each_ambiguity_is_refused_for_its_own_reason() {
        use StrictJsonError as E;
        let long = format!("[{}0]", "0,".repeat(64));
        let cases: [(&[u8], StrictJsonError); 24] = [
            (b"{\"a\":\"\xff\"}", E::NotUtf8),
            (b"\xed\xa0\x80", E::NotUtf8),
            (b"\xef\xbb\xbf{}", E::ByteOrderMark),
            (b"{\"a\":1,\"a\":1}", E::DuplicateMember),
            (b"{\"a\":1,\"\\u0061\":2}", E::DuplicateMember),
            (b"{\"o\":{\"a\":1,\"a\":2}}", E::DuplicateMember),
            (b"[{\"a\":1,\"b\":2,\"a\":null}]", E::DuplicateMember),
            (b"\"\\u0000\"", E::Nul),
            (b"{\"a\\u0000\":1}", E::Nul),
            (b"\"\x00\"", E::Syntax),
            (b"\"\\ud800\"", E::Syntax),
            (b"\"\\udc00\"", E::Syntax),
            (b"\"\\ud800\\u0041\"", E::Syntax),
            (b"{\"\\udfff\":1}", E::Syntax),
            (b"{} {}", E::TrailingBytes),
            (b"{}\x00", E::TrailingBytes),
            (b"", E::Syntax),
            (b"{\"a\":1,}", E::Syntax),
            (b"{a:1}", E::Syntax),
            (b"NaN", E::Syntax),
            (b"1e400", E::Syntax),
            (b"01", E::Syntax),
            (nested(9).leak().as_bytes(), E::TooDeep),
            (long.leak().as_bytes(), E::ArrayTooLong),
        ];
        for (text, reason) in cases {
            assert_eq!(
                read(text),
                Err(reason),
                "{:?}",
                String::from_utf8_lossy(text)
            );
        }
    }

    #[test]
    fn the_bounds_themselves_are_allowed() {
        assert!(read(nested(8).as_bytes()).is_ok());
        assert!(read(format!("[{}0]", "0,".repeat(63)).as_bytes()).is_ok());
        let objects = r#"{"a":"#.repeat(7) + "{}" + &"}".repeat(7);
        assert!(read(objects.as_bytes()).is_ok());
    }

    #[test]
    fn a_very_deep_text_does_not_recurse() {
        assert_eq!(
            read(nested(500_000).as_bytes()),
            Err(StrictJsonError::TooDeep)
        );
    }
}
