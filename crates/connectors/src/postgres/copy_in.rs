//! Rows on their way into a table: each session has a task of its own, which encodes batches and sends them by COPY.

use std::sync::Arc;

use arrow::array::RecordBatch;
use etlplus_core::Failure;
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinSet;

use super::connect::Session;
use super::encode::{Encoder, HEADER, TRAILER};
use super::failure::{failure, server_error};

/// Batches that wait for a session: enough that none waits for the next one, and few, since they are memory.
const WAITING_BATCHES: usize = 2;
/// How much is sent at a time: enough that a system call costs nothing beside it.
const CHUNK_BYTES: usize = 256 << 10;
/// After so many bytes a COPY is ended and another begun. A server says what is wrong with a COPY only at its end, so that an
/// error is known after that much.
const SEGMENT_BYTES: usize = 64 << 20;

/// A batch and the number of its first row in the load, from 1.
type Numbered = (u64, RecordBatch);

/// Sessions that load rows into one table.
pub(super) struct Copying {
    sender: mpsc::Sender<Numbered>,
    tasks: JoinSet<Result<Session, Failure>>,
    rows: u64,
}

/// What the rows of a load go to.
#[derive(Clone)]
pub(super) struct Goal {
    /// `COPY ... FROM STDIN (FORMAT binary)`.
    pub(super) statement: String,
    /// What failures call the table.
    pub(super) name: String,
    pub(super) encoder: Arc<Encoder>,
}

impl Copying {
    /// Loads by these sessions, at least one. Dropped, it ends them.
    pub(super) fn start(sessions: Vec<Session>, goal: &Goal) -> Self {
        let (sender, receiver) = mpsc::channel(WAITING_BATCHES);
        let receiver = Arc::new(Mutex::new(receiver));
        let mut tasks = JoinSet::new();
        for session in sessions {
            tasks.spawn(copy(session, goal.clone(), receiver.clone()));
        }
        Self { sender, tasks, rows: 0 }
    }

    /// The rows that were handed in.
    pub(super) fn rows(&self) -> u64 {
        self.rows
    }

    /// Hands in some rows; waits while too many are on their way.
    pub(super) async fn write(&mut self, batch: RecordBatch) -> Result<(), Failure> {
        let numbered = (self.rows + 1, batch);
        self.rows += numbered.1.num_rows() as u64;
        tokio::select! {
            biased;
            // None of them ends by itself before the last row.
            Some(ended) = self.tasks.join_next() => Err(failed(ended)),
            sent = self.sender.send(numbered) => match sent {
                Ok(()) => Ok(()),
                Err(_) => Err(match self.tasks.join_next().await {
                    Some(ended) => failed(ended),
                    None => Failure::bug("the sessions of a load have ended"),
                }),
            },
        }
    }

    /// Waits until all rows are in the table; the sessions, to go on with.
    pub(super) async fn finish(self) -> Result<Vec<Session>, Failure> {
        let Self { sender, mut tasks, .. } = self;
        drop(sender);
        let mut sessions = Vec::with_capacity(tasks.len());
        while let Some(ended) = tasks.join_next().await {
            sessions.push(ended.map_err(panicked)??);
        }
        Ok(sessions)
    }
}

fn failed(ended: Result<Result<Session, Failure>, tokio::task::JoinError>) -> Failure {
    match ended {
        Ok(Ok(_)) => Failure::bug("a session of a load ended before its last row"),
        Ok(Err(failure)) => failure,
        Err(error) => panicked(error),
    }
}

fn panicked(error: tokio::task::JoinError) -> Failure {
    Failure::bug(format!("a session of a load: {error}"))
}

/// Takes batches until there are no more, and sends them.
async fn copy(
    mut session: Session,
    goal: Goal,
    receiver: Arc<Mutex<mpsc::Receiver<Numbered>>>,
) -> Result<Session, Failure> {
    let mut batch = next(&receiver).await;
    while batch.is_some() {
        batch = copy_segment(&mut session, &goal, &receiver, batch).await?;
    }
    Ok(session)
}

