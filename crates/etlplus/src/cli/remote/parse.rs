//! Words and numbers as they are typed.

use std::time::Duration;

use etlplus_api::{AlertRule, AlertStatus, JobStatus, LogLevel, Role, Severity};
use etlplus_core::duration;
use etlplus_core::ids::JobId;

pub(super) fn job_id(text: &str) -> Result<JobId, String> {
    let hint = "a job's id looks like 01890a5d-ac96-774b-bcce-b302099a8057; `etlplus jobs` lists them";
    text.parse().map_err(|_| hint.to_owned())
}

pub(super) fn status(text: &str) -> Result<JobStatus, String> {
    word(text, JobStatus::ALL, JobStatus::as_str)
}

pub(super) fn level(text: &str) -> Result<LogLevel, String> {
    let found = LogLevel::ALL.into_iter().find(|level| level.as_str().eq_ignore_ascii_case(text));
    found.ok_or_else(|| "write debug, info, warn or error".to_owned())
}

pub(super) fn rule(text: &str) -> Result<AlertRule, String> {
    word(text, AlertRule::ALL, AlertRule::as_str)
}

pub(super) fn alert_status(text: &str) -> Result<AlertStatus, String> {
    word(text, AlertStatus::ALL, AlertStatus::as_str)
}

pub(super) fn role(text: &str) -> Result<Role, String> {
    word(text, Role::ALL, Role::as_str)
}

pub(super) fn severity(text: &str) -> Result<Severity, String> {
    match text.to_ascii_lowercase().as_str() {
        "info" => Ok(Severity::Info),
        "warning" => Ok(Severity::Warning),
        "error" => Ok(Severity::Error),
        _ => Err("write info, warning or error".to_owned()),
    }
}

/// `250ms`, `30s`, `10m`, `2h`, `7d`; a number alone is seconds.
pub(super) fn span(text: &str) -> Result<Duration, String> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let span = if is_number { duration::parse(&format!("{text}s")) } else { duration::parse(text) };
    span.ok_or_else(|| duration::EXAMPLE.to_owned())
}

/// The one of `all` whose word is `text`, in either case.
fn word<T: Copy, const N: usize>(text: &str, all: [T; N], as_str: fn(T) -> &'static str) -> Result<T, String> {
    let found = all.into_iter().find(|word| as_str(*word).eq_ignore_ascii_case(text));
    found.ok_or_else(|| format!("write one of {}", all.map(as_str).join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_units() {
        for (text, milliseconds) in
            [("250ms", 250), ("30s", 30_000), ("10m", 600_000), ("2h", 7_200_000), ("1d", 86_400_000), ("5", 5_000)]
        {
            assert_eq!(span(text), Ok(Duration::from_millis(milliseconds)), "{text}");
        }
        for text in ["", "s", "-1s", "1.5h", "1 week", "99999999999999999999", "18446744073709551615h"] {
            assert!(span(text).is_err(), "{text}");
        }
    }

    #[test]
    fn words_are_known_in_either_case() {
        assert_eq!(status("running"), Ok(JobStatus::Running));
        assert!(status("done").is_err_and(|hint| hint.contains("COMPLETED")));
        assert_eq!(level("Warn"), Ok(LogLevel::Warn));
        assert!(level("trace").is_err());
        assert_eq!(rule("JOB_FAILED"), Ok(AlertRule::JobFailed));
        assert!(rule("job").is_err_and(|hint| hint.contains("job_failed, job_timed_out")));
        assert_eq!(role("Viewer"), Ok(Role::Viewer));
        assert!(role("root").is_err_and(|hint| hint == "write one of viewer, operator, admin"));
        assert_eq!(alert_status("firing"), Ok(AlertStatus::Firing));
        assert_eq!(severity("Warning"), Ok(Severity::Warning));
        assert!(severity("warn").is_err());
    }

    #[test]
    fn a_job_id_is_a_whole_one() {
        assert!(job_id("01890a5d-ac96-774b-bcce-b302099a8057").is_ok());
        for text in ["", "01890a5d", "job-1", "../../x"] {
            assert!(job_id(text).is_err_and(|hint| hint.contains("etlplus jobs")), "{text}");
        }
    }
}
