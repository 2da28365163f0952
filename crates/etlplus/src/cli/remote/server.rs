//! Which server, who asks, and how to answer.

use clap::{Args, ValueEnum};

/// Where the server's address stands, if `--server` does not say.
const SERVER_VARIABLE: &str = "ETLPLUS_SERVER";
/// Where a server is that was started with no settings.
const SERVER_DEFAULT: &str = "http://127.0.0.1:8080";
/// Where the token stands, if `--token` does not say.
const TOKEN_VARIABLE: &str = "ETLPLUS_TOKEN";

/// How a command about a server answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum RemoteFormat {
    /// For people
    Table,
    /// For programs: what the server said, one JSON object in a line
    Json,
}

/// Which server, who asks, and how to answer.
#[derive(Debug, Args)]
pub(crate) struct ServerArgs {
    /// The server's address [default: $ETLPLUS_SERVER, or http://127.0.0.1:8080]
    #[arg(long, value_name = "URL")]
    server: Option<String>,
    /// The token by which the server knows who asks [default: $ETLPLUS_TOKEN, which others on this machine cannot see]
    #[arg(long, value_name = "TOKEN", value_parser = |text: &str| Ok::<_, std::convert::Infallible>(TokenText(text.to_owned())))]
    token: Option<TokenText>,
    /// For people or for programs
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    pub(crate) output: RemoteFormat,
}

/// A token as it was typed, which is shown to nobody.
#[derive(Clone)]
struct TokenText(String);

impl std::fmt::Debug for TokenText {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("TokenText(…)")
    }
}

impl ServerArgs {
    /// The server's address: what was typed, else the environment's, else that of a server without settings.
    pub(crate) fn address(&self) -> String {
        let typed = self.server.clone();
        typed.or_else(|| std::env::var(SERVER_VARIABLE).ok()).unwrap_or_else(|| SERVER_DEFAULT.to_owned())
    }

    /// The token: what was typed, else the environment's. An empty one is none, so that a script can unset it.
    pub(crate) fn token(&self) -> Option<String> {
        let typed = self.token.as_ref().map(|TokenText(text)| text.clone());
        typed.or_else(|| std::env::var(TOKEN_VARIABLE).ok()).filter(|text| !text.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_not_shown() {
        let server = None;
        let arguments = ServerArgs { server, token: Some(TokenText("secret".to_owned())), output: RemoteFormat::Table };
        assert!(!format!("{arguments:?}").contains("secret"));
        assert_eq!(arguments.token().as_deref(), Some("secret"));
    }
}
