//! A request, as a terminal shows it: from its record, and from nothing else.

use super::Waiting;
use crate::cli::{
    failure::Failure,
    output::{self, Column, Output},
};
use countersign_engine::{
    record::{BoundRequest, Kind, MayApprove, Record},
    time::Timestamp,
};
use serde_json::json;

const LIST: &[Column] = &[
    ("request", "id"),
    ("asked by", "asked_by"),
    ("text", "text"),
    ("code", "code"),
    ("until", "expires_at"),
];

/// Characters between the margin and what stands beside a term.
const TERM_CHARS: usize = 14;

/// What waits, a line each.
pub(super) fn list(output: &mut Output, requests: &[Waiting]) {
    let rows: Vec<_> = requests
        .iter()
        .map(|waiting| {
            json!({
                "id": waiting.id,
                "asked_by": plain(&asker(&waiting.record)),
                "text": plain(&waiting.record.text),
                "code": grouped(&waiting.record.code),
                "expires_at": waiting.record.expires_at,
            })
        })
        .collect();
    output.rows("request that waits", LIST, &rows);
}

/// What came of an answer.
pub(super) fn answered(output: &mut Output, waiting: &Waiting) {
    output.machine(&waiting.json());
    output.say(outcome(waiting));
}

/// The same in a sentence.
pub(super) fn outcome(waiting: &Waiting) -> &'static str {
    match waiting.state.as_str() {
        "pending" => "Your approval counts. Others have to approve as well.",
        "approved" => "Approved.",
        "rejected" => "Rejected.",
        "expired" => "Too late: nothing was approved.",
        _ => "Approved, but it could not be done.",
    }
}

/// Show it now: whoever has to decide reads it before the command ends.
pub(super) fn print(waiting: &Waiting, now: Timestamp) -> Result<(), Failure> {
    output::print(&request(waiting, now))
}

/// A request, whole, with an empty line behind it.
pub(super) fn request(waiting: &Waiting, now: Timestamp) -> String {
    let record = &waiting.record;
    let mut text = format!("{}\n", plain(&record.text));
    let mut line = |term: &str, what: &str| {
        text.push_str(&format!("  {term:<TERM_CHARS$}{}\n", plain(what)));
    };
    line("asked by", &asker(record));
    line("code", &grouped(&record.code));
    line("what", kind(record.kind));
    if let Some(bound) = &record.bound {
        bound_to(bound, &mut line);
    }
    if let Some(fingerprint) = &record.fingerprint {
        line("fingerprint", fingerprint);
    }
    if let Some(uri) = &record.resource_uri {
        line("document", uri);
    }
    if let Some(asset) = &record.asset {
        line("key", asset.as_str());
    }
    if let Some(subject) = &record.asked_by.subject {
        line("in name of", subject);
    }
    match &record.approvers {
        None => {}
        Some(MayApprove::Subject) => line("who decides", "you alone"),
        Some(MayApprove::Group(group)) => {
            let who = format!(
                "{} of {}, {}",
                group.needed, group.group, group.organization
            );
            line("who decides", &who);
        }
    }
    line(
        "where",
        &format!("{}, {}", record.environment, record.issuer),
    );
    let left = waiting.expires_at.since(now).as_secs();
    match waiting.state.as_str() {
        "pending" => line("time left", &format!("{} min {} s", left / 60, left % 60)),
        state => line("state", state),
    }
    line("request", &waiting.id);
    text.push('\n');
    text
}

fn bound_to(bound: &BoundRequest, line: &mut impl FnMut(&str, &str)) {
    let (path, query) = bound
        .target
        .split_once('?')
        .unwrap_or((bound.target.as_str(), ""));
    line("method", &bound.method);
    line("host", &bound.host);
    line("path", path);
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
        line("parameter", &format!("{name} = {value}"));
    }
    line("body", &bound.body);
    line("target", &bound.target);
}

fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Countersign => "a request to an API",
        Kind::Authenticate => "confirm that you are there",
        Kind::Sign => "sign a document",
        Kind::Decrypt => "decrypt something for the asker",
    }
}

/// Who asks, in one line.
fn asker(record: &Record) -> String {
    let by = &record.asked_by;
    let client = by.client.as_ref().map(|id| id.as_str());
    let organization = by.organization.as_ref().map(|id| id.as_str());
    let client = by.client_name.as_deref().or(client);
    let organization = by.organization_name.as_deref().or(organization);
    match (client, organization) {
        (Some(client), Some(organization)) if client != organization => {
            format!("{client}, {organization}")
        }
        (Some(one), _) | (None, Some(one)) => one.to_owned(),
        (None, None) => record.issuer.clone(),
    }
}

/// In groups of four.
fn grouped(code: &str) -> String {
    let letters: Vec<char> = code.chars().collect();
    let groups: Vec<String> = letters
        .chunks(4)
        .map(|four| four.iter().collect())
        .collect();
    groups.join(" ")
}

/// A text with what a terminal would obey, cannot be seen, or turns the order of letters, made visible.
pub(super) fn plain(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        let is_unseen = c.is_control()
            || matches!(c,
                '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}');
        match is_unseen {
            true => shown.push_str(&format!("<U+{:04X}>", u32::from(c))),
            false => shown.push(c),
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_request_can_act_on_the_terminal_or_hide() {
        assert_eq!(
            plain("a\u{1b}[2Jb\nc\u{202e}d\u{200b}é"),
            "a<U+001B>[2Jb<U+000A>c<U+202E>d<U+200B>é"
        );
    }

    #[test]
    fn a_code_is_shown_in_groups() {
        assert_eq!(grouped("0183585026782284"), "0183 5850 2678 2284");
        assert_eq!(grouped("01835"), "0183 5");
        assert_eq!(grouped(""), "");
    }
}
