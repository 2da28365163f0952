//! The files of a source.

use std::fs::{self, File, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use etlplus_core::Failure;
use etlplus_core::pipeline::{JobSpec, PathTemplate};
use etlplus_core::reject::RAW_MAX_BYTES;

use crate::failure::io_failure;

/// The most files of one source: each costs an entry in memory and a look at its header.
const FILES_MAX: usize = 10_000;

/// A file of a source, as it was when the job first looked.
#[derive(Debug)]
pub(crate) struct SourceFile {
    path: PathBuf,
    state: FileState,
    header: OnceLock<Arc<str>>,
}

/// What changes when somebody writes to a file or puts another in its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct FileState {
    bytes: u64,
    modified: (i64, i64),
    inode: u64,
}

impl SourceFile {
    /// Looks at the file at `path`, which has to be a regular one.
    pub(crate) fn look(path: PathBuf) -> Result<Self, Failure> {
        let metadata = fs::metadata(&path).map_err(|error| io_failure("read", &path, &error))?;
        if metadata.is_dir() {
            let error = std::io::Error::from(std::io::ErrorKind::IsADirectory);
            return Err(io_failure("read", &path, &error));
        }
        if !metadata.is_file() {
            return Err(Failure::user(
                "not_a_file",
                format!("cannot read {}: it is no regular file", path.display()),
                "write the data to a file first: a source is read more than once",
            ));
        }
        Ok(Self { state: FileState::of(&metadata), path, header: OnceLock::new() })
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Its size when the job first looked.
    pub(crate) fn bytes(&self) -> u64 {
        self.state.bytes
    }

    /// The name that rejects show.
    pub(crate) fn name(&self) -> String {
        self.path.display().to_string()
    }

    /// The header record that rejects show, once the file was looked into and has one.
    pub(crate) fn header(&self) -> Option<&Arc<str>> {
        self.header.get()
    }

    /// Remembers the file's header record. It is the same each time that the file is opened, since a file that changes fails
    /// the job; one that is longer than the rows that rejects keep is not kept.
    pub(crate) fn found_header(&self, header: &[u8]) {
        if header.len() <= RAW_MAX_BYTES {
            self.header.get_or_init(|| String::from_utf8_lossy(header).into());
        }
    }

    /// Opens it for reading.
    pub(crate) fn open(&self) -> Result<File, Failure> {
        File::open(&self.path).map_err(|error| self.read_failure(&error))
    }

    /// An error while reading it. One that carries its failure (a damaged stream, say) is that failure.
    pub(crate) fn read_failure(&self, error: &std::io::Error) -> Failure {
        let carried = error.get_ref().and_then(|inner| inner.downcast_ref::<Failure>());
        carried.cloned().unwrap_or_else(|| io_failure("read", &self.path, error))
    }

    /// Whether it is still what the job first looked at. A file that changed while it was read may have been read half
    /// old, half new.
    pub(crate) fn ensure_unchanged(&self) -> Result<(), Failure> {
        let metadata = fs::metadata(&self.path).map_err(|error| self.read_failure(&error))?;
        let now = FileState::of(&metadata);
        if now == self.state {
            return Ok(());
        }
        let what = if now.bytes == self.state.bytes {
            "it was written to or replaced".to_owned()
        } else {
            format!("it had {} bytes and has {}", self.state.bytes, now.bytes)
        };
        Err(Failure::transient(
            "source_changed",
            format!("{} changed while it was read: {what}", self.path.display()),
            "run again once its writer is done; writers should write elsewhere and rename",
        ))
    }
}

impl FileState {
    fn of(metadata: &Metadata) -> Self {
        let modified = (metadata.mtime(), metadata.mtime_nsec());
        Self { bytes: metadata.len(), modified, inode: metadata.ino() }
    }
}

/// The files that `template` means, sorted by path.
pub(crate) fn find_files(template: &PathTemplate, job: &JobSpec) -> Result<Vec<Arc<SourceFile>>, Failure> {
    let pattern = job.glob(template, glob::Pattern::escape);
    let plain = job.path(template);
    // A path that exists as it stands is meant as it stands, whatever characters it has.
    let paths = if plain.exists() { vec![plain.clone()] } else { expand(&pattern)? };
    match paths.len() {
        0 => Err(nothing_found(&plain, &pattern)),
        count if count > FILES_MAX => Err(Failure::limit(
            "too_many_files",
            format!("{} matches {count} files, and a source may have {FILES_MAX}", plain.display()),
            "narrow the pattern, or join the files",
        )),
        _ => paths.into_iter().map(|path| SourceFile::look(path).map(Arc::new)).collect(),
    }
}

fn expand(pattern: &str) -> Result<Vec<PathBuf>, Failure> {
    let invalid = |error: glob::PatternError| {
        Failure::user("bad_glob", format!("{pattern} is no glob: {error}"), "use *, ?, [abc] and ** as in a shell")
    };
    let mut paths = Vec::new();
    // As in a shell, a star finds no hidden file: such as those that other jobs are writing.
    let options = glob::MatchOptions { require_literal_leading_dot: true, ..glob::MatchOptions::new() };
    for path in glob::glob_with(pattern, options).map_err(invalid)? {
        let path = path.map_err(|error| io_failure("read", error.path(), error.error()))?;
        // A link that leads nowhere is pushed, and then is an error: it was meant.
        if !path.is_dir() {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

fn nothing_found(plain: &Path, pattern: &str) -> Failure {
    if pattern.contains(['*', '?', '[']) {
        Failure::user(
            "file_not_found",
            format!("no file matches {}", plain.display()),
            "check the pattern, which is relative to the pipeline file's folder",
        )
    } else {
        io_failure("read", plain, &std::io::Error::from(std::io::ErrorKind::NotFound))
    }
}
