//! Lays the layers over one another, and checks what no layer can see alone.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::channels::CHANNELS_MAX;
use super::hosts;
use super::keys::{self, CHANNELS, KEYS};
use super::layer::{Given, Layer, show};
use super::model::Settings;
use super::monitoring::{ChannelKind, ChannelSettings};
use super::secret::UrlValue;
use super::value::Value;
use super::view::{Applies, Entry, Origin};
use crate::mistake::{Fault, Mistake, Mistakes, Position};

/// All that was said of the settings. Each layer lies over the one before it; below all of them are the defaults. Only
/// what applies at the next start lies the other way round in the two uppermost: there the flags have the last word, or a
/// server that does not start by what was changed could never be started.
#[derive(Debug, Clone, Default)]
pub struct Layers {
    /// What the settings file says, with its path.
    pub file: Option<(PathBuf, Layer)>,
    /// What environment variables say.
    pub environment: Layer,
    /// What the command line says.
    pub flags: Layer,
    /// What was changed while the server ran.
    pub changed: Layer,
}

/// Settings that hold together.
#[derive(Debug, Clone, PartialEq)]
pub struct Settled {
    /// The settings.
    pub settings: Settings,
    /// Each key with its value and where that comes from, in the order of the reference; then each channel, by name.
    pub entries: Vec<Entry>,
}

impl Layers {
    /// The settings that hold, with the origin of each.
    ///
    /// # Errors
    /// Every mistake that shows only when the layers are seen together; never an empty list. Each is named at the value
    /// that brings it about, with its place where that is in the file, and else with [`Position::START`].
    pub fn settle(&self) -> Result<Settled, Vec<Mistake>> {
        self.settle_beside(Vec::new())
    }

    /// The settings that hold, where the readers of the layers have found the mistakes `found`. What hangs on a key that
    /// has one is not checked.
    ///
    /// # Errors
    /// `found` and those of [`Self::settle`], in the order of their places; never an empty list.
    pub fn settle_beside(&self, found: Vec<Mistake>) -> Result<Settled, Vec<Mistake>> {
        let mut settings = Settings::default();
        let mut entries = Vec::new();
        for key in KEYS {
            let top = self.top(key.path);
            if let Some((given, _)) = top.as_ref().filter(|(given, _)| given.value != Value::Wrong) {
                key.set(&mut settings, given.value.clone());
            }
            entries.push(Entry {
                key: key.path.to_owned(),
                value: key.show(&key.of(&settings)),
                default: key.show(&key.default()),
                origin: top.map_or(Origin::Default, |(_, origin)| origin),
                applies: key.applies,
                pending_restart: false,
            });
        }
        for name in self.channel_names() {
            let path = format!("{CHANNELS}.{name}");
            let Some((Given { value: Value::Channel(kind), .. }, origin)) = self.top(&path) else { continue };
            let value = show(&path, &Value::Channel(kind.clone()), true);
            let (default, applies) = (serde_json::Value::Null, Applies::Live);
            entries.push(Entry { key: path, value, default, origin, applies, pending_restart: false });
            settings
                .monitoring
                .notifications
                .channels
                .push(ChannelSettings { name: name.to_owned(), kind: kind.clone() });
        }
        let mut mistakes = Mistakes::default();
        found.into_iter().for_each(|mistake| mistakes.add(mistake));
        self.check(&settings, &mut mistakes);
        mistakes.finish(Some(Settled { settings, entries }))
    }

    /// Which of `keys`, those of a change of [`Self::changed`], cannot be changed so, as another place has the last word.
    /// What was kept before is no mistake, and what is taken back is none either.
    pub fn overridden(&self, keys: &[(String, Option<String>)]) -> Vec<Mistake> {
        let set = keys.iter().filter(|(_, value)| value.is_some()).map(|(key, _)| key);
        set.filter_map(|key| {
            let (message, remedy) = if key == "server.data" {
                (
                    "changes are kept in the data folder itself, so they cannot say where it is",
                    "say it in the settings file or with --data, and start the server again",
                )
            } else if self.flags.get(key).is_some() && !is_live(key) {
                (
                    "is given on the command line, which has the last word when a server starts",
                    "leave out the flag at the next start",
                )
            } else {
                return None;
            };
            let (key, message, remedy) = (key.clone(), message.to_owned(), remedy.to_owned());
            Some(Mistake { position: Position::START, key, message, remedy })
        })
        .collect()
    }

