//! An alert as an e-mail, by SMTP (RFC 5321).

use std::error::Error;
use std::time::{Duration, SystemTime};

use chrono::{DateTime, Utc};
use etlplus_core::settings::{ChannelKind, NotificationSettings, SecretRef, SmtpTls};
use lettre::message::header::ContentType;
use lettre::message::{Mailbox, Message as Mail};
use lettre::transport::smtp::Error as SmtpError;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail as MailFrom, Rcpt};
use lettre::transport::smtp::extension::{ClientId, MailParameter};

use super::Outcome;
use crate::message::{Message, one_line};
use crate::{guard, secret};

/// The most time that a try takes, from looking up the name to the server's last word.
pub const TIMEOUT: Duration = Duration::from_secs(20);
/// How long a server may take to say goodbye: it has the mail, or has refused it, and nothing depends on it.
const GOODBYE: Duration = Duration::from_secs(2);
/// The most characters of a server's words that are shown.
const SAID_MAX_CHARS: usize = 200;
/// Ways to log in, the first that the server knows is taken.
const MECHANISMS: [Mechanism; 2] = [Mechanism::Plain, Mechanism::Login];

/// Where and how a server is reached.
struct Server<'a> {
    host: &'a str,
    port: u16,
    tls: SmtpTls,
    login: Option<(&'a str, &'a SecretRef)>,
    /// Which hosts may be reached.
    settings: &'a NotificationSettings,
}

pub(super) async fn send(
    kind: &ChannelKind,
    settings: &NotificationSettings,
    message: &Message,
    now: DateTime<Utc>,
) -> Outcome {
    let ChannelKind::Email { host, port, tls, username, password, from, to } = kind else {
        return Outcome::failed("this is no e-mail channel: please report it with the version");
    };
    let login = username.as_deref().zip(password.as_ref());
    let server = Server { host, port: *port, tls: *tls, login, settings };
    let mail = match compose(from, to, message, now) {
        Ok(mail) => mail,
        Err(detail) => return Outcome::failed(detail),
    };
    let conversation = async {
        match server.connect().await {
            Ok(connection) => converse(connection, &server, &mail).await,
            Err(detail) => Outcome::failed(detail),
        }
    };
    tokio::time::timeout(TIMEOUT, conversation).await.unwrap_or_else(|_| {
        let seconds = TIMEOUT.as_secs();
        Outcome::failed(format!("{host}:{port} was not done within {seconds} seconds: see whether it is busy"))
    })
}

/// The mail. Its Message-ID is the delivery's key, so that a second copy is known as one.
fn compose(from: &str, to: &[String], message: &Message, now: DateTime<Utc>) -> Result<Mail, String> {
    let address = |text: &str| {
        text.parse::<Mailbox>().map_err(|why| format!("{text:?} is no mail address ({why}): change the setting"))
    };
    let from = address(from)?;
    let id = format!("<{}@{}>", message.key, from.email.domain());
    let mut mail = Mail::builder()
        .from(from)
        .subject(message.subject.as_str())
        .message_id(Some(id))
        .date(SystemTime::from(now))
        .header(ContentType::TEXT_PLAIN);
    for receiver in to {
        mail = mail.to(address(receiver)?);
    }
    mail.body(message.body.clone()).map_err(|why| format!("the mail cannot be made ({why}): change from or to"))
}

