//! Arguments of the commands about settings.

use std::path::PathBuf;

use clap::error::ErrorKind;
use clap::{Args, CommandFactory, Subcommand};
use serde_json::{Map, Value};

use super::help::{CONFIG_CHECK_HELP, CONFIG_SET_HELP, CONFIG_SHOW_HELP, CONFIG_UNSET_HELP};
use super::server::ServerArgs;
use crate::cli::Cli;

/// What can be done with settings.
#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Show the settings that a server works by
    #[command(after_help = CONFIG_SHOW_HELP)]
    Show(ShowArgs),
    /// Change settings of a running server, all that are given or none
    #[command(after_help = CONFIG_SET_HELP)]
    Set(SetArgs),
    /// Take changes back, so that what the file, the environment or the default says holds again
    #[command(after_help = CONFIG_UNSET_HELP)]
    Unset(UnsetArgs),
    /// Name every mistake in a settings file at once
    #[command(after_help = CONFIG_CHECK_HELP)]
    Check {
        /// The settings file (JSON, YAML or TOML) [default: the one that `etlplus serve` would read]
        #[arg(value_name = "FILE")]
        file: Option<PathBuf>,
    },
}

/// Arguments of `config show`.
#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    /// Show as well where each value comes from, and which wait for a restart
    #[arg(long)]
    pub(crate) origins: bool,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

/// Arguments of `config set`.
#[derive(Debug, Args)]
pub(crate) struct SetArgs {
    /// Keys with their values. A value that is JSON is taken as that, everything else as a text
    #[arg(value_name = "KEY=VALUE", required = true, value_parser = parse_assignment)]
    assignments: Vec<(String, Value)>,
    /// Change them only if they are at this version; `config show` tells it
    #[arg(long, value_name = "N")]
    pub(crate) if_version: Option<u64>,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

/// Arguments of `config unset`.
#[derive(Debug, Args)]
pub(crate) struct UnsetArgs {
    /// The keys
    #[arg(value_name = "KEY", required = true, value_parser = parse_key)]
    keys: Vec<String>,
    /// Change them only if they are at this version; `config show` tells it
    #[arg(long, value_name = "N")]
    pub(crate) if_version: Option<u64>,
    /// Take them back in the data folder of a server that does not run, as where it cannot start with them
    #[arg(long, value_name = "FOLDER", conflicts_with_all = ["if_version", "server", "token"])]
    pub(crate) data: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

impl SetArgs {
    /// The keys that are set.
    pub(crate) fn keys(&self) -> Vec<&str> {
        self.assignments.iter().map(|(key, _)| key.as_str()).collect()
    }

    /// The change as the server takes it. Ends the program with a usage error where two keys are in each other's way.
    pub(crate) fn change(&self) -> Value {
        nested_or_exit(self.assignments.clone())
    }
}

impl UnsetArgs {
    /// The keys that are taken back.
    pub(crate) fn keys(&self) -> Vec<&str> {
        self.keys.iter().map(String::as_str).collect()
    }

    /// The change as the server takes it. Ends the program with a usage error where two keys are in each other's way.
    pub(crate) fn change(&self) -> Value {
        nested_or_exit(self.keys.iter().map(|key| (key.clone(), Value::Null)).collect())
    }
}

fn nested_or_exit(assignments: Vec<(String, Value)>) -> Value {
    nested(assignments).unwrap_or_else(|message| Cli::command().error(ErrorKind::ArgumentConflict, message).exit())
}

/// Values by dotted keys as one object of objects.
fn nested(assignments: Vec<(String, Value)>) -> Result<Value, String> {
    let mut whole = Map::new();
    for (key, value) in assignments {
        let (path, last) = key.rsplit_once('.').unwrap_or(("", &key));
        let mut object = &mut whole;
        for part in path.split('.').filter(|part| !part.is_empty()) {
            let inner = object.entry(part).or_insert_with(|| Value::Object(Map::new()));
            object = inner.as_object_mut().ok_or_else(|| format!("{key} is within another key that is given"))?;
        }
        if object.insert(last.to_owned(), value).is_some() {
            return Err(format!("{key} is given twice, or another key is within it"));
        }
    }
    Ok(Value::Object(whole))
}

fn parse_assignment(text: &str) -> Result<(String, Value), String> {
    let hint = "write KEY=VALUE, such as monitoring.websocket.max_connections=500";
    let (key, value) = text.split_once('=').ok_or_else(|| hint.to_owned())?;
    let key = parse_key(key)?;
    match serde_json::from_str(value) {
        Ok(Value::Null) => Err(format!("to take a change back, type `etlplus config unset {key}`")),
        Ok(value) => Ok((key, value)),
        Err(_) => Ok((key, Value::String(value.to_owned()))),
    }
}

fn parse_key(text: &str) -> Result<String, String> {
    let is_key = !text.contains('=') && text.split('.').all(|part| !part.is_empty());
    let hint =
        "a key is a path with dots, such as monitoring.websocket.max_connections; `etlplus config show` lists them";
    if is_key { Ok(text.to_owned()) } else { Err(hint.to_owned()) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_value_is_json_or_else_a_text() {
        for (text, value) in [
            ("a.b=5", json!(5)),
            ("a.b=true", json!(true)),
            ("a.b=25m", json!("25m")),
            ("a.b=", json!("")),
            ("a.b=\"5\"", json!("5")),
            ("a.b=x=y", json!("x=y")),
            ("a.b=[1,2]", json!([1, 2])),
            ("a.b={\"kind\":\"log\"}", json!({ "kind": "log" })),
            ("a.b=${NAME}", json!("${NAME}")),
        ] {
            assert_eq!(parse_assignment(text), Ok(("a.b".to_owned(), value)), "{text}");
        }
        for text in ["", "a", "=5", ".a=5", "a..b=5", "a.=5"] {
            assert!(parse_assignment(text).is_err(), "{text}");
        }
        assert!(parse_assignment("a=null").is_err_and(|hint| hint.contains("config unset a")));
        assert!(parse_key("a=b").is_err());
    }

    #[test]
    fn dotted_keys_become_objects() {
        let keys = |pairs: &[(&str, i32)]| {
            nested(pairs.iter().map(|(key, value)| ((*key).to_owned(), json!(value))).collect())
        };
        assert_eq!(
            keys(&[("a.b.c", 1), ("a.d", 2), ("e", 3), ("a.b.f", 4)]),
            Ok(json!({ "a": { "b": { "c": 1, "f": 4 }, "d": 2 }, "e": 3 }))
        );
        for pairs in [[("a", 1), ("a", 2)], [("a", 1), ("a.b", 2)], [("a.b", 1), ("a", 2)]] {
            assert!(keys(&pairs).is_err(), "{pairs:?}");
        }
    }
}