    /// What the highest layer says that says anything of `path`.
    fn top(&self, path: &str) -> Option<(&Given, Origin)> {
        let changed = self.changed.get(path).map(|given| (given, Origin::Changed));
        let flag = || self.flags.get(path).map(|given| (given, Origin::Flag));
        let environment = || {
            let given = self.environment.get(path)?;
            Some((given, Origin::Environment { variable: given.name.clone() }))
        };
        let file = || {
            let (file, layer) = self.file.as_ref()?;
            Some((layer.get(path)?, Origin::File { path: file.clone() }))
        };
        let above = if is_live(path) { changed.or_else(flag) } else { flag().or(changed) };
        above.or_else(environment).or_else(file)
    }

    fn channel_names(&self) -> BTreeSet<&str> {
        let file = self.file.as_ref().map(|(_, layer)| layer);
        file.into_iter().chain([&self.environment, &self.flags, &self.changed]).flat_map(Layer::channels).collect()
    }

    /// Whether what holds of `path` is known, and not a mistake.
    fn is_known(&self, path: &str) -> bool {
        self.top(path).is_none_or(|(given, _)| given.value != Value::Wrong)
    }

    fn check(&self, settings: &Settings, found: &mut Mistakes) {
        let mut add = |path: &str, fault: Fault| {
            let top = self.top(path);
            let key = top.as_ref().map_or_else(|| path.to_owned(), |(given, _)| given.name.clone());
            let position = match top {
                Some((given, Origin::File { .. })) => given.position,
                _ => Position::START,
            };
            found.add(Mistake { position, key, message: fault.message, remedy: fault.remedy });
        };
        let listen = settings.server.listen;
        if !listen.ip().to_canonical().is_loopback() && settings.access.required == Some(false) {
            let message = format!("everybody who reaches {listen} could do everything");
            let remedy = "leave it out, so that tokens are needed, or listen at 127.0.0.1";
            add("access.required", Fault::new(message, remedy));
        }
        if settings.monitoring.websocket.port == Some(listen.port()) && self.is_known("server.listen") {
            let message =
                format!("{} is the port of server.listen, where the live channel is in any case", listen.port());
            add("monitoring.websocket.port", Fault::new(message, "write another port, or none"));
        }
        let count = self.channel_names().len();
        if count > CHANNELS_MAX {
            let message = format!("there are {count} channels, more than the {CHANNELS_MAX} allowed");
            add(CHANNELS, Fault::new(message, "remove some"));
        }
        if !self.is_known("monitoring.notifications.allowed_private_hosts") {
            return;
        }
        for channel in &settings.monitoring.notifications.channels {
            if let Some(fault) = unreachable(settings, channel) {
                add(&format!("{CHANNELS}.{}", channel.name), fault);
            }
        }
    }
}

/// Whether a change of `path` takes effect at once, as that of a channel does.
fn is_live(path: &str) -> bool {
    keys::find(path).is_none_or(|key| key.applies == Applies::Live)
}

/// What is wrong with a webhook whose address can be seen to be private. A name is looked up when something is sent.
fn unreachable(settings: &Settings, channel: &ChannelSettings) -> Option<Fault> {
    let ChannelKind::Webhook { url: UrlValue::Literal(url), .. } = &channel.kind else { return None };
    let host = hosts::of_url(url)?;
    let address = hosts::address_of(host)?;
    let message = format!("the webhook's address {host} is not public");
    let shown = if hosts::is_localhost(host) { host.to_owned() } else { address.to_canonical().to_string() };
    let remedy = format!("add {shown} to monitoring.notifications.allowed_private_hosts if it may be reached");
    let may_reach = settings.monitoring.notifications.may_reach(host, address);
    (!may_reach).then(|| Fault::new(message, remedy))
}

impl Settled {
    /// What holds in a server that started with `start`: keys that apply at the next start are as they were, and their
    /// entries, which have the new values, are marked where they differ.
    #[must_use]
    pub fn since_start(mut self, start: &Settings) -> Self {
        for (key, entry) in KEYS.iter().zip(&mut self.entries).filter(|(key, _)| key.applies == Applies::NextStart) {
            entry.pending_restart = key.of(start) != key.of(&self.settings);
            key.set(&mut self.settings, key.of(start));
        }
        self
    }
}
