//! JSON bodies, member by member: every member says what it expects, and everything that is wrong is told at once.

use super::place::Place;
use countersign_engine::denied::{Denied, Problem, ProblemKind};
use serde_json::{Map, Value};

/// Problems told of one request: enough to mend a file in one go, bounded whatever was sent.
const PROBLEMS_MAX: usize = 20;

/// Something that a member of a body can hold.
pub(super) trait Member: Sized {
    /// What is expected, in the words in which a refusal says it.
    const EXPECTED: &'static str;

    /// What an absent member means; nothing: it must be there.
    fn absent() -> Option<Self> {
        None
    }

    /// Read `value`, which stands at `at`; nothing when it is wrong, and then the problem is noted.
    fn read(value: &Value, at: &Place<'_>, problems: &mut Problems) -> Option<Self>;

    /// The JSON Schema of what [`Member::read`] takes.
    fn schema() -> Value;
}

/// What is wrong with a body.
#[derive(Debug, Default)]
pub(super) struct Problems(Vec<Problem>);

impl Problems {
    /// Note one.
    pub(super) fn note(&mut self, at: &Place<'_>, kind: ProblemKind) {
        if self.0.len() < PROBLEMS_MAX {
            self.0.push(Problem::new(at.to_string(), kind));
        }
    }

    /// Note that something else is expected of a `T`.
    pub(super) fn expected<T: Member>(&mut self, at: &Place<'_>) {
        self.note(at, ProblemKind::Expected(T::EXPECTED));
    }

    /// What was read, if nothing was wrong.
    pub(super) fn settle<T>(self, read: Option<T>) -> Result<T, Denied> {
        match read {
            Some(read) if self.0.is_empty() => Ok(read),
            _ => Err(Denied::Invalid(self.0)),
        }
    }
}

/// The members of one object, taken one by one; what is left at the end is unknown.
pub(super) struct Members<'a> {
    left: Vec<(&'a str, &'a Value)>,
    at: &'a Place<'a>,
}

impl<'a> Members<'a> {
    /// The members of `value`, if it is an object.
    pub(super) fn of<T: Member>(
        value: &'a Value,
        at: &'a Place<'a>,
        problems: &mut Problems,
    ) -> Option<Self> {
        let Some(members) = value.as_object() else {
            problems.expected::<T>(at);
            return None;
        };
        let left = members.iter().map(|(name, value)| (name.as_str(), value));
        Some(Self {
            left: left.collect(),
            at,
        })
    }

    /// Take the member called `name`.
    pub(super) fn take<T: Member>(&mut self, name: &str, problems: &mut Problems) -> Option<T> {
        let at = self.at.member(name);
        match self.left.iter().position(|(member, _)| *member == name) {
            Some(index) => T::read(self.left.swap_remove(index).1, &at, problems),
            None => T::absent().or_else(|| {
                problems.note(&at, ProblemKind::Missing);
                None
            }),
        }
    }

    /// Nothing may be left.
    pub(super) fn finish(mut self, problems: &mut Problems) {
        self.left.sort_unstable_by_key(|(name, _)| *name);
        for (name, _) in self.left {
            problems.note(&self.at.member(name), ProblemKind::UnknownMember);
        }
    }
}

/// A member that may be left out. `null` is not the same as leaving it out.
impl<T: Member> Member for Option<T> {
    const EXPECTED: &'static str = T::EXPECTED;

    fn absent() -> Option<Self> {
        Some(None)
    }

    fn read(value: &Value, at: &Place<'_>, problems: &mut Problems) -> Option<Self> {
        T::read(value, at, problems).map(Some)
    }

    fn schema() -> Value {
        T::schema()
    }
}

/// A member that `null` clears.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Clearable<T>(pub(super) Option<T>);

impl<T: Member> Member for Clearable<T> {
    const EXPECTED: &'static str = T::EXPECTED;

    fn read(value: &Value, at: &Place<'_>, problems: &mut Problems) -> Option<Self> {
        if value.is_null() {
            return Some(Self(None));
        }
        T::read(value, at, problems).map(|value| Self(Some(value)))
    }

    fn schema() -> Value {
        serde_json::json!({ "anyOf": [T::schema(), { "type": "null" }] })
    }
}

impl<T: Member> Member for Vec<T> {
    const EXPECTED: &'static str = "a list";

    fn read(value: &Value, at: &Place<'_>, problems: &mut Problems) -> Option<Self> {
        let Some(items) = value.as_array() else {
            problems.expected::<Self>(at);
            return None;
        };
        // All are read, so that all problems are told, and only then is any missing one a failure.
        let read: Vec<Option<T>> = items
            .iter()
            .enumerate()
            .map(|(index, item)| T::read(item, &at.item(index), problems))
            .collect();
        read.into_iter().collect()
    }

    fn schema() -> Value {
        serde_json::json!({ "type": "array", "items": T::schema() })
    }
}

/// The schema of an object with these members: name, description, whether it must be there, its own schema.
pub(super) fn object(description: &str, members: Vec<(&str, String, bool, Value)>) -> Value {
    let required: Vec<&str> = members
        .iter()
        .filter_map(|(name, _, required, _)| required.then_some(*name))
        .collect();
    let mut schema = serde_json::json!({
        "type": "object",
        "description": description.trim(),
        "additionalProperties": false,
    });
    if let Some(schema) = schema.as_object_mut() {
        if !required.is_empty() {
            schema.insert("required".into(), required.into());
        }
        let properties: Map<String, Value> = members
            .into_iter()
            .map(|(name, description, _, mut property)| {
                if let Some(property) = property.as_object_mut() {
                    property.insert("description".into(), description.trim().into());
                }
                (name.to_owned(), property)
            })
            .collect();
        schema.insert("properties".into(), properties.into());
    }
    schema
}

/// Declares a body: its type, how it is read, and its schema, from one list of members.
macro_rules! body {
    ($($(#[doc = $about:literal])+ $name:ident { $($(#[doc = $doc:literal])+ $member:ident: $kind:ty,)* })+) => {$(
        $(#[doc = $about])+
        #[derive(Debug)]
        pub(super) struct $name {
            $($(#[doc = $doc])+ pub(super) $member: $kind,)*
        }

        impl Member for $name {
            const EXPECTED: &'static str = "an object";

            fn read(value: &Value, at: &Place<'_>, problems: &mut Problems) -> Option<Self> {
                let mut members = Members::of::<Self>(value, at, problems)?;
                $(let $member = members.take::<$kind>(stringify!($member), problems);)*
                members.finish(problems);
                Some(Self { $($member: $member?,)* })
            }

            fn schema() -> Value {
                object(
                    concat!($($about),+),
                    vec![$((
                        stringify!($member),
                        concat!($($doc),+).to_owned(),
                        <$kind as Member>::absent().is_none(),
                        <$kind as Member>::schema(),
                    )),*],
                )
            }
        }

        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::Schema::try_from(Self::schema()).unwrap_or_default()
            }
        }
    )+};
}
pub(super) use body;
