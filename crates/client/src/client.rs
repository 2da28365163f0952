//! The handle on a server, and how one request is made.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderValue};
use reqwest::{Method, RequestBuilder, Response, Url, redirect};
use serde::de::DeserializeOwned;

use crate::error::Error;
use crate::query::Pairs;

/// How long a connection may take to come about: longer than any way to a server that is there.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a request and its whole answer may take. The slowest checks a pipeline's SQL in a process of its own.
pub(crate) const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
/// The most that is read of an answer. A page of rejected rows with long texts is the largest that the server sends.
const BODY_MAX_BYTES: usize = 64 << 20;
/// Who asks, for the server's log.
const USER_AGENT: &str = concat!("etlplus-client/", env!("CARGO_PKG_VERSION"));

/// A server of ETL Plus. Cheap to clone; the clones share their connections. Its methods need a tokio runtime.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    base: Url,
    /// The header that says who asks. It is marked as sensitive, so that no `Debug` shows it.
    authorization: Option<HeaderValue>,
}

impl Client {
    /// The client of the server at `address`, such as `http://127.0.0.1:8080`. Nothing is sent yet.
    ///
    /// # Errors
    /// [`Error::BadAddress`] where the address cannot be used, which includes `https`.
    pub fn new(address: &str) -> Result<Self, Error> {
        let bad = |reason: &str| Error::BadAddress { address: address.to_owned(), reason: reason.to_owned() };
        let base = Url::parse(address).map_err(|error| bad(&error.to_string()))?;
        match base.scheme() {
            "http" => {}
            "https" => return Err(bad("this version speaks http only, and cannot encrypt")),
            _ => return Err(bad("it has to begin with http://")),
        }
        if base.query().is_some() || base.fragment().is_some() || !base.username().is_empty() {
            return Err(bad("it has more than a host, a port and a path"));
        }
        let http = reqwest::Client::builder()
            .user_agent(USER_AGENT)
            .connect_timeout(CONNECT_TIMEOUT)
            .tls_backend_preconfigured(no_tls().map_err(|error| bad(&error.to_string()))?)
            // The live channel goes past proxies, so the rest has to, or one would work without the other.
            .no_proxy()
            // The server never redirects; whoever does is another program.
            .redirect(redirect::Policy::none())
            .build()
            .map_err(|error| bad(&error.to_string()))?;
        Ok(Self { http, base, authorization: None })
    }

    /// The same client, which says with each request and connection that it holds `token`. The token goes into a header,
    /// never into an address.
    ///
    /// # Errors
    /// [`Error::BadToken`] where no header can hold it; such a text is none that a server gave.
    pub fn with_token(mut self, token: &str) -> Result<Self, Error> {
        if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Error::BadToken);
        }
        let mut header = HeaderValue::from_str(&format!("Bearer {token}")).map_err(|_| Error::BadToken)?;
        header.set_sensitive(true);
        self.authorization = Some(header);
        Ok(self)
    }

    /// The header that says who asks, where there is one.
    pub(crate) fn authorization(&self) -> Option<&HeaderValue> {
        self.authorization.as_ref()
    }

    /// The server's address.
    pub fn address(&self) -> &str {
        self.base.as_str().trim_end_matches('/')
    }

    /// The address of a route.
    pub(crate) fn route(&self, path: &[&str], query: &Pairs) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        url
    }

    /// A request to a route.
    pub(crate) fn request(&self, method: Method, path: &[&str], query: &Pairs) -> RequestBuilder {
        let request = self.http.request(method, self.route(path, query));
        match &self.authorization {
            Some(header) => request.header(AUTHORIZATION, header),
            None => request,
        }
    }

    /// Sends a request that is soon answered, and reads the answer.
    pub(crate) async fn answer<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, Error> {
        let (address, body) = self.answer_bytes(request).await?;
        serde_json::from_slice(&body).map_err(|error| Error::NotUnderstood {
            address,
            status: None,
            reason: error.to_string(),
        })
    }

    /// As [`Client::answer`], where the answer is a success and no more.
    pub(crate) async fn done(&self, request: RequestBuilder) -> Result<(), Error> {
        self.answer_bytes(request).await.map(|_| ())
    }

    /// The address that answered, and the body of its success.
    async fn answer_bytes(&self, request: RequestBuilder) -> Result<(String, Bytes), Error> {
        let request = request.header(ACCEPT, "application/json").timeout(REQUEST_TIMEOUT);
        let response = request.send().await.map_err(|error| self.failed(&error))?;
        let (status, address) = (response.status(), response.url().to_string());
        let body = self.body(response).await?;
        if !status.is_success() {
            return Err(Error::of_answer(&address, status, &body));
        }
        Ok((address, body))
    }

    /// The whole body of an answer, up to a limit.
    pub(crate) async fn body(&self, mut response: Response) -> Result<Bytes, Error> {
        let mut body = BytesMut::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.failed(&error))? {
            if body.len() + chunk.len() > BODY_MAX_BYTES {
                return Err(Error::NotUnderstood {
                    address: response.url().to_string(),
                    status: None,
                    reason: format!("it is larger than {} MiB", BODY_MAX_BYTES >> 20),
                });
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body.freeze())
    }

    /// What a failed request means.
    pub(crate) fn failed(&self, error: &reqwest::Error) -> Error {
        Error::of_request(self.address(), error)
    }
}

/// TLS that trusts nobody, which an address with `http` never asks for. What the library would set up by itself reads the
/// certificates of the system, and fails on one that has none.
fn no_tls() -> Result<rustls::ClientConfig, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(builder.with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_shown_to_nobody_and_one_that_no_header_holds_is_refused() {
        let client = Client::new("http://host").expect("the address is fine");
        let with_token = client.clone().with_token("etlp_secret").expect("the token is fine");
        let shown = format!("{with_token:?} {with_token:#?}");
        assert!(!shown.contains("secret") && shown.contains("Sensitive"), "{shown}");
        assert!(!with_token.route(&["ws"], &Vec::new()).as_str().contains("secret"));
        for token in ["", "two words", "line\n", "sécret"] {
            let error = client.clone().with_token(token).expect_err(token);
            assert_eq!(error.code(), "bad_token");
            assert!(!format!("{error} {error:?}").contains("cret"), "{error}");
        }
    }

    #[test]
    fn addresses_that_cannot_be_used_are_named_with_what_is_wrong() {
        for (address, reason) in [
            ("", "relative URL"),
            ("127.0.0.1:8080", "relative URL"),
            ("localhost:8080", "begin with http://"),
            ("https://example.com", "speaks http only"),
            ("ftp://example.com", "begin with http://"),
            ("http://", "empty host"),
            ("http://a:b@host", "more than"),
            ("http://host/?x=1", "more than"),
        ] {
            let error = Client::new(address).expect_err(address);
            assert_eq!(error.code(), "bad_address");
            let text = error.to_string();
            assert!(text.contains(&format!("{address:?}")) && text.contains(reason), "{text}");
        }
    }

    #[test]
    fn routes_keep_the_address_and_escape_what_is_put_in() {
        for base in ["http://host:1/etl", "http://host:1/etl/"] {
            let client = Client::new(base).expect("the address is fine");
            assert_eq!(client.address(), "http://host:1/etl");
            let url = client.route(&["api", "pipelines", "a/b ?"], &vec![("q", "x&y=1".to_owned())]);
            assert_eq!(url.as_str(), "http://host:1/etl/api/pipelines/a%2Fb%20%3F?q=x%26y%3D1");
        }
    }
}
