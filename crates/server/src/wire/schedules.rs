//! Schedules.

use etlplus_api as api;
use etlplus_core::pipeline::{CatchUp, Overlap};
use etlplus_jobs::ScheduleInfo;

pub(crate) fn schedule(info: ScheduleInfo) -> api::ScheduleInfo {
    let ScheduleInfo { pipeline, cron, timezone, catch_up, overlap, next, last } = info;
    let catch_up = match catch_up {
        CatchUp::None => api::CatchUp::None,
        CatchUp::Latest => api::CatchUp::Latest,
        CatchUp::All => api::CatchUp::All,
    };
    let overlap = match overlap {
        Overlap::Queue => api::Overlap::Queue,
        Overlap::Skip => api::Overlap::Skip,
    };
    api::ScheduleInfo { pipeline, cron, timezone, catch_up, overlap, next_at: next, last_at: last }
}
