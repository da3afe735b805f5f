//! What has to be done, in the order in which it has to be done, and how that is told.

use super::diff::Difference;
use crate::cli::failure::Failure;
use countersign_dialects::admin::rows::Guard;
use serde_json::{Map, Value, json};
use std::fmt::Write as _;

/// What is to be done with one thing.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// It is as declared.
    Same,
    /// It is not there: make it with these members, then change these.
    Create {
        /// What a creation takes.
        body: Map<String, Value>,
        /// What can only be said of a thing that is there.
        then: Map<String, Value>,
    },
    /// It is there, and differs.
    Change {
        /// What differs.
        differences: Vec<Difference>,
        /// The version that was read.
        version: u64,
    },
    /// The guards of an environment differ. No version: the environment is not there yet.
    Guards {
        /// What differs.
        differences: Vec<Difference>,
        /// The list to write.
        list: Vec<Guard>,
        /// The version that was read.
        version: Option<u64>,
    },
    /// It is there, and differs where nothing can be changed.
    Impossible(Vec<Difference>),
}

/// One thing, and what is to be done with it.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// `organization`, `environment`, `guards` or `client`.
    pub noun: &'static str,
    /// Its name, for people.
    pub name: String,
    /// Where things of its kind are made, under `/admin/v1`.
    pub collection: Vec<String>,
    /// Where it is itself.
    pub place: Vec<String>,
    /// What is to be done.
    pub action: Action,
}

/// Everything that a file declares, in the order in which it can be made.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Plan {
    /// Step by step.
    pub steps: Vec<Step>,
}

/// What is to be done with a thing that is declared as `declared` and is there as `there`.
///
/// `fixed` members are said at the creation and never again; `later` ones can only be changed.
pub fn decide(
    declared: Map<String, Value>,
    there: Option<&Value>,
    fixed: &[&str],
    later: &[&str],
) -> Result<Action, Failure> {
    let Some(there) = there else {
        let (then, body) = declared
            .into_iter()
            .partition(|(member, _)| later.contains(&member.as_str()));
        return Ok(Action::Create { body, then });
    };
    let differences = super::diff::members(&declared, there);
    let (impossible, differences): (Vec<_>, Vec<_>) = differences
        .into_iter()
        .partition(|difference| fixed.contains(&difference.member.as_str()));
    if !impossible.is_empty() {
        return Ok(Action::Impossible(impossible));
    }
    if differences.is_empty() {
        return Ok(Action::Same);
    }
    let version = crate::cli::nouns::version(there)?;
    Ok(Action::Change {
        differences,
        version,
    })
}

impl Plan {
    /// How many things have to be made or changed.
    pub fn differences(&self) -> usize {
        let same = |step: &&Step| step.action != Action::Same;
        self.steps.iter().filter(same).count()
    }

    /// Why it cannot be done, if it cannot.
    pub fn impossible(&self) -> Option<Failure> {
        let mut problems = Vec::new();
        for step in &self.steps {
            if let Action::Impossible(differences) = &step.action {
                for one in differences {
                    let field = format!("{} {}: {}", step.noun, step.name, one.member);
                    let problem = format!("is {}, declared as {}", one.old, one.new);
                    problems.push((field, problem));
                }
            }
        }
        if problems.is_empty() {
            return None;
        }
        let mut failure = Failure::refused(
            "what is declared cannot be made of what is there; nothing was changed",
        )
        .advise("these members are for good: correct the file, or declare another thing beside it");
        failure.problems = problems;
        Some(failure)
    }

    /// For people.
    pub fn text(&self) -> String {
        let mut text = String::new();
        let (mut made, mut changed, mut same) = (0, 0, 0);
        for step in &self.steps {
            let (sign, count) = match &step.action {
                Action::Same => ('=', &mut same),
                Action::Create { .. } => ('+', &mut made),
                Action::Change { .. } | Action::Guards { .. } | Action::Impossible(_) => {
                    ('~', &mut changed)
                }
            };
            *count += 1;
            // Writing to a text cannot fail.
            let _ = writeln!(text, "{sign} {} {}", step.noun, step.name);
            match &step.action {
                Action::Same => {}
                Action::Create { body, then } => {
                    for (member, value) in body.iter().chain(then) {
                        if member != "id" {
                            let _ = writeln!(text, "    {member}: {value}");
                        }
                    }
                }
                Action::Change { differences, .. }
                | Action::Guards { differences, .. }
                | Action::Impossible(differences) => tell(&mut text, differences),
            }
        }
        let _ = write!(text, "{made} to make, {changed} to change, {same} the same");
        text
    }

