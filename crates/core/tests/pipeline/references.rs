//! Rules that look beyond one value: references to lookups, and checks across columns.

use etlplus_core::pipeline::Rule;

use super::mistakes;

/// A file with lookups of all kinds, and a column `a`.
fn column(declared: &str) -> String {
    mistakes::column(declared)
        + "lookups:\n  customers: { csv: { path: c.csv }, schema: { id: int64, 'full name': string, born: date } }\n  \
           eu: { sql: SELECT 1 AS x }\n  sold: { parquet: { path: s.parquet } }\n"
}

#[test]
fn a_reference_leads_to_a_column_of_a_lookup() {
    for (declared, lookup, column_name) in [
        ("int64 references customers.id", "customers", "id"),
        ("int16 required references  customers.id > 5", "customers", "id"),
        ("string references 'customers.full name'", "customers", "full name"),
        ("{ type: int64, references: customers.id }", "customers", "id"),
        ("int64 references eu.whatever", "eu", "whatever"),
        ("int64 references sold.a.b", "sold", "a.b"),
    ] {
        let pipeline = mistakes::none(&column(declared));
        let found = pipeline.source.columns[0].rules.iter().find_map(|rule| match rule {
            Rule::References { lookup, column } => Some((lookup.as_str(), column.as_str())),
            _ => None,
        });
        assert_eq!(found, Some((lookup, column_name)), "{declared}");
    }
    let short = |declared: &str, words: &str| mistakes::one(&column(declared), "schema.a", words);
    short("int64 references §custmers.id", "unknown lookup \"custmers\": did you mean customers?");
    short("int64 references §zzz.id", "declare it under lookups");
    short("int64 references §customers", "names no column: write a lookup and its column");
    short("int64 references §customers.", "names no column");
    short("int64 references §customers.di", "declares no column \"di\"");
    short("int64 references §customers.born", "is of type date, which never equals the column's type int64");
    short("int64 references§", "a value is missing: write references customers.id");
    short("int64 references customers.id §references eu.x", "a second references rule");
    short("int64 §foreign key", "write references lookup.column");
    short("json §references eu.x", "a json value has many texts");
    let long = column("{ type: int64, references: §customers.xx }");
    mistakes::one(&long, "schema.a.references", "declares no column");
    mistakes::one(&mistakes::column("int64 references §c.id"), "schema.a", "declare it under lookups");
}

#[test]
fn a_lookup_with_a_mistake_is_a_lookup_all_the_same() {
    let lookup = "lookups: { c: { csv: { path: §'' }, schema: { id: int64 } } }";
    let broken = mistakes::column("int64 references c.id") + lookup;
    mistakes::one(&broken, "lookups.c.csv.path", "the path is empty");
}

#[test]
fn only_the_source_refers_to_lookups() {
    let lookup =
        "lookups:\n  a: { sql: SELECT 1 AS x }\n  b: { csv: { path: b }, schema: { y: int64 references §a.x } }";
    mistakes::one(&mistakes::with(lookup), "lookups.b.schema.y", "only columns of the source can refer to a lookup");
}

#[test]
fn checks_are_named_expressions() {
    let pipeline = mistakes::none(&mistakes::with(
        "checks:\n  paid_after_ordered: paid_at >= ordered_at\n  some: |\n    a > 0\n    OR b > 0\n  yes: true",
    ));
    let shown: Vec<_> = pipeline.checks.iter().map(|check| (check.name.as_str(), check.sql.text.as_str())).collect();
    let paid = ("paid_after_ordered", "paid_at >= ordered_at");
    assert_eq!(shown, [paid, ("some", "a > 0\nOR b > 0\n"), ("yes", "true")]);
    assert_eq!(pipeline.checks[1].sql.key, "checks.some");
    mistakes::one(&mistakes::with("checks: { §A: a > 0 }"), "checks.A", "is no name for a check");
    mistakes::one(&mistakes::with("checks: { §input: a > 0 }"), "checks.input", "reserved");
    for name in ["required", "min", "type", "utf8", "extra_field", "references"] {
        let message = format!("{name} is the name of another rule");
        let checks = mistakes::with(&format!("checks: {{ §{name}: a > 0 }}"));
        mistakes::one(&checks, &format!("checks.{name}"), &message);
    }
    mistakes::one(&mistakes::with("checks: { a: §'' }"), "checks.a", "the SQL is empty: write an expression");
    mistakes::one(&mistakes::with("checks: { a: §[x] }"), "checks.a", "is a list where a single value belongs");
    mistakes::one(&mistakes::with("checks: §{}"), "checks", "has no check");
    let many: String = (0..101).map(|number| format!("\n  c{number}: a > 0")).collect();
    let found = mistakes::of(&mistakes::with(&format!("checks:{many}")));
    assert_eq!(found[0].message, "has 101 entries, more than the 100 allowed");
}
