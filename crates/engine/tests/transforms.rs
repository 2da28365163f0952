//! SQL steps, lookups, parameters and the run clock.

mod support;

use std::sync::Arc;

use etlplus_core::ports::{Control, Executor, Outcome};
use etlplus_engine::Engine;
use support::{Folder, failure};

const ORDERS: &str = "id,country,amount\n1,DE,10.50\n2,FR,20.00\n3,DE,0.10\n4,US,5.00\n";
const SCHEMA: &str = "schema: { id: int64 required unique, country: string, amount: 'decimal(10,2)' }\n";
const COUNTRIES: &str = "code,name,region\nDE,Germany,EU\nFR,France,EU\nUS,United States,NA\n";

fn pipeline(rest: &str) -> String {
    format!("name: t\nsource:\n  csv: {{ path: orders.csv }}\n{SCHEMA}{rest}target:\n  csv: {{ path: out.csv }}\n")
}

fn step(sql: &str) -> String {
    pipeline(&format!("transforms:\n  - name: s\n    sql: |\n      {}\n", sql.replace('\n', "\n      ")))
}

fn folder() -> Folder {
    let folder = Folder::new();
    folder.write("orders.csv", ORDERS).write("countries.csv", COUNTRIES);
    folder
}

#[test]
fn steps_read_lookups_and_each_other() {
    let folder = folder();
    let report = folder.complete(&pipeline(
        "lookups:
  eu: { sql: \"SELECT * FROM countries WHERE region = 'EU'\" }
  countries:
    csv: { path: countries.csv }
    schema: { code: string required unique, name: string, region: string }
transforms:
  - name: named
    sql: SELECT o.id, o.amount, e.name FROM input o JOIN eu e ON e.code = o.country
  - name: totals
    sql: SELECT name, sum(amount) AS total, count(*) AS orders FROM named GROUP BY name ORDER BY name
",
    ));
    assert_eq!(folder.read("out.csv"), "name,total,orders\nFrance,20.00,1\nGermany,10.60,2\n");
    assert_eq!(report.progress.records_successful, 4);
    assert_eq!((report.progress.rows_transformed, report.progress.rows_loaded), (2, 2));
}

#[test]
fn a_query_that_reads_its_input_twice_gets_every_row_both_times() {
    let folder = folder();
    folder.write("orders.csv", format!("{ORDERS}x,DE,1\n"));
    let report = folder.complete(&step(
        "SELECT o.id, t.total FROM input o JOIN (SELECT country, sum(amount) AS total FROM input GROUP BY country) t \
         ON t.country = o.country ORDER BY o.id",
    ));
    assert_eq!(folder.read("out.csv"), "id,total\n1,10.60\n2,20.00\n3,10.60\n4,5.00\n");
    assert_eq!((report.progress.records_successful, report.progress.records_failed), (4, 1), "each row counts once");
}

#[test]
fn a_query_that_stops_early_still_leaves_every_row_checked() {
    let folder = folder();
    let rows: String = (0..400_000).map(|id| format!("{id},DE,1\n")).collect();
    folder.write("orders.csv", format!("id,country,amount\n{rows}last,DE,1\n"));
    let report = folder.complete(&step("SELECT id FROM input LIMIT 3"));
    assert_eq!(folder.read("out.csv"), "id\n0\n1\n2\n");
    assert_eq!((report.progress.records_successful, report.progress.records_failed), (400_000, 1));
    assert_eq!(report.progress.bytes_read, report.progress.bytes_total);
}

#[test]
fn parameters_are_values_and_never_sql() {
    let folder = folder();
    let text = pipeline(
        "parameters: { country: string = DE, least: 'decimal(10,2) = 0', day: date = 2026-01-31, n: int64 = 2 }
transforms:
  - name: s
    sql: SELECT id, $day + INTERVAL '1 day' AS d, $n * 2 AS n, $country AS c FROM input WHERE country = $country AND amount >= $least
",
    );
    let run = |parameters: &[(&str, &str)]| {
        let report = folder.run_job(&folder.job_with(&text, parameters));
        assert!(matches!(report.outcome, Outcome::Completed(_)), "{:?}", report.outcome);
        folder.read("out.csv")
    };
    assert_eq!(run(&[("least", "0.11")]), "id,d,n,c\n1,2026-02-01T00:00:00,4,DE\n".replace("T00:00:00", ""));
    assert_eq!(run(&[("country", "' OR 1=1 --")]), "id,d,n,c\n");
    assert_eq!(run(&[("country", "US"), ("n", "-1")]), "id,d,n,c\n4,2026-02-01,-2,US\n");
}

#[test]
fn the_run_clock_replaces_the_time_of_day() {
    let folder = folder();
    folder.complete(&step(
        "SELECT $as_of = \"now\"() AS a, current_date AS b, CAST(current_timestamp AS timestamp) AS c, today() AS d, \
         to_char($as_of, '%Y/%m') AS e FROM input WHERE id = 1",
    ));
    assert_eq!(folder.read("out.csv"), "a,b,c,d,e\ntrue,2026-03-01,2026-03-01T12:30:00,2026-03-01,2026/03\n");
}

#[test]
fn parameters_in_paths_stand_for_themselves() {
    let folder = Folder::new();
    std::fs::create_dir(folder.path("a[1]*")).expect("a folder");
    folder.write("a[1]*/x-20260301.csv", "n\n1\n").write("a[1]*/y-20260301.csv", "n\n2\n");
    let job = folder.job_with(
        "name: t\nparameters: { where: string }\nsource:\n  csv: { path: '${where}/*-${as_of:%Y%m%d}.csv' }\n\
         schema: { n: int64 }\ntarget:\n  csv: { path: '${where}/out/${as_of:%Y}.csv' }\n",
        &[("where", "a[1]*")],
    );
    let report = folder.run_job(&job);
    assert!(matches!(report.outcome, Outcome::Completed(_)), "{:?}", report.outcome);
    assert_eq!(folder.read("a[1]*/out/2026.csv"), "n\n1\n2\n");
}

/// `(line, column, message)` of the mistakes of a one-step pipeline.
fn mistakes(sql: &str) -> Vec<(usize, usize, String)> {
    let mistakes = folder().check(&step(sql));
    mistakes
        .into_iter()
        .map(|m| (m.position.line, m.position.column, format!("{} -> {}", m.message, m.remedy)))
        .collect()
}

#[test]
fn mistakes_in_sql_are_named_where_they_stand() {
    let found = mistakes("SELECT id,\n       amuont FROM input");
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!((found[0].0, found[0].1), (9, 14), "{found:?}");
    assert!(found[0].2.contains("amuont") && found[0].2.contains("did you mean \"amount\"?"), "{found:?}");

    let found = mistakes("SELECT *\nFROM inptu");
    assert_eq!((found[0].0, found[0].1), (9, 12), "{found:?}");
    assert!(found[0].2.contains("unknown table \"inptu\" -> did you mean \"input\"?"), "{found:?}");

    let found = mistakes("SELECT id FROM input WHERE id = $contry");
    assert_eq!((found[0].0, found[0].1), (8, 39), "{found:?}");
    assert!(found[0].2.contains("unknown parameter $contry"), "{found:?}");

    let found = mistakes("SELECT id\nFORM input\nWHERE");
    assert_eq!(found[0].0, 9, "{found:?}");
    assert!(found[0].2.contains("does not parse"), "{found:?}");
    assert!(mistakes("SELECT id + 'x' + true FROM input").len() == 1);
    let found = mistakes("SELECT a.id, b.id FROM input a JOIN input b ON a.id = b.id");
    assert!(found[0].2.contains("two columns of the target are named \"id\""), "{found:?}");
    assert!(mistakes("SELECT 1 AS one")[0].2.contains("never read `input`"));
    assert_eq!(mistakes("SELECT * FROM input"), []);
}

#[test]
fn only_queries_and_only_reasonable_ones() {
    for sql in [
        "COPY (SELECT * FROM input) TO 'stolen.csv'",
        "CREATE TABLE x AS SELECT * FROM input",
        "CREATE EXTERNAL TABLE x STORED AS CSV LOCATION '/etc/passwd'",
        "INSERT INTO input VALUES (1, 'DE', 1)",
        "DROP TABLE input",
        "SET datafusion.execution.batch_size = 1",
        "SELECT id FROM input; SELECT id FROM input",
        "EXPLAIN SELECT id FROM input",
        "",
    ] {
        assert_eq!(mistakes_or_parse(sql), 1, "{sql}");
    }
    assert!(mistakes("SELECT * FROM '/etc/passwd'")[0].2.contains("unknown table"));
    let deep = format!("SELECT {}id{} FROM input", "(".repeat(5000), ")".repeat(5000));
    assert!(mistakes(&deep)[0].2.contains("nested too deeply"));
    let chain = |length: usize| format!("SELECT id{} AS n FROM input", " + 1".repeat(length));
    assert!(mistakes(&chain(10_000))[0].2.contains("operators and keywords, more than the 2000 allowed"));
    assert_eq!(mistakes(&chain(1_900)), []);
}

/// An empty query is refused by the pipeline's own check, every other one by the engine.
fn mistakes_or_parse(sql: &str) -> usize {
    match etlplus_core::pipeline::parse(&step(sql)) {
        Ok(_) => mistakes(sql).len(),
        Err(mistakes) => mistakes.len(),
    }
}

#[test]
fn lookups_that_lead_in_a_circle_and_steps_out_of_order() {
    let folder = folder();
    let found = folder.check(&pipeline(
        "lookups:\n  a: { sql: SELECT * FROM b }\n  b: { sql: SELECT * FROM c }\n  c: { sql: SELECT * FROM a }\n",
    ));
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].message.contains("circle: a -> b -> c -> a"), "{found:?}");
    let found = folder.check(&pipeline(
        "transforms:\n  - { name: one, sql: SELECT * FROM two }\n  - { name: two, sql: SELECT * FROM input }\n",
    ));
    assert!(found[0].message.contains("\"two\" comes later"), "{found:?}");
}

