//! Who asks: tokens, cookies and tickets, and how often one may ask. What they may do is said by `etlplus_core::access`.

mod attempts;
mod authorize;
mod book;
mod identity;
mod rate;
mod secret;
mod tickets;
mod token;

pub(crate) use attempts::Attempts;
pub(crate) use authorize::{Caller, Gate, authorize};
pub(crate) use book::{TokenBook, TokenFault};
pub(crate) use identity::{COOKIE, Identity, cookie_of, identify, refuse_token_in_url, removed_cookie, use_ticket};
pub(crate) use rate::{Client, Rate};
pub(crate) use tickets::{TICKET_LASTS, Tickets};
pub use token::NewToken;
