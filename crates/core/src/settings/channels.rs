//! One channel: its keys, and what they make together.

use std::collections::BTreeMap;

use serde_json::json;

use super::hosts;
use super::kind::Kind;
use super::monitoring::{ChannelKind, SmtpTls};
use super::read::Reader;
use super::secret::UrlValue;
use super::value::Value;
use crate::mistake::{Fault, Position, nearest, quoted};
use crate::tree::{Content, Entry, Node, child_key};

/// Channels of a server.
pub(super) const CHANNELS_MAX: usize = 20;
/// Characters of a channel's name.
const NAME_MAX_CHARS: usize = 50;
/// Receivers of one channel.
const RECEIVERS_MAX: usize = 50;

const WEBHOOK: &str = "webhook";
const EMAIL: &str = "email";
const LOG: &str = "log";
/// The types of channels.
pub(super) const TYPES: &[&str] = &[WEBHOOK, EMAIL, LOG];

/// One key of a channel.
pub(super) struct ChannelKey {
    /// The type of channel that has it; none for all of them.
    pub(super) of: Option<&'static str>,
    /// Its name.
    pub(super) name: &'static str,
    /// What values it takes.
    pub(super) kind: Kind,
    /// Whether it must be there, or else what holds without it.
    pub(super) without: Without,
    /// What it is for, in one line.
    pub(super) what: &'static str,
}

/// What becomes of a channel where a key is not there.
pub(super) enum Without {
    /// It is a mistake.
    Mistake,
    /// This holds.
    Holds(&'static str),
}

const fn key(
    of: Option<&'static str>,
    name: &'static str,
    kind: Kind,
    without: Without,
    what: &'static str,
) -> ChannelKey {
    ChannelKey { of, name, kind, without, what }
}

/// All keys of channels, in the order in which they are shown.
pub(super) const KEYS: &[ChannelKey] = {
    use Without::{Holds, Mistake};
    const PORT: Kind = Kind::Count { least: 1, most: 65_535 };
    const TO: Kind = Kind::List { of: &Kind::Mail, most: RECEIVERS_MAX };
    &[
        key(None, "type", Kind::Word(TYPES), Mistake, "what the channel is"),
        key(Some(WEBHOOK), "url", Kind::Url, Mistake, "where alerts are sent; shown without its path"),
        key(
            Some(WEBHOOK),
            "secret",
            Kind::Secret,
            Holds("not signed"),
            "what they are signed with: a text `whsec_...`",
        ),
        key(Some(EMAIL), "host", Kind::Host, Mistake, "the SMTP server"),
        key(Some(EMAIL), "port", PORT, Holds("465 for `tls`, 587 for `starttls`, 25 for `none`"), "its port"),
        key(
            Some(EMAIL),
            "tls",
            Kind::Word(SmtpTls::WORDS),
            Holds("`starttls`"),
            "encryption; `none` only on this machine",
        ),
        key(Some(EMAIL), "username", Kind::Text, Holds("no login"), "whom to log in as"),
        key(Some(EMAIL), "password", Kind::Secret, Holds("no login"), "the password"),
        key(Some(EMAIL), "from", Kind::Mail, Mistake, "the sender"),
        key(Some(EMAIL), "to", TO, Mistake, "the receivers"),
    ]
};

impl SmtpTls {
    const WORDS: &[&str] = &["none", "starttls", "tls"];

    fn of(word: &str) -> Option<Self> {
        let all = [Self::None, Self::StartTls, Self::Tls];
        all.into_iter().find(|tls| tls.word() == word)
    }

    fn word(self) -> &'static str {
        match self {
            Self::None => Self::WORDS[0],
            Self::StartTls => Self::WORDS[1],
            Self::Tls => Self::WORDS[2],
        }
    }

    /// The port that servers listen at by convention (RFC 8314).
    fn port(self) -> u16 {
        match self {
            Self::None => 25,
            Self::StartTls => 587,
            Self::Tls => 465,
        }
    }
}

/// The names of the keys that a channel of the type `of` has; those of all types where it is not known.
pub(super) fn names(of: Option<&str>) -> Vec<&'static str> {
    let has = |key: &&ChannelKey| key.of.is_none() || of.is_none() || key.of == of;
    KEYS.iter().filter(has).map(|key| key.name).collect()
}

/// Whether `name` can be a channel's.
pub(super) fn check_name(name: &str) -> Result<(), Fault> {
    let is_fit = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '-');
    if (1..=NAME_MAX_CHARS).contains(&name.len()) && name.chars().all(is_fit) {
        return Ok(());
    }
    Err(Fault::new(
        format!("{} cannot be the name of a channel", quoted(name)),
        format!("write 1 to {NAME_MAX_CHARS} of a-z, 0-9, _ and -"),
    ))
}

/// The values of a channel by key, each with its place.
type Values = BTreeMap<&'static str, (Value, Position)>;

