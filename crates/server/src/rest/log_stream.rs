//! A log as a stream: from the store, page by page, as fast as the client takes it. A log that is followed waits on the
//! bus for more.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use etlplus_core::access::Principal;
use etlplus_core::ports::StoredLine;
use hyper::body::Frame;
use tokio::sync::mpsc;

use super::logs::Lines;
use crate::app::App;
use crate::wire;

/// Chunks that wait for the client: one is written while the next is read.
const CHUNKS_MAX: usize = 1;
/// The longest silence on a log that is followed, so that both sides see whether the other lives.
const SILENCE_MAX: Duration = Duration::from_secs(15);
/// How often the token of who reads is looked at.
const TOKEN_CHECK_INTERVAL: Duration = Duration::from_secs(1);
/// How long after a failed try the store is asked again.
const RETRY_AFTER: Duration = Duration::from_secs(1);

type Chunks = mpsc::Sender<io::Result<Bytes>>;

/// Why a stream ends before its end: the client is gone, or the server goes.
struct Over;

/// All lines that are recorded, one JSON object on each line.
pub(super) fn download(mut lines: Lines) -> Body {
    stream(lines.app.clone(), lines.principal.clone(), move |chunks| async move {
        loop {
            let chunk = match lines.next().await {
                Ok(chunk) if chunk.is_empty() => return Ok(()),
                Ok(chunk) => chunk,
                // The body breaks off, so that nobody takes what came for the whole.
                Err(error) => return send(&chunks, Err(io::Error::other(error))).await,
            };
            let mut text = Vec::new();
            for line in &chunk {
                add_json(&lines, line, &mut text);
                text.push(b'\n');
            }
            send(&chunks, Ok(text.into())).await?;
        }
    })
}

/// The lines as server-sent events, until the job has ended and all are sent.
pub(super) fn follow(mut lines: Lines) -> Body {
    stream(lines.app.clone(), lines.principal.clone(), move |chunks| async move {
        // The client sees at once that somebody is there.
        send(&chunks, Ok(Bytes::from_static(b": the log follows\n\n"))).await?;
        loop {
            // In this order nothing is missed: what is recorded after the look at the bus wakes the wait below, and the
            // last line of a job is recorded before its end.
            let place = lines.app.bus.position().offset;
            let is_over = match lines.app.history.job(lines.job()).await {
                Ok(job) => job.is_none_or(|job| job.state.status().is_terminal()),
                Err(_) => false,
            };
            let sent = send_recorded(&mut lines, &chunks).await?;
            if is_over && sent {
                return send(&chunks, Ok(Bytes::from_static(b"event: end\ndata: {}\n\n"))).await;
            }
            if !sent {
                tokio::time::sleep(RETRY_AFTER).await;
                continue;
            }
            let mut subscription = lines.app.bus.subscribe_after(place);
            loop {
                match tokio::time::timeout(SILENCE_MAX, subscription.next()).await {
                    Ok(Ok(facts)) if !facts.iter().any(|fact| lines.is_of(&fact.fact)) => {}
                    // Where facts were missed, the store has them.
                    Ok(Ok(_) | Err(etlplus_bus::NoFacts::Lost(_))) => break,
                    Ok(Err(etlplus_bus::NoFacts::Closed)) => return Err(Over),
                    Err(_) => send(&chunks, Ok(Bytes::from_static(b": keep-alive\n\n"))).await?,
                }
            }
        }
    })
}

/// Sends what is recorded and was not sent. Gives whether the store could say all of it.
async fn send_recorded(lines: &mut Lines, chunks: &Chunks) -> Result<bool, Over> {
    loop {
        let Ok(chunk) = lines.next().await else { return Ok(false) };
        if chunk.is_empty() {
            return Ok(true);
        }
        let mut text = Vec::new();
        for line in &chunk {
            text.extend_from_slice(format!("event: job_log_message\nid: {}\ndata: ", line.offset).as_bytes());
            add_json(lines, line, &mut text);
            text.extend_from_slice(b"\n\n");
        }
        send(chunks, Ok(text.into())).await?;
    }
}

fn add_json(lines: &Lines, line: &StoredLine, text: &mut Vec<u8>) {
    let row = wire::log_row(&lines.record.header, line);
    serde_json::to_writer(text, &row).expect("a row has only text keys, and memory takes it");
}

async fn send(chunks: &Chunks, chunk: io::Result<Bytes>) -> Result<(), Over> {
    chunks.send(chunk).await.map_err(|_| Over)
}

/// Waits until the token with which a stream was opened is over. The hub does the same for the live channel.
async fn until_barred(app: &App, principal: &Principal) {
    while app.book.check(principal).is_ok() {
        tokio::time::sleep(TOKEN_CHECK_INTERVAL).await;
    }
}

/// A body that is what `write` sends. It is written in a task of its own, which ends with the body, the server, or the
/// token of who reads it.
fn stream<F>(app: Arc<App>, principal: Principal, write: impl FnOnce(Chunks) -> F) -> Body
where
    F: Future<Output = Result<(), Over>> + Send + 'static,
{
    let (sender, receiver) = mpsc::channel(CHUNKS_MAX);
    let shutdown = app.lifecycle.shutdown.clone();
    let is_closed = sender.clone();
    let written = write(sender);
    let tasks = app.tasks.clone();
    tasks.spawn(async move {
        tokio::select! {
            _ended = written => {}
            () = is_closed.closed() => {}
            () = shutdown.cancelled() => {}
            () = until_barred(&app, &principal) => {}
        }
    });
    Body::new(ChunkBody(receiver))
}

struct ChunkBody(mpsc::Receiver<io::Result<Bytes>>);

impl hyper::body::Body for ChunkBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        self.0.poll_recv(context).map(|chunk| chunk.map(|chunk| chunk.map(Frame::data)))
    }
}
