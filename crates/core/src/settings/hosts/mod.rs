//! Names, addresses and networks, and which of them are public.
//!
//! A webhook is a way for whoever may change settings to make the server send requests. It must not reach what only the
//! server can reach, however the address is spelled: `127.1`, `0x7f000001` and `[::ffff:127.0.0.1]` are all loopback.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::monitoring::NotificationSettings;
use crate::mistake::{Fault, quoted};

impl NotificationSettings {
    /// Whether a webhook may be sent to `address`, which the name `host` stands for: it is public, or allowed by
    /// [`Self::allowed_private_hosts`].
    pub fn may_reach(&self, host: &str, address: IpAddr) -> bool {
        is_public(address) || self.allowed_private_hosts.iter().any(|allowed| matches(allowed, host, address))
    }
}

/// Whether `address` is one that everybody on the internet reaches the same host at.
fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    // What IANA's registry of special addresses lists as not globally reachable, with multicast and reserved ones.
    !(a == 0
        || a == 10
        || a == 127
        || a >= 224
        || (a == 100 && (64..128).contains(&b))
        || (a == 169 && b == 254)
        || (a == 172 && (16..32).contains(&b))
        || (a == 192 && b == 168)
        || (a == 192 && b == 0 && (c == 0 || c == 2))
        || (a == 192 && b == 88 && c == 99)
        || (a == 198 && (b == 18 || b == 19))
        || (a == 198 && b == 51 && c == 100)
        || (a == 203 && b == 0 && c == 113))
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let [a, b, c, d, e, f, g, h] = address.segments();
    let v4 = |high: u16, low: u16| {
        let [[a, b], [c, d]] = [high.to_be_bytes(), low.to_be_bytes()];
        Ipv4Addr::new(a, b, c, d)
    };
    match (a, b) {
        // NAT64 and 6to4 lead to the IPv4 address inside.
        (0x64, 0xff9b) if [c, d, e, f] == [0; 4] => is_public_v4(v4(g, h)),
        (0x2002, _) => is_public_v4(v4(b, c)),
        // Protocol assignments with Teredo, and addresses for documents.
        (0x2001, 0..=0x1ff | 0xdb8) | (0x3fff, 0..=0xfff) => false,
        _ => (0x2000..0x4000).contains(&a),
    }
}

/// Whether `allowed`, which [`network`] has made, is `host` or has `address`.
fn matches(allowed: &str, host: &str, address: IpAddr) -> bool {
    match parse_network(allowed) {
        Some((network, bits)) => has(network, bits, address.to_canonical()),
        None => allowed.eq_ignore_ascii_case(host.strip_suffix('.').unwrap_or(host)),
    }
}

fn has(network: IpAddr, bits: u32, address: IpAddr) -> bool {
    match (network, address) {
        (IpAddr::V4(network), IpAddr::V4(address)) => {
            let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
            network.to_bits() & mask == address.to_bits() & mask
        }
        (IpAddr::V6(network), IpAddr::V6(address)) => {
            let mask = u128::MAX.checked_shl(128 - bits).unwrap_or(0);
            network.to_bits() & mask == address.to_bits() & mask
        }
        _ => false,
    }
}

/// `10.0.0.0/8`, or an address as a network of its own.
fn parse_network(text: &str) -> Option<(IpAddr, u32)> {
    let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
    let address: IpAddr = address.parse().ok()?;
    let most = if address.is_ipv4() { 32 } else { 128 };
    let bits = bits.map_or(Some(most), |bits| bits.parse().ok().filter(|bits| *bits <= most))?;
    Some((address, bits))
}

/// A host's name in lower case, an address, or a network.
pub(super) fn network(text: &str) -> Result<String, Fault> {
    if text.contains('/') {
        return parse_network(text).map(|_| text.to_owned()).ok_or_else(|| {
            let message = format!("{} is not a network", quoted(text));
            Fault::new(message, "write an address and the number of its fixed bits, such as 10.0.0.0/8")
        });
    }
    name(text)
}

/// A host's name in lower case, or its address in the usual spelling.
pub(super) fn name(text: &str) -> Result<String, Fault> {
    if let Some(address) = literal_address(text) {
        return Ok(address.to_canonical().to_string());
    }
    let name = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
    if !is_name(&name) {
        let message = format!("{} is not the name of a host", quoted(text));
        return Err(Fault::new(message, "write the name or the address alone, such as etl.example.com"));
    }
    Ok(name)
}

