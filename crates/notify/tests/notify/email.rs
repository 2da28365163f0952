//! Mails: what is sent, and that nothing in an alert can be more than text.

use std::path::Path;

use etlplus_core::ports::AlertRule;
use etlplus_core::settings::{ChannelKind, ChannelSettings, NotificationSettings, SecretRef, SmtpTls};

use crate::support::jobs::job_id;
use crate::support::smtp::MailServer;
use crate::support::{World, is_delivered, reason, settings};

fn email(server: &MailServer, tls: SmtpTls, login: Option<(&str, &Path)>) -> ChannelSettings {
    email_to("127.0.0.1", server, tls, login)
}

/// A channel to the server by another name of this machine.
fn email_to(host: &str, server: &MailServer, tls: SmtpTls, login: Option<(&str, &Path)>) -> ChannelSettings {
    let kind = ChannelKind::Email {
        host: host.to_owned(),
        port: server.address.port(),
        tls,
        username: login.map(|(user, _)| user.to_owned()),
        password: login.map(|(_, path)| SecretRef::File(path.to_owned())),
        from: "ETL Plus <etl@example.com>".to_owned(),
        to: vec!["ops@example.com".to_owned(), "boss@example.com".to_owned()],
    };
    ChannelSettings { name: "mail".to_owned(), kind }
}

async fn world(server: &MailServer) -> World {
    World::new(settings(vec![email(server, SmtpTls::None, None)])).await
}

/// The error of the first try.
async fn first_error(world: &World) -> String {
    let waiting = world.deliveries("mail", |all| all.first().is_some_and(|first| first.tries_made == 1)).await;
    waiting[0].tries[0].error.clone().expect("it failed")
}

#[tokio::test]
async fn a_failed_job_arrives_as_a_mail() {
    let server = MailServer::start().await;
    let world = world(&server).await;
    let running = world.start();
    world.fail_job(1, "orders", "disk_full", &["no space left", ".", "..two"]).await;
    let mail = server.wait_for(1).await.remove(0);
    let delivery = world.deliveries("mail", |all| all.first().is_some_and(is_delivered)).await.remove(0);
    assert_eq!(mail.header("Message-ID"), [format!("<{}@example.com>", delivery.key())]);
    assert_eq!(mail.header("Subject"), ["[FIRING] ETL Plus: a job of pipeline orders failed"]);
    assert_eq!(mail.header("To"), ["ops@example.com, boss@example.com"]);
    assert_eq!(mail.header("Content-Type"), ["text/plain; charset=utf-8"]);
    let text = mail.lines.join("\n").replace("=\n", "");
    for part in [
        &format!("job {} of pipeline orders failed at attempt 1", job_id(1)),
        "What to do: mend it.",
        "ERROR no space left",
        "ERROR .\n",
        "ERROR ..two",
        &format!("/api/jobs/{}/status", job_id(1)),
    ] {
        assert!(text.contains(part), "{part:?} is not in\n{text}");
    }
    running.stop().await;
}

#[tokio::test]
async fn names_and_log_lines_cannot_add_a_header_a_receiver_or_a_command() {
    let server = MailServer::start().await;
    let world = world(&server).await;
    let running = world.start();
    let hostile = "a\r\nBcc: thief@example.com\r\n\r\n.\r\nRCPT TO:<thief@example.com>\r\nb\u{202e}ü";
    world.fail_job(1, hostile, hostile, &[hostile, "\r\n.\r\nQUIT\r\n"]).await;
    let mail = server.wait_for(1).await.remove(0);
    let mut names = mail.header_names();
    names.sort();
    let expected =
        ["Content-Transfer-Encoding", "Content-Type", "Date", "From", "MIME-Version", "Message-ID", "Subject", "To"];
    let unexpected: Vec<_> = names.iter().filter(|name| !expected.contains(&name.as_str())).collect();
    assert!(unexpected.is_empty(), "{unexpected:?} in {:#?}", mail.lines);
    let receivers: Vec<_> = mail.commands.iter().filter(|command| command.starts_with("RCPT")).collect();
    assert_eq!(receivers, ["RCPT TO:<ops@example.com>", "RCPT TO:<boss@example.com>"]);
    world.deliveries("mail", |all| all.first().is_some_and(is_delivered)).await;
    assert!(!mail.lines.iter().any(|line| line.starts_with("Bcc:") || line.starts_with("RCPT")), "{:#?}", mail.lines);
    running.stop().await;
}

