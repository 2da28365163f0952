//! The server's own log.

use std::io::IsTerminal;
use std::path::Path;

use etlplus_core::Failure;
use etlplus_core::settings::{LogFormat, LogSettings};
use tracing_appender::rolling::{RollingFileAppender, Rotation};
use tracing_subscriber::fmt::writer::BoxMakeWriter;
use tracing_subscriber::layer::{Layered, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry, reload};

/// What is logged, below.
type Filtered = Layered<reload::Layer<EnvFilter, Registry>, Registry>;
/// What writes the lines.
type Lines = Box<dyn Layer<Filtered> + Send + Sync>;

/// Changes the log while it is written.
pub(super) struct Log {
    level: reload::Handle<EnvFilter, Registry>,
    lines: reload::Handle<Lines, Filtered>,
    settings: LogSettings,
}

impl Log {
    /// Logs by `level` from now on. One that is not understood changes nothing, and is told in the log.
    pub(super) fn set_level(&mut self, level: &str) {
        if self.settings.level == level {
            return;
        }
        level.clone_into(&mut self.settings.level);
        match EnvFilter::try_new(level) {
            Ok(filter) => {
                // It fails only where the log has ended, which it does with the process.
                let _ = self.level.reload(filter);
            }
            Err(error) => tracing::warn!(%error, level, "log.level is not understood, so it stays as it was"),
        }
    }

    /// Goes on as `settings` say, which were changed while an earlier server ran. To be called before anything goes on
    /// that has a span: its fields were written for the format before.
    ///
    /// # Errors
    /// Where the file's folder cannot be written to.
    pub(super) fn set(&mut self, settings: &LogSettings) -> Result<(), Failure> {
        self.set_level(&settings.level);
        if self.settings != *settings {
            let _ = self.lines.reload(lines(settings)?);
            self.settings = settings.clone();
        }
        Ok(())
    }
}

/// Starts the log.
///
/// # Errors
/// Where the level is not understood or the file's folder cannot be written to.
pub(super) fn start(settings: &LogSettings) -> Result<Log, Failure> {
    let filter = EnvFilter::try_new(&settings.level).map_err(|error| {
        let message = format!("log.level {:?} is not understood: {error}", settings.level);
        Failure::user("log_filter", message, "write a level such as debug, or target=level pairs")
    })?;
    let (filter, level) = reload::Layer::new(filter);
    let (writing, lines) = reload::Layer::new(lines(settings)?);
    tracing_subscriber::registry().with(filter).with(writing).init();
    Ok(Log { level, lines, settings: settings.clone() })
}

fn lines(settings: &LogSettings) -> Result<Lines, Failure> {
    let (writer, has_colours) = match &settings.file {
        Some(file) => (BoxMakeWriter::new(appender(file, settings.keep_files)?), false),
        None => {
            let has_colours = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
            (BoxMakeWriter::new(std::io::stderr), has_colours)
        }
    };
    // A log that nobody can take, as on a full disk, must not end the server.
    let lines = tracing_subscriber::fmt::layer().with_writer(writer).with_ansi(has_colours).log_internal_errors(false);
    Ok(match settings.format {
        LogFormat::Text => lines.boxed(),
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    })
}

/// A file that is a new one each day: `etlplus.log` becomes `etlplus.2026-01-31.log`. The day is that of UTC.
fn appender(file: &Path, keep_files: usize) -> Result<RollingFileAppender, Failure> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let text = |part: Option<&std::ffi::OsStr>| part.and_then(|part| part.to_str()).unwrap_or_default().to_owned();
    let appender = RollingFileAppender::builder()
        .rotation(Rotation::DAILY)
        .filename_prefix(text(file.file_stem()))
        .filename_suffix(text(file.extension()))
        .max_log_files(keep_files)
        .build(folder);
    appender.map_err(|error| {
        let message = format!("the log {} cannot be written: {error}", file.display());
        Failure::user("log_file", message, "name a file in a folder that this user can write to")
    })
}
