//! Secrets, read where they are needed and each time anew, so that a new one is used without a restart.

use std::fmt;
use std::sync::Arc;

use etlplus_core::settings::{ChannelKind, NotificationSettings, SecretRef, UrlValue};
use tokio::io::AsyncReadExt;

/// The most bytes of a secret: what is longer is some other file, given by mistake.
const SECRET_MAX_BYTES: u64 = 16 << 10;

/// A secret that was read. It is not shown by `{:?}`.
pub(crate) struct Secret(String);

impl Secret {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// What `reference` stands for; otherwise why it cannot be had and what to do, without the secret itself.
pub(crate) async fn read(reference: &SecretRef) -> Result<Secret, String> {
    let text = match reference {
        SecretRef::Env(name) => std::env::var(name)
            .map_err(|why| format!("{reference}: {why}: start the server with this variable, or change the setting"))?,
        SecretRef::File(path) => {
            let text = read_file(path)
                .await
                .map_err(|why| format!("{reference}: {why}: let the server read this file, or change the setting"))?;
            text.strip_suffix('\n').map(|text| text.strip_suffix('\r').unwrap_or(text)).unwrap_or(&text).to_owned()
        }
    };
    if text.is_empty() {
        return Err(format!("{reference} is empty: put the secret into it"));
    }
    Ok(Secret(text))
}

/// Logs which channels have secrets that cannot be had, so that somebody hears of it before the first alert.
pub(crate) async fn warn_of_missing(settings: Arc<NotificationSettings>) {
    for channel in &settings.channels {
        let references = match &channel.kind {
            ChannelKind::Webhook { url: UrlValue::Secret(url), secret } => [Some(url), secret.as_ref()],
            ChannelKind::Webhook { url: UrlValue::Literal(_), secret } => [None, secret.as_ref()],
            ChannelKind::Email { password, .. } => [None, password.as_ref()],
            ChannelKind::Log => [None, None],
        };
        for reference in references.into_iter().flatten() {
            if let Err(why) = read(reference).await {
                tracing::warn!(channel = channel.name, "no alert can leave by this channel: {why}");
            }
        }
    }
}

async fn read_file(path: &std::path::Path) -> std::io::Result<String> {
    let mut text = String::new();
    tokio::fs::File::open(path).await?.take(SECRET_MAX_BYTES + 1).read_to_string(&mut text).await?;
    if text.len() as u64 > SECRET_MAX_BYTES {
        return Err(std::io::Error::other(format!("it has more than {SECRET_MAX_BYTES} bytes")));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_file_is_read_without_its_line_end_and_each_time_anew() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        let reference = SecretRef::File(path.clone());
        let missing = read(&reference).await.unwrap_err();
        assert!(missing.contains("No such file") && missing.contains("let the server read"), "{missing}");
        for (content, secret) in [("first\n", "first"), ("second\r\n", "second"), ("a b\n\n", "a b\n"), ("x", "x")] {
            std::fs::write(&path, content).unwrap();
            assert_eq!(read(&reference).await.unwrap().as_str(), secret);
        }
        for content in ["", "\n", &"x".repeat(17 << 10)] {
            std::fs::write(&path, content).unwrap();
            let why = read(&reference).await.unwrap_err();
            assert!(!why.contains("xx"), "{why}");
        }
    }

    #[tokio::test]
    async fn a_variable_that_is_not_set_is_named() {
        let why = read(&SecretRef::Env("ETLPLUS_NO_SUCH_VARIABLE".to_owned())).await.unwrap_err();
        assert!(why.starts_with("${ETLPLUS_NO_SUCH_VARIABLE}"), "{why}");
        assert_eq!(format!("{:?}", Secret("hush".to_owned())), "Secret(…)");
    }
}
