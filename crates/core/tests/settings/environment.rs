//! Environment variables and options of the command line.

use std::time::Duration;

use etlplus_core::settings::{self, ChannelKind, Layer, Layers, Origin, SecretRef};
use etlplus_core::{Mistake, Position};
use serde_json::json;

use crate::support::{entry, of_file, say, settled, yaml};

fn read(variables: &[(&str, &str)]) -> Result<Layer, Vec<Mistake>> {
    settings::environment(variables.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned()))).whole()
}

#[test]
fn a_variable_lies_over_the_file_and_names_itself_as_the_origin() {
    let mut layers = of_file(yaml("monitoring: { websocket: { max_connections: 7, port: 9 } }"));
    layers.environment = read(&[
        ("ETLPLUS_MONITORING__WEBSOCKET__MAX_CONNECTIONS", "5"),
        ("ETLPLUS_SERVER__ALLOWED_HOSTS", "a.example.com, b.example.com"),
        ("ETLPLUS_MONITORING__NOTIFICATIONS__ALLOWED_PRIVATE_HOSTS", ""),
        ("ETLPLUS_JOBS__TIMEOUT", "none"),
        ("ETLPLUS_LOG__LEVEL", "debug"),
        ("ETLPLUS_MONITORING__WEBSOCKET__ENABLED", "false"),
    ])
    .expect("the variables are right");
    let settled = settled(&layers);
    let settings = &settled.settings;
    assert_eq!(settings.monitoring.websocket.max_connections, 5);
    assert_eq!(settings.monitoring.websocket.port, Some(9));
    assert_eq!(settings.server.allowed_hosts, ["a.example.com", "b.example.com"]);
    assert_eq!(settings.log.level, "debug");
    assert!(!settings.monitoring.websocket.enabled);
    let variable = "ETLPLUS_MONITORING__WEBSOCKET__MAX_CONNECTIONS".to_owned();
    let entry = entry(&settled, "monitoring.websocket.max_connections");
    assert_eq!(entry.origin, Origin::Environment { variable });
    assert_eq!((&entry.value, &entry.default), (&json!(5), &json!(1_000)));
}

#[test]
fn other_variables_are_left_alone() {
    let layer =
        read(&[("ETLPLUS_LOG", "x"), ("ETLPLUS_SERVER", "y"), ("ETLPLUS_TOKEN", "z"), ("PATH__X", "1"), ("A", "")]);
    assert!(layer.is_ok_and(|layer| layer.is_empty()));
}

#[test]
fn every_mistake_names_its_variable() {
    let mistakes = read(&[
        ("ETLPLUS_MONITORING__WEBSOKET__PORT", "1"),
        ("ETLPLUS_MONITORING__WEBSOCKET", "1"),
        ("ETLPLUS_server__listen", "127.0.0.1:1"),
        ("ETLPLUS_MONITORING__WEBSOCKET__PORT", "99999"),
        ("ETLPLUS_MONITORING__NOTIFICATIONS__MEMORY_THRESHOLD", "140"),
        ("ETLPLUS_SERVER__ALLOWED_HOSTS", "a,,b"),
        ("ETLPLUS_JOBS__MAX_QUEUED_JOBS", ""),
        ("ETLPLUS_MONITORING__NOTIFICATIONS__CHANNELS__OPS__TYPE", "webhook"),
        ("ETLPLUS_MONITORING__NOTIFICATIONS__CHANNELS__OPS__SECRET", "whsec_geheim"),
        ("ETLPLUS__", ""),
    ])
    .expect_err("the variables are wrong");
    say(
        &mistakes,
        &[
            ("ETLPLUS_MONITORING__WEBSOKET__PORT", "did you mean ETLPLUS_MONITORING__WEBSOCKET__PORT?"),
            ("ETLPLUS_MONITORING__WEBSOCKET", "no setting has this variable"),
            ("ETLPLUS_server__listen", "did you mean ETLPLUS_SERVER__LISTEN?"),
            (
                "ETLPLUS_MONITORING__WEBSOCKET__PORT",
                "\"99999\" is too much: write a whole number from 1 to 65,535, or none",
            ),
            ("ETLPLUS_MONITORING__NOTIFICATIONS__MEMORY_THRESHOLD", "\"140\" is too much"),
            ("ETLPLUS_SERVER__ALLOWED_HOSTS[1]", "has no value"),
            ("ETLPLUS_JOBS__MAX_QUEUED_JOBS", "has no value: write 1 to 1,000,000"),
            ("ETLPLUS__", "no setting has this variable"),
            ("ETLPLUS_MONITORING__NOTIFICATIONS__CHANNELS__OPS__SECRET", "is not a reference to a secret"),
            ("ETLPLUS_MONITORING__NOTIFICATIONS__CHANNELS__OPS__URL", "url is missing"),
        ],
    );
    assert!(mistakes.iter().all(|mistake| mistake.position == Position::START));
    assert!(!format!("{mistakes:?}").contains("geheim"));
}

#[test]
fn a_channel_can_come_from_variables() {
    let prefix = "ETLPLUS_MONITORING__NOTIFICATIONS__CHANNELS__";
    let environment = settings::environment([
        (format!("{prefix}OPS_MAIL__TYPE"), "email".to_owned()),
        (format!("{prefix}OPS_MAIL__HOST"), "smtp.example.com".to_owned()),
        (format!("{prefix}OPS_MAIL__PORT"), "2525".to_owned()),
        (format!("{prefix}OPS_MAIL__USERNAME"), "etl".to_owned()),
        (format!("{prefix}OPS_MAIL__PASSWORD"), "${SMTP_PASSWORD}".to_owned()),
        (format!("{prefix}OPS_MAIL__FROM"), "a@b".to_owned()),
        (format!("{prefix}OPS_MAIL__TO"), "c@d, e@f".to_owned()),
    ])
    .whole()
    .expect("the variables are right");
    let settings = settled(&Layers { environment, ..Layers::default() }).settings;
    let [channel] = settings.monitoring.notifications.channels.as_slice() else { panic!("one channel") };
    assert_eq!(channel.name, "ops_mail");
    let ChannelKind::Email { port, password, to, .. } = &channel.kind else { panic!("a mail channel") };
    assert_eq!((*port, to.len()), (2_525, 2));
    assert_eq!(password, &Some(SecretRef::Env("SMTP_PASSWORD".to_owned())));
}

#[test]
fn options_of_the_command_line_lie_over_variables() {
    let layers = Layers {
        environment: read(&[("ETLPLUS_SERVER__LISTEN", "127.0.0.1:1"), ("ETLPLUS_JOBS__TIMEOUT", "1h")])
            .expect("right"),
        flags: settings::flags([("server.listen", "127.0.0.1:2"), ("jobs.max_concurrent_jobs", "auto")])
            .whole()
            .expect("right"),
        ..Layers::default()
    };
    let settled = settled(&layers);
    assert_eq!(settled.settings.server.listen.port(), 2);
    assert_eq!(settled.settings.jobs.timeout, Some(Duration::from_secs(3_600)));
    assert_eq!(entry(&settled, "server.listen").origin, Origin::Flag);
    let mistakes =
        settings::flags([("server.listen", "8080"), ("server.lisen", "x")]).whole().expect_err("they are wrong");
    say(&mistakes, &[("server.listen", "is not an address"), ("server.lisen", "did you mean server.listen?")]);
}
