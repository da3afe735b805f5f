//! `countersign doctor`: one look at everything that is commonly wrong, each with what to do.

use super::{
    api::{Api, http_client_also, why},
    connect::Connection,
    failure::Failure,
    output::{Column, Output},
    status,
};
use crate::{config, folder::OPERATOR_FILE, keystore, system::environment_variables};
use serde_json::{Value, json};
use std::{
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};
use url::Url;

/// What to look at.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The configuration that the server is started with
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// An address behind your proxy that must not be open to strangers
    #[arg(long, value_name = "URL")]
    protected: Option<Url>,
}

/// What one look found.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Found {
    /// It is as it must be.
    Well(String),
    /// It could not be looked at, for a reason that another line gives.
    Skipped(String),
    /// It is wrong, and this is what to do.
    Wrong(String, String),
}

const LIST: &[Column] = &[
    ("CHECK", "check"),
    ("RESULT", "result"),
    ("FOUND", "found"),
    ("DO", "do"),
];

/// The check of the environments that the server's configuration names.
const NAMED: &str = "environments";

/// Look, and tell.
///
/// # Errors
/// [`Failure`] when anything is wrong.
pub async fn run(
    arguments: Arguments,
    connection: &Connection,
    output: &mut Output,
) -> Result<(), Failure> {
    let mut found: Vec<(&str, Found)> = Vec::new();
    let variables = environment_variables();
    let configured = config::load(arguments.config.as_deref(), &variables);
    found.push((
        "configuration",
        match &configured {
            Ok(_) => Found::Well(name(arguments.config.as_deref())),
            Err(error) => Found::Wrong(error.to_string(), error.advice().into()),
        },
    ));
    found.push((
        "keystore",
        match &configured {
            Ok(config) => keystore(&config.keystore),
            Err(_) => Found::Skipped("no configuration".into()),
        },
    ));
    let data = configured.as_ref().ok().map(|config| &config.data.dir);
    let connection = &settled(connection, data, &variables);
    let folder = connection.folder();
    let here = folder.is_dir();
    found.push(("data folder", data_folder(&folder)));
    found.push((
        "files in it",
        if here {
            files_in(&folder)
        } else {
            Found::Skipped("no folder".into())
        },
    ));
    let server = connection.settle();
    found.push((
        OPERATOR_FILE,
        match &server {
            Ok(server) => Found::Well(format!("leads to {}", server.url)),
            Err(failure) => wrong(failure),
        },
    ));
    found.extend(asking(server).await);
    if let Some(url) = arguments.protected {
        found.push(("behind the proxy", behind_proxy(url, connection).await));
    }
    tell(&found, output)
}

/// What the server itself says.
async fn asking(server: Result<super::connect::Server, Failure>) -> [(&'static str, Found); 3] {
    let skipped = |why: &str| Found::Skipped(why.into());
    let (ready, named, token) = match server.map(Api::new) {
        Ok(Ok(api)) => {
            let (ready, named) = readiness(&api).await;
            (ready, named, operator(&api).await)
        }
        Ok(Err(failure)) => (
            wrong(&failure),
            skipped("no connection"),
            skipped("no connection"),
        ),
        Err(_) => (
            skipped("no address"),
            skipped("no address"),
            skipped("no token"),
        ),
    };
    [
        ("server", ready),
        (NAMED, named),
        ("operator's token", token),
    ]
}

/// One folder for every look: what the command line and the environment say of it goes before the
/// configuration, as it does for the server.
fn settled(
    connection: &Connection,
    configured: Option<&PathBuf>,
    variables: &[(String, String)],
) -> Connection {
    let said = connection.said_folder(variables);
    Connection {
        data: said.or_else(|| configured.cloned()),
        ..connection.clone()
    }
}

fn tell(found: &[(&str, Found)], output: &mut Output) -> Result<(), Failure> {
    let rows: Vec<Value> = found
        .iter()
        .map(|(check, found)| {
            let (result, text, advice) = match found {
                Found::Well(text) => ("well", text, None),
                Found::Skipped(text) => ("skipped", text, None),
                Found::Wrong(text, advice) => ("wrong", text, Some(advice)),
            };
            json!({ "check": check, "result": result, "found": text, "do": advice })
        })
        .collect();
    output.rows("check", LIST, &rows);
    let wrong = found
        .iter()
        .filter(|(_, found)| matches!(found, Found::Wrong(..)))
        .count();
    if wrong == 0 {
        Ok(())
    } else {
        Err(Failure::refused(format!(
            "{wrong} of {} checks found something wrong",
            found.len()
        )))
    }
}

fn name(config: Option<&Path>) -> String {
    config.map_or_else(
        || "no file: everything has its usual value".into(),
        |path| path.display().to_string(),
    )
}

fn wrong(failure: &Failure) -> Found {
    Found::Wrong(
        failure.what.clone(),
        failure.advice.clone().unwrap_or_default(),
    )
}

fn mode(path: &Path) -> std::io::Result<u32> {
    Ok(std::fs::symlink_metadata(path)?.permissions().mode() & 0o777)
}

fn data_folder(folder: &Path) -> Found {
    let shown = folder.display();
    match mode(folder) {
        Err(error) => Found::Wrong(
            format!("{shown}: {error}"),
            "start the server once, run `countersign init`, or name the folder with --data".into(),
        ),
        Ok(_) if !folder.is_dir() => Found::Wrong(
            format!("{shown} is no folder"),
            "name the folder with --data".into(),
        ),
        Ok(mode) if mode & 0o077 != 0 => Found::Wrong(
            format!("{shown} is open to others (mode {mode:03o})"),
            format!("chmod 700 {shown}"),
        ),
        Ok(_) => Found::Well(format!("{shown}, for its owner only")),
    }
}

/// Whether the token is there. Nobody logs in: tokens count wrong PINs.
fn keystore(config: &config::Keystore) -> Found {
    let Some(pkcs11) = &config.pkcs11 else {
        return Found::Well("assets' private keys are sealed under the master key".into());
    };
    match keystore::find(pkcs11) {
        Ok(()) => Found::Well(format!("the token `{}` is there", pkcs11.token)),
        Err(error) => Found::Wrong(
            error.to_string(),
            "see docs/keystore.md, and run this with the server's environment variables".into(),
        ),
    }
}

/// Keys and the store are in there: none of it is anyone else's to read.
fn files_in(folder: &Path) -> Found {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) => {
            return Found::Wrong(
                format!("cannot be listed: {error}"),
                "run this as the server's user".into(),
            );
        }
    };
    let mut open: Vec<String> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| !path.is_symlink() && path.is_file())
        .filter(|path| mode(path).is_ok_and(|mode| mode & 0o077 != 0))
        .map(|path| path.display().to_string())
        .collect();
    open.sort_unstable();
    if open.is_empty() {
        return Found::Well("for their owner only".into());
    }
    let list = open.join(" ");
    Found::Wrong(
        format!("open to others: {list}"),
        format!("chmod 600 {list}; replace the keys in them if others did read them"),
    )
}

