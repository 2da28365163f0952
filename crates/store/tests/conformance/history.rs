//! Reading of facts, lines and readings.

use etlplus_core::LogLevel;
use etlplus_core::ids::{Epoch, Offset};
use etlplus_core::ports::{
    Change, Fact, History, HistoryError, Ledger, LogPosition, LogQuery, LogRange, NewJob, Pipelines, Sample, StoredLine,
};
use uuid::Uuid;

use crate::examples::*;
use crate::fixture::Fixture;

pub(crate) async fn a_place_that_the_log_does_not_have_is_a_gap<F: Fixture>() {
    let fixture = F::new().await;
    let store = fixture.store();
    let newest = store.record(vec![submit(0)]).await.expect("the job is new");
    let beyond = LogPosition { offset: newest.offset.next(), ..newest };
    let other_epoch = LogPosition { epoch: Epoch::from_uuid(Uuid::from_u128(8)), offset: Offset::START };
    for asked in [beyond, other_epoch] {
        let gap = HistoryError::Gap { asked, oldest: Offset::START, newest };
        assert_eq!(store.facts_after(asked, limit(9)).await, Err(gap));
    }
    assert_eq!(store.facts_after(newest, limit(9)).await, Ok(vec![]));
}

pub(crate) async fn facts_of_both_kinds_come_in_their_order<F: Fixture>() {
    let fixture = F::new().await;
    let store = fixture.store();
    let (mut changes, running) = life(0, [start()]);
    let (ends, _) = moved(0, &running, completed());
    changes.extend([log(0, 2), submit(1), log(1, 1), ends]);
    store.record(changes).await.expect("each follows the one before");
    for page in [1, 2, 3, 100] {
        let facts = all_facts(&store, page).await;
        assert_no_holes(&facts);
        let kinds: Vec<_> = facts
            .iter()
            .map(|recorded| match &recorded.fact {
                Fact::Job { job, fact } => (job.id, fact.cause.to_string()),
                Fact::Log { job, line, .. } => (job.id, line.message.clone()),
                other => panic!("nobody recorded {other:?}"),
            })
            .collect();
        let (zero, one) = (job_id(0), job_id(1));
        let expected = [
            (zero, "submit"),
            (zero, "start"),
            (zero, "line 1"),
            (zero, "line 2"),
            (one, "submit"),
            (one, "line 1"),
            (zero, "completed"),
        ];
        assert_eq!(kinds, expected.map(|(job, kind)| (job, kind.to_owned())));
        assert_eq!(facts[4].fact.job().map(|job| (**job).clone()), Some(header(1)));
    }
}

pub(crate) async fn lines_are_found_by_level_and_place<F: Fixture>() {
    let fixture = F::new().await;
    let store = fixture.store();
    let levels = [LogLevel::Debug, LogLevel::Info, LogLevel::Warn, LogLevel::Error];
    let lines = (0..8).map(|number| line(number + 1, levels[number as usize % 4], "said")).collect();
    let said = Change::Log { job: job_id(0), attempt: FIRST, lines, spool_bytes: 1 };
    // The lines of the other job stand between: places 3 to 10 and 11 to 12 are lines.
    store.record(vec![submit(0), submit(1), said, log(1, 2)]).await.expect("the jobs are new");
    let numbers = async |min_level, range, most| {
        let query = LogQuery { job: job_id(0), min_level, range, limit: limit(most) };
        let lines: Vec<StoredLine> = store.log(query).await.expect("the store answers");
        lines.into_iter().map(|stored| (stored.offset.get(), stored.line.line)).collect::<Vec<_>>()
    };
    let after = |offset| LogRange::After(Offset::from_number(offset));
    assert_eq!(numbers(LogLevel::Debug, after(0), 3).await, [(3, 1), (4, 2), (5, 3)]);
    assert_eq!(numbers(LogLevel::Debug, after(8), 9).await, [(9, 7), (10, 8)]);
    assert_eq!(numbers(LogLevel::Warn, after(5), 2).await, [(6, 4), (9, 7)]);
    assert_eq!(numbers(LogLevel::Debug, LogRange::Last, 2).await, [(9, 7), (10, 8)]);
    assert_eq!(numbers(LogLevel::Error, LogRange::Last, 9).await, [(6, 4), (10, 8)]);
    assert_eq!(numbers(LogLevel::Debug, after(10), 9).await, []);
}

