//! What the demo tells people: what listens where, and commands to paste.

use super::{
    PROFILE,
    facts::{Facts, Place},
    folder::Folder,
    setup::SetUp,
};
use std::fmt::{self, Display, Write as _};

/// Whether the words may have colours.
#[derive(Debug, Clone, Copy)]
pub struct Style {
    /// On a terminal of someone who has not said no.
    pub colours: bool,
}

impl Style {
    fn paint<T: Display>(self, code: &'static str, text: T) -> Painted<T> {
        Painted {
            code: self.colours.then_some(code),
            text,
        }
    }
}

/// A text in a colour, or plain.
struct Painted<T> {
    code: Option<&'static str>,
    text: T,
}

impl<T: Display> Display for Painted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.code {
            Some(code) => write!(f, "\x1b[{code}m{}\x1b[0m", self.text),
            None => self.text.fmt(f),
        }
    }
}

const BOLD: &str = "1";
const COMMENT: &str = "36";

/// Everything that is printed once the demo answers.
pub fn page(
    facts: &Facts,
    folder: &Folder,
    places: &[(&str, &SetUp)],
    style: Style,
) -> Result<String, fmt::Error> {
    let mut page = String::new();
    let (sandbox, production) = (&facts.environments.sandbox, &facts.environments.production);
    writeln!(
        page,
        "{}\n",
        style.paint(BOLD, "Countersign demo: everything on this machine.")
    )?;
    writeln!(page, "{:<18}{:<26}production", "", "sandbox")?;
    for (name, one, other) in [
        ("tokens and keys", &sandbox.public, &production.public),
        ("decisions", &sandbox.gateway, &production.gateway),
        ("sample API", &sandbox.sample_api, &production.sample_api),
        ("phones", &sandbox.phone.url, &production.phone.url),
    ] {
        writeln!(page, "{name:<18}{one:<26}{other}")?;
    }
    writeln!(page, "{:<18}{} (both)", "admin API", facts.admin)?;
    writeln!(
        page,
        "{:<18}{} (both): ask as Caddy and Traefik do, see docs/gateways.md\n",
        "gateway profile",
        PROFILE.name()
    )?;
    page.push_str(PICTURE);
    let path = folder.path().display();
    match folder.is_kept() {
        true => writeln!(page, "Its data stay in {path}.")?,
        false => writeln!(
            page,
            "Its data are in {path} and go with it; --data DIR keeps them."
        )?,
    }
    writeln!(page, "Its mails are written to {}.", facts.mails.display())?;
    writeln!(page, "A front end, for a browser: {}", facts.page)?;
    phones(&mut page, sandbox)?;
    for (name, set_up) in places {
        said_of(&mut page, name, set_up, facts)?;
    }
    writeln!(
        page,
        "{}\n",
        style.paint(BOLD, "Ctrl-C stops it. Paste these into another terminal:")
    )?;
    for flow in &facts.commands {
        writeln!(
            page,
            "{}",
            style.paint(COMMENT, format_args!("# {}", flow.title))
        )?;
        writeln!(page, "{}\n", flow.command)?;
    }
    Ok(page)
}

const PICTURE: &str = concat!(
    "  caller -- secret ----> tokens and keys\n",
    "  caller <-- token -----\n",
    "  caller -- token -----> sample API -- may this pass? --------------> decisions\n",
    "                         sample API <-- yes, it is.. / no, because.. --\n\n",
);

/// Whose phone is there already, and where others come from.
fn phones(page: &mut String, sandbox: &Place) -> fmt::Result {
    let phone = &sandbox.phone;
    writeln!(page, "A phone, for a browser: {}/phone", phone.url)?;
    let Some(own) = &phone.own else {
        return Ok(());
    };
    let does = match own.approves_everything {
        true => "it approves everything by itself",
        false => "it waits for the commands below",
    };
    writeln!(
        page,
        "The demo's own phone is in {}, its PIN is {}: {does}.",
        own.file.display(),
        own.pin
    )
}

/// What differs from a fresh demo.
fn said_of(page: &mut String, name: &str, set_up: &SetUp, facts: &Facts) -> fmt::Result {
    if !set_up.was_there {
        return Ok(());
    }
    writeln!(
        page,
        "The {name} was there already: these are fresh secrets; those of the last demo work for another hour."
    )?;
    let place = match name {
        "sandbox" => &facts.environments.sandbox,
        _ => &facts.environments.production,
    };
    if set_up.issuer != place.public {
        writeln!(
            page,
            "Its standard tokens still name {} as their issuer, where it listened at first.",
            set_up.issuer
        )?;
    }
    Ok(())
}