fn is_name(name: &str) -> bool {
    const NAME_MAX_CHARS: usize = 253;
    const LABEL_MAX_CHARS: usize = 63;
    let is_label = |label: &str| {
        let is_fit = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        !label.is_empty() && label.len() <= LABEL_MAX_CHARS && label.chars().all(is_fit)
    };
    name.len() <= NAME_MAX_CHARS && name.split('.').all(is_label)
}

/// Whether `host` is this machine: for whom a connection needs no encryption.
pub(super) fn is_loopback(host: &str) -> bool {
    match literal_address(host) {
        Some(address) => address.to_canonical().is_loopback(),
        None => is_localhost(host),
    }
}

/// Whether `host` is the name of this machine, or below it (RFC 6761).
pub(super) fn is_localhost(host: &str) -> bool {
    let name = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    name == "localhost" || name.ends_with(".localhost")
}

/// The address that `host` already is, if it is no name. A name for this machine counts as its address.
pub(super) fn address_of(host: &str) -> Option<IpAddr> {
    let host = host.strip_suffix('.').unwrap_or(host);
    if is_localhost(host) { Some(IpAddr::V4(Ipv4Addr::LOCALHOST)) } else { literal_address(host) }
}

fn literal_address(host: &str) -> Option<IpAddr> {
    if let Some(inside) = host.strip_prefix('[') {
        return inside.strip_suffix(']')?.parse().map(IpAddr::V6).ok();
    }
    host.parse().ok().or_else(|| loose_v4(host).map(IpAddr::V4))
}

/// IPv4 as browsers and HTTP clients read it (the URL standard's "IPv4 parser"): one to four parts, each decimal, octal
/// (`0177`) or hexadecimal (`0x7f`), the last of which fills what is left.
fn loose_v4(host: &str) -> Option<Ipv4Addr> {
    let parts: Vec<u64> = host.split('.').map(loose_number).collect::<Option<_>>()?;
    let (last, first) = parts.split_last()?;
    if first.len() > 3 || first.iter().any(|part| *part > 255) || *last >= 1 << (8 * (4 - first.len())) {
        return None;
    }
    let shifted = |(index, part): (usize, &u64)| part << (8 * (3 - index));
    let bits = first.iter().enumerate().map(shifted).sum::<u64>() + last;
    u32::try_from(bits).ok().map(Ipv4Addr::from_bits)
}

fn loose_number(text: &str) -> Option<u64> {
    if let Some(hex) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        return if hex.is_empty() { Some(0) } else { u64::from_str_radix(hex, 16).ok() };
    }
    match text.strip_prefix('0') {
        Some(octal) if !octal.is_empty() => u64::from_str_radix(octal, 8).ok(),
        _ => text.parse().ok(),
    }
}

/// The host of an HTTP address as it is written there, in brackets if it is IPv6; `None` where it is no such address.
/// Whoever wrote it in another way than plain ASCII without a user's name gets no answer.
pub(super) fn of_url(url: &str) -> Option<&str> {
    let (scheme, rest) = url.split_once("://")?;
    if !["http", "https"].iter().any(|known| scheme.eq_ignore_ascii_case(known)) {
        return None;
    }
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let authority = &rest[..end];
    let after_host = if authority.starts_with('[') { authority.find(']')? + 1 } else { 0 };
    let colon = authority[after_host..].find(':').map_or(authority.len(), |colon| after_host + colon);
    let (host, port) = authority.split_at(colon);
    let is_port = port.is_empty() || port[1..].parse::<u16>().is_ok_and(|port| port > 0);
    let is_host = match host.strip_prefix('[') {
        Some(_) => literal_address(host).is_some(),
        None => is_name(host.strip_suffix('.').unwrap_or(host)),
    };
    (is_port && is_host).then_some(host)
}

/// `ops@example.com`, or with a name before it: `ETL Plus <ops@example.com>`.
pub(super) fn mail(text: &str) -> Result<String, Fault> {
    const MAX_CHARS: usize = 320;
    let address = match text.strip_suffix('>').and_then(|text| text.rsplit_once('<')) {
        Some((_, address)) => address,
        None => text,
    };
    let is_address = address.rsplit_once('@').is_some_and(|(local, host)| {
        let is_fit =
            |c: char| c.is_ascii_graphic() && !matches!(c, '<' | '>' | '(' | ')' | ',' | ';' | ':' | '"' | '@');
        !local.is_empty() && local.chars().all(is_fit) && is_name(host)
    });
    if !is_address || text.contains(char::is_control) || text.chars().count() > MAX_CHARS {
        let message = format!("{} is not a mail address", quoted(text));
        return Err(Fault::new(message, "write an address such as ops@example.com"));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests;
