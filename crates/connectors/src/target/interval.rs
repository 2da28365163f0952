//! The interval of an incremental load, as targets note it before its first row is read.

use etlplus_core::Failure;
use etlplus_core::pipeline::Interval;

use crate::check::greater;

/// Intervals are forgotten after so many days: their jobs were given up. One that comes back all the same reads what is new by
/// then, as a new job does.
pub(crate) const INTERVALS_KEPT_DAYS: u32 = 30;

/// The texts of where it begins and where it ends; `None` at the end means what was there when it was read.
pub(crate) type NotedInterval = (Option<String>, Option<String>);

/// `interval` as it is noted. A source that has lost its last rows ends before the interval begins: such an interval has no
/// rows, and ends where it begins, so that the cursor does not go back and rows are loaded again later.
pub(crate) fn noted(interval: &Interval) -> NotedInterval {
    let after = interval.after.clone();
    let up_to = interval.up_to.clone().and_then(|up_to| greater(after.clone(), Some(up_to)));
    (after.map(|value| value.to_string()), up_to.map(|value| value.to_string()))
}

/// The cursor to note with the rows of a job whose interval was noted: the end of that, where it has one, or else the one
/// that the job gives.
pub(crate) fn reached(fixed: Option<NotedInterval>, given: Option<String>) -> Option<String> {
    fixed.and_then(|(_, up_to)| up_to).or(given)
}

/// Refuses an interval that does not begin at `cursor`, up to which earlier loads have got: its rows are there, or some before
/// it are not. To be asked where no other load can be committed meanwhile.
pub(crate) fn ensure_next(fixed: Option<&NotedInterval>, cursor: Option<&str>) -> Result<(), Failure> {
    match (fixed, cursor) {
        (Some((after, _)), Some(cursor)) if after.as_deref() != Some(cursor) => Err(Failure::user(
            "interval_loaded",
            format!(
                "this job was to load the rows after {}, and another job has loaded all up to {cursor}",
                after.as_deref().unwrap_or("the first")
            ),
            "run the pipeline as a new job, which goes on from there",
        )),
        _ => Ok(()),
    }
}
