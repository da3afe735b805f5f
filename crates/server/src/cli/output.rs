//! What is printed: tables for people, JSON for machines, and a secret once.

use super::failure::Failure;
use comfy_table::{ContentArrangement, Table, presets};
use serde_json::Value;
use std::{fmt::Write as _, io::Write as _};

/// Print at once, for whoever has to read it before the command ends.
///
/// # Errors
/// [`Failure`] when standard output has gone: nobody read it.
pub fn print(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .map_err(|error| Failure::refused(format!("cannot write to standard output: {error}")))
}

/// A column of a table, or a line of a single row: its title, and the member that it shows.
pub type Column = (&'static str, &'static str);

/// Collects what a command prints. Nothing is printed by the command itself, so that a test can read it.
#[derive(Debug, Default)]
pub struct Output {
    /// For machines.
    pub json: bool,
    /// Standard output.
    pub text: String,
}

impl Output {
    /// A line for people; machines get none.
    pub fn say(&mut self, line: impl AsRef<str>) {
        if !self.json {
            self.text.push_str(line.as_ref());
            self.text.push('\n');
        }
    }

    /// A document for machines; people get none.
    pub fn machine(&mut self, value: &Value) {
        if self.json {
            // Writing to a text cannot fail.
            let _ = writeln!(self.text, "{value:#}");
        }
    }

    /// Many rows.
    pub fn rows(&mut self, noun: &str, columns: &[Column], rows: &[Value]) {
        self.machine(&Value::Array(rows.to_vec()));
        if rows.is_empty() {
            self.say(format!("There is no {noun}."));
            return;
        }
        let mut table = plain_table();
        table.set_header(columns.iter().map(|(title, _)| *title));
        for row in rows {
            table.add_row(columns.iter().map(|(_, member)| cell(row, member)));
        }
        self.say(table.trim_fmt());
    }

    /// One row, and its secret if it has just been made.
    pub fn row(&mut self, columns: &[Column], row: &Value) {
        self.machine(row);
        let mut table = plain_table();
        for (title, member) in columns {
            if row.pointer(&format!("/{member}")).is_some() {
                table.add_row([(*title).to_owned(), cell(row, member)]);
            }
        }
        self.say(table.trim_fmt());
        if let Some(secret) = row.get("secret").and_then(Value::as_str) {
            // A key in PEM begins on a line of its own, to be copied whole.
            let gap = if secret.contains('\n') { '\n' } else { ' ' };
            self.say(format!("\nsecret:{gap}{}", secret.trim_end()));
            self.say("Keep it now: it is shown this once and cannot be shown again.");
        }
    }

    /// What was done, for people; for machines as a document.
    pub fn done(&mut self, line: &str) {
        self.say(line);
        self.machine(&serde_json::json!({ "done": line }));
    }
}

fn plain_table() -> Table {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Disabled)
        .force_no_tty();
    table
}

/// A member as people read it. `a/b` is the member `b` of the member `a`.
fn cell(row: &Value, member: &str) -> String {
    row.pointer(&format!("/{member}"))
        .map_or_else(|| "-".to_owned(), shown)
}

/// A value as people read it.
pub fn shown(value: &Value) -> String {
    let text = match value {
        Value::Null => "-".to_owned(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.clone(),
        Value::Array(items) if items.is_empty() => "-".to_owned(),
        Value::Array(items) => items.iter().map(shown).collect::<Vec<_>>().join(", "),
        Value::Object(members) => {
            let pair = |(name, value): (&String, &Value)| format!("{name} {}", shown(value));
            members.iter().map(pair).collect::<Vec<_>>().join(", ")
        }
    };
    // What a terminal would obey is not for a server to say.
    text.replace(|c: char| c.is_control(), "\u{fffd}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const COLUMNS: &[Column] = &[
        ("ID", "id"),
        ("SCOPES", "scopes"),
        ("LIMIT", "rate_limit/per_minute"),
        ("ENDS", "expires_at"),
    ];

    fn rows() -> Vec<Value> {
        vec![
            json!({"id": "cred_1", "scopes": ["read", "write"], "rate_limit": {"per_minute": 60, "burst": 5}, "expires_at": null}),
            json!({"id": "a\u{1b}[31m", "scopes": [], "rate_limit": null, "expires_at": "2026-01-31T12:00:00Z"}),
        ]
    }

    #[test]
    fn people_get_a_table() {
        let mut output = Output::default();
        output.rows("credential", COLUMNS, &rows());
        insta::assert_snapshot!(output.text);
        let mut output = Output::default();
        output.rows("credential", COLUMNS, &[]);
        assert_eq!(output.text, "There is no credential.\n");
    }

    #[test]
    fn machines_get_json_and_nothing_else() {
        let mut output = Output {
            json: true,
            ..Output::default()
        };
        output.rows("credential", COLUMNS, &rows());
        let read: Value = serde_json::from_str(&output.text).unwrap();
        assert_eq!(read, Value::Array(rows()));
    }

    #[test]
    fn a_secret_is_printed_once_with_a_warning() {
        let made = json!({"id": "cred_1", "scopes": [], "secret": "cs_key_test_x"});
        let mut output = Output::default();
        output.row(COLUMNS, &made);
        assert_eq!(output.text.matches("cs_key_test_x").count(), 1);
        assert!(output.text.contains("cannot be shown again"));
        let mut output = Output {
            json: true,
            ..Output::default()
        };
        output.row(COLUMNS, &made);
        assert_eq!(output.text.matches("cs_key_test_x").count(), 1);
    }
}
