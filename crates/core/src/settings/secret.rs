//! Secrets as references, so that no settings file holds one, and addresses that may be secrets themselves.

use std::fmt;
use std::path::PathBuf;

use super::hosts;
use crate::mistake::Fault;

/// Where a secret is found. Only whoever needs the secret reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretRef {
    /// An environment variable of the server, written `${NAME}`.
    Env(String),
    /// The content of a file without the line end after it, written `${file:/absolute/path}`.
    File(PathBuf),
}

impl fmt::Display for SecretRef {
    /// As it is written in a settings file.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "${{{name}}}"),
            Self::File(path) => write!(f, "${{file:{}}}", path.display()),
        }
    }
}

/// The address of a webhook, which for some services is a secret itself.
#[derive(Clone, PartialEq, Eq)]
pub enum UrlValue {
    /// The address as such.
    Literal(String),
    /// Where the address is found.
    Secret(SecretRef),
}

impl UrlValue {
    /// What may be shown of it: the reference, or the address without its path.
    pub fn masked(&self) -> String {
        match self {
            Self::Secret(reference) => reference.to_string(),
            Self::Literal(url) => match url.split_once("://") {
                Some((scheme, rest)) => {
                    let host = rest.split(['/', '?', '#', '\\']).next().unwrap_or_default();
                    // What stands before an @ is a user and a password.
                    let host = host.rsplit('@').next().unwrap_or_default();
                    format!("{scheme}://{host}/{MASK}")
                }
                None => MASK.to_owned(),
            },
        }
    }
}

/// Stands for what is not shown.
pub(super) const MASK: &str = "…";

impl fmt::Debug for UrlValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.masked())
    }
}

/// The reference that `text` is. What it is instead is not repeated: it may be the secret.
pub(crate) fn reference(text: &str) -> Result<SecretRef, Fault> {
    const REMEDY: &str =
        "write ${NAME} for an environment variable, or ${file:/path} for a file, and put the secret there";
    let is_name = |name: &str| {
        !name.is_empty()
            && !name.starts_with(|c: char| c.is_ascii_digit())
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    let inside = text.strip_prefix("${").and_then(|text| text.strip_suffix('}')).unwrap_or_default();
    match inside.strip_prefix("file:") {
        Some(path) if path.starts_with('/') && !path.contains(char::is_control) => Ok(SecretRef::File(path.into())),
        Some(_) => Err(Fault::new("the path of the file is not absolute", "begin it with /")),
        None if is_name(inside) => Ok(SecretRef::Env(inside.to_owned())),
        None => Err(Fault::new("is not a reference to a secret", REMEDY)),
    }
}

/// The address of a webhook. It is not repeated either.
pub(super) fn url(text: &str) -> Result<UrlValue, Fault> {
    const MAX_BYTES: usize = 2_000;
    if text.starts_with("${") {
        return reference(text).map(UrlValue::Secret);
    }
    if text.contains(MASK) {
        let remedy = "send the whole address, or leave the channel out to keep it as it is";
        return Err(Fault::new("is an address whose path is masked", remedy));
    }
    if text.len() > MAX_BYTES || !text.chars().all(|c| c.is_ascii_graphic()) || hosts::of_url(text).is_none() {
        let remedy = "write http:// or https://, a host in ASCII without a user before it, and a path; or ${NAME} \
                      for an environment variable that has it";
        return Err(Fault::new("is not an HTTP address", remedy));
    }
    Ok(UrlValue::Literal(text.to_owned()))
}
