//! Incremental loads: the interval is fixed before the first row is read, and the cursor moves with the data alone.

use std::cmp::Ordering;

use etlplus_connectors::source;
use etlplus_connectors::target::{Target, TargetState};
use etlplus_core::pipeline::{Incremental, Interval, JobSpec};
use etlplus_core::{Failure, Type, Value};

/// What the job reads: what an earlier attempt of it was going to read, or else what is new since the last load, and that
/// is noted for later attempts. `None` for a pipeline that reads everything.
pub(super) async fn fixed_interval(
    job: &JobSpec,
    target: &dyn Target,
    state: &TargetState,
) -> Result<Option<Interval>, Failure> {
    let Some(incremental) = &job.pipeline().incremental else { return Ok(None) };
    let interval = next_interval(job, incremental, state).await?;
    if state.interval.is_none() {
        target.fix_interval(&interval).await?;
    }
    Ok(Some(interval))
}

/// The interval that the next run of the job reads.
pub(crate) async fn next_interval(
    job: &JobSpec,
    incremental: &Incremental,
    state: &TargetState,
) -> Result<Interval, Failure> {
    let source = &job.pipeline().source;
    let ty = cursor_type(job, incremental).await?;
    let parse = |text: &String| parsed(text, ty, incremental);
    if let Some((after, up_to)) = &state.interval {
        return Ok(Interval {
            after: after.as_ref().map(parse).transpose()?,
            up_to: up_to.as_ref().map(parse).transpose()?,
        });
    }
    let after = state.cursor.as_ref().or(incremental.start.as_ref()).map(parse).transpose()?;
    Ok(Interval { after, up_to: source::newest(source, job, &incremental.cursor).await? })
}

/// The cursor to note with the rows: how far the job was to read, or how far it read, but never less than earlier ones did. A
/// source that lags behind, or was set back, must not have its rows read again when they return.
pub(super) fn reached(interval: &Interval, seen: Option<&Value>) -> Option<String> {
    let now = interval.up_to.as_ref().or(seen);
    let furthest = match (now, interval.after.as_ref()) {
        (Some(now), Some(after)) if now.compare(after) == Some(Ordering::Less) => Some(after),
        (now, after) => now.or(after),
    };
    furthest.map(ToString::to_string)
}

async fn cursor_type(job: &JobSpec, incremental: &Incremental) -> Result<Type, Failure> {
    let source = &job.pipeline().source;
    if let Some(column) = source.columns.iter().find(|column| column.name == incremental.cursor) {
        return Ok(column.ty);
    }
    let open = source::open(source, job, None).await?;
    open.type_of(&incremental.cursor).ok_or_else(|| {
        Failure::user(
            "no_cursor",
            format!("the source has no column {:?} that can be a cursor", incremental.cursor),
            "name a column of integers, decimals, dates, times, uuids or strings under incremental.cursor",
        )
    })
}

fn parsed(text: &String, ty: Type, incremental: &Incremental) -> Result<Value, Failure> {
    Value::parse(ty, text).map_err(|error| {
        Failure::user(
            "cursor_unfit",
            format!(
                "the cursor {} is {ty}, and {text:?}, where the last load ended or start says, {error}",
                incremental.cursor
            ),
            "declare the type that the column had before, or load into a new target",
        )
    })
}
