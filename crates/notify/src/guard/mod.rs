//! Where webhooks and mails may go. An address in the settings must not become a way into the net that the server stands in, so that only
//! public addresses are called, and those that the settings name in `allowed_private_hosts`.
//!
//! The addresses that are checked are the ones that the connection then uses: of a webhook a literal one in [`check_url`],
//! those of a name in [`Resolver`]; of a mail server all of them in [`mail_addresses`]. A name that answers differently the
//! second time is checked the second time.

mod resolver;

use std::fmt::Display;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use etlplus_core::settings::NotificationSettings;
use reqwest::Url;

pub use resolver::Resolver;

/// A place that must not be called.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}: {remedy}")]
pub struct Refused {
    /// What is wrong, without a full stop.
    pub message: String,
    /// What to do about it, without a full stop.
    pub remedy: String,
}

/// Whether `host`, a name or a literal address, may be called at `address`.
///
/// # Errors
/// The address is not public, and the settings allow neither it nor the host.
pub fn check_address(host: &str, address: IpAddr, settings: &NotificationSettings) -> Result<(), Refused> {
    if settings.may_reach(host, address) {
        return Ok(());
    }
    let is_literal = literal(host).is_some();
    let what =
        if is_literal { host.to_owned() } else { format!("{host} stands for {}, which", address.to_canonical()) };
    Err(not_allowed(format!("{what} is no public address"), host))
}

fn not_allowed(message: String, host: &str) -> Refused {
    let remedy = format!(
        "give a host with a public address, or add {host} to monitoring.notifications.allowed_private_hosts if it is \
         meant to be called"
    );
    Refused { message, remedy }
}

/// The URL of a webhook, checked as far as that goes without asking for the addresses of a name; [`Resolver`] checks
/// these when the connection is made.
///
/// # Errors
/// It is no URL of HTTP, names credentials, or its host is this machine or an address that is not public, in any
/// spelling, and is not allowed.
pub fn check_url(text: &str, settings: &NotificationSettings) -> Result<Url, Refused> {
    let refused = |message: &str, remedy: &str| Refused { message: message.to_owned(), remedy: remedy.to_owned() };
    let url = Url::parse(text).map_err(|why| Refused {
        message: format!("this is no URL ({why})"),
        remedy: "give one such as https://hooks.example.com/alerts".to_owned(),
    })?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(refused(
            &format!("{}: is no scheme of a webhook", url.scheme()),
            "give an https:// or http:// URL",
        ));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(refused(
            "the URL holds a user name or a password, which would be shown wherever it is",
            "take them out and let the receiver check the signature: set secret",
        ));
    }
    let Some(host) = url.host_str() else {
        return Err(refused("the URL names no host", "give one such as https://hooks.example.com/alerts"));
    };
    // The URL parser has turned every spelling of an IPv4 address (decimal, octal, hexadecimal, short) into the usual one.
    if let Some(address) = literal(host) {
        check_address(host, address, settings)?;
    } else if is_local_name(host) && !settings.may_reach(host, Ipv4Addr::LOCALHOST.into()) {
        return Err(not_allowed(format!("{host} is this machine"), host));
    }
    Ok(url)
}

/// The addresses of a mail server, at least one, to each of which a connection may be made. This machine, where the
/// settings name it as such, needs no leave: it is where a mail server usually is that passes mails on.
///
/// # Errors
/// Why no mail may be sent there, or that nothing is known of the host, with what to do.
pub(crate) async fn mail_addresses(
    host: &str,
    port: u16,
    settings: &NotificationSettings,
) -> Result<Vec<SocketAddr>, String> {
    let unknown = |why: &dyn Display| format!("{host} is not found ({why}): see whether its name is right");
    let found = tokio::net::lookup_host((host, port)).await.map_err(|why| unknown(&why))?;
    let names_this_machine = is_local_name(host) || literal(host).is_some_and(is_loopback);
    let found: Vec<_> = found.collect();
    for address in found.iter().map(SocketAddr::ip) {
        if !(names_this_machine && is_loopback(address)) {
            check_address(host, address, settings).map_err(|refused| refused.to_string())?;
        }
    }
    if found.is_empty() { Err(unknown(&"it has no address")) } else { Ok(found) }
}

fn is_loopback(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}

/// The address that a host is, where it is no name.
fn literal(host: &str) -> Option<IpAddr> {
    host.trim_matches(['[', ']']).parse().ok()
}

/// `localhost` and all below it, which never leave this machine (RFC 6761).
fn is_local_name(host: &str) -> bool {
    let name = host.strip_suffix('.').unwrap_or(host);
    name == "localhost" || name.ends_with(".localhost")
}

#[cfg(test)]
mod tests;
