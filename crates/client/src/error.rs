//! What can go wrong with a server that is somewhere else.

use etlplus_api::{CloseCode, Problem};
use reqwest::StatusCode;

/// Close codes that are about the token.
const TOKEN_CODES: [u16; 2] = [CloseCode::BadToken as u16, CloseCode::TokenExpired as u16];

/// Why a request, or a connection that lasts, came to nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The server's address is none that this client can use.
    #[error("{address:?} is no address of a server: {reason}")]
    BadAddress {
        /// The address as it was given.
        address: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The token is none that a server gave. It is not shown, since it may be a secret with a typing mistake.
    #[error("the token holds blanks or other characters that no token has")]
    BadToken,
    /// Nobody answers at the address, or not in time, or the answer broke off.
    #[error("cannot reach the server at {address}: {reason}")]
    Unreachable {
        /// The server's address.
        address: String,
        /// What the system says.
        reason: String,
    },
    /// The server understood and said no.
    #[error("{}", .0.detail)]
    Problem(Box<Problem>),
    /// Something answered, but not with what this client understands: another program, or another version.
    #[error("the answer of {address} is not what this client understands: {reason}")]
    NotUnderstood {
        /// What was asked.
        address: String,
        /// The HTTP status, where there was one.
        status: Option<u16>,
        /// What is wrong with the answer.
        reason: String,
    },
    /// The server closed the live channel with a code that means "do not come again", or because the token does not hold
    /// any more.
    #[error("the server at {address} closed the live channel: {reason} (code {code})")]
    Closed {
        /// The server's address.
        address: String,
        /// The close code: 4500 to 4999, or 4005.
        code: u16,
        /// The server's words.
        reason: String,
    },
}

impl Error {
    /// A stable word for programs.
    pub fn code(&self) -> &str {
        match self {
            Self::BadAddress { .. } => "bad_address",
            Self::BadToken => "bad_token",
            Self::Unreachable { .. } => "server_unreachable",
            Self::Problem(problem) => &problem.code,
            Self::NotUnderstood { .. } => "answer_not_understood",
            Self::Closed { .. } => "live_channel_closed",
        }
    }

    /// What to do about it.
    pub fn remedy(&self) -> &str {
        match self {
            Self::BadAddress { .. } => "write it like http://127.0.0.1:8080",
            Self::BadToken => "give it as `etlplus token create` printed it",
            Self::Unreachable { .. } => "start the server with `etlplus serve`, or check the address",
            Self::Problem(problem) => &problem.remedy,
            Self::NotUnderstood { .. } => {
                "check that the address is that of ETL Plus, and that both have the same version"
            }
            Self::Closed { code, .. } if TOKEN_CODES.contains(code) => {
                "give a token that holds: `etlplus token create` makes one"
            }
            Self::Closed { code, .. } if *code == CloseCode::Kicked.get() => {
                "ask whoever runs the server; nothing forbids to connect again"
            }
            Self::Closed { .. } => "check that client and server have the same version",
        }
    }

    /// Whether the same may go well a little later, with nothing changed.
    pub fn is_transient(&self) -> bool {
        // 429 asks to come again more slowly.
        let is_for_now = |status: u16| status == 429 || (500..600).contains(&status);
        match self {
            Self::Unreachable { .. } => true,
            Self::Problem(problem) => is_for_now(problem.status),
            // A proxy answers like this while the server behind it starts again.
            Self::NotUnderstood { status, .. } => status.is_some_and(is_for_now),
            Self::BadAddress { .. } | Self::BadToken | Self::Closed { .. } => false,
        }
    }

    /// What an answer that is no success means.
    pub(crate) fn of_answer(address: &str, status: StatusCode, body: &[u8]) -> Self {
        match serde_json::from_slice(body) {
            Ok(problem) => Self::Problem(Box::new(problem)),
            Err(_) => Self::NotUnderstood {
                address: address.to_owned(),
                status: Some(status.as_u16()),
                reason: format!("{status} without a problem that says more"),
            },
        }
    }

    /// What a failed request means.
    pub(crate) fn of_request(address: &str, error: &reqwest::Error) -> Self {
        let reason = if error.is_timeout() { "no answer in time".to_owned() } else { deepest(error) };
        Self::Unreachable { address: address.to_owned(), reason }
    }
}

/// The innermost cause, which is what the system said; those round it only say that something went wrong.
fn deepest(error: &dyn std::error::Error) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}