async fn next(receiver: &Mutex<mpsc::Receiver<Numbered>>) -> Option<Numbered> {
    receiver.lock().await.recv().await
}

/// One COPY, which begins with `batch`; the batch after it, `None` once there are no more.
async fn copy_segment(
    session: &mut Session,
    goal: &Goal,
    receiver: &Mutex<mpsc::Receiver<Numbered>>,
    mut batch: Option<Numbered>,
) -> Result<Option<Numbered>, Failure> {
    let watch = session.watch();
    let action = format!("load {} of {}", goal.name, session.url());
    let mut lines = Lines::default();
    let wrong = |error: sqlx::Error, lines: &Lines| told(&action, &error, lines);
    let begun = session.connection.copy_in_raw(&goal.statement);
    let mut sink = watch.over(begun).await?.map_err(|error| wrong(error, &lines))?;
    let (mut buffer, mut sent) = (Vec::with_capacity(CHUNK_BYTES * 2), 0);
    buffer.extend_from_slice(HEADER);
    while let Some((first_row, rows)) = &batch {
        let prepared = goal.encoder.prepare(rows)?;
        lines.begin(*first_row, prepared.rows());
        let mut row = 0;
        while row < prepared.rows() {
            row = prepared.write(row, &mut buffer, CHUNK_BYTES, *first_row)?;
            if buffer.len() >= CHUNK_BYTES {
                sent += buffer.len();
                watch.over(sink.send(&*buffer)).await?.map_err(|error| wrong(error, &lines))?;
                buffer.clear();
            }
        }
        batch = next(receiver).await;
        if sent >= SEGMENT_BYTES {
            break;
        }
    }
    buffer.extend_from_slice(&TRAILER);
    watch.over(sink.send(&*buffer)).await?.map_err(|error| wrong(error, &lines))?;
    watch.over(sink.finish()).await?.map_err(|error| wrong(error, &lines))?;
    Ok(batch)
}

/// Which rows of the load the lines of one COPY are.
#[derive(Default)]
struct Lines {
    /// For each batch its first line in the COPY and its first row in the load, both from 1.
    batches: Vec<(u64, u64)>,
    end: u64,
}

impl Lines {
    fn begin(&mut self, first_row: u64, rows: usize) {
        self.batches.push((self.end + 1, first_row));
        self.end += rows as u64;
    }

    fn row(&self, line: u64) -> Option<u64> {
        let batch = self.batches.iter().rev().find(|(first_line, _)| *first_line <= line)?;
        Some(batch.1 + line - batch.0)
    }
}

/// An error of the server with the row that it met, where it says which.
fn told(action: &str, error: &sqlx::Error, lines: &Lines) -> Failure {
    let told = failure(action, error);
    let context = server_error(error).and_then(|error| error.r#where()).unwrap_or_default();
    match line(context).and_then(|line| lines.row(line)) {
        Some(row) => Failure { message: format!("{}, in row {row} of the load", told.message), ..told },
        None => told,
    }
}

/// The line out of a context such as `COPY orders, line 57, column amount`.
fn line(context: &str) -> Option<u64> {
    let (_, after) = context.rsplit_once(", line ")?;
    let digits = after.find(|c: char| !c.is_ascii_digit()).unwrap_or(after.len());
    after[..digits].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_of_a_copy_is_a_row_of_the_load() {
        let mut lines = Lines::default();
        lines.begin(101, 10);
        lines.begin(501, 10);
        let row = |context: &str| line(context).and_then(|line| lines.row(line));
        assert_eq!(row("COPY orders, line 1"), Some(101));
        assert_eq!(row("COPY orders, line 10, column amount"), Some(110));
        assert_eq!(row("COPY a, line 3 of it, line 11: \"x\""), Some(501));
        assert_eq!(row("COPY orders"), None);
        assert_eq!(row("COPY orders, line x"), None);
    }
}