#[test]
fn a_broken_lookup_fails_the_job_before_its_first_row() {
    let folder = folder();
    folder.write("countries.csv", "code,name,region\nDE,Germany,EU\n,Nowhere,EU\n");
    let failure = folder.fail(&pipeline(
        "lookups:\n  countries:\n    csv: { path: countries.csv }\n    schema: { code: string required, name: string, region: string }\n",
    ));
    assert_eq!(failure.code, "lookup_broken");
    assert!(failure.message.contains("line 3: code must have a value"), "{failure:?}");
}

#[test]
fn errors_inside_sql_fail_the_job_with_their_reason() {
    let folder = folder();
    folder.write("out.csv", "old");
    let failed = folder.fail(&step("SELECT id / (id - 3) AS x FROM input"));
    assert_eq!(failed.code, "division_by_zero");
    let failed = folder.fail(&step("SELECT CAST(country AS BIGINT) AS x FROM input"));
    assert!(failed.message.contains("DE"), "{failed:?}");
    assert_eq!(folder.read("out.csv"), "old");
}

#[test]
fn a_job_beyond_its_memory_fails_with_that_reason() {
    let folder = Folder::new();
    let rows: String = (0..600_000).map(|id| format!("{id}\n")).collect();
    folder.write("in.csv", format!("n\n{rows}"));
    let text = |memory: &str| {
        format!(
            "name: t\nsource:\n  csv: {{ path: in.csv }}\nschema: {{ n: int64 unique }}\ntarget:\n  csv: {{ path: out.csv }}\nlimits: {{ memory: {memory} }}\n"
        )
    };
    let failed = failure(folder.run(&text("16MiB")));
    assert_eq!(failed.code, "memory_exceeded");
    assert!(failed.remedy.contains("limits.memory"), "{failed:?}");
    folder.complete(&text("64MiB"));
}

