//! Who holds the phone in the printed commands: `countersign phone`, or the demo itself.

use crate::demo::facts::{OwnPhone, Place};
use std::path::Path;

/// What a person does with the phone, as commands.
pub struct Hands<'a> {
    /// This program, for `sh`.
    program: String,
    /// The data folder, for `sh`.
    data: String,
    place: &'a Place,
}

impl<'a> Hands<'a> {
    /// Those of `place`, for `program`, whose data are in `data`.
    pub fn of(place: &'a Place, program: &Path, data: &Path) -> Self {
        Self {
            program: quoted(program),
            data: quoted(data),
            place,
        }
    }

    fn own(&self) -> Option<(&OwnPhone, String)> {
        let own = self.place.phone.own.as_ref()?;
        Some((own, quoted(&own.file)))
    }

    /// Type a nonce in.
    pub fn type_in(&self, nonce: &str) -> String {
        let file = self.own().map(|(_, file)| file).unwrap_or_default();
        format!("{} phone type-in {nonce} --file {file}", self.program)
    }

    /// Approve a request. Where the phone does so by itself, wait for the news.
    pub fn approve(&self, id: &str) -> String {
        match self.own() {
            Some((own, file)) if !own.approves_everything => format!(
                "COUNTERSIGN_PHONE_PIN={} {} phone approve {id} --file {file}",
                own.pin, self.program
            ),
            _ => format!(
                "curl -s -o /dev/null \"{}/approvals/{id}\"",
                self.place.public
            ),
        }
    }

    /// Fetch a receipt and the keys, and check the one by the others.
    pub fn receipt(&self, environment: &str, id: &str, poll: &str) -> String {
        let Self { program, data, .. } = self;
        format!(
            "DIR=$(mktemp -d)\n\
             {program} approval keys {environment} --data {data} > $DIR/keys.json\n\
             {program} approval receipt {environment} {id} --data {data} > $DIR/receipt.jws\n\
             {poll}; echo\n\
             {program} approval verify $DIR/receipt.jws --keys $DIR/keys.json"
        )
    }
}

/// A path as `sh` reads it back.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
    match text.chars().all(is_plain) {
        true => text,
        false => format!("'{}'", text.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_with_blanks_or_quotes_is_one_word() {
        for (path, expected) in [
            ("/opt/countersign", "/opt/countersign"),
            ("/my data/x", "'/my data/x'"),
            ("/it's/$HOME", r"'/it'\''s/$HOME'"),
        ] {
            assert_eq!(quoted(Path::new(path)), expected);
        }
    }
}
