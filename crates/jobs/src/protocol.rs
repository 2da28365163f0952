//! What a runner and its supervisor say to each other: frames of JSON over the runner's standard input and output.
//!
//! A frame is its length in bytes (u32, little-endian) and a JSON text of that length. The runner speaks first: its
//! [`Hello`] tells a foreign program, or one of another version, before it is given work. The end of the runner's input
//! means that the server is gone.

use std::io::{self, Read, Write};
use std::path::PathBuf;

use etlplus_core::ids::{AttemptNumber, JobId};
use etlplus_core::job::JobDefinition;
use etlplus_core::ports::{RunReport, StagePreview};
use etlplus_core::{Failure, Mistake, Progress, RejectSummary};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// The largest frame: a pipeline file of a MiB whose every character is escaped, or a preview of the widest rows.
pub(crate) const FRAME_MAX_BYTES: usize = 16 << 20;

/// Frames of another version are not understood.
const VERSION: u32 = 2;
/// What a runner begins with.
const GREETING: &str = "etlplus-runner";

/// The runner's first frame.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Hello {
    greeting: String,
    version: u32,
}

impl Hello {
    /// This program's.
    pub(crate) fn ours() -> Self {
        Self { greeting: GREETING.to_owned(), version: VERSION }
    }
}

/// What a supervisor says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ToRunner {
    /// The first frame: what to do.
    Task(Task),
    /// Stop, and leave the target as it was.
    Cancel,
    /// Hold still between two batches.
    Pause,
    /// Go on.
    Resume,
}

/// What a runner is for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Task {
    /// Run an attempt.
    Run(RunTask),
    /// Name every mistake.
    Check(JobDefinition),
    /// Show the first rows after each stage.
    Preview {
        /// Of what.
        definition: JobDefinition,
        /// How many rows.
        rows: u16,
    },
}

/// An attempt to run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct RunTask {
    /// The job.
    pub(crate) job: JobId,
    /// Its attempt.
    pub(crate) attempt: AttemptNumber,
    /// What it is made from.
    pub(crate) definition: JobDefinition,
    /// The attempt directory.
    pub(crate) folder: PathBuf,
    /// Where the job's own copy of the reject file goes.
    pub(crate) reject_copy: PathBuf,
    /// Bytes of log that may be spooled.
    pub(crate) log_max_bytes: u64,
    /// The longest time between two readings of counters that stand still, in milliseconds.
    pub(crate) silence_max_ms: u64,
}

/// What a runner says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FromRunner {
    /// Who speaks.
    Hello(Hello),
    /// A reading of the attempt.
    Reading {
        /// Milliseconds since the runner began, by a clock that never goes back.
        elapsed_ms: u64,
        /// The counters.
        progress: Progress,
        /// The broken rules, where they changed since the last frame.
        rejects: Option<Vec<RejectSummary>>,
    },
    /// The spool file grew: a hint, which loses nothing if it is lost.
    Spooled,
    /// How the attempt ended, where that cannot be written to the outcome file.
    Ended(RunReport),
    /// The answer to a check.
    Checked(Vec<Mistake>),
    /// The answer to a preview.
    Previewed(Result<Vec<StagePreview>, Failure>),
}

/// A frame that is none.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FrameError {
    /// The other side is gone, or broke off within a frame.
    #[error("the pipe broke: {0}")]
    Pipe(#[from] io::Error),
    /// Longer than any frame is.
    #[error("a frame of {0} bytes was announced, and none has more than {FRAME_MAX_BYTES}")]
    TooLong(u64),
    /// Not what is said here.
    #[error("a frame is not understood: {0}")]
    Nonsense(#[from] serde_json::Error),
}

fn encode(message: &impl Serialize) -> Result<Vec<u8>, FrameError> {
    let mut bytes = vec![0; 4];
    serde_json::to_writer(&mut bytes, message)?;
    let length = bytes.len() - 4;
    if length > FRAME_MAX_BYTES {
        return Err(FrameError::TooLong(length as u64));
    }
    bytes[..4].copy_from_slice(&(length as u32).to_le_bytes());
    Ok(bytes)
}

fn checked_length(header: [u8; 4]) -> Result<usize, FrameError> {
    let length = u32::from_le_bytes(header);
    let fits = usize::try_from(length).ok().filter(|length| *length <= FRAME_MAX_BYTES);
    fits.ok_or(FrameError::TooLong(length.into()))
}

/// Writes a frame, and blocks until the pipe has taken it.
pub(crate) fn write_blocking(pipe: &mut impl Write, message: &impl Serialize) -> Result<(), FrameError> {
    pipe.write_all(&encode(message)?)?;
    Ok(pipe.flush()?)
}

/// Reads a frame; `None` at the end of the pipe.
pub(crate) fn read_blocking<T: DeserializeOwned>(pipe: &mut impl Read) -> Result<Option<T>, FrameError> {
    let mut header = [0; 4];
    match pipe.read_exact(&mut header) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        other => other?,
    }
    let mut bytes = vec![0; checked_length(header)?];
    pipe.read_exact(&mut bytes)?;
    Ok(Some(serde_json::from_slice(&bytes)?))
}