#[test]
fn a_sort_beyond_its_memory_spills_to_disk() {
    let folder = Folder::new();
    // 1,200,000 rows of 58 bytes and more are twice what the job may hold.
    let rows: String = (0..1_200_000_u64).map(|n| format!("{},{:050}\n", n * 7919 % 1_200_000, n)).collect();
    folder.write("in.csv", format!("n,t\n{rows}"));
    folder.complete(
        "name: t\nsource:\n  csv: { path: in.csv }\nschema: { n: int64, t: string }\ntransforms:\n  - name: s\n    sql: SELECT n, t FROM input ORDER BY n\n\
         target:\n  csv: { path: out.csv }\nlimits: { memory: 64MiB }\n",
    );
    let sorted = folder.read("out.csv");
    assert!(sorted.lines().skip(1).enumerate().all(|(n, line)| line.starts_with(&format!("{n},"))));
}

#[test]
fn previews_show_each_stage() {
    let folder = folder();
    folder.write("orders.csv", format!("{ORDERS}x,DE,1\n"));
    let job = folder.job(&pipeline(
        "lookups:\n  countries:\n    csv: { path: countries.csv }\n    schema: { code: string, name: string, region: string }\n\
         transforms:\n  - name: big\n    sql: SELECT id, amount * 2 AS double FROM input WHERE amount > 6\n",
    ));
    let stages = Engine::new().preview(&job, 2, &Arc::new(Control::default())).expect("a preview");
    let names: Vec<_> = stages.iter().map(|stage| (stage.stage.as_str(), stage.rows.len())).collect();
    assert_eq!(names, [("input", 2), ("countries", 2), ("big", 2)]);
    assert_eq!(stages[0].rejects[0].line, Some(6));
    assert_eq!(stages[2].rows[0], [Some("1".to_owned()), Some("21.00".to_owned())]);
    assert!(!folder.names().iter().any(|name| name.starts_with("out")), "a preview writes nothing");
}

