//! Words and failures. The matches name every case, so that a new one does not compile before its word is chosen.

use etlplus_api as api;
use etlplus_core::job::{JobStatus, JobType};
use etlplus_core::{Failure, FailureKind, LogLevel};

pub(crate) fn status(status: JobStatus) -> api::JobStatus {
    match status {
        JobStatus::Pending => api::JobStatus::Pending,
        JobStatus::Running => api::JobStatus::Running,
        JobStatus::Paused => api::JobStatus::Paused,
        JobStatus::Completed => api::JobStatus::Completed,
        JobStatus::Failed => api::JobStatus::Failed,
        JobStatus::Cancelled => api::JobStatus::Cancelled,
    }
}

pub(crate) fn core_status(status: api::JobStatus) -> JobStatus {
    match status {
        api::JobStatus::Pending => JobStatus::Pending,
        api::JobStatus::Running => JobStatus::Running,
        api::JobStatus::Paused => JobStatus::Paused,
        api::JobStatus::Completed => JobStatus::Completed,
        api::JobStatus::Failed => JobStatus::Failed,
        api::JobStatus::Cancelled => JobStatus::Cancelled,
    }
}

pub(super) fn job_type(job_type: JobType) -> api::JobType {
    match job_type {
        JobType::FullEtl => api::JobType::FullEtl,
        JobType::Extract => api::JobType::Extract,
        JobType::Transform => api::JobType::Transform,
        JobType::Load => api::JobType::Load,
    }
}

pub(crate) fn core_type(job_type: api::JobType) -> JobType {
    match job_type {
        api::JobType::FullEtl => JobType::FullEtl,
        api::JobType::Extract => JobType::Extract,
        api::JobType::Transform => JobType::Transform,
        api::JobType::Load => JobType::Load,
    }
}

pub(crate) fn level(level: LogLevel) -> api::LogLevel {
    match level {
        LogLevel::Debug => api::LogLevel::Debug,
        LogLevel::Info => api::LogLevel::Info,
        LogLevel::Warn => api::LogLevel::Warn,
        LogLevel::Error => api::LogLevel::Error,
    }
}

pub(crate) fn core_level(level: api::LogLevel) -> LogLevel {
    match level {
        api::LogLevel::Debug => LogLevel::Debug,
        api::LogLevel::Info => LogLevel::Info,
        api::LogLevel::Warn => LogLevel::Warn,
        api::LogLevel::Error => LogLevel::Error,
    }
}

pub(super) fn failure(failure: &Failure) -> api::FailureInfo {
    let kind = match failure.kind {
        FailureKind::UserMistake => "user_mistake",
        FailureKind::BadData => "bad_data",
        FailureKind::Transient => "transient",
        FailureKind::Limit => "limit",
        FailureKind::Bug => "bug",
    };
    let Failure { code, message, remedy, .. } = failure.clone();
    api::FailureInfo { kind: kind.to_owned(), code, message, remedy }
}
