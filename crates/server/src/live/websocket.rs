//! A WebSocket's own task: it listens to the client, and sends what the hub could not send at once.

use std::future::poll_fn;
use std::sync::Arc;

use bytes::Bytes;
use etlplus_api::CloseCode;
use rustix::net::Shutdown;
use tokio::io::Interest;
use tokio::net::TcpStream;

use super::bounds::{CLOSE_WAIT, GREETING_WAIT};
use super::client::Manners;
use super::codec::{Heard, Reader, Turn};
use super::connection::{Connection, Seen};
use super::filter::Filter;
use super::handle::Wish;
use super::outbox::Phase;
use super::session::{Session, Stage};
use super::slots::Slot;
use crate::app::App;

/// How a client begins.
pub(super) struct Begin {
    /// The place among those who have not said yet who they are, where it has to say so first.
    pub(super) unauthenticated: Option<Slot>,
    /// Whether it says what it wants to be told before it is told anything.
    pub(super) will_subscribe: bool,
}

/// Serves a client from its first frame to its last. `begun` is what the upgrade has read beyond its own end.
pub(super) async fn run(app: Arc<App>, connection: Arc<Connection>, begin: Begin, begun: Bytes) {
    let Some(socket) = connection.socket() else { return };
    let mut reader = Reader::new(&begun);
    drop(begun);
    let stage = if begin.unauthenticated.is_some() { Stage::Authenticating } else { Stage::Greeted };
    let Begin { unauthenticated, will_subscribe } = begin;
    let mut session = Session { app, connection: connection.clone(), manners: Manners::new(), stage, unauthenticated };
    converse(&mut session, socket, &mut reader, will_subscribe).await;
    drop(reader);
    // In a box, because it is large beside what a connection is while it lives.
    let _in_time = Box::pin(tokio::time::timeout(CLOSE_WAIT, finish(&connection, socket))).await;
    connection.outbox().end();
    // The hub drops the socket with its next sweep; the client should not wait for that.
    let _told = rustix::net::shutdown(socket, Shutdown::Both);
}

/// Until the connection is about to close, or gone.
async fn converse(session: &mut Session, socket: &TcpStream, reader: &mut Reader, will_subscribe: bool) {
    if session.stage == Stage::Authenticating {
        Box::pin(listen_in_time(session, socket, reader, "no auth in time")).await;
        if session.connection.outbox().phase != Phase::Open {
            return;
        }
    }
    let everything = || Wish { filter: Filter::default(), since: None };
    let wish = (!will_subscribe).then(everything);
    if session.app.live.join(session.connection.clone(), wish).await.is_err() {
        return session.connection.close(CloseCode::GoingAway);
    }
    if will_subscribe {
        Box::pin(listen_in_time(session, socket, reader, "no subscribe in time")).await;
    } else {
        session.stage = Stage::Told;
    }
    listen(session, socket, reader).await;
}

/// Listens until the client is a stage further. One that takes too long is closed for `late`.
async fn listen_in_time(session: &mut Session, socket: &TcpStream, reader: &mut Reader, late: &str) {
    let (live, connection) = (session.app.live.clone(), session.connection.clone());
    tokio::select! {
        () = listen(session, socket, reader) => {}
        () = tokio::time::sleep(GREETING_WAIT) => connection.close_because(CloseCode::BadRequest, late),
        // Who is not known to the hub is told nothing by it.
        () = live.ended() => connection.close(CloseCode::GoingAway),
    }
}

/// Until the connection is about to close, or gone, or its client a stage further.
async fn listen(session: &mut Session, socket: &TcpStream, reader: &mut Reader) {
    let (connection, stage) = (session.connection.clone(), session.stage);
    // What came with the upgrade, or with the message before, may hold messages already, for which the socket would not
    // become readable.
    let mut is_readable = true;
    loop {
        let seen = Seen::of(&connection.outbox());
        if seen.phase != Phase::Open || session.stage != stage {
            return;
        }
        if is_readable && !seen.is_deaf {
            is_readable = read_turn(session, socket, reader).await;
            continue;
        }
        let interest = match (seen.waits, seen.is_deaf) {
            (true, true) => Interest::WRITABLE,
            (true, false) => Interest::READABLE | Interest::WRITABLE,
            (false, _) => Interest::READABLE,
        };
        tokio::select! {
            ready = socket.ready(interest) => {
                let Ok(ready) = ready else { return connection.outbox().end() };
                is_readable |= ready.is_readable() || ready.is_read_closed();
                if ready.is_writable() && connection.drain(socket).is_err() {
                    return connection.outbox().end();
                }
            }
            () = poll_fn(|context| connection.poll_work(seen, context)) => {}
        }
    }
}

/// Reads until the socket has nothing more, the turn is over, the client must wait, or it is a stage further. Gives whether
/// more could be there.
async fn read_turn(session: &mut Session, socket: &TcpStream, reader: &mut Reader) -> bool {
    let (connection, stage) = (session.connection.clone(), session.stage);
    let mut turn = Turn::new();
    loop {
        let heard = reader.read(socket, &mut turn);
        let is_message = matches!(heard, Heard::Text(_) | Heard::Ping(_) | Heard::Pong);
        let is_flood = is_message && !session.manners.take();
        match heard {
            Heard::Nothing => {
                tokio::task::yield_now().await;
                return false;
            }
            Heard::Pong => connection.answered(),
            Heard::Ping(pong) => connection.push(pong),
            Heard::Text(text) => session.follow(&text, is_flood).await,
            Heard::Close(reply) => {
                connection.outbox().close(reply);
                return false;
            }
            Heard::Broken(code) => {
                connection.close(code);
                return false;
            }
            Heard::Gone => {
                connection.outbox().end();
                return false;
            }
        }
        if is_flood && session.manners.count_bad() {
            connection.close(CloseCode::BadRequest);
        }
        let seen = Seen::of(&connection.outbox());
        if seen.is_deaf || seen.phase != Phase::Open || session.stage != stage {
            return true;
        }
    }
}

/// Sends the last words, says that nothing follows, and reads until the client hangs up: to close a socket with unread
/// bytes would take the last words back.
async fn finish(connection: &Connection, socket: &TcpStream) {
    let mut scratch = [0; 512];
    let mut is_shut = false;
    while connection.outbox().phase == Phase::Closing {
        let waits = !connection.outbox().is_empty();
        if !waits && !is_shut {
            is_shut = rustix::net::shutdown(socket, Shutdown::Write).is_ok();
        }
        let interest = if waits { Interest::READABLE | Interest::WRITABLE } else { Interest::READABLE };
        let Ok(ready) = socket.ready(interest).await else { return };
        if ready.is_writable() && waits && connection.drain(socket).is_err() {
            return;
        }
        if ready.is_readable() || ready.is_read_closed() {
            match socket.try_read(&mut scratch) {
                Ok(0) => return,
                Err(error) if error.kind() != std::io::ErrorKind::WouldBlock => return,
                _ => {}
            }
        }
    }
}
