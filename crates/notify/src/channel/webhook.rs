//! An alert as an HTTP request, by the Standard Webhooks specification
//! (<https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>).

use std::error::Error;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use chrono::{DateTime, Utc};
use etlplus_core::settings::{NotificationSettings, SecretRef, UrlValue};
use reqwest::header::{CONTENT_TYPE, LOCATION, RETRY_AFTER};
use reqwest::{Client, ClientBuilder, Response, StatusCode, Url};
use standardwebhooks::{HEADER_WEBHOOK_ID, HEADER_WEBHOOK_SIGNATURE, HEADER_WEBHOOK_TIMESTAMP, Webhook};

use super::Outcome;
use crate::guard::{self, Refused, Resolver};
use crate::message::{Message, one_line};
use crate::{backoff, secret};

/// The most time that a try takes, from looking up the name to the answer.
pub const TIMEOUT: Duration = Duration::from_secs(10);
/// The most that is read of an answer that is shown to people. The body of a good one is not read at all.
pub const ANSWER_MAX_BYTES: usize = 4 << 10;
/// The most characters of it that are shown.
const ANSWER_SHOWN_MAX_CHARS: usize = 200;

/// Sends webhooks to the hosts that may be called.
#[derive(Debug)]
pub(super) struct Webhooks {
    settings: Arc<NotificationSettings>,
    /// Made at the first webhook by HTTPS: it reads all certificates that the machine trusts.
    client: OnceLock<Client>,
}

impl Webhooks {
    pub(super) fn new(settings: Arc<NotificationSettings>) -> Self {
        Self { settings, client: OnceLock::new() }
    }

    pub(super) async fn send(
        &self,
        url: &UrlValue,
        secret: Option<&SecretRef>,
        message: &Message,
        now: DateTime<Utc>,
    ) -> Outcome {
        match self.try_send(url, secret, message, now).await {
            Ok(outcome) => outcome,
            Err(detail) => Outcome::failed(detail),
        }
    }

    /// The error is why nothing was sent.
    async fn try_send(
        &self,
        url: &UrlValue,
        secret: Option<&SecretRef>,
        message: &Message,
        now: DateTime<Utc>,
    ) -> Result<Outcome, String> {
        let text = match url {
            UrlValue::Literal(text) => text.clone(),
            UrlValue::Secret(reference) => secret::read(reference).await?.as_str().trim().to_owned(),
        };
        let url = guard::check_url(&text, &self.settings).map_err(|refused| refused.to_string())?;
        let host = host_of(&url);
        let body = message.webhook_body();
        let mut request = self
            .client(&url)?
            .post(url)
            .header(CONTENT_TYPE, "application/json")
            .header(HEADER_WEBHOOK_ID, &message.key)
            .header(HEADER_WEBHOOK_TIMESTAMP, now.timestamp());
        if let Some(reference) = secret {
            request = request.header(HEADER_WEBHOOK_SIGNATURE, sign(reference, &message.key, now, &body).await?);
        }
        match request.body(body).send().await {
            Ok(answer) => Ok(outcome_of(answer, &host, now).await),
            Err(error) => Err(why_not_sent(error, &host)),
        }
    }

    /// The client for `url`. One that is not encrypted needs none of the certificates, which a small machine may lack.
    fn client(&self, url: &Url) -> Result<Client, String> {
        if url.scheme() == "http" {
            return built(self.builder().tls_certs_only([]));
        }
        if let Some(client) = self.client.get() {
            return Ok(client.clone());
        }
        let client = built(self.builder())?;
        Ok(self.client.get_or_init(|| client).clone())
    }