/// Writes a frame.
pub(crate) async fn write<W: AsyncWrite + Unpin>(pipe: &mut W, message: &impl Serialize) -> Result<(), FrameError> {
    pipe.write_all(&encode(message)?).await?;
    Ok(pipe.flush().await?)
}

/// Reads frames. A wait for one may be dropped without losing a byte.
#[derive(Debug)]
pub(crate) struct FrameReader<R> {
    pipe: R,
    bytes: Vec<u8>,
}

impl<R: AsyncRead + Unpin> FrameReader<R> {
    /// Reads from `pipe`.
    pub(crate) fn new(pipe: R) -> Self {
        Self { pipe, bytes: Vec::new() }
    }

    /// The next frame; `None` at the end of the pipe.
    pub(crate) async fn next<T: DeserializeOwned>(&mut self) -> Result<Option<T>, FrameError> {
        loop {
            if let Some(header) = self.bytes.first_chunk::<4>() {
                let end = 4 + checked_length(*header)?;
                if self.bytes.len() >= end {
                    let message = serde_json::from_slice(&self.bytes[4..end])?;
                    self.bytes.drain(..end);
                    return Ok(Some(message));
                }
            }
            if self.pipe.read_buf(&mut self.bytes).await? == 0 {
                return match self.bytes.is_empty() {
                    true => Ok(None),
                    false => Err(FrameError::Pipe(io::ErrorKind::UnexpectedEof.into())),
                };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames() -> Vec<ToRunner> {
        vec![ToRunner::Cancel, ToRunner::Cancel, ToRunner::Cancel]
    }

    fn bytes() -> Vec<u8> {
        frames().iter().flat_map(|frame| encode(frame).expect("it fits")).collect()
    }

    /// Gives its bytes in the pieces that it was cut into.
    struct Pieces(std::collections::VecDeque<Vec<u8>>);

    impl AsyncRead for Pieces {
        fn poll_read(
            mut self: std::pin::Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
            buffer: &mut tokio::io::ReadBuf<'_>,
        ) -> std::task::Poll<io::Result<()>> {
            if let Some(piece) = self.0.pop_front() {
                buffer.put_slice(&piece);
            }
            std::task::Poll::Ready(Ok(()))
        }
    }

    #[tokio::test]
    async fn frames_read_the_same_wherever_the_pipe_cuts_them() {
        let bytes = bytes();
        for cut in 1..bytes.len() {
            let pieces = [bytes[..cut].to_vec(), bytes[cut..].to_vec()];
            let mut reader = FrameReader::new(Pieces(pieces.into()));
            let mut read: Vec<ToRunner> = Vec::new();
            while let Some(frame) = reader.next().await.expect("they are frames") {
                read.push(frame);
            }
            assert_eq!(read, frames(), "cut at {cut}");
        }
    }

    #[tokio::test]
    async fn the_two_readers_agree_on_what_is_no_frame() {
        let whole = encode(&ToRunner::Cancel).expect("it fits");
        let too_long = [&u32::MAX.to_le_bytes()[..], b"{}"].concat();
        let no_json = [&2_u32.to_le_bytes()[..], b"{]"].concat();
        for bytes in [&whole[..whole.len() - 1], &too_long, &no_json] {
            let blocking = read_blocking::<ToRunner>(&mut &*bytes).expect_err("it is no frame");
            let waiting = FrameReader::new(bytes).next::<ToRunner>().await.expect_err("it is no frame");
            assert_eq!(std::mem::discriminant(&blocking), std::mem::discriminant(&waiting), "{blocking} / {waiting}");
        }
        assert!(read_blocking::<ToRunner>(&mut &[][..]).expect("the pipe ended between frames").is_none());
    }
}
