//! Files and standard input, with bounds.

use super::failure::Failure;
use countersign_engine::secret::Secret;
use std::{
    fs::File,
    io::Read,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::Path,
};

/// Bytes of a file with a secret in it.
const SECRET_BYTES_MAX: u64 = 64 * 1024;
/// Bytes of a declarative file: far more than a server takes objects.
const TEXT_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// The text of `path`, or of standard input for `-`.
///
/// # Errors
/// [`Failure`] when it cannot be read, is too long, or is not UTF-8.
pub fn text(path: &Path) -> Result<String, Failure> {
    if path == Path::new("-") {
        return bounded(std::io::stdin().lock(), "standard input", TEXT_BYTES_MAX);
    }
    bounded(open(path)?, &path.display().to_string(), TEXT_BYTES_MAX)
}

/// A secret in `path`, or in standard input for `-`, without the end of its line.
///
/// # Errors
/// [`Failure`], also when others can read the file: then it is no secret any more, and `replace` says how to have another.
pub fn secret(path: &Path, replace: &str) -> Result<Secret<String>, Failure> {
    let text = if path == Path::new("-") {
        bounded(std::io::stdin().lock(), "standard input", SECRET_BYTES_MAX)?
    } else {
        let file = open(path)?;
        let name = path.display().to_string();
        let metadata = file.metadata().map_err(|error| unreadable(path, &error))?;
        // A pipe (`<(command)`) has no permissions that mean anything.
        if metadata.is_file() && metadata.mode() & 0o077 != 0 {
            return Err(Failure::refused(format!("{name} can be read by others"))
                .at(format!(
                    "its mode is {:03o}",
                    metadata.permissions().mode() & 0o777
                ))
                .advise(format!(
                    "chmod 600 {name}, and {replace} if others did read it"
                )));
        }
        bounded(file, &name, SECRET_BYTES_MAX)?
    };
    let secret = Secret::new(text);
    let trimmed = secret.expose().trim_end_matches(['\r', '\n']);
    Ok(Secret::new(trimmed.to_owned()))
}

/// A token that is not a file's whole purpose: no permissions are asked of it.
///
/// # Errors
/// [`Failure`] when it cannot be read, or is empty.
pub fn token(path: &Path) -> Result<Secret<String>, Failure> {
    let text = Secret::new(text(path)?);
    let token = text.expose().trim();
    if token.is_empty() {
        return Err(Failure::usage("there is no token to read")
            .at(path.display().to_string())
            .advise("give a file with the token, or pipe it in: echo \"$TOKEN\" | countersign token inspect"));
    }
    Ok(Secret::new(token.to_owned()))
}

fn open(path: &Path) -> Result<File, Failure> {
    File::open(path).map_err(|error| unreadable(path, &error))
}

fn unreadable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::refused(format!("cannot read {}: {error}", path.display()))
}

fn bounded(reader: impl Read, name: &str, bytes_max: u64) -> Result<String, Failure> {
    let mut bytes = Vec::new();
    let read = reader.take(bytes_max + 1).read_to_end(&mut bytes);
    read.map_err(|error| Failure::refused(format!("cannot read {name}: {error}")))?;
    if bytes.len() as u64 > bytes_max {
        return Err(Failure::refused(format!(
            "{name} has more than {bytes_max} bytes"
        )));
    }
    String::from_utf8(bytes).map_err(|_| Failure::refused(format!("{name} is not UTF-8 text")))
}