    /// For machines.
    pub fn json(&self, dry_run: bool) -> Value {
        let steps: Vec<Value> = self.steps.iter().map(step_json).collect();
        json!({ "dry_run": dry_run, "differences": self.differences(), "steps": steps })
    }
}

fn tell(text: &mut String, differences: &[Difference]) {
    for Difference { member, old, new } in differences {
        let _ = match (old.is_null(), new.is_null()) {
            (true, _) => writeln!(text, "    + {member}: {new}"),
            (false, true) => writeln!(text, "    - {member}: {old}"),
            (false, false) => writeln!(text, "    {member}: {old} \u{2192} {new}"),
        };
    }
}

fn step_json(step: &Step) -> Value {
    let told = |differences: &[Difference]| -> Vec<Value> {
        let one = |d: &Difference| json!({ "member": d.member, "old": d.old, "new": d.new });
        differences.iter().map(one).collect()
    };
    let (action, differences) = match &step.action {
        Action::Same => ("same", vec![]),
        Action::Create { body, then } => {
            let one = |(member, value): (&String, &Value)| json!({ "member": member, "old": null, "new": value });
            ("create", body.iter().chain(then).map(one).collect())
        }
        Action::Change { differences, .. } | Action::Guards { differences, .. } => {
            ("change", told(differences))
        }
        Action::Impossible(differences) => ("impossible", told(differences)),
    };
    json!({ "noun": step.noun, "name": step.name, "action": action, "differences": differences })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::apply::{diff, file::GuardFile};

    const FIXED: &[&str] = &["kind"];
    const LATER: &[&str] = &["state"];

    fn decided(declared: Value, there: Option<Value>) -> Action {
        let Value::Object(declared) = declared else {
            panic!("not an object")
        };
        decide(declared, there.as_ref(), FIXED, LATER).unwrap()
    }

    fn step(noun: &'static str, name: &str, action: Action) -> Step {
        Step {
            noun,
            name: name.into(),
            collection: vec![],
            place: vec![],
            action,
        }
    }

    fn plan() -> Plan {
        let there = json!({"id": "meters", "kind": "backend", "scopes": ["read"], "display_name": "M", "version": 3});
        let guard = |name: &str| {
            GuardFile {
                name: name.into(),
                paths: vec!["/".into()],
                accept: vec!["anonymous".into()],
                ..GuardFile::default()
            }
            .row()
        };
        let (new, old) = ([guard("a"), guard("b")], [guard("b"), guard("old")]);
        let guards = Action::Guards {
            differences: diff::guards(&new, &old),
            list: new.to_vec(),
            version: Some(2),
        };
        Plan {
            steps: vec![
                step(
                    "organization",
                    "acme",
                    decided(
                        json!({"id": "acme", "display_name": "Acme", "state": "disabled"}),
                        None,
                    ),
                ),
                step(
                    "environment",
                    "sandbox",
                    decided(
                        json!({"id": "sandbox"}),
                        Some(json!({"id": "sandbox", "version": 1})),
                    ),
                ),
                step("guards", "sandbox", guards),
                step(
                    "client",
                    "sandbox/meters",
                    decided(
                        json!({"id": "meters", "kind": "backend", "scopes": ["read", "write"]}),
                        Some(there),
                    ),
                ),
            ],
        }
    }

    #[test]
    fn a_plan_is_told_with_old_and_new() {
        insta::assert_snapshot!(plan().text());
    }

    #[test]
    fn a_plan_for_machines_says_the_same() {
        let told = plan().json(true);
        assert_eq!(told["differences"], 3);
        let actions: Vec<&str> = told["steps"]
            .as_array()
            .unwrap()
            .iter()
            .map(|step| step["action"].as_str().unwrap())
            .collect();
        assert_eq!(actions, ["create", "same", "change", "change"]);
        assert_eq!(
            told["steps"][3]["differences"][0],
            json!({"member": "scopes", "old": ["read"], "new": ["read", "write"]})
        );
    }

    #[test]
    fn what_can_only_be_changed_is_changed_after_the_creation() {
        let Action::Create { body, then } = decided(json!({"id": "a", "state": "disabled"}), None)
        else {
            panic!()
        };
        assert_eq!(json!(body), json!({"id": "a"}));
        assert_eq!(json!(then), json!({"state": "disabled"}));
    }

    #[test]
    fn what_is_for_good_is_refused_and_named() {
        let there = json!({"id": "a", "kind": "backend", "version": 3});
        let action = decided(json!({"id": "a", "kind": "frontend"}), Some(there));
        let plan = Plan {
            steps: vec![step("client", "sandbox/a", action)],
        };
        insta::assert_snapshot!(plan.impossible().unwrap().text());
    }
}