#[tokio::test]
async fn a_refused_mail_is_given_up_and_a_refused_receiver_is_the_channels_fault() {
    let server = MailServer::start().await;
    server.answer(".", Some("554 looks like spam"));
    let world = world(&server).await;
    world.change(|settings| settings.retry_attempts = 0);
    let running = world.start();
    world.raise(1).await;
    let failed = world.deliveries("mail", |all| all.first().is_some_and(|first| reason(first).is_some())).await;
    assert!(reason(&failed[0]).unwrap().contains("looks like spam"), "{failed:?}");
    assert_eq!(world.alerts(AlertRule::ChannelBroken).await.len(), 0);

    server.answer("RCPT", Some("550 no such user"));
    world.raise(2).await;
    let waiting = world.deliveries("mail", |all| all.len() == 2 && all[1].tries_made == 1).await;
    let error = waiting[1].tries[0].error.as_deref().unwrap();
    assert!(error.contains("no such user") && error.contains("see whether to is right"), "{error}");
    assert!(reason(&waiting[1]).is_none());
    running.channel("mail", |state| !state.is_up).await;
    server.answer("RCPT", None);
    server.answer(".", None);
    world.walk(30, &running);
    world.deliveries("mail", |all| is_delivered(&all[1])).await;
    running.channel("mail", |state| state.is_up).await;
    running.stop().await;
}

#[tokio::test]
async fn a_mail_that_the_server_has_no_time_for_is_tried_again() {
    for (verb, answer) in [("", "421 later"), ("MAIL", "451 later"), ("RCPT", "450 later"), (".", "452 later")] {
        let server = MailServer::start().await;
        server.answer(verb, Some(answer));
        let world = world(&server).await;
        let running = world.start();
        world.raise(1).await;
        let error = first_error(&world).await;
        assert!(error.contains("later") && error.contains("127.0.0.1:"), "{verb}: {error}");
        server.answer(verb, None);
        world.walk(5, &running);
        world.deliveries("mail", |all| is_delivered(&all[0])).await;
        let mails = server.wait_for(1).await;
        let ids: Vec<_> = mails.iter().map(|mail| mail.header("Message-ID")).collect();
        assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
        running.stop().await;
    }
}

#[tokio::test]
async fn who_logs_in_uses_the_secret_and_never_shows_it() {
    let folder = tempfile::tempdir().unwrap();
    let password = folder.path().join("password");
    std::fs::write(&password, "hush\n").unwrap();
    let server = MailServer::start().await;
    server.answer("AUTH", Some("535 wrong"));
    let world = World::new(settings(vec![email(&server, SmtpTls::None, Some(("etl", &password)))])).await;
    let running = world.start();
    world.raise(1).await;
    let error = first_error(&world).await;
    assert!(error.contains("wrong") && error.contains("see whether username and password"), "{error}");
    assert!(!error.contains("hush"), "{error}");
    assert!(!server.heard().iter().any(|command| command.starts_with("MAIL")));
    server.answer("AUTH", None);
    world.walk(5, &running);
    let mail = server.wait_for(1).await.remove(0);
    // base64 of NUL etl NUL hush.
    assert!(mail.commands.contains(&"AUTH PLAIN AGV0bABodXNo".to_owned()), "{:?}", mail.commands);
    running.stop().await;
}

