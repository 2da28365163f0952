//! Errors of the query engine, told as failures of a job.

use std::io;

use arrow::error::ArrowError;
use datafusion::error::DataFusionError;
use etlplus_connectors::{first_line, io_failure};
use etlplus_core::Failure;

/// An error of an Arrow kernel, which may have come through a query.
pub(crate) fn arrow_failure(error: ArrowError) -> Failure {
    match error {
        ArrowError::ExternalError(source) => external_failure(source),
        other => etlplus_connectors::arrow_failure(other),
    }
}

/// An error of the query engine while a query runs.
pub(crate) fn query_failure(error: DataFusionError) -> Failure {
    match error {
        DataFusionError::Context(_, inner) | DataFusionError::Diagnostic(_, inner) => query_failure(*inner),
        DataFusionError::ArrowError(error, _) => arrow_failure(*error),
        DataFusionError::External(source) => external_failure(source),
        DataFusionError::Shared(shared) => match shared.find_root() {
            DataFusionError::External(source) => match source.downcast_ref::<Failure>() {
                Some(failure) => failure.clone(),
                None => Failure::bug(source.to_string()),
            },
            DataFusionError::ResourcesExhausted(message) => memory_failure(message),
            DataFusionError::IoError(error) => scratch_failure(error),
            other => Failure::data("sql_failed", first_line(&other.to_string()), "check the SQL"),
        },
        DataFusionError::ResourcesExhausted(message) => memory_failure(&message),
        DataFusionError::IoError(error) => scratch_failure(&error),
        DataFusionError::Execution(message) => {
            Failure::data("sql_failed", first_line(&message), "check the SQL against the rows it meets")
        }
        other => Failure::user("sql_failed", first_line(&other.strip_backtrace()), "check the SQL"),
    }
}

fn memory_failure(message: &str) -> Failure {
    Failure::limit(
        "memory_exceeded",
        format!("the transforms need more than the job's memory: {}", first_line(message)),
        "raise limits.memory, or make the lookup tables smaller",
    )
}

/// The query engine reads and writes no files but those that it spills to.
pub(crate) fn scratch_failure(error: &io::Error) -> Failure {
    io_failure("use the folder for temporary files", &std::env::temp_dir(), error)
}

fn external_failure(source: Box<dyn std::error::Error + Send + Sync>) -> Failure {
    match source.downcast::<Failure>() {
        Ok(failure) => *failure,
        Err(other) => match other.downcast::<DataFusionError>() {
            Ok(error) => query_failure(*error),
            Err(other) => match other.downcast::<io::Error>() {
                Ok(error) => scratch_failure(&error),
                Err(other) => Failure::bug(other.to_string()),
            },
        },
    }
}

/// A failure on its way through the query engine.
pub(crate) fn as_query_error(failure: Failure) -> DataFusionError {
    DataFusionError::External(Box::new(failure))
}
