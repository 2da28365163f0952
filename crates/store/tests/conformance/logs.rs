//! Lines as a long log has them: packed, searched, and forgotten by the chunk.

use chrono::TimeDelta;
use etlplus_core::LogLevel;
use etlplus_core::ids::{AttemptNumber, Offset};
use etlplus_core::job::JobInput;
use etlplus_core::log::{FieldValue, LogLine, LogPattern};
use etlplus_core::ports::{
    Change, Fact, History, Ledger, LogQuery, LogRange, LogSearch, Recorded, RetentionLimits, StoredLine,
};

use crate::examples::*;
use crate::fixture::Fixture;
use crate::retention::prune;

/// Lines of each of two jobs: enough for some chunks of each, and some rows.
const LINES: u64 = 11_000;

fn limits() -> RetentionLimits {
    RetentionLimits::default()
}

/// A line that its number alone makes, with every kind of what a line can have. One is said each second.
fn varied(number: u64) -> LogLine {
    let level = match number {
        number if number.is_multiple_of(997) => LogLevel::Error,
        number if number.is_multiple_of(31) => LogLevel::Warn,
        number => [LogLevel::Debug, LogLevel::Info][(number % 2) as usize],
    };
    let message = match number % 500 {
        0 => String::new(),
        1 => format!("Straße {number}\u{0}\n日本"),
        2 => format!("the DISK of table_{number} is full"),
        _ => format!("checked rows {number}00 to {number}99 of orders.csv"),
    };
    let mut line = line(number, level, &message);
    line.step = [None, Some("stream"), Some("commit")][(number % 3) as usize].map(str::to_owned);
    if number.is_multiple_of(7) {
        line.fields.insert("rows".to_owned(), number.into());
        line.fields.insert("file".to_owned(), FieldValue::from("a \"b\".csv"));
        line.fields.insert("last".to_owned(), FieldValue::Bool(true));
    }
    line
}

/// Two jobs that speak by turns, in calls of every size; the second one's lines are of two attempts.
async fn record_much(store: &impl Ledger) {
    let second = AttemptNumber::FIRST.next();
    store.record(vec![submit(0), submit(1)]).await.expect("the jobs are new");
    let (mut said, mut size) = (0, 1);
    while said < LINES {
        let end = (said + size).min(LINES);
        let lines = || (said + 1..=end).map(varied).collect();
        let attempt = if said < LINES / 2 { FIRST } else { second };
        let zero = Change::Log { job: job_id(0), attempt: FIRST, lines: lines(), spool_bytes: end };
        let one = Change::Log { job: job_id(1), attempt, lines: lines(), spool_bytes: end };
        store.record(vec![zero, submit(2 + said as usize), one]).await.expect("the jobs are there");
        (said, size) = (end, size * 3 % 6_007);
    }
}

fn lines_of(facts: &[Recorded], number: usize) -> Vec<StoredLine> {
    let line = |recorded: &Recorded| match &recorded.fact {
        Fact::Log { job, attempt, line } if job.id == job_id(number) => {
            Some(StoredLine { offset: recorded.offset, attempt: *attempt, line: line.clone() })
        }
        _ => None,
    };
    facts.iter().filter_map(line).collect()
}

/// Every line of a job, page by page, and the last ones, are those of `facts`.
async fn assert_reads(store: &impl History, number: usize, facts: &[Recorded]) {
    let all = lines_of(facts, number);
    for (min_level, page) in [(LogLevel::Debug, 700), (LogLevel::Info, 5_000), (LogLevel::Error, 3)] {
        let expected: Vec<_> = all.iter().filter(|line| line.line.level >= min_level).cloned().collect();
        let (mut read, mut after) = (Vec::new(), Offset::START);
        loop {
            let query = LogQuery { job: job_id(number), min_level, range: LogRange::After(after), limit: limit(page) };
            let lines = store.log(query).await.expect("the store answers");
            let Some(last) = lines.last() else { break };
            after = last.offset;
            read.extend(lines);
        }
        assert!(read == expected, "{} lines at {min_level}, {} expected", read.len(), expected.len());
        let query = LogQuery { job: job_id(number), min_level, range: LogRange::Last, limit: limit(page) };
        let last = store.log(query).await.expect("the store answers");
        assert!(last == expected[expected.len().saturating_sub(page)..], "the last {page} at {min_level}");
    }
}

