//! `countersign token`: what is in a token, with or without asking the server. A token is read from a file or
//! from standard input, never from the command line, which other users of the machine can see.

use crate::cli::{
    api::Api,
    connect::Connection,
    failure::Failure,
    files,
    output::{Column, Output},
};
use clap::Subcommand;
use countersign_engine::bounds::TOKEN_BYTES_MAX;
use countersign_jose::base64url_decode;
use serde_json::{Value, json};
use std::path::PathBuf;

/// What can be done with tokens.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show what is in a token: read here without any check, or as the server sees it with --environment
    Inspect {
        /// A file with the token; - for standard input
        #[arg(default_value = "-")]
        file: PathBuf,
        /// Ask the server whether this environment accepts it
        #[arg(long)]
        environment: Option<String>,
    },
    /// Revoke a token
    Revoke {
        /// The environment
        environment: String,
        /// A file with the token; - for standard input
        #[arg(default_value = "-")]
        file: PathBuf,
    },
}

const INSPECTION: &[Column] = &[
    ("active", "active"),
    ("scopes", "scopes"),
    ("client", "client"),
    ("subject", "subject"),
    ("audience", "audience"),
    ("issuer", "issuer"),
    ("token id", "token_id"),
    ("token type", "token_type"),
    ("issued", "issued_at"),
    ("expires", "expires_at"),
];

/// Do it.
///
/// # Errors
/// [`Failure`].
pub async fn run(
    command: Command,
    connection: &Connection,
    output: &mut Output,
) -> Result<(), Failure> {
    match command {
        Command::Inspect {
            file,
            environment: None,
        } => {
            let token = files::token(&file)?;
            let decoded = decode(token.expose())?;
            unverified(output, &decoded);
        }
        Command::Inspect {
            file,
            environment: Some(environment),
        } => {
            let token = files::token(&file)?;
            let api = Api::new(connection.settle()?)?;
            let path = ["environments", &environment, "tokens", "inspect"];
            let body = json!({ "token": token.expose() });
            output.row(INSPECTION, &api.post(&path, Some(&body)).await?);
        }
        Command::Revoke { environment, file } => {
            let token = files::token(&file)?;
            let api = Api::new(connection.settle()?)?;
            let path = ["environments", &environment, "tokens", "revoke"];
            let body = json!({ "token": token.expose() });
            api.post(&path, Some(&body)).await?;
            output.done("The token is revoked.");
        }
    }
    Ok(())
}

/// Header and claims, as they are written.
fn decode(token: &str) -> Result<(Value, Value), Failure> {
    let opaque = || {
        Failure::refused("this is not a JWT: it has not three parts of base64url JSON").advise(
            "an opaque credential says nothing by itself; ask the server with --environment",
        )
    };
    if token.len() > TOKEN_BYTES_MAX {
        return Err(Failure::refused(format!(
            "this is longer than any token that the server takes ({TOKEN_BYTES_MAX} bytes)"
        )));
    }
    let parts: Vec<&str> = token.split('.').collect();
    let [header, claims, _signature] = parts.as_slice() else {
        return Err(opaque());
    };
    let read = |part: &str| {
        let bytes = base64url_decode(part).ok()?;
        let value: Value = serde_json::from_slice(&bytes).ok()?;
        value.is_object().then_some(value)
    };
    Ok((
        read(header).ok_or_else(opaque)?,
        read(claims).ok_or_else(opaque)?,
    ))
}

fn unverified(output: &mut Output, (header, claims): &(Value, Value)) {
    output.machine(&json!({ "verified": false, "header": header, "claims": claims }));
    output.say("NOT VERIFIED: this is what the token says of itself. Neither its signature nor its times were checked.");
    output.say("Ask the server with --environment whether it is accepted.\n");
    output.say(format!("header {header:#}"));
    output.say(format!("claims {claims:#}"));
    for (claim, word) in [("iat", "issued"), ("nbf", "not before"), ("exp", "expires")] {
        let time = claims.get(claim).and_then(Value::as_i64);
        if let Some(time) = time {
            let time = countersign_engine::time::Timestamp::from_seconds(time);
            let time = countersign_dialects::admin::time::write(time);
            output.say(format!("{word}: {time}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign_jose::base64url_encode;

    fn token(header: &str, claims: &str) -> String {
        let part = |text: &str| base64url_encode(text.as_bytes());
        format!("{}.{}.c2ln", part(header), part(claims))
    }

    #[test]
    fn a_jwt_is_shown_with_a_clear_warning() {
        let token = token(
            r#"{"alg":"RS384","typ":"JWT"}"#,
            r#"{"exp":1769860800,"sub":"1:2"}"#,
        );
        let mut output = Output::default();
        unverified(&mut output, &decode(&token).unwrap());
        insta::assert_snapshot!(output.text);
        let mut output = Output {
            json: true,
            ..Output::default()
        };
        unverified(&mut output, &decode(&token).unwrap());
        let read: Value = serde_json::from_str(&output.text).unwrap();
        assert_eq!(read["verified"], false);
    }

    #[test]
    fn what_is_not_a_jwt_is_not_guessed_at() {
        for text in [
            "cs_key_test_abc",
            "a.b.c",
            "e30.e30",
            "e30.W10.x",
            &"a".repeat(9000),
        ] {
            assert!(decode(text).is_err(), "{text}");
        }
    }
}
