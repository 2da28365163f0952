//! Passwords, read where they are needed and shown nowhere.

use std::fs::File;
use std::io::{ErrorKind, Read};

use etlplus_core::Failure;
use etlplus_core::settings::SecretRef;

/// The most bytes of a file that holds a password: a longer one is the wrong file.
const FILE_MAX_BYTES: u64 = 4096;

/// The password that `reference` means. What it is, is in no message.
pub(super) fn read(reference: &SecretRef) -> Result<String, Failure> {
    let missing = |message: String, remedy: &str| Failure::user("secret_missing", message, remedy);
    match reference {
        SecretRef::Env(name) => match std::env::var(name) {
            Ok(password) if !password.is_empty() => Ok(password),
            _ => Err(missing(
                format!(
                    "the environment variable {name}, which holds the password of the database, is not set or no text"
                ),
                "set it where the job runs",
            )),
        },
        SecretRef::File(path) => {
            let shown = path.display();
            let too_long = || {
                let message =
                    format!("{shown}, which holds the password of the database, has more than {FILE_MAX_BYTES} bytes");
                missing(message, "name the file that has the password alone")
            };
            let mut text = String::new();
            let read = File::open(path).and_then(|file| file.take(FILE_MAX_BYTES + 1).read_to_string(&mut text));
            read.map_err(|error| {
                let why = match error.kind() {
                    ErrorKind::NotFound => "no such file".to_owned(),
                    ErrorKind::InvalidData => "it is no text".to_owned(),
                    _ => error.to_string(),
                };
                missing(
                    format!("cannot read {shown}, which holds the password of the database: {why}"),
                    "make the file readable for the user who runs the job",
                )
            })?;
            if text.len() as u64 > FILE_MAX_BYTES {
                return Err(too_long());
            }
            let password = text.strip_suffix('\n').unwrap_or(&text);
            Ok(password.strip_suffix('\r').unwrap_or(password).to_owned())
        }
    }
}