pub(crate) async fn only_the_last_readings_are_kept_and_given<F: Fixture>() {
    const READ: u64 = 2_500;
    let fixture = F::new().await;
    let store = fixture.store();
    let reading = |number: u64| Sample {
        job: job_id(0),
        attempt: FIRST,
        at: at(number as i64),
        progress: progress(number),
        rows_per_second: (number > 2).then_some(1.0 / 3.0),
        cores: (number > 2).then_some(0.1),
    };
    let place = store.record(vec![submit(0)]).await.expect("the job is new");
    for from in (1..READ).step_by(100) {
        let changes = (from..from + 100).map(|number| Change::Sample(reading(number))).collect();
        assert_eq!(store.record(changes).await, Ok(place), "a reading is no fact");
    }
    let last: Vec<_> = (READ - 2..=READ).map(reading).collect();
    assert_eq!(store.samples(job_id(0), limit(3)).await, Ok(last));
    let kept = store.samples(job_id(0), limit(9999)).await.expect("the store answers");
    assert!((1_000..READ as usize).contains(&kept.len()), "{} are kept", kept.len());
    assert!(kept.windows(2).all(|pair| pair[0].at < pair[1].at));
}

pub(crate) async fn any_text_is_read_as_it_was_recorded<F: Fixture>() {
    let fixture = F::new().await;
    let store = fixture.store();
    let texts =
        ["", "a\0b", "'; DROP TABLE jobs; --", "100 %_\\", "Straße 日本 🚀", "\u{1b}[31m\r\n\t", "\u{feff}\u{202e}"];
    let mut strange = header(0);
    strange.pipeline = texts.concat();
    strange.tags = texts.map(str::to_owned).to_vec();
    let mut made = definition();
    made.pipeline = texts.concat();
    let lines = (1..).zip(texts).map(|(number, text)| line(number, LogLevel::Warn, text)).collect::<Vec<_>>();
    let said = Change::Log { job: job_id(0), attempt: FIRST, lines: lines.clone(), spool_bytes: 1 };
    let failure = etlplus_core::Failure::data("strange", texts.concat(), texts.concat());
    let (start, running) = moved(0, &pending(), start());
    let (fails, ended) = moved(0, &running, failed(failure, None));
    let submit = submitted(NewJob { header: strange.clone(), definition: made.clone(), ..new_job(0) });
    store.record(vec![submit, start, said, fails]).await.expect("the job is new");

    let job = store.job(job_id(0)).await.expect("the store answers").expect("the job is there");
    assert_eq!((&*job.header, &job.state), (&strange, &ended));
    assert_eq!(store.definition(job_id(0)).await, Ok(Some(made)));
    let query = LogQuery { job: job_id(0), min_level: LogLevel::Debug, range: LogRange::Last, limit: limit(99) };
    let read = store.log(query).await.expect("the store answers");
    assert_eq!(read.into_iter().map(|stored| stored.line).collect::<Vec<_>>(), lines);
    let told = fixture.bus().subscribe_after(Offset::START).next().await.expect("facts were told");
    let told: Vec<_> = told.iter().map(|recorded| (**recorded).clone()).collect();
    assert_eq!(all_facts(&store, 99).await, told, "a fact is the same live and replayed");
}

pub(crate) async fn what_is_not_there_is_not_found<F: Fixture>() {
    let fixture = F::new().await;
    let store = fixture.store();
    store.record(vec![submit(0)]).await.expect("the job is new");
    let absent = job_id(1);
    assert_eq!(store.job(absent).await, Ok(None));
    assert_eq!(store.definition(absent).await, Ok(None));
    assert_eq!(store.samples(absent, limit(9)).await, Ok(vec![]));
    assert_eq!(store.spool_position(absent, FIRST).await, Ok(spool(0, 0)));
    let query = LogQuery { job: absent, min_level: LogLevel::Debug, range: LogRange::Last, limit: limit(9) };
    assert_eq!(store.log(query).await, Ok(vec![]));
    assert_eq!(store.pipeline("orders".to_owned()).await, Ok(None));
}
