//! `docs/cli.md`, made from the command line itself, so that it cannot say anything else. Nothing in it depends on
//! the terminal or the machine.

use super::{Arguments, failure::Exit};
use clap::{Arg, ArgAction, Command, CommandFactory};
use std::fmt::Write as _;

/// The reference, as Markdown.
pub fn text() -> String {
    let mut command = Arguments::command();
    command.build();
    let mut text = String::from(
        "# The command line\n\n\
         <!-- Made by `countersign cli-reference`; a test compares it. -->\n\n",
    );
    let about = command
        .get_about()
        .map(ToString::to_string)
        .unwrap_or_default();
    let _ = writeln!(text, "`countersign`: {about}\n");
    text.push_str(
        "A secret is never an argument: other users of the machine see those. It is read from a file or from\n\
         standard input, and printed once, when it is made.\n\n",
    );
    exit_codes(&mut text);
    options(&mut text, "Options of every command", &command, true);
    environment(&mut text);
    for sub in visible(&command) {
        section(&mut text, sub, "countersign", 2);
    }
    // One line end, as every text file has.
    format!("{}\n", text.trim_end())
}

fn exit_codes(text: &mut String) {
    text.push_str("## Exit codes\n\n| code | means |\n|---|---|\n");
    for (code, meaning) in Exit::MEANINGS {
        let _ = writeln!(text, "| {code} | {meaning} |");
    }
    text.push('\n');
}

fn environment(text: &mut String) {
    text.push_str(
        "## Which server\n\n\
         The first of these that says it counts:\n\n\
         | | the admin API | the operator's token | who may vouch for its name |\n|---|---|---|---|\n\
         | command line | `--server` | `--operator-token-file` | `--ca` |\n\
         | environment | `COUNTERSIGN_SERVER` | `COUNTERSIGN_OPERATOR_TOKEN` | `COUNTERSIGN_CA` |\n\
         | data folder | `operator.json` | `operator.json` | |\n\
         | this machine | | | the system's authorities |\n\n\
         The data folder is `--data`, else `COUNTERSIGN_DATA`, else `countersign-data` here. A token from\n\
         `operator.json` is sent to that file's server only, and plain HTTP goes to this machine only.\n\n",
    );
}

fn visible(command: &Command) -> impl Iterator<Item = &Command> {
    command
        .get_subcommands()
        .filter(|sub| !sub.is_hide_set() && sub.get_name() != "help")
}

fn section(text: &mut String, command: &Command, parent: &str, depth: usize) {
    let name = format!("{parent} {}", command.get_name());
    let about = command
        .get_about()
        .map(ToString::to_string)
        .unwrap_or_default();
    let _ = writeln!(text, "{} {name}\n\n{about}.\n", "#".repeat(depth));
    if command.has_subcommands() {
        for sub in visible(command) {
            section(text, sub, &name, depth + 1);
        }
        return;
    }
    let mut usage = name;
    for argument in command.get_positionals() {
        let word = value_name(argument);
        let required = argument.is_required_set();
        let _ = if required {
            write!(usage, " <{word}>")
        } else {
            write!(usage, " [{word}]")
        };
    }
    if own(command, false).any(|argument| argument.get_long().is_some()) {
        usage.push_str(" [options]");
    }
    let _ = writeln!(text, "```text\n{usage}\n```\n");
    options(text, "", command, false);
}

/// Arguments of the command itself, or those that every command has.
fn own(command: &Command, global: bool) -> impl Iterator<Item = &Arg> {
    command.get_arguments().filter(move |argument| {
        let builtin = matches!(
            argument.get_action(),
            ArgAction::Help | ArgAction::HelpShort | ArgAction::HelpLong | ArgAction::Version
        );
        !argument.is_hide_set() && !builtin && argument.is_global_set() == global
    })
}

fn options(text: &mut String, title: &str, command: &Command, global: bool) {
    let mut rows = own(command, global).peekable();
    if rows.peek().is_none() {
        return;
    }
    if !title.is_empty() {
        let _ = writeln!(text, "## {title}\n");
    }
    text.push_str("| | |\n|---|---|\n");
    for argument in rows {
        let help = argument
            .get_help()
            .map(ToString::to_string)
            .unwrap_or_default();
        let _ = writeln!(
            text,
            "| {} | {}{} |",
            spelling(argument),
            help.replace('|', "\\|"),
            extras(argument)
        );
    }
    text.push('\n');
}

fn value_name(argument: &Arg) -> String {
    let names = argument.get_value_names().unwrap_or_default();
    names.first().map_or_else(
        || argument.get_id().as_str().to_uppercase(),
        ToString::to_string,
    )
}

fn spelling(argument: &Arg) -> String {
    let Some(long) = argument.get_long() else {
        return format!("`{}`", value_name(argument));
    };
    if argument.get_action().takes_values() {
        format!("`--{long} <{}>`", value_name(argument))
    } else {
        format!("`--{long}`")
    }
}

/// What can be said, what counts unless said, and what must be said.
fn extras(argument: &Arg) -> String {
    let mut extras = String::new();
    let words: Vec<String> = argument
        .get_possible_values()
        .iter()
        .map(|value| format!("`{}`", value.get_name()))
        .collect();
    if argument.get_action().takes_values() && !words.is_empty() {
        let _ = write!(extras, ": {}", words.join(", "));
    }
    let defaults: Vec<String> = argument
        .get_default_values()
        .iter()
        .map(|value| format!("`{}`", value.to_string_lossy()))
        .collect();
    if argument.get_action().takes_values() && !defaults.is_empty() {
        let _ = write!(extras, " (unless said: {})", defaults.join(", "));
    }
    if argument.is_required_set() && argument.get_long().is_some() {
        extras.push_str(" (required)");
    }
    extras
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reference_that_is_checked_in_is_the_one_that_is_made() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/cli.md");
        let kept = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            kept == text(),
            "docs/cli.md is not what the command line says; run: \
             cargo run -- cli-reference > docs/cli.md"
        );
    }
}