    fn builder(&self) -> ClientBuilder {
        Client::builder()
            .user_agent(concat!("etlplus/", env!("CARGO_PKG_VERSION")))
            .timeout(TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .no_proxy()
            .dns_resolver(Resolver::new(self.settings.clone()))
            // A kept connection leads to an address that was checked under older settings or an older answer.
            .pool_max_idle_per_host(0)
    }
}

fn built(builder: ClientBuilder) -> Result<Client, String> {
    builder.build().map_err(|error| {
        let why = innermost(&error);
        format!("the HTTP client cannot be set up ({why}): install the package ca-certificates")
    })
}

/// Host and port, which may be shown; the rest of a webhook's address is often its secret.
fn host_of(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

async fn sign(reference: &SecretRef, key: &str, now: DateTime<Utc>, body: &str) -> Result<String, String> {
    let secret = secret::read(reference).await?;
    Webhook::new(secret.as_str())
        .and_then(|webhook| webhook.sign(key, now.timestamp(), body.as_bytes()))
        .map_err(|_| format!("{reference} is no secret of a webhook: it is whsec_ and a text in base64"))
}

fn why_not_sent(error: reqwest::Error, host: &str) -> String {
    let error = error.without_url();
    let sources = std::iter::successors(error.source(), |error| (*error).source());
    if let Some(refused) = sources.filter_map(|source| source.downcast_ref::<Refused>()).next() {
        return refused.to_string();
    }
    if error.is_timeout() {
        return format!("{host} did not answer within {} seconds: see whether it is busy", TIMEOUT.as_secs());
    }
    let why = one_line(&innermost(&error));
    if error.is_connect() {
        format!("{host} cannot be reached ({why}): see whether it runs, and whether its name and port are right")
    } else {
        format!("{host} gave no answer ({why}): see what it says in its log")
    }
}

fn innermost(error: &dyn Error) -> String {
    std::iter::successors(Some(error), |error| (*error).source()).last().map(ToString::to_string).unwrap_or_default()
}

async fn outcome_of(answer: Response, host: &str, now: DateTime<Utc>) -> Outcome {
    let status = answer.status();
    if status.is_success() {
        return Outcome::Delivered;
    }
    let retry_after = answer.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
    let retry_after = retry_after.and_then(|value| backoff::retry_after(value, now));
    let elsewhere = answer.headers().get(LOCATION).is_some();
    let said = said(answer).await;
    let is_refusal =
        matches!(status, StatusCode::BAD_REQUEST | StatusCode::PAYLOAD_TOO_LARGE | StatusCode::UNPROCESSABLE_ENTITY);
    let remedy = match status.as_u16() {
        300..=399 if elsewhere => "redirects are not followed: set url to where it sends",
        401 | 403 => "see whether url and secret are the receiver's",
        404 | 405 | 410 => "see whether url is right, and whether the receiver still exists",
        408 | 425 | 429 | 500.. => "look into the receiver's log",
        _ if is_refusal => "see what the receiver expects",
        _ => "see whether url leads to a receiver of webhooks",
    };
    let detail = format!("{host} answered {status}{said}: {remedy}");
    if is_refusal { Outcome::MessageRefused { detail } } else { Outcome::ChannelFailed { detail, retry_after } }
}

/// The beginning of what an answer says, for people; empty where it says nothing.
async fn said(mut answer: Response) -> String {
    let mut body = Vec::new();
    while body.len() < ANSWER_MAX_BYTES {
        match answer.chunk().await {
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            // What the body would have said is of no use where it does not come.
            Ok(None) | Err(_) => break,
        }
    }
    body.truncate(ANSWER_MAX_BYTES);
    let text: String = String::from_utf8_lossy(&body).trim().chars().take(ANSWER_SHOWN_MAX_CHARS).collect();
    if text.is_empty() { String::new() } else { format!(" ({})", one_line(&text)) }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    fn client(url: &str, allowed: &[&str]) -> Client {
        let allowed_private_hosts = allowed.iter().map(|host| (*host).to_owned()).collect();
        let settings = NotificationSettings { allowed_private_hosts, ..NotificationSettings::default() };
        Webhooks::new(Arc::new(settings)).client(&url.parse().unwrap()).unwrap()
    }

    /// A name that passes the check of the URL, because what it stands for is not known then, as it is with a server of
    /// names that changes its mind. `localhost` plays its part: the client alone is asked.
    #[tokio::test]
    async fn the_client_connects_to_no_name_that_stands_for_a_private_address() {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let url = format!("http://localhost:{port}/");
        for url in [&url, &format!("https://localhost:{port}/")] {
            let why = why_not_sent(client(url, &[]).get(url).send().await.unwrap_err(), "localhost");
            assert!(why.contains("localhost stands for") && why.contains("allowed_private_hosts"), "{why}");
        }

        // The control: the same name, allowed, is called.
        let request = tokio::spawn(client(&url, &["localhost"]).get(&url).send());
        let (connection, _) = listener.accept().await.unwrap();
        drop(connection);
        assert!(request.await.unwrap().is_err());
    }
}
