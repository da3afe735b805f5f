//! Bodies made from options: what was not said is not sent.

use serde_json::{Map, Value};

/// A body under construction.
#[derive(Debug, Default)]
pub struct Body(Map<String, Value>);

impl Body {
    /// A member, if it was said.
    #[must_use]
    pub fn set(mut self, name: &str, value: Option<impl Into<Value>>) -> Self {
        if let Some(value) = value {
            self.0.insert(name.to_owned(), value.into());
        }
        self
    }

    /// A list, if it has anything.
    #[must_use]
    pub fn list(self, name: &str, values: &[String]) -> Self {
        let values = (!values.is_empty()).then(|| Value::from(values.to_vec()));
        self.set(name, values)
    }

    /// An object of notes, if there is any.
    #[must_use]
    pub fn notes(self, name: &str, notes: Vec<(String, String)>) -> Self {
        let members: Map<String, Value> = notes
            .into_iter()
            .map(|(name, value)| (name, value.into()))
            .collect();
        self.set(name, (!members.is_empty()).then_some(members))
    }

    /// An object inside, if anything of it was said.
    #[must_use]
    pub fn within(self, name: &str, inner: Self) -> Self {
        let inner = (!inner.is_empty()).then(|| inner.json());
        self.set(name, inner)
    }

    /// Members to clear: lists to nothing, bounds to none.
    #[must_use]
    pub fn clear(mut self, names: impl IntoIterator<Item = (&'static str, Value)>) -> Self {
        for (name, nothing) in names {
            self.0.insert(name.to_owned(), nothing);
        }
        self
    }

    /// Whether nothing was said.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The body.
    pub fn json(self) -> Value {
        Value::Object(self.0)
    }
}