pub(crate) async fn packed_lines_are_read_as_they_were_recorded<F: Fixture>() {
    let fixture = F::new().await;
    let store = fixture.store();
    let mut told = fixture.bus().subscribe_after(Offset::START);
    record_much(&store).await;
    let end = fixture.bus().position().offset;
    let mut facts: Vec<Recorded> = Vec::new();
    while facts.last().is_none_or(|recorded| recorded.offset < end) {
        facts.extend(told.next().await.expect("none is lost").iter().map(|recorded| (**recorded).clone()));
    }
    assert_no_holes(&facts);
    assert!((1..).zip(lines_of(&facts, 0)).all(|(number, stored)| stored.line == varied(number)));
    let fixture = fixture.reopen().await;
    let store = fixture.store();
    for page in [997, 20_000] {
        assert!(all_facts(&store, page).await == facts, "a fact is the same live and replayed");
    }
    for number in [0, 1] {
        assert_reads(&store, number, &facts).await;
    }
    // What is left in rows is packed once it is old; nobody sees a difference.
    let old = RetentionLimits { seal_before: Some(at(LINES as i64 + 1)), ..limits() };
    assert_eq!(prune(&store, old, 1_000).await.lines, 0);
    assert!(all_facts(&store, 2_000).await == facts);
    for number in [0, 1] {
        assert_reads(&store, number, &facts).await;
    }
    assert_eq!(store.spool_position(job_id(0), FIRST).await, Ok(spool(LINES, LINES)));
    // The log goes on after what was packed.
    let next = Change::Log { job: job_id(0), attempt: FIRST, lines: vec![varied(LINES + 1)], spool_bytes: LINES + 1 };
    store.record(vec![next]).await.expect("the job is there");
    assert_reads(&store, 0, &all_facts(&store, 5_000).await).await;
}

fn any(number: usize) -> LogSearch {
    LogSearch {
        job: job_id(number),
        attempt: None,
        min_level: LogLevel::Debug,
        step: None,
        since: None,
        until: None,
        pattern: None,
        after: Offset::START,
        limit: limit(37),
    }
}

/// All that a search finds, page by page.
async fn found(store: &impl History, mut search: LogSearch) -> Vec<StoredLine> {
    let mut found = Vec::new();
    for _ in 0..20_000 {
        let page = store.search(search.clone()).await.expect("the store answers");
        assert!(page.lines.len() <= search.limit.get());
        assert!(page.lines.iter().all(|line| line.offset > search.after), "nothing comes twice");
        found.extend(page.lines);
        let Some(next) = page.next else { return found };
        assert!(next > search.after, "a search goes on");
        search.after = next;
    }
    panic!("the search does not come to an end");
}

pub(crate) async fn a_search_finds_what_reading_every_line_finds<F: Fixture>() {
    let fixture = F::new().await;
    let store = fixture.store();
    record_much(&store).await;
    let facts = all_facts(&store, 20_000).await;
    let text = |text| Some(LogPattern::text(text).expect("a text"));
    let regex = |expression| Some(LogPattern::regex(expression).expect("an expression"));
    let second = Some(AttemptNumber::FIRST.next());
    let time = |seconds| Some(at(seconds));
    let searches = [
        ("a rare word", LogSearch { pattern: text("disk of table_5502"), ..any(0) }),
        ("a word in another case", LogSearch { pattern: text("DISK"), ..any(1) }),
        ("a word that is not there in this case", LogSearch { pattern: text("Disk"), ..any(1) }),
        ("a word in every line", LogSearch { pattern: text("e"), limit: limit(2_000), ..any(0) }),
        ("across two messages", LogSearch { pattern: text("99 of orders.csvchecked"), ..any(0) }),
        ("other letters", LogSearch { pattern: text("straße"), ..any(0) }),
        ("an odd text", LogSearch { pattern: text("\u{0}\n日"), ..any(0) }),
        ("an expression", LogSearch { pattern: regex(r"rows \d*0 to 77\d+"), ..any(0) }),
        ("both ends", LogSearch { pattern: regex("^the .* full$"), ..any(0) }),
        ("nothing at all", LogSearch { pattern: regex("^$"), ..any(1) }),
        ("errors", LogSearch { min_level: LogLevel::Error, limit: limit(3), ..any(0) }),
        ("an attempt", LogSearch { attempt: second, limit: limit(999), ..any(1) }),
        ("a step", LogSearch { step: Some("commit".to_owned()), limit: limit(999), ..any(1) }),
        ("a step that is none", LogSearch { step: Some("comm".to_owned()), ..any(1) }),
        ("a time", LogSearch { since: time(4_000), until: time(4_100), ..any(0) }),
        (
            "all at once",
            LogSearch {
                pattern: text("rows"),
                min_level: LogLevel::Warn,
                step: Some("stream".to_owned()),
                since: time(3_000),
                until: Some(at(9_000) - TimeDelta::nanoseconds(1)),
                attempt: second,
                ..any(1)
            },
        ),
        ("no such job", any(77)),
    ];
    let mut hits = 0;
    for (name, search) in searches {
        let number = (0..2).find(|number| job_id(*number) == search.job).unwrap_or(77);
        let expected: Vec<_> = lines_of(&facts, number).into_iter().filter(|line| search.is_match(line)).collect();
        let found = found(&store, search).await;
        assert!(found == expected, "{name}: {} found, {} expected", found.len(), expected.len());
        hits += usize::from(!found.is_empty());
    }
    assert_eq!(hits, 12, "searches that find something");
}

