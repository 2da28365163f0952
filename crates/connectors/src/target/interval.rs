//! The interval of an incremental load, as targets note it before its first row is read.

use etlplus_core::Failure;

/// The texts of where it begins and where it ends; `None` at the end means what was there when it was read.
pub(crate) type NotedInterval = (Option<String>, Option<String>);

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
