//! A secret is nowhere but where it was written.

use etlplus_core::settings::{self, Format, Layer, Layers};

use crate::support::{of_file, settled, view, yaml};

const SECRET: &str = "geheim";

#[test]
fn a_webhooks_path_is_in_no_view_and_no_debug_text() {
    let url = "https://hooks.example.com:8443/geheim/geheim?geheim=geheim#geheim";
    let text = format!("monitoring: {{ notifications: {{ channels: {{ ops: {{ type: webhook, url: '{url}' }} }} }} }}");
    let layer = yaml(&text);
    let layers = of_file(layer.clone());
    let settled = settled(&layers);
    let change = Layer::default().changed_by(&layer.to_json()).whole().expect("it can be sent");
    for shown in [
        format!("{layers:?} {settled:?} {change:?}"),
        view(&settled).to_string(),
        serde_json::to_string(&settled.entries).expect("entries are JSON"),
        format!("{:?}", change.keys),
    ] {
        assert!(!shown.contains(SECRET), "{shown}");
        assert!(shown.contains("https://hooks.example.com:8443/…"), "{shown}");
    }
    assert!(layer.to_json().contains(url), "the store needs the address");
}

#[test]
fn a_masked_address_is_not_taken_for_an_address() {
    let text = "monitoring: { notifications: { channels: { ops: { type: webhook, url: 'https://example.com/…' } } } }";
    let mistakes = settings::read(text, Format::Yaml).whole().expect_err("it is masked");
    assert!(
        mistakes[0].to_string().contains("is an address whose path is masked: send the whole address"),
        "{mistakes:?}"
    );
}

#[test]
fn a_secret_in_the_wrong_place_is_refused_without_being_repeated() {
    for channel in [
        "{ type: webhook, url: 'https://example.com', secret: whsec_geheim }",
        "{ type: webhook, url: 'https://user:geheim@example.com/' }",
        "{ type: webhook, url: 'ftp://geheim' }",
        "{ type: webhook, url: '${geheim geheim}' }",
        "{ type: webhook, url: '${file:geheim}' }",
        "{ type: webhook, url: 'https://127.0.0.1/geheim' }",
        "{ type: webhook, url: [geheim] }",
        "{ type: email, host: h, username: u, password: geheim, from: a@b, to: [c@d] }",
        "{ type: email, host: h, username: u, password: { geheim: geheim }, from: a@b, to: [c@d] }",
    ] {
        let text = format!("monitoring: {{ notifications: {{ channels: {{ ops: {channel} }} }} }}");
        let mistakes = match settings::read(&text, Format::Yaml).whole() {
            Ok(layer) => of_file(layer).settle().expect_err("it is refused"),
            Err(mistakes) => mistakes,
        };
        assert!(!mistakes.is_empty(), "{channel}");
        assert!(!format!("{mistakes:?}").contains(SECRET), "{mistakes:?}");
    }
}

#[test]
fn a_reference_is_no_secret_and_is_shown() {
    let text = "monitoring: { notifications: { channels: { ops: { type: webhook, url: '${HOOK}', secret: '${file:/run/s}' } } } }";
    let settled = settled(&Layers { changed: yaml(text), ..Layers::default() });
    let shown = view(&settled).to_string();
    assert!(shown.contains("${HOOK}") && shown.contains("${file:/run/s}"), "{shown}");
}

#[test]
fn lines_that_may_hold_a_secret_are_known() {
    let text = "\
monitoring:
  notifications:
    retry_attempts: 99
    channels:
      hook: { type: webhook, url: 'ftp://geheim', scret: x }
      mail:
        type: email
        host: 'a b'
        username: u
        password: geheim
        passwort: geheim
        secret: >
          geheim
        from: a@b
        to: ['x y']
      plain: geheim
";
    let mistakes = settings::read(text, Format::Yaml).mistakes;
    let hidden = settings::secret_lines(text, &mistakes);
    let shown: Vec<usize> =
        mistakes.iter().map(|mistake| mistake.position.line).filter(|line| !hidden.contains(line)).collect();
    assert_eq!(shown, [3, 8, 15], "{mistakes:#?}");
    let lines: Vec<&str> = text.lines().collect();
    assert!(mistakes.iter().any(|mistake| lines[mistake.position.line - 1].contains(SECRET)), "{mistakes:#?}");
    // Where the file is not understood at all, the names alone tell.
    let broken = "[monitoring.notifications.channels.mail]\nport = 1 1\npassword = geheim\n";
    let mistakes = settings::read(broken, Format::Toml).mistakes;
    assert!(mistakes.iter().any(|mistake| mistake.position.line == 3), "{mistakes:#?}");
    assert_eq!(settings::secret_lines(broken, &mistakes).into_iter().collect::<Vec<_>>(), [3]);
}
