//! Which lines of a settings file nobody should be shown.

use std::collections::BTreeSet;

use super::channels;
use super::keys::CHANNELS;
use super::kind::Kind;
use crate::mistake::Mistake;

/// The lines of a settings file, from 1, that may hold a secret, such as a password that stands where a reference to one
/// belongs: those that name a key for one, and those with one of the `mistakes` at such a key or at an unknown key of a
/// channel, which may be the same misspelt. Rather too many than too few: a text that is no settings file has no keys.
pub fn secret_lines(text: &str, mistakes: &[Mistake]) -> BTreeSet<usize> {
    let names_one = |line: &str| {
        let line = line.to_lowercase();
        channels::KEYS.iter().any(|key| is_secret(key.kind) && line.contains(key.name))
    };
    let named = text.split('\n').enumerate().filter(|(_, line)| names_one(line)).map(|(index, _)| index + 1);
    let mistaken = mistakes.iter().filter(|mistake| is_delicate(&mistake.key)).map(|mistake| mistake.position.line);
    named.chain(mistaken).collect()
}

fn is_secret(kind: Kind) -> bool {
    matches!(kind, Kind::Secret | Kind::Url)
}

/// Whether `path` is in a channel, and not one of its keys that are known to be no secret.
fn is_delicate(path: &str) -> bool {
    let Some(rest) = path.strip_prefix(CHANNELS).and_then(|rest| rest.strip_prefix('.')) else { return false };
    let key = rest.split_once('.').map(|(_, key)| key.split('[').next().unwrap_or(key));
    !channels::KEYS.iter().any(|known| Some(known.name) == key && !is_secret(known.kind))
}
