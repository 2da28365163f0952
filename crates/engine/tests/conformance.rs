//! Every source with every target: what goes in comes out, in every type, with "no value", the empty string, quotes, line
//! ends and the ends of every range.

mod support;

use etlplus_core::ports::Outcome;
use support::Folder;

const SCHEMA: &str = "schema:
  flag: boolean
  small: int16
  medium: int32
  large: int64
  single: float32
  double: float64
  exact: decimal(38,10)
  text: string
  day: date
  moment: timestamp
  instant: timestamptz
";

/// The rows, as the NDJSON target writes them.
const ROWS: &str = r#"{"flag":true,"small":-32768,"medium":-2147483648,"large":-9223372036854775808,"single":-1.5,"double":0.1,"exact":1234567890123456789012345678.0123456789,"text":"plain","day":"0001-01-01","moment":"1969-12-31T23:59:59.999999","instant":"2026-02-28T12:00:00Z"}
{"flag":false,"small":32767,"medium":2147483647,"large":9223372036854775807,"single":3.4028235e38,"double":1.7976931348623157e308,"exact":-0.0000000001,"text":"a \"quoted\", text\nwith two lines\r\nand ünïcode 🦀","day":"9999-12-31","moment":"2026-02-28T00:00:00","instant":"2026-02-28T12:00:00.000001Z"}
{"flag":null,"small":null,"medium":null,"large":null,"single":null,"double":null,"exact":null,"text":null,"day":null,"moment":null,"instant":null}
{"flag":true,"small":0,"medium":0,"large":0,"single":0.0,"double":5.0e-324,"exact":0.0000000000,"text":"","day":"2024-02-29","moment":"2000-01-01T00:00:00.500","instant":"1970-01-01T00:00:00Z"}
"#;

const FORMATS: [&str; 3] = ["csv", "ndjson", "parquet"];

/// One row per job and stage: from `source` to `target`, all columns, nothing rejected.
fn copy(folder: &Folder, (source, from): (&str, &str), (target, to): (&str, &str)) {
    let report = folder.complete(&format!(
        "name: copy\nsource:\n  {source}: {{ path: {from} }}\n{SCHEMA}target:\n  {target}: {{ path: {to} }}\n"
    ));
    assert_eq!(report.progress.records_failed, 0, "{source} to {target}: {:#?}", report.rejects);
    assert_eq!(report.progress.records_successful, 4, "{source} to {target}");
    assert_eq!(report.progress.rows_loaded, 4, "{source} to {target}");
    let Outcome::Completed(written) = report.outcome else { unreachable!("complete() saw to it") };
    assert_eq!(written.rows, 4);
    assert_eq!(written.bytes, Some(folder.path(to).metadata().expect("the target").len()));
}

#[test]
fn every_source_with_every_target() {
    let folder = Folder::new();
    folder.write("rows.ndjson", ROWS);
    copy(&folder, ("ndjson", "rows.ndjson"), ("csv", "rows.csv"));
    copy(&folder, ("ndjson", "rows.ndjson"), ("parquet", "rows.parquet"));
    for source in FORMATS {
        for target in FORMATS {
            let name = format!("{source}-to-{target}.{target}");
            copy(&folder, (source, &format!("rows.{source}")), (target, &name));
            let back = format!("{source}-to-{target}-back.ndjson");
            copy(&folder, (target, &name), ("ndjson", &back));
            assert_eq!(folder.read(&back), ROWS, "{source} to {target}");
        }
    }
}

#[test]
fn no_rows_at_all_make_a_target_with_columns() {
    let folder = Folder::new();
    let header = "flag,small,medium,large,single,double,exact,text,day,moment,instant\n";
    folder.write("rows.csv", header).write("rows.ndjson", "");
    for source in ["csv", "ndjson"] {
        for target in FORMATS {
            let report = folder.complete(&format!(
                "name: copy\nsource:\n  {source}: {{ path: rows.{source} }}\n{SCHEMA}target:\n  {target}: {{ path: out.{target} }}\n"
            ));
            assert_eq!(report.progress.records_processed(), 0);
        }
        assert_eq!(folder.read("out.csv"), header);
        assert_eq!(folder.read("out.ndjson"), "");
        let report = folder
            .complete("name: copy\nsource:\n  parquet: { path: out.parquet }\ntarget:\n  csv: { path: again.csv }\n");
        assert_eq!(report.progress.records_processed(), 0);
        assert_eq!(folder.read("again.csv"), header);
    }
}

#[test]
fn a_filter_keeps_the_order_of_the_input() {
    let folder = Folder::new();
    let numbers: String = (0..200_000).map(|number| format!("{number}\n")).collect();
    folder.write("numbers.csv", format!("n\n{numbers}"));
    folder.complete(
        "name: order\nsource:\n  csv: { path: numbers.csv }\nschema: { n: int64 required }\n\
         transforms:\n  - name: odd\n    sql: SELECT n FROM input WHERE n % 2 = 1\ntarget:\n  csv: { path: odd.csv }\n",
    );
    let odd: Vec<u64> = folder.read("odd.csv").lines().skip(1).map(|line| line.parse().expect("a number")).collect();
    assert_eq!(odd, (0..200_000).filter(|number| number % 2 == 1).collect::<Vec<_>>());
}
