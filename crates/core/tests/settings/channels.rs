//! Channels of alerts.

use std::path::PathBuf;

use etlplus_core::settings::{ChannelKind, Format, SecretRef, SmtpTls, UrlValue};
use serde_json::json;

use crate::support::{all, entry, of_file, say, settled, yaml};

const GOOD: &str = "\
monitoring:
  notifications:
    channels:
      ops: { type: webhook, url: 'https://hooks.example.com/T0/secret', secret: '${OPS_SECRET}' }
      chat: { type: webhook, url: '${CHAT_URL}' }
      mail:
        type: email
        host: smtp.example.com
        username: etl
        password: ${file:/run/secrets/smtp}
        from: ETL Plus <etl@example.com>
        to: [ops@example.com]
      local: { type: email, host: localhost, tls: none, from: a@b, to: [c@d, e@f] }
      log: { type: log }
";

#[test]
fn each_type_of_channel_is_read() {
    let settled = settled(&of_file(yaml(GOOD)));
    let channels = &settled.settings.monitoring.notifications.channels;
    let names: Vec<&str> = channels.iter().map(|channel| channel.name.as_str()).collect();
    assert_eq!(names, ["chat", "local", "log", "mail", "ops"]);
    let kind = |name: &str| &channels.iter().find(|channel| channel.name == name).expect("the channel is there").kind;
    assert_eq!(kind("log"), &ChannelKind::Log);
    let url = UrlValue::Literal("https://hooks.example.com/T0/secret".to_owned());
    assert_eq!(kind("ops"), &ChannelKind::Webhook { url, secret: Some(SecretRef::Env("OPS_SECRET".to_owned())) });
    let url = UrlValue::Secret(SecretRef::Env("CHAT_URL".to_owned()));
    assert_eq!(kind("chat"), &ChannelKind::Webhook { url, secret: None });
    let mail = ChannelKind::Email {
        host: "smtp.example.com".to_owned(),
        port: 587,
        tls: SmtpTls::StartTls,
        username: Some("etl".to_owned()),
        password: Some(SecretRef::File(PathBuf::from("/run/secrets/smtp"))),
        from: "ETL Plus <etl@example.com>".to_owned(),
        to: vec!["ops@example.com".to_owned()],
    };
    assert_eq!(kind("mail"), &mail);
    assert!(matches!(kind("local"), ChannelKind::Email { port: 25, tls: SmtpTls::None, .. }));
}

#[test]
fn a_channel_is_shown_so_that_it_can_be_sent_back() {
    let settled = settled(&of_file(yaml(GOOD)));
    let path = |name: &str| format!("monitoring.notifications.channels.{name}");
    assert_eq!(
        entry(&settled, &path("ops")).value,
        json!({ "type": "webhook", "url": "https://hooks.example.com/…", "secret": "${OPS_SECRET}" })
    );
    assert_eq!(entry(&settled, &path("chat")).value, json!({ "type": "webhook", "url": "${CHAT_URL}" }));
    for name in ["chat", "mail", "local", "log"] {
        let value = &entry(&settled, &path(name)).value;
        let change = json!({ "monitoring": { "notifications": { "channels": { name: value } } } }).to_string();
        let mut layers = of_file(yaml(GOOD));
        layers.changed = layers.changed.changed_by(&change).whole().expect("what is shown can be sent").layer;
        assert_eq!(crate::support::settled(&layers).settings, settled.settings, "{name}");
    }
}

#[test]
fn every_mistake_of_a_channel_is_named() {
    let text = "\
monitoring:
  notifications:
    channels:
      §Ops: { type: log }
      §a: { url: 'https://example.com' }
      b: { type: §hook }
      §c: { type: webhook }
      d: { type: webhook, url: §example.com, secret: §whsec_x, §host: x, §ulr: x }
      e: { type: email, host: smtp.example.com, tls: §none, from: a@b, to: §[] }
      f: { type: email, host: §'a b', port: §0, username: §x, from: §a, to: [b@c, §d] }
      g: { type: email, host: h, username: §x, from: a@b, to: [c@d] }
      h: { type: email, host: h, password: §'${X}', from: a@b, to: §c@d }
      i: §log
      j: { type: log, §level: info }
";
    let path = |rest: &str| format!("monitoring.notifications.channels.{rest}");
    let expected = [
        (path("Ops"), "cannot be the name of a channel: write 1 to 50 of a-z"),
        (path("a.type"), "type is missing: add type: webhook or email or log"),
        (path("b.type"), "\"hook\" is none of webhook, email, log"),
        (path("c.url"), "url is missing: add url: http or https address, or a reference"),
        (path("d.url"), "is not an HTTP address: write http:// or https://"),
        (path("d.secret"), "is not a reference to a secret: write ${NAME}"),
        (path("d.host"), "a channel of type webhook has no host"),
        (path("d.ulr"), "did you mean url?"),
        (path("e.tls"), "a mail to smtp.example.com would cross the network in plain text"),
        (path("e.to"), "has no receiver"),
        (path("f.host"), "is not the name of a host"),
        (path("f.port"), "too little"),
        (path("f.username"), "has no password beside it"),
        (path("f.from"), "is not a mail address"),
        (path("f.to[1]"), "is not a mail address"),
        (path("g.username"), "has no password beside it"),
        (path("h.password"), "has no username beside it"),
        (path("h.to"), "is a single value where a list belongs"),
        (path("i"), "is a single value where a map belongs"),
        (path("j.level"), "unknown key \"level\": the keys here are type"),
    ];
    let expected: Vec<(&str, &str)> = expected.iter().map(|(key, words)| (key.as_str(), *words)).collect();
    all(text, Format::Yaml, &expected);
}

#[test]
fn a_webhook_to_a_private_address_is_refused_in_any_spelling() {
    let file = |url: &str, allowed: &str| {
        let text = format!(
            "monitoring:\n  notifications:\n    allowed_private_hosts: [{allowed}]\n    channels:\n      ops: {{ type: webhook, url: '{url}' }}\n"
        );
        of_file(yaml(&text)).settle()
    };
    for host in [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f.1",
        "0177.0.0.1",
        "localhost",
        "LocalHost.",
        "x.localhost",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "10.0.0.1",
        "169.254.169.254",
        "192.168.1.1:8443",
        "0.0.0.0",
        "[fd00::1]",
        "[::]",
    ] {
        let mistakes = file(&format!("https://{host}/hook"), "").expect_err(host);
        say(&mistakes, &[("monitoring.notifications.channels.ops", "is not public: add")]);
        assert_eq!(mistakes[0].position.line, 5);
    }
    assert!(file("https://example.com/hook", "").is_ok());
    assert!(file("http://127.0.0.1:9/hook", "127.0.0.1").is_ok());
    assert!(file("http://127.0.0.1:9/hook", "127.0.0.0/8").is_ok());
    assert!(file("http://localhost:9/hook", "localhost").is_ok());
    assert!(file("http://[::1]:9/hook", "'::1'").is_ok());
    assert!(file("http://10.0.0.1/hook", "127.0.0.0/8").is_err());
}

#[test]
fn there_are_at_most_twenty_channels() {
    let file = |count: usize| {
        let channels: String = (0..count).map(|index| format!("      c{index}: {{ type: log }}\n")).collect();
        of_file(yaml(&format!("monitoring:\n  notifications:\n    channels:\n{channels}"))).settle()
    };
    assert!(file(20).is_ok());
    say(&file(21).expect_err("there are too many"), &[("monitoring.notifications.channels", "there are 21 channels")]);
}
