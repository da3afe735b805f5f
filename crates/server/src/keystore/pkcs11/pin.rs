//! The user's PIN of the token: from the environment, or from a file that only its owner can read.

use super::trouble::TokenError;
use crate::config::Pkcs11;
use cryptoki::types::AuthPin;
use std::{fs::File, io::Read, os::unix::fs::PermissionsExt, path::Path};
use zeroize::Zeroizing;

/// The variable that carries the PIN instead of the file.
const VARIABLE: &str = "COUNTERSIGN_PKCS11_PIN";

/// A PIN, and where it is from.
pub(super) struct Pin {
    pub(super) pin: AuthPin,
    pub(super) place: String,
}

/// The PIN in [`VARIABLE`], if that is set, else the one in the file.
pub(super) fn read(config: &Pkcs11, variables: &[(String, String)]) -> Result<Pin, TokenError> {
    let (text, place) = text(config, variables)?;
    let pin = AuthPin::from(text.trim_end_matches(['\r', '\n']));
    Ok(Pin { pin, place })
}

fn text(
    config: &Pkcs11,
    variables: &[(String, String)],
) -> Result<(Zeroizing<String>, String), TokenError> {
    if let Some((_, text)) = variables.iter().find(|(name, _)| name == VARIABLE) {
        return Ok((Zeroizing::new(text.clone()), VARIABLE.to_owned()));
    }
    let path = config
        .pin_file
        .as_deref()
        .ok_or(TokenError::NoPin { variable: VARIABLE })?;
    Ok((read_file(path)?, path.display().to_string()))
}

fn read_file(path: &Path) -> Result<Zeroizing<String>, TokenError> {
    let unreadable = |source| TokenError::PinUnreadable {
        path: path.to_owned(),
        source,
    };
    let mut file = File::open(path).map_err(unreadable)?;
    // Of the open file, not of the path: that may be another one by now.
    let mode = file.metadata().map_err(unreadable)?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(TokenError::PinExposed {
            path: path.to_owned(),
            mode,
        });
    }
    let mut text = Zeroizing::new(String::new());
    file.read_to_string(&mut text).map_err(unreadable)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(pin_file: Option<&Path>) -> Pkcs11 {
        Pkcs11 {
            module: "/m.so".into(),
            token: "assets".into(),
            pin_file: pin_file.map(Path::to_owned),
        }
    }

    #[test]
    fn a_pin_is_refused_with_its_place() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pin");
        let says = |config: &Pkcs11| read(config, &[]).err().unwrap().to_string();
        assert!(says(&config(None)).contains(VARIABLE));
        let missing = says(&config(Some(&path)));
        assert!(missing.contains("keystore.pkcs11.pin_file"), "{missing}");
        assert!(missing.contains(&path.display().to_string()), "{missing}");
        std::fs::write(&path, "1234\n").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        let exposed = says(&config(Some(&path)));
        assert!(exposed.contains("chmod 600"), "{exposed}");
        assert!(!exposed.contains("1234"), "{exposed}");
    }

    #[test]
    fn the_variable_goes_before_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pin");
        std::fs::write(&path, "1234\n").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        let variables = [(VARIABLE.to_owned(), "5678".to_owned())];
        for (variables, expected, from) in [
            (&[][..], "1234\n", path.display().to_string()),
            (&variables[..], "5678", VARIABLE.to_owned()),
        ] {
            let (text, place) = text(&config(Some(&path)), variables).unwrap();
            assert_eq!((text.as_str(), place), (expected, from));
        }
    }
}
