//! What a client of a WebSocket says, and what follows from it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use etlplus_api::{CloseCode, ErrorMessage, ServerMessage};
use etlplus_core::access::{Action, Principal, allows};

use super::client::{Manners, Request, answer, bad, hear};
use super::connection::Connection;
use super::framing::{Framing, Payload};
use super::handle::{Ack, Wish};
use super::slots::Slot;
use crate::access::{Client, TokenFault};
use crate::app::App;

/// How far a client is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// It has to say who it is, before anything else.
    Authenticating,
    /// It may say what it wants to be told.
    Greeted,
    /// It has said so.
    Told,
}

/// One client, from its first message to its last.
pub(super) struct Session {
    pub(super) app: Arc<App>,
    pub(super) connection: Arc<Connection>,
    pub(super) manners: Manners,
    pub(super) stage: Stage,
    /// The place among those who have not said yet who they are.
    pub(super) unauthenticated: Option<Slot>,
}

impl Session {
    /// Follows a text, or says why not.
    pub(super) async fn follow(&mut self, text: &str, is_flood: bool) {
        if is_flood {
            let error = bad("too_many_messages", "messages come too fast", "send fewer of them");
            return self.say(ServerMessage::ErrorMessage(error), None);
        }
        let heard = hear(text);
        match heard.request {
            Ok(Request::Auth(token)) => self.authenticate(&token, heard.id),
            _ if self.stage == Stage::Authenticating => {
                let error = bad("not_authenticated", "nobody knows who you are", "send auth with a token first");
                self.say(ServerMessage::ErrorMessage(error), heard.id);
                self.close(CloseCode::BadRequest, "auth comes first");
            }
            Ok(Request::Ping) => self.say(ServerMessage::Pong {}, heard.id),
            Ok(Request::Change(wish)) => self.change(wish, heard.id).await,
            Err(error) => self.refuse(error, heard.id),
        }
    }

    async fn change(&mut self, wish: Wish, id: Option<String>) {
        self.stage = Stage::Told;
        if self.app.live.change(self.connection.id, wish, Ack(id)).await.is_err() {
            self.connection.close(CloseCode::GoingAway);
        }
    }

    /// Takes the client for the holder of `token` from now on.
    fn authenticate(&mut self, token: &str, id: Option<String>) {
        let record = match self.app.book.find(token) {
            Ok(record) => record,
            Err(fault) => return self.refuse_token(fault, id),
        };
        let principal = Principal::Token { id: record.id, name: record.name, role: record.role };
        let before = self.connection.principal();
        if !allows(&principal, Action::Watch) || before.token().is_some() && principal.role() < before.role() {
            let error = bad("forbidden", "the token may do less than the one before", "use one with the same role");
            return self.refuse(error, id);
        }
        // Where nobody is asked, a token takes nothing away.
        if before != Principal::Local {
            self.connection.set_principal(principal);
        }
        if self.stage == Stage::Authenticating {
            self.stage = Stage::Greeted;
            self.unauthenticated = None;
        }
        self.say(ServerMessage::Ack {}, id);
    }

    /// A token that is none counts as a login that failed: whoever tries tokens shall not get further here than there.
    fn refuse_token(&mut self, fault: TokenFault, id: Option<String>) {
        let client = Client::of(None, self.connection.remote.ip());
        let error = match self.app.attempts.failed(client, self.app.clock.monotonic()) {
            Ok(()) => fault.message(),
            Err(Duration { .. }) => {
                bad("too_many_logins", "too many logins from here have failed", "look for the token")
            }
        };
        if self.stage != Stage::Authenticating {
            return self.refuse(error, id);
        }
        self.say(ServerMessage::ErrorMessage(error), id);
        let code = fault.close_code();
        let reason = if code == CloseCode::BadToken { "the token is not known" } else { code.reason() };
        self.close(code, reason);
    }

    /// Says what is wrong with a message. Who sends too many such is sent away.
    fn refuse(&mut self, error: ErrorMessage, id: Option<String>) {
        // At most ten for each connection. What the client wrote is left out: it could be anything.
        tracing::info!(connection = %self.connection.id, code = error.code, "a client's message means nothing");
        self.say(ServerMessage::ErrorMessage(error), id);
        if self.manners.count_bad() {
            self.close(CloseCode::BadRequest, CloseCode::BadRequest.reason());
        }
    }

    /// The answer to the last message still goes out, where the socket takes it.
    fn close(&self, code: CloseCode, reason: &str) {
        if let Some(socket) = self.connection.socket() {
            let _sent = self.connection.drain(socket);
        }
        self.connection.close_because(code, reason);
    }

    fn say(&self, message: ServerMessage, id: Option<String>) {
        let mut bytes = Vec::new();
        Framing::WebSocket.add(&Payload::of(&answer(message, self.app.live.now(), id)), &mut bytes);
        self.connection.push(Bytes::from(bytes));
    }
}
