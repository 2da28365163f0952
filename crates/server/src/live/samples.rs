//! Readings that wait for the next flush: only the newest of each job counts.

use std::collections::BTreeSet;

use etlplus_api::MessageType;
use etlplus_core::ids::JobId;
use etlplus_core::settings::JobTrackingSettings;
use etlplus_monitor::LiveView;

use super::filter::Subject;
use super::framing::Payload;
use super::group::Groups;
use crate::wire;

/// Adds the newest reading of each of `jobs` to the groups that want it. A job that has ended meanwhile has none.
pub(super) fn add(jobs: &mut BTreeSet<JobId>, view: &LiveView, groups: &mut Groups, settings: &JobTrackingSettings) {
    for id in std::mem::take(jobs) {
        let Some(job) = view.job(id) else { continue };
        let Some(reading) = &job.reading else { continue };
        let mut add = |kind, make: &dyn Fn() -> etlplus_api::Frame| {
            let subject = Subject::of(&job.header, Some(job.state.status()), kind, None);
            let mut payload = None;
            groups.for_each_of(subject, |group| {
                group.add_sample(payload.get_or_insert_with(|| Payload::of(&make())));
            });
        };
        add(MessageType::JobProgressUpdate, &|| wire::sample_progress(job, reading));
        if settings.metrics_collection_enabled {
            add(MessageType::JobMetricsUpdate, &|| wire::sample_metrics(job, reading));
        }
    }
}