#[tokio::test]
async fn a_server_that_does_not_encrypt_gets_neither_password_nor_mail() {
    let folder = tempfile::tempdir().unwrap();
    let password = folder.path().join("password");
    std::fs::write(&password, "hush").unwrap();
    let server = MailServer::start().await;
    server.answer("STARTTLS", Some("454 not today"));
    let world = World::new(settings(vec![email(&server, SmtpTls::StartTls, Some(("etl", &password)))])).await;
    let running = world.start();
    world.raise(1).await;
    let error = first_error(&world).await;
    assert!(error.contains("does not encrypt") && error.contains("not today"), "{error}");
    let heard = server.heard();
    assert!(heard.contains(&"STARTTLS".to_owned()), "{heard:?}");
    assert!(!heard.iter().any(|command| command.starts_with("AUTH") || command.starts_with("MAIL")), "{heard:?}");
    running.stop().await;
}

#[tokio::test]
async fn tls_from_the_first_byte_is_not_spoken_with_a_server_that_has_none() {
    let server = MailServer::start().await;
    let world = World::new(settings(vec![email(&server, SmtpTls::Tls, None)])).await;
    let running = world.start();
    world.raise(1).await;
    let error = first_error(&world).await;
    assert!(error.contains("cannot be reached") && error.contains("whether port and tls are right"), "{error}");
    assert!(!server.heard().iter().any(|command| command.starts_with("MAIL")), "{:?}", server.heard());
    running.stop().await;
}

#[tokio::test]
async fn a_server_at_a_private_address_is_not_reached_until_the_settings_allow_it_and_then_at_once() {
    let server = MailServer::start().await;
    // To whom names are looked up it is loopback, and it is not spelled as such: so is any name of a machine inside.
    let channels = vec![email_to("127.1", &server, SmtpTls::None, None)];
    let world = World::new(NotificationSettings { channels, ..NotificationSettings::default() }).await;
    let running = world.start();
    world.raise(1).await;
    let error = first_error(&world).await;
    assert!(error.contains("127.1 stands for 127.0.0.1") && error.contains("allowed_private_hosts"), "{error}");
    assert_eq!(server.connections(), 0);
    world.change(|settings| settings.allowed_private_hosts = vec!["127.1".to_owned()]);
    world.deliveries("mail", |all| is_delivered(&all[0])).await;
    running.stop().await;
}

#[tokio::test]
async fn a_server_of_this_machine_needs_no_leave() {
    for host in ["127.0.0.1", "localhost"] {
        let server = MailServer::start().await;
        let channels = vec![email_to(host, &server, SmtpTls::None, None)];
        let world = World::new(NotificationSettings { channels, ..NotificationSettings::default() }).await;
        let running = world.start();
        world.raise(1).await;
        world.deliveries("mail", |all| all.first().is_some_and(is_delivered)).await;
        running.stop().await;
    }
}

#[tokio::test]
async fn what_a_server_says_is_shown_only_as_a_reply_of_smtp_and_cut() {
    let long: &'static str = Box::leak(format!("554 no\u{1b}[31m {}", "x".repeat(900)).into_boxed_str());
    for (greeting, shown, hidden) in [
        ("SSH-2.0-OpenSSH internal", "it gave no reply of SMTP", "OpenSSH"),
        ("HTTP/1.1 400 internal", "it gave no reply of SMTP", "internal"),
        (long, "554 no\\u{1b}[31m xxx", "\u{1b}"),
    ] {
        let server = MailServer::start().await;
        server.answer("", Some(greeting));
        let world = world(&server).await;
        let running = world.start();
        world.raise(1).await;
        let error = first_error(&world).await;
        assert!(error.contains(shown) && !error.contains(hidden), "{error}");
        assert!(error.len() < 400, "{error}");
        running.stop().await;
    }
}

#[tokio::test]
async fn a_server_that_hangs_once_it_has_the_mail_has_the_mail() {
    let server = MailServer::start().await;
    server.answer("QUIT", Some("hang"));
    let world = world(&server).await;
    let running = world.start();
    world.raise(1).await;
    let deliveries = world.deliveries("mail", |all| all.first().is_some_and(is_delivered)).await;
    assert_eq!(deliveries[0].tries_made, 1);
    running.stop().await;
}
