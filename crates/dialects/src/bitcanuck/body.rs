//! Members of JSON bodies. What the vendor's clients send besides is not looked at.

use crate::{Request, wire::json};
use countersign_engine::{
    denied::{Denied, Problem, ProblemKind},
    secret::Secret,
};
use serde_json::{Map, Value};

/// A body that is an object.
pub(super) struct Members(Map<String, Value>);

impl Members {
    pub fn read(request: &Request<'_>) -> Result<Self, Denied> {
        match json::value(request)? {
            Value::Object(members) => Ok(Self(members)),
            _ => Err(Denied::invalid("body", ProblemKind::Expected("an object"))),
        }
    }

    /// Two texts, all that is wrong with both named.
    pub fn texts(mut self, names: [&str; 2]) -> Result<[String; 2], Denied> {
        let mut problems = Vec::new();
        let texts = names.map(|name| self.take(name, &mut problems));
        match problems.is_empty() {
            true => Ok(texts),
            false => Err(Denied::Invalid(problems)),
        }
    }

    /// One text.
    pub fn text(mut self, name: &str) -> Result<String, Denied> {
        let mut problems = Vec::new();
        let text = self.take(name, &mut problems);
        match problems.is_empty() {
            true => Ok(text),
            false => Err(Denied::Invalid(problems)),
        }
    }

    fn take(&mut self, name: &str, problems: &mut Vec<Problem>) -> String {
        let kind = match self.0.remove(name) {
            Some(Value::String(text)) if !text.is_empty() => return text,
            None | Some(Value::Null | Value::String(_)) => ProblemKind::Missing,
            Some(_) => ProblemKind::Expected("a string"),
        };
        problems.push(Problem::new(name, kind));
        String::new()
    }
}

/// A text that must not be shown.
pub(super) fn secret(text: String) -> Secret<String> {
    Secret::new(text)
}
