//! Errors of the system, of Arrow and of Parquet, told as failures of a job.

use std::io;
use std::path::Path;

use arrow::error::ArrowError;
use etlplus_core::Failure;
use parquet::errors::ParquetError;

/// An error while reading or writing `path`.
pub fn io_failure(action: &str, path: &Path, error: &io::Error) -> Failure {
    use io::ErrorKind as Kind;
    let path = path.display();
    match error.kind() {
        Kind::NotFound => Failure::user(
            "file_not_found",
            format!("cannot {action} {path}: no such file or folder"),
            "check the path, which is relative to the pipeline file's folder",
        ),
        Kind::PermissionDenied => Failure::user(
            "permission_denied",
            format!("cannot {action} {path}: permission denied"),
            "give the user who runs the job access to it",
        ),
        Kind::IsADirectory => Failure::user(
            "is_a_directory",
            format!("cannot {action} {path}: it is a folder"),
            "name a file; for all files of a folder use a glob such as folder/*.csv",
        ),
        Kind::NotADirectory => Failure::user(
            "not_a_directory",
            format!("cannot {action} {path}: a part of the path is a file, not a folder"),
            "check the path",
        ),
        Kind::StorageFull | Kind::QuotaExceeded => Failure::transient(
            "disk_full",
            format!("cannot {action} {path}: {error}"),
            "free some space there, then run again; the target is as it was",
        ),
        Kind::FileTooLarge => Failure::transient(
            "file_too_large",
            format!("cannot {action} {path}: {error}"),
            "raise the file size limit (ulimit -f) or write to another file system",
        ),
        _ => Failure::transient("io_error", format!("cannot {action} {path}: {error}"), "run again"),
    }
}

/// An error of an Arrow kernel.
pub fn arrow_failure(error: ArrowError) -> Failure {
    match error {
        ArrowError::ExternalError(source) => external_failure(source),
        ArrowError::IoError(_, error) => scratch_failure(&error),
        ArrowError::DivideByZero => Failure::data(
            "division_by_zero",
            "a division by zero",
            "guard the divisor with NULLIF(x, 0), or reject the rows by a rule",
        ),
        ArrowError::ArithmeticOverflow(message) => Failure::data(
            "overflow",
            format!("a number beyond its type: {message}"),
            "cast to a wider type before the calculation",
        ),
        ArrowError::CastError(message) | ArrowError::ParseError(message) => {
            Failure::data("cast_failed", message, "declare the type in the schema, or use TRY_CAST")
        }
        ArrowError::InvalidArgumentError(message) | ArrowError::ComputeError(message) => {
            Failure::data("calculation_failed", message, "check the SQL against the rows it meets")
        }
        other => Failure::bug(other.to_string()),
    }
}

/// Kernels read and write no files but those that a query spills to.
fn scratch_failure(error: &io::Error) -> Failure {
    io_failure("use the folder for temporary files", &std::env::temp_dir(), error)
}

fn external_failure(source: Box<dyn std::error::Error + Send + Sync>) -> Failure {
    match source.downcast::<Failure>() {
        Ok(failure) => *failure,
        Err(other) => match other.downcast::<io::Error>() {
            Ok(error) => scratch_failure(&error),
            Err(other) => Failure::bug(other.to_string()),
        },
    }
}

/// An error while reading the Parquet file `path`.
pub(crate) fn parquet_failure(path: &Path, error: &ParquetError) -> Failure {
    let message = first_line(&error.to_string());
    Failure::data(
        "parquet_unreadable",
        format!("cannot read {}: {message}", path.display()),
        "the file is damaged, cut short or no Parquet: fetch it again",
    )
}

/// The first line of a library's message; what follows are its inner workings.
pub fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}
