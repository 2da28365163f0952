//! A task that owns a connection, and the handle on what it brings.

use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::error::Error;

/// How much may wait for a reader that is busy. When it is full, the task reads nothing more from its connection, and the
/// server learns by the full socket that this client is slow.
const WAITING_MAX: usize = 256;

/// Brings the events of a task, in order, until it ends or fails. Dropping the feed ends the task.
///
/// A task of its own reads the connection, so that whoever waits for an event may stop waiting at any time, such as in
/// `tokio::select!`, and loses nothing.
#[derive(Debug)]
pub(crate) struct Feed<T> {
    events: mpsc::Receiver<Result<T, Error>>,
    task: JoinHandle<()>,
}

/// Where a task puts its events.
#[derive(Debug)]
pub(crate) struct Outlet<T>(mpsc::Sender<Result<T, Error>>);

/// Nobody wants any more events.
#[derive(Debug)]
pub(crate) struct NobodyListens;

impl<T: Send + 'static> Feed<T> {
    /// Starts `task`, which has to end when its outlet says that nobody listens. An error is its last event.
    pub(crate) fn start<F>(task: impl FnOnce(Outlet<T>) -> F) -> Self
    where
        F: Future<Output = Result<(), Stop>> + Send + 'static,
    {
        let (sender, events) = mpsc::channel(WAITING_MAX);
        let last_words = sender.clone();
        let task = task(Outlet(sender));
        let task = tokio::spawn(async move {
            if let Err(Stop::Failed(error)) = task.await {
                let _ = last_words.send(Err(error)).await;
            }
        });
        Self { events, task }
    }

    /// The next event; an error is the last one, and `None` is the end. Cancel safe.
    pub(crate) async fn next(&mut self) -> Option<Result<T, Error>> {
        self.events.recv().await
    }
}

impl<T> Drop for Feed<T> {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl<T> Outlet<T> {
    /// Hands over `event`, and waits while too many wait.
    pub(crate) async fn put(&self, event: T) -> Result<(), NobodyListens> {
        self.0.send(Ok(event)).await.map_err(|_| NobodyListens)
    }
}

/// Why a task ends before its time.
#[derive(Debug)]
pub(crate) enum Stop {
    /// Waiting cannot mend it.
    Failed(Error),
    /// Nobody wants any more events.
    NobodyListens,
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl From<NobodyListens> for Stop {
    fn from(_: NobodyListens) -> Self {
        Self::NobodyListens
    }
}
