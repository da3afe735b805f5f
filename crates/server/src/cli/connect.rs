//! Which server to talk to, and as whom.

use super::{failure::Failure, files};
use crate::{config::Config, folder::OPERATOR_FILE, system::environment_variables};
use countersign_engine::secret::Secret;
use reqwest::Certificate;
use serde::Deserialize;
use std::path::{Path, PathBuf};
use url::Url;

/// What to do where others read an operator's token.
const REPLACE_TOKEN: &str = "revoke the token";

/// What the command line says about the server.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Which server")]
pub struct Connection {
    /// The admin API, such as http://127.0.0.1:8082; else COUNTERSIGN_SERVER, else what operator.json says
    #[arg(long, global = true, value_name = "URL")]
    pub server: Option<String>,
    /// A file with the operator's token; else COUNTERSIGN_OPERATOR_TOKEN, else operator.json
    #[arg(long, global = true, value_name = "FILE")]
    pub operator_token_file: Option<PathBuf>,
    /// A file with the certificates, in PEM, of the authorities to trust with the server's name, and no others;
    /// else COUNTERSIGN_CA, else those of this machine
    #[arg(long, global = true, value_name = "FILE")]
    pub ca: Option<PathBuf>,
    /// The data folder; else COUNTERSIGN_DATA, else ./countersign-data
    #[arg(long, global = true, value_name = "DIR")]
    pub data: Option<PathBuf>,
}

/// A server, and who asks.
#[derive(Debug, Clone)]
pub struct Server {
    /// Its admin API.
    pub url: Url,
    /// The operator's token.
    pub token: Secret<String>,
    /// Who may vouch for its name; none: whom this machine trusts.
    pub authorities: Vec<Certificate>,
}

/// What `operator.json` holds.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OperatorFile {
    admin: String,
    token: String,
}

impl Connection {
    /// Settle it, from the command line, then the environment, then the data folder.
    ///
    /// # Errors
    /// [`Failure`] that says which of the three is wrong or lacking.
    pub fn settle(&self) -> Result<Server, Failure> {
        self.settle_with(&environment_variables())
    }

    fn settle_with(&self, variables: &[(String, String)]) -> Result<Server, Failure> {
        let named = |name: &str| variable(variables, name);
        let server = self.server.clone().or_else(|| named("COUNTERSIGN_SERVER"));
        let token = match &self.operator_token_file {
            Some(file) => Some(files::secret(file, REPLACE_TOKEN)?),
            None => named("COUNTERSIGN_OPERATOR_TOKEN").map(Secret::new),
        };
        let (server, token) = match (server, token) {
            (Some(server), Some(token)) => (server, token),
            (server, token) => {
                let path = self.folder_with(variables).join(OPERATOR_FILE);
                let file = read(&path)?;
                complete(server, token, file, &path)?
            }
        };
        Ok(Server {
            url: admin_url(&server)?,
            token,
            authorities: self.authorities_with(variables)?,
        })
    }

    /// The authorities that the command line or the environment names; none: those of this machine.
    ///
    /// # Errors
    /// [`Failure`] when their file cannot be used.
    pub fn authorities(&self) -> Result<Vec<Certificate>, Failure> {
        self.authorities_with(&environment_variables())
    }

    fn authorities_with(
        &self,
        variables: &[(String, String)],
    ) -> Result<Vec<Certificate>, Failure> {
        let named = variable(variables, "COUNTERSIGN_CA").map(PathBuf::from);
        let ca = self.ca.clone().or(named);
        ca.as_deref().map_or_else(|| Ok(Vec::new()), authorities)
    }

    /// The data folder.
    pub fn folder(&self) -> PathBuf {
        self.folder_with(&environment_variables())
    }

    fn folder_with(&self, variables: &[(String, String)]) -> PathBuf {
        let said = self.said_folder(variables);
        said.unwrap_or_else(|| Config::default().data.dir)
    }

    /// The data folder, where the command line or the environment names one.
    pub fn said_folder(&self, variables: &[(String, String)]) -> Option<PathBuf> {
        let named = || variable(variables, "COUNTERSIGN_DATA").map(PathBuf::from);
        self.data.clone().or_else(named)
    }
}