#[test]
fn whole_numbers_do_not_wrap_around() {
    let folder = folder();
    for calculation in ["9223372036854775807 - id + 2", "id * 9223372036854775807", "-9223372036854775807 - 2 * id"] {
        let failure = folder.fail(&step(&format!("SELECT {calculation} AS n FROM input WHERE id < 3")));
        assert_eq!(failure.code, "overflow", "{calculation}: {failure:?}");
    }
    folder.complete(&step("SELECT id, 9223372036854775807 - id + 1 AS n, id * 2 - 1 FROM input WHERE id = 1"));
    assert_eq!(folder.read("out.csv"), "id,n,input.id * Int64(2) - Int64(1)\n1,9223372036854775807,1\n");
}

#[test]
fn sums_and_negatives_of_whole_numbers_do_not_wrap_around() {
    let folder = folder();
    let least = "(id - 9223372036854775807 - 2)";
    for calculation in [format!("-{least}"), "sum(9223372036854775806 + id)".to_owned()] {
        let failure = folder.fail(&step(&format!("SELECT {calculation} AS n FROM input WHERE id < 3 AND id <> 0")));
        assert_eq!(failure.code, "overflow", "{calculation}: {failure:?}");
    }
    folder.complete(&step(
        "SELECT country, sum(id) AS ids, sum(-id), sum(amount) AS total, sum(DISTINCT id) AS different, count(*) AS rows
         FROM input GROUP BY country ORDER BY sum(id) DESC, country",
    ));
    let rows = "DE,4,-4,10.60,4,2\nUS,4,-4,5.00,4,1\nFR,2,-2,20.00,2,1\n";
    assert_eq!(folder.read("out.csv"), format!("country,ids,sum((- input.id)),total,different,rows\n{rows}"));
}

/// Lookups of more rows than the query engine would hold as a matter of course, and an input that is far larger than the memory.
#[test]
fn the_input_streams_past_its_lookups_whichever_a_query_names_first() {
    let folder = Folder::new();
    let orders: String = (0..400_000).map(|id| format!("{id},{},{:0>200}\n", id % 150_000, id)).collect();
    let keys: String = (0..150_000).map(|key| format!("{key}\n")).collect();
    folder.write("orders.csv", format!("id,key,note\n{orders}")).write("keys.csv", format!("key\n{keys}"));
    for joined in [
        "input o JOIN keys k ON k.key = o.key",
        "input o LEFT JOIN keys k ON k.key = o.key",
        "keys k JOIN input o ON k.key = o.key",
        "input o CROSS JOIN (SELECT max(key) AS key FROM keys) k",
        "input o JOIN (SELECT max(key) AS key FROM keys) k ON o.key <= k.key",
    ] {
        folder.complete(&format!(
            "name: t\nsource:\n  csv: {{ path: orders.csv }}\nschema: {{ id: int64, key: int64, note: string }}\n\
             lookups:\n  keys: {{ csv: {{ path: keys.csv }}, schema: {{ key: int64 }} }}\n\
             transforms:\n  - name: s\n    sql: SELECT count(*) AS rows, max(o.note) AS note FROM {joined}\n\
             target:\n  csv: {{ path: out.csv }}\nlimits: {{ memory: 48MiB }}\n"
        ));
        assert!(folder.read("out.csv").starts_with("rows,note\n400000,"), "{joined}: {}", folder.read("out.csv"));
    }
}

#[test]
fn keys_are_made_of_any_values_and_tell_them_apart() {
    let folder = folder();
    folder.complete(&step(
        "SELECT id, hash_key(country, amount) AS k, hash_key('a', 'bc') <> hash_key('ab', 'c') AS apart,
                hash_key(CAST(NULL AS VARCHAR)) <> hash_key('') AS no_value FROM input ORDER BY id LIMIT 1",
    ));
    // sha256 of the lengths 2 and 5 as eight bytes each, little end first, before `DE` and `10.50`; its first half.
    assert_eq!(folder.read("out.csv"), "id,k,apart,no_value\n1,f48c883536f0024f22133803884eab46,true,true\n");
}

#[test]
fn dates_are_parsed_in_the_first_format_that_fits() {
    let folder = folder();
    folder.complete(&step(
        "SELECT id, coalesce(parse_date(CASE id WHEN 1 THEN '31.01.2026' WHEN 2 THEN '2026-02-30' ELSE '2026/03/01' END,
                '%d.%m.%Y', '%Y/%m/%d'), DATE '1900-01-01') AS day,
                parse_timestamp('31.01.2026 08:15', '%d.%m.%Y %H:%M') AS at FROM input WHERE id < 4 ORDER BY id",
    ));
    let rows = "id,day,at\n1,2026-01-31,2026-01-31T08:15:00\n2,1900-01-01,2026-01-31T08:15:00\n3,2026-03-01,2026-01-31T08:15:00\n";
    assert_eq!(folder.read("out.csv"), rows);
}
