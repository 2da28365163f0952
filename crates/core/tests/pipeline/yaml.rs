//! What is refused before the file's meaning is looked at, and how its texts are taken.

use etlplus_core::pipeline::{Origin, SourceFiles, SourceFormat};
use etlplus_core::{Mistake, Position, Value, pipeline};

use super::mistakes;

#[test]
fn a_file_without_a_pipeline_says_so() {
    mistakes::one("§", "", "the file is empty");
    mistakes::one("§# only a comment\n", "", "the file is empty");
    mistakes::one("§just words", "", "is a single value where a map belongs");
    mistakes::one("§- a\n- b", "", "is a list where a map belongs");
}

#[test]
fn text_that_is_no_yaml_is_named_where_it_breaks() {
    mistakes::one("name: t\nsource: a§: b", "", "put quotes around a text that holds \": \"");
    mistakes::one("name: [a, b\nsource§: {}\n", "name", "this is not YAML");
    assert!(mistakes::of("name: 'open").iter().any(|mistake| mistake.remedy.contains("close the quotes")));
    assert!(mistakes::of("name: t\nschema:\n  a: > 5\n").iter().any(|mistake| mistake.remedy.contains("put quotes")));
    assert!(mistakes::of("schema:\n\ta: int64").iter().any(|mistake| mistake.remedy == "indent with spaces"));
}

#[test]
fn what_yaml_has_beyond_data_is_refused() {
    mistakes::one(&mistakes::with("tags: §&t [a]"), "tags", "anchors (&name) are not supported");
    let aliased = mistakes::with("description: §&d text\ntags: [§*d]");
    mistakes::all(&aliased, &["anchors", "aliases (*name) are not supported"]);
    mistakes::one(&mistakes::with("description: §!!str text"), "description", "tags (!name) are not supported");
    mistakes::one(&mistakes::with("§---\nname: u"), "", "a second document begins");
    mistakes::one(&mistakes::with("§[a, b]: 1"), "", "a key is a list or a map");
    mistakes::one(&mistakes::with("lookups: {§{a: b}: 1}"), "lookups", "a key is a list or a map");
}

#[test]
fn a_key_that_is_there_twice_names_the_first() {
    mistakes::one(&mistakes::with("§name: u"), "name", "the key is there twice, first in line 1");
    let column = "int64\n  §a: string";
    mistakes::one(&mistakes::column(column), "schema.a", "first in line 5");
}

#[test]
fn sizes_and_depths_are_limited() {
    let deep = format!("{}1{}", "[".repeat(40), "]".repeat(40));
    let found = mistakes::of(&mistakes::with(&format!("tags: {deep}")));
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(found[0].message.contains("nested more than 32 deep"));
    let long = mistakes::with(&"# comment\n".repeat(110_000));
    assert!(mistakes::of(&long)[0].message.contains("bytes, more than the 1048576 allowed"));
    mistakes::one(&mistakes::with("description: a§\0b"), "", "NUL character");
}

#[test]
fn mistakes_beyond_the_first_thousand_are_counted() {
    let columns: String = (0..1_200).map(|number| format!("\n  c{number}: nothing")).collect();
    let found = mistakes::of(&mistakes::column(&format!("int64{columns}")));
    assert_eq!(found.len(), 1_001);
    assert_eq!(found[1_000].message, "there are 200 more mistakes");
}

#[test]
fn what_the_file_says_cannot_steer_a_terminal() {
    let sections = "parameters: { \"red\\e[31m\": date }\nrejects: { path: \"${red\\e[31}\" }\ndescription: [\"\\e\"]";
    let found = mistakes::of(&mistakes::with(sections));
    assert_eq!(found.len(), 3, "{found:#?}");
    let is_clean = |mistake: &Mistake| !mistake.to_string().contains(char::is_control);
    assert!(found.iter().all(is_clean), "{found:#?}");
}