/// Whether it is ready; and whether the environments that its configuration names are there.
async fn readiness(api: &Api) -> (Found, Found) {
    match status::readiness(api).await {
        Ok(status::Readiness {
            ready: true,
            warnings,
            ..
        }) => (Found::Well("ready".into()), named(&warnings)),
        Ok(status::Readiness { word, .. }) => (
            Found::Wrong(format!("not ready: {word}"), "see its log".into()),
            Found::Skipped("not ready".into()),
        ),
        Err(failure) => (wrong(&failure), Found::Skipped("no answer".into())),
    }
}

fn named(warnings: &[String]) -> Found {
    if warnings.is_empty() {
        return Found::Well("every one that the configuration names is there".into());
    }
    Found::Wrong(
        warnings.join("; "),
        "make it (`countersign env create`, `countersign apply`), or correct the name in the server's configuration".into(),
    )
}

async fn operator(api: &Api) -> Found {
    match api.get(&["whoami"]).await {
        Ok(row) => {
            let text = |member: &str| {
                row.get(member)
                    .and_then(Value::as_str)
                    .unwrap_or("-")
                    .to_owned()
            };
            Found::Well(format!("accepted: {}, {}", text("id"), text("role")))
        }
        Err(failure) => wrong(&failure),
    }
}

/// A stranger must not get in: anything but a denial means that the proxy does not ask.
async fn behind_proxy(url: Url, connection: &Connection) -> Found {
    let client = match connection.authorities().and_then(http_client_also) {
        Ok(client) => client,
        Err(failure) => return wrong(&failure),
    };
    match client.get(url.clone()).send().await {
        Ok(answer) if matches!(answer.status().as_u16(), 401 | 403) => {
            Found::Well(format!("a stranger gets {}", answer.status()))
        }
        Ok(answer) => Found::Wrong(
            format!("a stranger gets {} at {url}", answer.status()),
            "see that the proxy asks Countersign for this path, and that the API is not reachable past it".into(),
        ),
        Err(error) => Found::Wrong(
            format!("{url} cannot be reached: {}", why(&error.without_url())),
            "see that the proxy runs".into(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{Permissions, set_permissions, write};

    #[test]
    fn what_others_can_read_is_found() {
        let folder = tempfile::tempdir().unwrap();
        set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
        assert!(
            matches!(data_folder(folder.path()), Found::Wrong(text, _) if text.contains("755"))
        );
        set_permissions(folder.path(), Permissions::from_mode(0o700)).unwrap();
        assert!(matches!(data_folder(folder.path()), Found::Well(_)));
        assert!(matches!(
            data_folder(&folder.path().join("gone")),
            Found::Wrong(..)
        ));

        let key = folder.path().join("master.key");
        write(&key, "k").unwrap();
        set_permissions(&key, Permissions::from_mode(0o600)).unwrap();
        assert!(matches!(files_in(folder.path()), Found::Well(_)));
        set_permissions(&key, Permissions::from_mode(0o640)).unwrap();
        let Found::Wrong(text, advice) = files_in(folder.path()) else {
            panic!("not found")
        };
        assert!(
            text.contains("master.key") && advice.starts_with("chmod 600 "),
            "{text} {advice}"
        );
    }

    #[test]
    fn with_a_configuration_two_folders_were_looked_into() {
        let configured = PathBuf::from("/configured");
        let named = [("COUNTERSIGN_DATA".to_owned(), "/named".to_owned())];
        let typed = Connection {
            data: Some("/typed".into()),
            ..Connection::default()
        };
        let none = Connection::default();
        for (connection, variables, folder) in [
            (&typed, &named[..], "/typed"),
            (&none, &named[..], "/named"),
            (&none, &[], "/configured"),
        ] {
            let settled = settled(connection, Some(&configured), variables);
            assert_eq!(settled.folder(), PathBuf::from(folder));
        }
    }

    #[test]
    fn one_wrong_thing_makes_the_whole_fail() {
        let mut output = Output::default();
        let well = [
            ("a", Found::Well("x".into())),
            ("b", Found::Skipped("y".into())),
        ];
        assert!(tell(&well, &mut output).is_ok());
        let wrong = [
            ("a", Found::Well("x".into())),
            ("b", Found::Wrong("y".into(), "z".into())),
        ];
        let failure = tell(&wrong, &mut output).unwrap_err();
        assert_eq!(failure.what, "1 of 2 checks found something wrong");
    }
}
