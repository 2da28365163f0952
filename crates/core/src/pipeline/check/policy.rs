//! `priority`, `timeout`, `concurrency` and `retry`: how a pipeline's jobs are treated.

use std::num::NonZeroU32;
use std::time::Duration;

use super::Check;
use super::field::{Field, Section};
use crate::duration;
use crate::job::{JobPolicy, RetryPolicy};
use crate::mistake::quoted;
use crate::pipeline::{TIMEOUT_MAX, TIMEOUT_MIN, caps, keys};

pub(super) fn read(check: &mut Check, top: &Section<'_>) -> Option<JobPolicy> {
    let default = JobPolicy::default();
    let priority = match top.get("priority") {
        Some(field) => {
            let (least, most) = (JobPolicy::PRIORITY_MIN, JobPolicy::PRIORITY_MAX);
            whole(check, &field, i64::from(least), i64::from(most)).and_then(|number| i8::try_from(number).ok())
        }
        None => Some(default.priority),
    };
    let timeout = match top.get("timeout") {
        Some(field) => time(check, &field, TIMEOUT_MIN, TIMEOUT_MAX).map(Some),
        None => Some(default.timeout),
    };
    let concurrency = match top.get("concurrency") {
        Some(field) => count(check, &field, caps::CONCURRENCY_MAX).map(Some),
        None => Some(default.concurrency),
    };
    let retry = match top.get("retry") {
        Some(field) => retry(check, &field),
        None => Some(default.retry),
    };
    Some(JobPolicy { priority: priority?, timeout: timeout?, retry: retry?, concurrency: concurrency? })
}

fn retry(check: &mut Check, field: &Field<'_>) -> Option<RetryPolicy> {
    let section = Section::open(check, field, keys::RETRY)?;
    let default = RetryPolicy::default();
    let max_attempts =
        section.require(check, "attempts", "3").and_then(|field| count(check, &field, caps::ATTEMPTS_MAX));
    let delay = match section.get("delay") {
        Some(field) => time(check, &field, Duration::ZERO, caps::RETRY_DELAY_MAX),
        None => Some(default.delay),
    };
    let longest = section.get("max_delay");
    let max_delay = match &longest {
        Some(field) => time(check, field, Duration::ZERO, caps::RETRY_DELAY_MAX),
        None => Some(default.max_delay.max(delay.unwrap_or_default())),
    };
    let (delay, max_delay) = (delay?, max_delay?);
    if let Some(field) = longest.filter(|_| max_delay < delay) {
        let message = format!("is shorter than delay, which is {}", duration::show(delay));
        field.mistake(check, message, format!("give at least {}", duration::show(delay)));
        return None;
    }
    Some(RetryPolicy { max_attempts: max_attempts?, delay, max_delay })
}

/// A whole number from 1 to `most`.
fn count(check: &mut Check, field: &Field<'_>, most: u32) -> Option<NonZeroU32> {
    let number = whole(check, field, 1, i64::from(most))?;
    u32::try_from(number).ok().and_then(NonZeroU32::new)
}

/// A whole number from `least` to `most`, which may be below zero.
fn whole(check: &mut Check, field: &Field<'_>, least: i64, most: i64) -> Option<i64> {
    let scalar = field.scalar(check, &format!("a whole number from {least} to {most}"))?;
    let number = if scalar.is_plain { scalar.text.parse().ok() } else { None };
    let number = number.filter(|number| (least..=most).contains(number));
    if number.is_none() {
        let message = format!("{} is not a whole number from {least} to {most}", quoted(&scalar.text));
        let remedy = match scalar.is_plain {
            true => format!("write one from {least} to {most}"),
            false => "write digits without quotes".to_owned(),
        };
        field.mistake(check, message, remedy);
    }
    number
}

/// A duration from `least` to `most`.
fn time(check: &mut Check, field: &Field<'_>, least: Duration, most: Duration) -> Option<Duration> {
    let text = &field.scalar(check, "a duration, such as 30s or 25m")?.text;
    let Some(time) = duration::parse(text) else {
        field.mistake(check, format!("{} is not a duration", quoted(text)), duration::EXAMPLE);
        return None;
    };
    if time < least {
        let remedy = format!("give at least {}", duration::show(least));
        field.mistake(check, format!("{} is too little", quoted(text)), remedy);
        return None;
    }
    if time > most {
        let remedy = format!("give at most {}", duration::show(most));
        field.mistake(check, format!("{} is too much", quoted(text)), remedy);
        return None;
    }
    Some(time)
}
