//! The address of a PostgreSQL server: `postgres://USER@HOST[:PORT]/DATABASE[?sslmode=...]`.
//!
//! No message repeats more of an address than the names of its parameters: a part of it may be a password.

use std::net::Ipv6Addr;

use super::Fault;
use crate::mistake::{nearest, quoted};
use crate::pipeline::caps;

const SHAPE: &str =
    "write postgres://USER@HOST/DATABASE, such as postgres://etl@db.example:5432/shop?sslmode=verify-full";
const ENCODE: &str = "write other characters as % and two hexadecimal digits, such as %40 for @";
/// The parameters of an address that mean something here.
const PARAMETERS: [&str; 5] = ["sslmode", "sslrootcert", "sslcert", "sslkey", "application_name"];
const SSL_MODES: [&str; 6] = ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"];

/// Refuses what is no such address, and one that holds a password.
pub(super) fn check(url: &str) -> Result<(), Fault> {
    if url.starts_with("${") {
        let remedy = "write the address itself, and only the password as a reference: password: ${NAME}";
        return Err(Fault::new("is a reference where an address belongs", remedy));
    }
    if url.len() > caps::URL_MAX_BYTES || !url.chars().all(|c| c.is_ascii_graphic()) {
        let message = format!("is not an address of at most {} ASCII characters without spaces", caps::URL_MAX_BYTES);
        return Err(Fault::new(message, ENCODE));
    }
    let rest = url.strip_prefix("postgres://").or_else(|| url.strip_prefix("postgresql://"));
    let rest = rest.ok_or_else(|| Fault::new("does not begin with postgres://", SHAPE))?;
    let (rest, query) = match rest.split_once('?') {
        Some((rest, query)) => (rest, Some(query)),
        None => (rest, None),
    };
    let user = rest.split_once('@').map(|(user, _)| user);
    if user.is_some_and(|user| user.contains(':')) {
        return Err(password());
    }
    let (authority, database) = rest.split_once('/').ok_or_else(|| Fault::new("names no database", SHAPE))?;
    let (user, host) = authority.split_once('@').ok_or_else(|| Fault::new("names no user", SHAPE))?;
    check_text(user, "user")?;
    check_host(host)?;
    check_text(database, "database")?;
    query.map_or(Ok(()), check_query)
}

fn password() -> Fault {
    let remedy = "remove it, and write password: ${NAME} for an environment variable that has it, or \
                  password: ${file:/path} for a file";
    Fault::new("the address holds a password", remedy)
}

/// A user or a database: characters that need no encoding, and encoded ones.
fn check_text(text: &str, what: &str) -> Result<(), Fault> {
    if text.is_empty() {
        return Err(Fault::new(format!("names no {what}"), SHAPE));
    }
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '~' | '%' | '$' | '+');
    if !text.chars().all(is_plain) || decode(text).is_none_or(|text| text.contains('\0')) {
        return Err(Fault::new(format!("the {what} holds a character that has a meaning in an address"), ENCODE));
    }
    Ok(())
}

/// A name, an IPv4 address, an IPv6 address in brackets, or the encoded path of a folder with a socket.
fn check_host(text: &str) -> Result<(), Fault> {
    const HOST: &str =
        "write a name, an address, [IPv6], or the encoded path of a socket's folder, such as %2Frun%2Fpostgresql";
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (text, None),
    };
    if host.is_empty() {
        return Err(Fault::new("names no host", SHAPE));
    }
    let is_ipv6 = |inside: &str| inside.parse::<Ipv6Addr>().is_ok();
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let is_socket = |path: String| path.starts_with('/') && !path.contains('\0');
    let is_good = match host.strip_prefix('[') {
        Some(inside) => inside.strip_suffix(']').is_some_and(is_ipv6),
        None => host.chars().all(is_name) || decode(host).is_some_and(is_socket),
    };
    if !is_good {
        return Err(Fault::new("the host is no name and no address", HOST));
    }
    match port {
        Some(port) if !port.bytes().all(|byte| byte.is_ascii_digit()) || !matches!(port.parse::<u16>(), Ok(1..)) => {
            Err(Fault::new("the port is not a number from 1 to 65535", SHAPE))
        }
        _ => Ok(()),
    }
}

fn check_query(query: &str) -> Result<(), Fault> {
    let mut seen: Vec<&str> = Vec::new();
    for pair in query.split('&') {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        if name == "password" {
            return Err(password());
        }
        if !PARAMETERS.contains(&name) {
            let remedy = match nearest(name, PARAMETERS) {
                Some(near) => format!("did you mean {near}?"),
                None => format!("the parameters of an address are {}", PARAMETERS.join(", ")),
            };
            return Err(Fault::new(format!("unknown parameter {} of the address", quoted(name)), remedy));
        }
        if seen.contains(&name) {
            return Err(Fault::new(format!("the address has {name} twice"), "keep one of them"));
        }
        seen.push(name);
        check_parameter(name, value)?;
    }
    Ok(())
}

fn check_parameter(name: &str, value: &str) -> Result<(), Fault> {
    let decoded = decode(value).filter(|text| !text.is_empty() && !text.chars().any(char::is_control));
    let decoded = decoded.ok_or_else(|| Fault::new(format!("{name} of the address has no sound value"), ENCODE))?;
    if name == "sslmode" && !SSL_MODES.contains(&decoded.as_str()) {
        let remedy = match nearest(&decoded, SSL_MODES) {
            Some(near) => format!("did you mean {near}?"),
            None => format!("write one of {}", SSL_MODES.join(", ")),
        };
        return Err(Fault::new(format!("unknown sslmode {}", quoted(&decoded)), remedy));
    }
    if matches!(name, "sslrootcert" | "sslcert" | "sslkey") && !decoded.starts_with('/') {
        return Err(Fault::new(format!("{name} of the address is no absolute path"), "begin it with /"));
    }
    Ok(())
}

/// `text` with its %XX resolved; `None` where one is broken, or gives no UTF-8.
fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || char::from(rest.next()?).to_digit(16);
        let (high, low) = (digit()?, digit()?);
        bytes.push(u8::try_from(high * 16 + low).ok()?);
    }
    String::from_utf8(bytes).ok()
}