#[test]
fn json_is_read_too() {
    let json = r#"{ "name": "t", "source": { "csv": { "path": "in.csv", "header": false, "null": ["-"] } },
        "schema": { "a": { "type": "int64", "min": 5, "max": "$big" }, "b": "decimal(12,2) required" },
        "parameters": { "big": { "type": "int32", "default": 10 } }, "target": { "parquet": { "path": "out" } } }"#;
    let pipeline = mistakes::none(json);
    assert_eq!(pipeline.parameters[0].default, Some(Value::Integer(10)));
    let Origin::Files(SourceFiles { format: SourceFormat::Csv(csv), .. }) = &pipeline.source.origin else {
        panic!("no CSV")
    };
    assert!(!csv.header);
    mistakes::one(
        r#"{ "name": "t", §"nam": 1, "source": { "parquet": { "path": "a" } }, "target": { "ndjson": { "path": "b" } } }"#,
        "nam",
        "did you mean name?",
    );
}

#[test]
fn a_byte_order_mark_and_windows_line_ends_shift_nothing() {
    let marked = mistakes::with("tags: [a, §a]").replace('\n', "\r\n");
    mistakes::one(&marked, "tags[1]", "twice");
    let found = mistakes::of("\u{feff}nam: t");
    assert_eq!(found[0].position, Position { line: 1, column: 1 });
}

#[test]
fn values_are_taken_as_written() {
    let parameters = "parameters:\n  a: { type: \"decimal(12,2)\", default: 0.10 }\n  b: { type: string, default: NO }\n  \
        c: { type: string, default: null }\n  d: { type: string, default: 1e3 }\n  e: { type: date, default: 2020-01-01 }\n  \
        f: { type: string, default: 007 }\n  g: { type: string, default: '' }\n  h: string = ' x '\n  i: string = a=b\n  \
        j: { type: \"decimal(38,0)\", default: 99999999999999999999999999999999999999 }";
    let pipeline = mistakes::none(&mistakes::with(parameters));
    let defaults: Vec<String> =
        pipeline.parameters.iter().map(|parameter| parameter.default.clone().unwrap().to_string()).collect();
    let nines = "9".repeat(38);
    assert_eq!(defaults, ["0.10", "NO", "null", "1e3", "2020-01-01", "007", "", " x ", "a=b", &nines]);
}

#[test]
fn a_query_leads_back_to_its_place_in_the_file() {
    let sections = "transforms:\n  - name: a\n    sql: |\n\n      SELECT 1\n        FROM input\n\n  - name: b\n    sql: SELECT x\n  \
        - name: c\n    sql: >\n      SELECT\n      y\n  - { name: d, sql: \"SELECT z\" }\n  - name: e\n    sql: |2-\n       SELECT 1\n";
    let text = mistakes::with(sections);
    let pipeline = mistakes::none(&text);
    let place = |step: usize, line, column| {
        let Position { line, column } = pipeline.transforms[step].sql.position(line, column);
        text.lines().nth(line - 1).unwrap().chars().skip(column - 1).collect::<String>()
    };
    assert_eq!(pipeline.transforms[0].sql.text, "\nSELECT 1\n  FROM input\n");
    assert_eq!(place(0, 2, 1), "SELECT 1");
    assert_eq!(place(0, 2, 8), "1");
    assert_eq!(place(0, 3, 3), "FROM input");
    assert_eq!(place(1, 1, 8), "x");
    assert_eq!(pipeline.transforms[2].sql.lines.len(), 1);
    assert_eq!(place(2, 1, 1), "SELECT");
    assert_eq!(place(3, 1, 8), "z\" }");
    assert_eq!(place(4, 1, 1).trim(), "SELECT 1");
    assert_eq!(pipeline.transforms[0].sql.key, "transforms[0].sql");
}

#[test]
fn what_stands_behind_the_last_document_marker_counts_as_nothing() {
    assert!(pipeline::parse(&mistakes::with("...\n")).is_ok());
    assert!(pipeline::parse(&format!("---\n{}", mistakes::with(""))).is_ok());
}
