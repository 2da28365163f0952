//! Why a WebSocket is closed (RFC 6455, section 7.4).

/// The codes that the server closes with. 4000 to 4499 invite to connect again, 4500 to 4999 do not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u16)]
pub enum CloseCode {
    /// The client asked for it.
    Normal = 1000,
    /// The server shuts down.
    GoingAway = 1001,
    /// The client broke the protocol of WebSocket.
    ProtocolError = 1002,
    /// The client sent bytes that are not text.
    Unsupported = 1003,
    /// A text was not UTF-8.
    InvalidText = 1007,
    /// A message was larger than the limit.
    TooLarge = 1009,
    /// The token that it came with has expired: come with another one.
    TokenExpired = 4005,
    /// The client did not read what it was sent.
    Slow = 4008,
    /// The client answered no pings.
    NoPong = 4012,
    /// The token that it came with was revoked.
    BadToken = 4500,
    /// The client sent too many messages that mean nothing.
    BadRequest = 4501,
    /// Somebody who runs the server closed it.
    Kicked = 4503,
}

impl CloseCode {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Normal,
        Self::GoingAway,
        Self::ProtocolError,
        Self::Unsupported,
        Self::InvalidText,
        Self::TooLarge,
        Self::TokenExpired,
        Self::Slow,
        Self::NoPong,
        Self::BadToken,
        Self::BadRequest,
        Self::Kicked,
    ];

    /// As a number.
    pub fn get(self) -> u16 {
        self as u16
    }

    /// A word or two for the close frame.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Normal => "bye",
            Self::GoingAway => "the server shuts down",
            Self::ProtocolError => "protocol error",
            Self::Unsupported => "send text",
            Self::InvalidText => "invalid UTF-8",
            Self::TooLarge => "message too large",
            Self::TokenExpired => "the token has expired",
            Self::Slow => "too slow",
            Self::NoPong => "no pong",
            Self::BadToken => "the token was revoked",
            Self::BadRequest => "too many bad messages",
            Self::Kicked => "closed by an administrator",
        }
    }
}
