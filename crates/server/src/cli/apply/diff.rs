//! What differs between what is declared and what is there, member by member.

use countersign_dialects::admin::rows::Guard;
use serde_json::{Map, Value, json};

/// A member that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Which member.
    pub member: String,
    /// What is there; null where nothing is.
    pub old: Value,
    /// What is declared; null where nothing is to be.
    pub new: Value,
}

/// The declared members that are there with another value. What is not declared does not differ.
pub fn members(declared: &Map<String, Value>, there: &Value) -> Vec<Difference> {
    declared
        .iter()
        .filter_map(|(member, new)| {
            let old = there.get(member).cloned().unwrap_or_default();
            (!is_as_declared(&old, new)).then(|| Difference {
                member: member.clone(),
                old,
                new: new.clone(),
            })
        })
        .collect()
}

/// Whether what is there has what is declared. Of an object, too, what is not declared does not differ.
fn is_as_declared(there: &Value, declared: &Value) -> bool {
    match (there, declared) {
        (Value::Object(there), Value::Object(declared)) => declared
            .iter()
            .all(|(member, value)| there.get(member) == Some(value)),
        _ => there == declared,
    }
}

/// What differs between two lists of guards: the order, and each guard that is new, gone or another.
pub fn guards(declared: &[Guard], there: &[Guard]) -> Vec<Difference> {
    let names = |list: &[Guard]| {
        list.iter()
            .map(|guard| guard.name.clone())
            .collect::<Vec<_>>()
    };
    let (new, old) = (names(declared), names(there));
    let mut differences = Vec::new();
    if new != old {
        differences.push(Difference {
            member: "guards".into(),
            old: json!(old),
            new: json!(new),
        });
    }
    for guard in declared {
        let Some(before) = there.iter().find(|before| before.name == guard.name) else {
            differences.push(Difference {
                member: guard.name.clone(),
                old: Value::Null,
                new: said(guard),
            });
            continue;
        };
        if let Value::Object(members_of) = json!(guard) {
            for difference in members(&members_of, &json!(before)) {
                let member = format!("{}.{}", guard.name, difference.member);
                differences.push(Difference {
                    member,
                    ..difference
                });
            }
        }
    }
    for before in there {
        if !new.contains(&before.name) {
            differences.push(Difference {
                member: before.name.clone(),
                old: said(before),
                new: Value::Null,
            });
        }
    }
    differences
}

/// What a guard says: members that are empty say nothing.
fn said(guard: &Guard) -> Value {
    let mut value = json!(guard);
    if let Some(members) = value.as_object_mut() {
        members.remove("name");
        members.retain(|_, value| {
            let empty = value.as_array().is_some_and(Vec::is_empty);
            !(empty || value.is_null() || *value == json!(false))
        });
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::apply::file::GuardFile;

    fn guard(name: &str, scopes: &[&str]) -> Guard {
        let scopes = scopes.iter().map(|scope| (*scope).to_owned()).collect();
        GuardFile {
            name: name.into(),
            paths: vec!["/a".into()],
            scopes,
            ..GuardFile::default()
        }
        .row()
    }

    #[test]
    fn only_what_is_declared_can_differ() {
        let declared = json!({"display_name": "B", "scopes": ["read"], "number": 7});
        let there = json!({"id": "a", "display_name": "A", "scopes": ["read"], "state": "active"});
        let found = members(declared.as_object().unwrap(), &there);
        assert_eq!(
            found,
            [
                Difference {
                    member: "display_name".into(),
                    old: json!("A"),
                    new: json!("B")
                },
                Difference {
                    member: "number".into(),
                    old: Value::Null,
                    new: json!(7)
                },
            ]
        );
    }

    #[test]
    fn of_an_object_only_what_is_declared_can_differ() {
        let there = json!({"platform": {"code": "p-01", "enrols": true}, "sign_in": null});
        let differ = |declared: Value| members(declared.as_object().unwrap(), &there).len();
        assert_eq!(differ(json!({"platform": {"enrols": true}})), 0);
        assert_eq!(differ(json!({"platform": {"enrols": false}})), 1);
        assert_eq!(differ(json!({"sign_in": {"sign_ups": false}})), 1);
    }

    #[test]
    fn guards_differ_by_order_by_member_and_by_being_there() {
        let there = [guard("a", &["read"]), guard("b", &[]), guard("c", &[])];
        assert_eq!(guards(&there, &there), []);
        let swapped = [guard("b", &[]), guard("a", &["read"]), guard("c", &[])];
        assert_eq!(guards(&swapped, &there).len(), 1);
        let changed = [
            guard("a", &["write", "read"]),
            guard("d", &[]),
            guard("c", &[]),
        ];
        let found: Vec<String> = guards(&changed, &there)
            .into_iter()
            .map(|one| one.member)
            .collect();
        assert_eq!(found, ["guards", "a.scopes", "d", "b"]);
    }
}