/// Ends a job whose lines were recorded while it waited.
async fn end(store: &impl Ledger, number: usize) {
    let (cancelled, _) = moved(number, &pending(), JobInput::Cancel);
    store.record(vec![cancelled]).await.expect("it waits");
}

async fn kept(store: &impl History, number: usize) -> Vec<u64> {
    let search = LogSearch { limit: limit(9_999), ..any(number) };
    found(store, search).await.into_iter().map(|stored| stored.line.line).collect()
}

pub(crate) async fn packed_lines_are_forgotten_oldest_first_and_by_each_limit<F: Fixture>() {
    let fixture = F::new().await;
    let store = fixture.store();
    record_much(&store).await;
    let old = RetentionLimits { seal_before: Some(at(LINES as i64 + 1)), ..limits() };
    prune(&store, old, 1_000).await;
    end(&store, 0).await;
    let all = (1..=LINES).collect::<Vec<_>>();
    // The rules have not seen a line.
    let strict = RetentionLimits { lines_max: Some(0), log_bytes_max: Some(0), job_log_bytes_max: Some(0), ..limits() };
    assert_eq!(prune(&store, strict, 1_000).await.lines, 0);
    advance_to_the_end_fast(&store).await;

    let by_age = RetentionLimits { lines_before: Some(at(LINES as i64 - 100)), ..limits() };
    let removed = prune(&store, by_age, 1_000).await.lines;
    let left = kept(&store, 0).await;
    assert_eq!(removed + left.len() as u64, LINES);
    assert!(removed > 0 && left == all[removed as usize..], "the youngest stay: {removed} are gone");
    assert!(left.len() as u64 >= 100, "no line goes before its time");
    assert_eq!(kept(&store, 1).await, all, "the lines of a job that goes on stay");

    // The other job has ended, too. By number so many stay at least, and not many more.
    end(&store, 1).await;
    advance_to_the_end_fast(&store).await;
    let by_number = RetentionLimits { lines_max: Some(6_000), ..limits() };
    assert!(prune(&store, by_number, 1_000).await.lines > 0);
    let stay = kept(&store, 0).await.len() + kept(&store, 1).await.len();
    assert!((6_000..6_000 + 4_096).contains(&stay), "{stay} stay");

    // By size, each job has its own limit, and all have one together.
    let of_each = RetentionLimits { job_log_bytes_max: Some(0), ..limits() };
    assert!(prune(&store, of_each, 1_000).await.lines > 0);
    assert_eq!((kept(&store, 0).await.len(), kept(&store, 1).await.len()), (0, 0));
    store.record(vec![submit(50_000), log(50_000, 9_000)]).await.expect("it is new");
    end(&store, 50_000).await;
    advance_to_the_end_fast(&store).await;
    let roomy = RetentionLimits { log_bytes_max: Some(1 << 30), job_log_bytes_max: Some(1 << 30), ..limits() };
    assert_eq!(prune(&store, roomy, 1_000).await.lines, 0);
    let of_all = RetentionLimits { log_bytes_max: Some(0), ..limits() };
    let removed = prune(&store, of_all, 1_000).await.lines;
    assert!((8_000..=9_000).contains(&removed), "what is packed goes: {removed}");
}

async fn advance_to_the_end_fast(store: &impl etlplus_core::ports::Alerts) {
    while store.advance(no_rules(), limit(1_000)).await.expect("the store works") > 0 {}
}