impl Server<'_> {
    /// A connection that is encrypted and logged in to as the settings say.
    async fn connect(&self) -> Result<AsyncSmtpConnection, String> {
        let place = format!("{}:{}", self.host, self.port);
        let failed = |what: &str, error: &SmtpError, remedy: &str| format!("{place} {what} ({}): {remedy}", why(error));
        let hello = ClientId::default();
        let tls = match self.tls {
            SmtpTls::None => None,
            SmtpTls::StartTls | SmtpTls::Tls => Some(TlsParameters::new(self.host.to_owned()).map_err(|error| {
                failed("cannot be reached with TLS", &error, "see whether ca-certificates is installed")
            })?),
        };
        let at_once = tls.clone().filter(|_| self.tls == SmtpTls::Tls);
        // The very addresses that were checked: who is asked again may answer otherwise.
        let addresses = guard::mail_addresses(self.host, self.port, self.settings).await?;
        let mut connection =
            AsyncSmtpConnection::connect_tokio1(addresses.as_slice(), Some(TIMEOUT), &hello, at_once, None)
                .await
                .map_err(|error| {
                    failed("cannot be reached", &error, "see whether it runs, and whether port and tls are right")
                })?;
        if let Some(tls) = tls.filter(|_| self.tls == SmtpTls::StartTls) {
            let encrypted = connection.starttls(tls, &hello).await;
            encrypted.map_err(|error| failed("does not encrypt", &error, "see whether tls is right"))?;
        }
        if let Some((user, password)) = self.login {
            let password = secret::read(password).await?;
            let credentials = Credentials::new(user.to_owned(), password.as_str().to_owned());
            if let Err(error) = connection.auth(&MECHANISMS, &credentials).await {
                connection.abort().await;
                return Err(failed(
                    "does not let the server log in",
                    &error,
                    "see whether username and password are right",
                ));
            }
        }
        Ok(connection)
    }
}

/// Hands over the mail. Who refuses a sender or all receivers refuses every alert, so that only what is said after the
/// content is about this message.
async fn converse(mut connection: AsyncSmtpConnection, server: &Server<'_>, mail: &Mail) -> Outcome {
    let outcome = match hand_over(&mut connection, server, mail).await {
        Ok(()) => Outcome::Delivered,
        Err(outcome) => outcome,
    };
    let _ = tokio::time::timeout(GOODBYE, connection.abort()).await;
    outcome
}

async fn hand_over(connection: &mut AsyncSmtpConnection, server: &Server<'_>, mail: &Mail) -> Result<(), Outcome> {
    let place = format!("{}:{}", server.host, server.port);
    let failed = |what: &str, error: &SmtpError, remedy: &str| {
        Outcome::failed(format!("{place} {what} ({}): {remedy}", why(error)))
    };
    let envelope = mail.envelope();
    let mut addresses = envelope.from().into_iter().chain(envelope.to());
    let utf8 =
        addresses.any(|address| !AsRef::<str>::as_ref(address).is_ascii()).then_some(MailParameter::SmtpUtfEight);
    let sender = MailFrom::new(envelope.from().cloned(), utf8.into_iter().collect());
    connection
        .command(sender)
        .await
        .map_err(|error| failed("refuses the sender", &error, "see whether from is right"))?;

    let mut taken = 0;
    let mut refusal = None;
    for receiver in envelope.to() {
        match connection.command(Rcpt::new(receiver.clone(), Vec::new())).await {
            Ok(_) => taken += 1,
            Err(error) if error.status().is_some() => {
                tracing::warn!(%receiver, "{place} refuses a receiver of alerts ({}): see whether to is right", why(&error));
                refusal = Some(error);
            }
            Err(error) => return Err(failed("broke off", &error, "look into the mail server's log")),
        }
    }
    if let (0, Some(error)) = (taken, refusal) {
        return Err(failed("refuses every receiver", &error, "see whether to is right"));
    }
    connection
        .command(Data)
        .await
        .map_err(|error| failed("does not take the mail", &error, "look into the mail server's log"))?;
    match connection.message(&mail.formatted()).await {
        Ok(_) => Ok(()),
        Err(error) if error.is_permanent() => {
            let detail = format!("{place} refuses the mail ({}): see what the server expects", why(&error));
            Err(Outcome::MessageRefused { detail })
        }
        Err(error) => Err(failed("does not take the mail", &error, "look into the mail server's log")),
    }
}

/// What went wrong, in one line. What a server says is repeated only where it is a reply of SMTP: the words of another kind
/// of server are nothing that whoever may change settings should read.
fn why(error: &SmtpError) -> String {
    let text = match (error.status(), error.source()) {
        (Some(code), Some(said)) => format!("{code} {said}"),
        _ if error.is_response() => "it gave no reply of SMTP".to_owned(),
        _ => error.to_string(),
    };
    one_line(&text.chars().take(SAID_MAX_CHARS).collect::<String>())
}
