//! The settings of a server.

use std::fmt::Write;

use etlplus_api::{Applies, ConfigEntry, ConfigOrigin, ConfigView};
use serde_json::Value;

use super::grid::{cell, render, styled, text, whole};
use crate::output::printable;
use crate::output::style::{FAINT, STRONG, WARN};

/// A line for each key with its value, and where that comes from, where it is asked for.
pub(crate) fn settings(view: &ConfigView, has_origins: bool, width: Option<usize>) -> String {
    let heading = format!("settings at version {}\n\n", view.version);
    let table = if has_origins {
        let columns = [text("key"), text("value"), text("from"), text("applies")];
        let cells = |entry: &ConfigEntry| {
            let applies = match (entry.pending_restart, entry.applies) {
                (true, _) => styled("waits for a restart", WARN),
                (false, Applies::Live) => cell("at once"),
                (false, Applies::NextStart) => cell("at the next start"),
            };
            let origin = origin(&entry.origin);
            let style = if entry.origin == ConfigOrigin::Default { FAINT } else { STRONG };
            vec![whole(&entry.key), cell(&value_text(&entry.value)), styled(&origin, style), applies]
        };
        render(&columns, view.origins.iter().map(cells).collect(), width)
    } else {
        let cells = |entry: &ConfigEntry| vec![whole(&entry.key), cell(&value_text(&entry.value))];
        render(&[text("key"), text("value")], view.origins.iter().map(cells).collect(), width)
    };
    heading + &table
}

/// The version, and each of `keys` (or what is within them) as it is now.
pub(crate) fn changed_settings(view: &ConfigView, keys: &[&str]) -> String {
    let mut shown = format!("settings at version {}\n", view.version);
    let is_of = |entry: &&ConfigEntry| {
        keys.iter().any(|key| entry.key.strip_prefix(key).is_some_and(|rest| rest.is_empty() || rest.starts_with('.')))
    };
    for entry in view.origins.iter().filter(is_of) {
        let _ = write!(shown, "  {} = {}", printable(&entry.key), printable(&value_text(&entry.value)));
        if entry.pending_restart {
            let _ = write!(shown, "  {WARN}waits for a restart{WARN:#}");
        }
        shown.push('\n');
    }
    shown
}

fn origin(origin: &ConfigOrigin) -> String {
    match origin {
        ConfigOrigin::Default => "default".to_owned(),
        ConfigOrigin::File { path } => path.clone(),
        ConfigOrigin::Environment { variable } => format!("${variable}"),
        ConfigOrigin::Flag => "command line".to_owned(),
        ConfigOrigin::Changed => "changed".to_owned(),
    }
}

/// A text as it is, everything else as JSON: as `config set` takes it.
fn value_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        value => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::examples::plain;
    use super::*;

    fn entry(key: &str, value: Value, origin: ConfigOrigin, pending_restart: bool) -> ConfigEntry {
        let applies = if pending_restart { Applies::NextStart } else { Applies::Live };
        ConfigEntry { key: key.to_owned(), value, default: Value::Null, origin, applies, pending_restart }
    }

    fn view() -> ConfigView {
        let fixture = include_str!("../../../../api/fixtures/rest.config.json");
        let mut view: ConfigView = serde_json::from_str(fixture).expect("the fixture is one");
        view.version = 7;
        view.origins = vec![
            entry("jobs.timeout", json!("2h"), ConfigOrigin::Changed, false),
            entry("jobs.timeout_other", json!(1), ConfigOrigin::Default, false),
            entry("log.file", json!(null), ConfigOrigin::File { path: "/etc/etlplus.yaml".to_owned() }, true),
            entry("server.allowed_hosts", json!(["a", "b"]), ConfigOrigin::Flag, false),
        ];
        view
    }

    #[test]
    fn settings_are_shown_with_where_they_come_from() {
        let expected = "\
settings at version 7

key                   value      from               applies
jobs.timeout          2h         changed            at once
jobs.timeout_other    1          default            at once
log.file              null       /etc/etlplus.yaml  waits for a restart
server.allowed_hosts  [\"a\",\"b\"]  command line       at once
";
        assert_eq!(plain(&settings(&view(), true, None)), expected);
        let short = plain(&settings(&view(), false, None));
        assert!(short.contains("\njobs.timeout          2h\n") && !short.contains("changed"), "{short}");
    }

    #[test]
    fn a_change_shows_what_it_was_about() {
        let expected = "settings at version 7\n  jobs.timeout = 2h\n  log.file = null  waits for a restart\n";
        assert_eq!(plain(&changed_settings(&view(), &["jobs.timeout", "log"])), expected);
    }
}