/// The certificates in `path`. A file without any would silently mean everybody, so it is refused.
fn authorities(path: &Path) -> Result<Vec<Certificate>, Failure> {
    let text = files::text(path)?;
    let read = Certificate::from_pem_bundle(text.as_bytes()).unwrap_or_default();
    if read.is_empty() {
        return Err(
            Failure::usage(format!("{} holds no certificate in PEM", path.display()))
                .advise("give the certificate of the authority that signed the server's with --ca"),
        );
    }
    Ok(read)
}

fn variable(variables: &[(String, String)], name: &str) -> Option<String> {
    let found = variables.iter().find(|(known, _)| known == name);
    found
        .map(|(_, value)| value.clone())
        .filter(|value| !value.is_empty())
}

/// What neither the command line nor the environment says, from the file.
fn complete(
    server: Option<String>,
    token: Option<Secret<String>>,
    file: OperatorFile,
    path: &Path,
) -> Result<(String, Secret<String>), Failure> {
    match (server, token) {
        // The file's token is for the file's server: it must not be sent to whatever address was typed.
        (Some(server), None) if admin_url(&server)? != admin_url(&file.admin)? => {
            Err(Failure::usage(format!(
                "{} holds a token for {}, not for {server}",
                path.display(),
                file.admin
            ))
            .advise("give the token of that server with --operator-token-file or COUNTERSIGN_OPERATOR_TOKEN"))
        }
        (server, token) => Ok((
            server.unwrap_or(file.admin),
            token.unwrap_or_else(|| Secret::new(file.token)),
        )),
    }
}

fn read(path: &Path) -> Result<OperatorFile, Failure> {
    if !path.exists() {
        return Err(Failure::usage("it is not said which server to talk to")
            .at(format!("{} does not exist", path.display()))
            .advise(
                "name the data folder with --data or COUNTERSIGN_DATA, or give --server and --operator-token-file",
            ));
    }
    let text = files::secret(path, REPLACE_TOKEN)?;
    serde_json::from_str(text.expose()).map_err(|error| {
        Failure::refused(format!("{OPERATOR_FILE} is not what `init` or `serve` writes"))
            .at(format!("{}, line {}", path.display(), error.line()))
            .advise("it is {\"admin\": URL, \"token\": TOKEN}; restore it, or give --server and --operator-token-file")
    })
}

/// An address of an admin API. In plain text only to this machine: the token would be read on the way.
///
/// # Errors
/// [`Failure`] that says what is wrong with it.
pub fn admin_url(text: &str) -> Result<Url, Failure> {
    let form = "write it as http://127.0.0.1:8082 or https://admin.example";
    bare_url(text, "server", form)
}

