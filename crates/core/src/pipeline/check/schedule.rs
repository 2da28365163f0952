//! `schedule`: when a pipeline's jobs are made by themselves.

use super::Check;
use super::field::Section;
use crate::mistake::quoted;
use crate::pipeline::schedule::parse_timezone;
use crate::pipeline::{CatchUp, Overlap, Parameter, Schedule, keys};

const CRON_EXAMPLE: &str = "\"0 6 * * MON-FRI\"";
const CATCH_UPS: [CatchUp; 3] = [CatchUp::None, CatchUp::Latest, CatchUp::All];
const OVERLAPS: [Overlap; 2] = [Overlap::Queue, Overlap::Skip];

/// `Some(None)` where there is none, `None` where it has a mistake. Nobody is there to give `parameters` their values.
pub(super) fn read(check: &mut Check, top: &Section<'_>, parameters: Option<&[Parameter]>) -> Option<Option<Schedule>> {
    let Some(field) = top.get("schedule") else { return Some(None) };
    let section = Section::open(check, &field, keys::SCHEDULE)?;
    let timezone = match section.get("timezone") {
        Some(field) => {
            let name = field.scalar(check, "a time zone, such as Europe/Berlin");
            name.and_then(|name| parse_timezone(&name.text).map_err(|fault| field.fault(check, fault)).ok())
        }
        None => Some(chrono_tz::Tz::UTC),
    };
    let schedule = section.require(check, "cron", CRON_EXAMPLE).and_then(|field| {
        let line = &field.scalar(check, CRON_EXAMPLE)?.text;
        // A line is judged also where its zone has a mistake.
        let zone = timezone.unwrap_or(chrono_tz::Tz::UTC);
        Schedule::new(line, zone).map_err(|fault| field.fault(check, fault)).ok()
    });
    let catch_up = choice(check, &section, "catch_up", &CATCH_UPS.map(|choice| (choice.as_str(), choice)));
    let overlap = choice(check, &section, "overlap", &OVERLAPS.map(|choice| (choice.as_str(), choice)));
    for parameter in parameters.into_iter().flatten().filter(|parameter| parameter.default.is_none()) {
        let message = format!("a scheduled job is given no parameters, and {} has no default", quoted(&parameter.name));
        let remedy = format!("give the parameter {} a default, or leave the schedule out", parameter.name);
        check.mistake(field.key_position, &field.key, message, remedy);
    }
    let (_, mut schedule) = (timezone?, schedule?);
    (schedule.catch_up, schedule.overlap) = (catch_up?, overlap?);
    Some(Some(schedule))
}

/// One of `choices` by its word; the default where there is none.
fn choice<T: Copy + Default>(check: &mut Check, section: &Section<'_>, key: &str, choices: &[(&str, T)]) -> Option<T> {
    let Some(field) = section.get(key) else { return Some(T::default()) };
    field.choice(check, choices)
}
