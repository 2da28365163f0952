//! A WebSocket's own task: it listens to the client, and sends what the hub could not send at once.

use std::future::poll_fn;
use std::sync::Arc;

use bytes::Bytes;
use etlplus_api::{CloseCode, ServerMessage};
use rustix::net::Shutdown;
use tokio::io::Interest;
use tokio::net::TcpStream;

use super::bounds::CLOSE_WAIT;
use super::client::{Manners, Request, answer, bad, hear};
use super::codec::{Heard, Reader, Turn};
use super::connection::{Connection, Seen};
use super::filter::Filter;
use super::framing::{Framing, Payload};
use super::handle::Live;
use super::outbox::Phase;

/// Serves a client from its first frame to its last. `begun` is what the upgrade has read beyond its own end.
pub(super) async fn run(live: Live, connection: Arc<Connection>, begun: Bytes) {
    let Some(socket) = connection.socket() else { return };
    let mut reader = Reader::new(&begun);
    drop(begun);
    if live.join(connection.clone(), Filter::default()).await.is_err() {
        connection.close(CloseCode::GoingAway);
    }
    listen(&live, &connection, socket, &mut reader).await;
    drop(reader);
    // In a box, because it is large beside what a connection is while it lives.
    let _in_time = Box::pin(tokio::time::timeout(CLOSE_WAIT, finish(&connection, socket))).await;
    connection.outbox().end();
    // The hub drops the socket with its next sweep; the client should not wait for that.
    let _told = rustix::net::shutdown(socket, Shutdown::Both);
}

/// Until the connection is about to close, or gone.
async fn listen(live: &Live, connection: &Connection, socket: &TcpStream, reader: &mut Reader) {
    let mut manners = Manners::new();
    // What came with the upgrade may hold messages already, for which the socket would not become readable.
    let mut is_readable = true;
    loop {
        let seen = Seen::of(&connection.outbox());
        if seen.phase != Phase::Open {
            return;
        }
        if is_readable && !seen.is_deaf {
            is_readable = read_turn(live, connection, socket, reader, &mut manners).await;
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

/// Reads until the socket has nothing more, the turn is over or the client must wait. Gives whether more could be there.
async fn read_turn(
    live: &Live,
    connection: &Connection,
    socket: &TcpStream,
    reader: &mut Reader,
    manners: &mut Manners,
) -> bool {
    let mut turn = Turn::new();
    loop {
        let heard = reader.read(socket, &mut turn);
        let is_message = matches!(heard, Heard::Text(_) | Heard::Ping(_) | Heard::Pong);
        let is_flood = is_message && !manners.take();
        match heard {
            Heard::Nothing => {
                tokio::task::yield_now().await;
                return false;
            }
            Heard::Pong => connection.answered(),
            Heard::Ping(pong) => connection.push(pong),
            Heard::Text(text) => follow(live, connection, &text, is_flood, manners).await,
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
        if is_flood && manners.count_bad() {
            connection.close(CloseCode::BadRequest);
        }
        let seen = Seen::of(&connection.outbox());
        if seen.is_deaf || seen.phase != Phase::Open {
            return true;
        }
    }
}

/// Follows a text, or says why not.
async fn follow(live: &Live, connection: &Connection, text: &str, is_flood: bool, manners: &mut Manners) {
    let say = |message, id| connection.push(frame(live, message, id));
    if is_flood {
        let error = bad("too_many_messages", "messages come too fast", "send fewer of them");
        return say(ServerMessage::ErrorMessage(error), None);
    }
    let heard = hear(text);
    match heard.request {
        Ok(Request::Ping) => say(ServerMessage::Pong {}, heard.id),
        Ok(Request::SetFilters(filter)) => {
            if live.set_filter(connection.id, filter, heard.id).await.is_err() {
                connection.close(CloseCode::GoingAway);
            }
        }
        Err(error) => {
            // At most ten for each connection. What the client wrote is left out: it could be anything.
            tracing::info!(connection = %connection.id, code = error.code, "a client's message means nothing");
            say(ServerMessage::ErrorMessage(error), heard.id);
            if manners.count_bad() {
                finish_bad(connection);
            }
        }
    }
}

/// The answer to the last bad message still goes out, where the socket takes it.
fn finish_bad(connection: &Connection) {
    if let Some(socket) = connection.socket() {
        let _sent = connection.drain(socket);
    }
    connection.close(CloseCode::BadRequest);
}

fn frame(live: &Live, message: ServerMessage, id: Option<String>) -> Bytes {
    let mut bytes = Vec::new();
    Framing::WebSocket.add(&Payload::of(&answer(message, live.now(), id)), &mut bytes);
    bytes.into()
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