/// The channel that `node` describes, as far as that can be told in spite of mistakes; `path` leads to it, and its key is
/// at `position`.
pub(super) fn read(reader: &mut Reader, path: &str, position: Position, node: &Node) -> Option<ChannelKind> {
    let Content::Map(entries) = &node.content else {
        reader.wrong_kind(path, node, "a map", &format!("a map with {}", names(None).join(", ")));
        return None;
    };
    let of = channel_type(reader, path, position, entries);
    let mut values = Values::new();
    for entry in entries.iter().filter(|entry| entry.key != "type") {
        let key = child_key(path, &entry.key);
        match KEYS.iter().find(|known| known.name == entry.key && (of.is_none() || known.of == of)) {
            Some(known) => {
                let value = reader.value(&key, known.kind, None, &entry.value);
                values.extend(value.map(|value| (known.name, (value, entry.value.position))));
            }
            None => reader.fault(entry.key_position, &key, unknown(&entry.key, of)),
        }
    }
    let of = of?;
    let is_there = |key: &&ChannelKey| entries.iter().any(|entry| entry.key == key.name);
    for key in KEYS.iter().filter(|key| key.of == Some(of) && matches!(key.without, Without::Mistake)) {
        if !is_there(&key) {
            let remedy = format!("add {}: {}", key.name, key.kind.describe().replace('`', ""));
            reader.fault(
                position,
                &format!("{path}.{}", key.name),
                Fault::new(format!("{} is missing", key.name), remedy),
            );
        }
    }
    match of {
        WEBHOOK => webhook(&mut values),
        EMAIL => email(reader, path, entries, &mut values),
        _ => Some(ChannelKind::Log),
    }
}

/// The type, by which the other keys are judged.
fn channel_type(reader: &mut Reader, path: &str, position: Position, entries: &[Entry]) -> Option<&'static str> {
    let key = format!("{path}.type");
    let Some(entry) = entries.iter().find(|entry| entry.key == "type") else {
        let remedy = format!("add type: {}", TYPES.join(" or "));
        reader.fault(position, &key, Fault::new("type is missing", remedy));
        return None;
    };
    match reader.value(&key, Kind::Word(TYPES), None, &entry.value)? {
        Value::Text(word) => TYPES.iter().copied().find(|of| *of == word),
        _ => None,
    }
}

fn unknown(name: &str, of: Option<&'static str>) -> Fault {
    let known = names(of);
    let is_of_another = KEYS.iter().any(|key| key.name == name);
    let message = match of {
        Some(of) if is_of_another => format!("a channel of type {of} has no {name}"),
        _ => format!("unknown key {}", quoted(name)),
    };
    let remedy = match nearest(name, known.iter().copied()) {
        Some(near) => format!("did you mean {near}?"),
        None => format!("the keys here are {}", known.join(", ")),
    };
    Fault::new(message, remedy)
}

fn webhook(values: &mut Values) -> Option<ChannelKind> {
    let Value::Url(url) = values.remove("url")?.0 else { return None };
    let secret = values.remove("secret").and_then(|(value, _)| secret_of(value));
    Some(ChannelKind::Webhook { url, secret })
}

fn secret_of(value: Value) -> Option<super::SecretRef> {
    if let Value::Secret(reference) = value { Some(reference) } else { None }
}

fn text_of(value: Value) -> Option<String> {
    if let Value::Text(text) = value { Some(text) } else { None }
}

fn email(reader: &mut Reader, path: &str, entries: &[Entry], values: &mut Values) -> Option<ChannelKind> {
    check_login(reader, path, entries);
    let to = values.remove("to");
    if let Some((Value::List(receivers), position)) = &to
        && receivers.is_empty()
    {
        reader.fault(*position, &format!("{path}.to"), Fault::new("has no receiver", "write at least one address"));
    }
    let (host, host_position) = values.remove("host")?;
    let host = text_of(host)?;
    let (tls, tls_position) = match values.remove("tls") {
        Some((word, position)) => (SmtpTls::of(&text_of(word)?)?, position),
        None => (SmtpTls::StartTls, host_position),
    };
    if tls == SmtpTls::None && !hosts::is_loopback(&host) {
        let message = format!("a mail to {host} would cross the network in plain text");
        let fault = Fault::new(message, "write starttls or tls, or use a mail server on this machine");
        reader.fault(tls_position, &format!("{path}.tls"), fault);
    }
    let port = match values.remove("port") {
        Some((Value::Count(port), _)) => u16::try_from(port).ok()?,
        _ => tls.port(),
    };
    let username = values.remove("username").and_then(|(value, _)| text_of(value));
    let password = values.remove("password").and_then(|(value, _)| secret_of(value));
    let from = text_of(values.remove("from")?.0)?;
    let Value::List(to) = to?.0 else { return None };
    Some(ChannelKind::Email { host, port, tls, username, password, from, to })
}

/// Names the user's name without the password, or the other way round.
fn check_login(reader: &mut Reader, path: &str, entries: &[Entry]) {
    let position = |key: &str| entries.iter().find(|entry| entry.key == key).map(|entry| entry.value.position);
    match (position("username"), position("password")) {
        (Some(position), None) => {
            let fault = Fault::new("has no password beside it", "add password: ${NAME}, or remove it");
            reader.fault(position, &format!("{path}.username"), fault);
        }
        (None, Some(position)) => {
            let fault = Fault::new("has no username beside it", "add username, or remove it");
            reader.fault(position, &format!("{path}.password"), fault);
        }
        _ => {}
    }
}

/// A channel as a file would say it; with `masked` the address of a webhook has no path.
pub(super) fn show(channel: &ChannelKind, masked: bool) -> serde_json::Value {
    let mut shown = match channel {
        ChannelKind::Webhook { url, secret } => {
            let url = match url {
                UrlValue::Literal(url) if !masked => url.clone(),
                _ => url.masked(),
            };
            json!({ "type": WEBHOOK, "url": url, "secret": secret.as_ref().map(ToString::to_string) })
        }
        ChannelKind::Email { host, port, tls, username, password, from, to } => json!({
            "type": EMAIL, "host": host, "port": port, "tls": tls.word(), "username": username,
            "password": password.as_ref().map(ToString::to_string), "from": from, "to": to,
        }),
        ChannelKind::Log => json!({ "type": LOG }),
    };
    // What is not there is left out, so that the whole can be sent back.
    if let Some(map) = shown.as_object_mut() {
        map.retain(|_, value| !value.is_null());
    }
    shown
}