/// A URL of scheme, host and port, called `noun` and written in this `form`. In plain text only to this machine: what
/// is sent there is secret.
///
/// # Errors
/// [`Failure`] that says what is wrong with it.
pub fn bare_url(text: &str, noun: &str, form: &str) -> Result<Url, Failure> {
    let wrong = |what: &str| Failure::usage(format!("the {noun} `{text}` {what}"));
    if !text.contains("://") {
        return Err(wrong("has no scheme").advise(form));
    }
    let url: Url = text
        .parse()
        .map_err(|_| wrong("is not a URL").advise(form))?;
    let host = url
        .host()
        .ok_or_else(|| wrong("names no host").advise(form))?;
    let here = match host {
        url::Host::Domain(name) => name == "localhost" || name.ends_with(".localhost"),
        url::Host::Ipv4(address) => address.is_loopback(),
        url::Host::Ipv6(address) => address.is_loopback(),
    };
    match url.scheme() {
        "https" => {}
        "http" if here => {}
        "http" => {
            return Err(wrong("is in plain text and not on this machine")
                .advise("use https, or a tunnel to the server's loopback address"));
        }
        _ => return Err(wrong("is neither http nor https").advise(form)),
    }
    let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    if !bare || !url.username().is_empty() || url.password().is_some() {
        return Err(wrong("has more than scheme, host and port").advise(form));
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn folder(text: &str, mode: u32) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(OPERATOR_FILE);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        folder
    }

    const FILE: &str = r#"{"admin":"http://127.0.0.1:8082","token":"cs_opr_live_file"}"#;

    fn settle(
        connection: &Connection,
        variables: &[(&str, &str)],
    ) -> Result<(String, String), Failure> {
        let variables: Vec<(String, String)> = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let server = connection.settle_with(&variables)?;
        Ok((server.url.to_string(), server.token.expose().clone()))
    }

    #[test]
    fn the_command_line_wins_over_the_environment_and_that_over_the_folder() {
        let folder = folder(FILE, 0o600);
        let token = folder.path().join("token");
        std::fs::write(&token, "cs_opr_live_typed\n").unwrap();
        std::fs::set_permissions(&token, std::fs::Permissions::from_mode(0o600)).unwrap();
        let data = || Some(folder.path().to_owned());
        let from = |url: &str, token: &str| Ok((url.to_owned(), token.to_owned()));

        let bare = Connection {
            data: data(),
            ..Connection::default()
        };
        assert_eq!(
            settle(&bare, &[]),
            from("http://127.0.0.1:8082/", "cs_opr_live_file")
        );
        let named = [("COUNTERSIGN_DATA", folder.path().to_str().unwrap())];
        let none = Connection::default();
        assert_eq!(
            settle(&none, &named),
            from("http://127.0.0.1:8082/", "cs_opr_live_file")
        );
        let both = [
            ("COUNTERSIGN_SERVER", "https://admin.example"),
            ("COUNTERSIGN_OPERATOR_TOKEN", "cs_opr_live_env"),
        ];
        assert_eq!(
            settle(&bare, &both),
            from("https://admin.example/", "cs_opr_live_env")
        );
        let typed = Connection {
            server: Some("http://[::1]:9".into()),
            operator_token_file: Some(token),
            data: data(),
            ca: None,
        };
        assert_eq!(
            settle(&typed, &both),
            from("http://[::1]:9/", "cs_opr_live_typed")
        );
    }

    #[test]
    fn a_token_of_the_folder_is_not_sent_to_another_server() {
        let folder = folder(FILE, 0o600);
        let connection = |server: &str| Connection {
            server: Some(server.into()),
            data: Some(folder.path().to_owned()),
            ..Connection::default()
        };
        let refused = settle(&connection("https://elsewhere.example"), &[]).unwrap_err();
        assert!(
            refused.what.contains("not for https://elsewhere.example"),
            "{refused:?}"
        );
        assert!(settle(&connection("http://127.0.0.1:8082"), &[]).is_ok());
    }

    #[test]
    fn a_file_that_others_can_read_is_refused() {
        let folder = folder(FILE, 0o644);
        let connection = Connection {
            data: Some(folder.path().to_owned()),
            ..Connection::default()
        };
        let refused = settle(&connection, &[]).unwrap_err();
        assert!(
            refused.what.contains("can be read by others"),
            "{refused:?}"
        );
        assert!(refused.advice.unwrap().starts_with("chmod 600 "));
    }

    #[test]
    fn an_address_that_would_give_the_token_away_is_refused() {
        for (address, why) in [
            ("http://admin.example", "plain text"),
            ("http://10.0.0.1:8082", "plain text"),
            ("ftp://127.0.0.1", "neither http nor https"),
            ("127.0.0.1:8082", "no scheme"),
            ("localhost:8082", "no scheme"),
            ("http://a b", "not a URL"),
            ("https://alice:pw@admin.example", "more than scheme"),
            ("https://admin.example/admin/v1", "more than scheme"),
        ] {
            let refused = admin_url(address).unwrap_err();
            assert!(refused.what.contains(why), "{address}: {}", refused.what);
        }
        for address in [
            "http://localhost:8082",
            "http://[::1]:8082/",
            "https://admin.example:8443",
        ] {
            assert!(admin_url(address).is_ok(), "{address}");
        }
    }
}
