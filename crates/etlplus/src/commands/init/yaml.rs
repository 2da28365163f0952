//! The text of a pipeline for a data file.

use std::fmt::Write;
use std::path::Path;

use etlplus_core::pipeline::SourceFormat;
use etlplus_core::progress::grouped;
use etlplus_engine::{Inferred, InferredColumn};

/// A pipeline whose source is `path`, as `inferred` from `data_file`.
pub(super) fn pipeline(data_file: &Path, path: &str, inferred: &Inferred) -> String {
    let name = name(data_file);
    let file_name = data_file.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    // A name with a line end in it would end the comment.
    let file_name = file_name.replace(char::is_control, " ");
    let mut text = String::new();
    let _ = write!(
        text,
        "\
# A pipeline for {file_name}. Types and rules are guesses from its first {rows} rows: look them over.
#   etlplus validate FILE   names every mistake
#   etlplus preview FILE    shows the first rows after each stage
#   etlplus run FILE        moves the rows
name: {name}
description: {description}

# Values that a run can be given with --set NAME=VALUE: $name in SQL and rules, ${{name}} in paths.
# parameters:
#   country: string = DE

",
        rows = grouped(inferred.rows_seen),
        description = scalar(&format!("Loads {file_name}")),
    );
    text.push_str(&source(path, inferred));
    text.push_str(&schema(inferred));
    let target = target(path, &name);
    let _ = write!(
        text,
        "
# SQL steps in order, over `input` (the rows that passed) and earlier steps; the last one's rows are loaded.
# transforms:
#   - name: cleaned
#     sql: |
#       SELECT * FROM input

# Replaced as a whole when all went well, or left as it was. Also: csv, ndjson.
target:
  parquet:
    path: {target}

# Rejected rows are written beside the target. A run with too many of them fails.
rejects:
  max_percent: 50
"
    );
    text
}

fn source(path: &str, inferred: &Inferred) -> String {
    let mut text = "# One file or a glob such as data/*.csv, relative to this file's folder.\nsource:\n".to_owned();
    let format = match &inferred.format {
        SourceFormat::Csv(_) => "csv",
        SourceFormat::Ndjson(_) => "ndjson",
        SourceFormat::Parquet => "parquet",
    };
    let _ = writeln!(text, "  {format}:\n    path: {}", scalar(path));
    if let SourceFormat::Csv(csv) = &inferred.format {
        let _ = writeln!(text, "    delimiter: {}", quoted(&char::from(csv.delimiter).to_string()));
        if csv.quote.is_none() {
            text.push_str("    quote: none\n");
        }
        let _ = writeln!(text, "    header: {}", csv.header);
        let tokens: Vec<String> = csv.null.iter().map(|token| quoted(token)).collect();
        let _ = writeln!(text, "    null: [{}]          # unquoted texts that mean \"no value\"", tokens.join(", "));
    }
    if !inferred.skipped.is_empty() {
        let names: Vec<String> = inferred.skipped.iter().map(|name| quoted(name)).collect();
        let _ = writeln!(text, "    extra_fields: ignore  # no type can hold {}", names.join(", "));
    }
    text
}

fn schema(inferred: &Inferred) -> String {
    let mut text = "
# NAME: TYPE RULES. Rows that break a rule are rejected, each with its reason. The rules:
#   required  unique  >= 0  > 0  <= 100  < 100  length(3..200)  pattern('^[A-Z]{2}$')  one_of(new, paid)
schema:
"
    .to_owned();
    let key = inferred.columns.iter().position(may_be_key);
    for (index, column) in inferred.columns.iter().enumerate() {
        let required = if column.is_nullable { "" } else { " required" };
        let unique = if key == Some(index) { " unique" } else { "" };
        let _ = writeln!(text, "  {}: {}{required}{unique}", scalar(&column.name), column.ty);
    }
    text
}

/// Whether a column looks like the key of its rows. Many columns happen to differ in a sample; of those, one whose name
/// says so is worth a rule that costs memory.
fn may_be_key(column: &InferredColumn) -> bool {
    let name = column.name.to_lowercase();
    let says_so = ["id", "key", "uuid", "code"].iter().any(|word| name == *word || name.ends_with(&format!("_{word}")));
    column.is_distinct && !column.is_nullable && says_so
}

/// A place for the target that is not the source's own.
fn target(source: &str, name: &str) -> String {
    let target = format!("out/{name}.parquet");
    if source.ends_with(&target) { format!("loaded/{name}.parquet") } else { target }
}

/// A name for the pipeline, from the name of the data file.
fn name(data_file: &Path) -> String {
    const MAX_CHARS: usize = 100;
    let stem = data_file.file_stem().map(|stem| stem.to_string_lossy().to_lowercase()).unwrap_or_default();
    let is_kept = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '-');
    let words: String = stem.chars().map(|c| if is_kept(c) { c } else { '-' }).collect();
    let name = words.trim_start_matches(|c: char| !c.is_ascii_lowercase()).trim_end_matches(['-', '_']);
    let name: String = name.chars().take(MAX_CHARS).collect();
    if name.is_empty() { "pipeline".to_owned() } else { name }
}

/// `text` as YAML writes it: bare where nothing in it could be read as something else, in quotes otherwise.
fn scalar(text: &str) -> String {
    const WORDS: [&str; 9] = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];
    let is_plain = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/' | ' '))
        && !text.ends_with(' ')
        && !WORDS.contains(&text.to_lowercase().as_str());
    if is_plain { text.to_owned() } else { quoted(text) }
}

/// `text` in double quotes, with YAML's escapes (YAML 1.2.2, section 5.7) for all that is not plain to see.
fn quoted(text: &str) -> String {
    let mut escaped = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => escaped.extend(['\\', c]),
            '\t' => escaped.push_str("\\t"),
            _ if is_hidden(c) => {
                let _ = write!(escaped, "\\U{:08x}", u32::from(c));
            }
            _ => escaped.push(c),
        }
    }
    escaped.push('"');
    escaped
}

/// Characters that YAML forbids or takes for a line end, and those that an editor does not show.
fn is_hidden(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
}

#[cfg(test)]
mod tests {
    use etlplus_core::Type;
    use etlplus_core::pipeline::{self, CsvSource, Origin, SourceFiles};

    use super::*;

    fn column(name: &str, ty: Type) -> InferredColumn {
        InferredColumn { name: name.to_owned(), ty, is_nullable: false, is_distinct: true }
    }

    fn csv(delimiter: u8, columns: Vec<InferredColumn>) -> Inferred {
        let csv = CsvSource {
            delimiter,
            quote: Some(b'"'),
            escape: None,
            comment: None,
            skip_lines: 0,
            header: true,
            null: vec![String::new()],
            encoding: pipeline::UTF_8,
        };
        Inferred { format: SourceFormat::Csv(csv), columns, skipped: Vec::new(), rows_seen: 12_345 }
    }

    #[test]
    fn names_that_yaml_could_misread_come_back_as_they_are() {
        let names = [
            "order id",
            "no",
            "NULL",
            "~",
            "2024",
            "a: b",
            "#c",
            "- d",
            "{e}",
            "[f]",
            "\"g\"",
            "h\\",
            "*i",
            "&j",
            "!k",
            " l ",
            "m'n",
            "größe",
            "a\u{2028}b",
            "%",
            "@",
            "`",
            "? q",
            "|",
            ">",
            "x #y",
            "=",
            "<<",
        ];
        let columns = names.iter().map(|name| column(name, Type::String)).collect();
        let text = super::pipeline(Path::new("t.csv"), "data/t [x]: #1.csv", &csv(b'\t', columns));
        let pipeline = pipeline::parse(&text).unwrap_or_else(|mistakes| panic!("{mistakes:#?}\n{text}"));
        let read: Vec<&str> = pipeline.source.columns.iter().map(|column| column.name.as_str()).collect();
        assert_eq!(read, names);
        let Origin::Files(SourceFiles { format, .. }) = &pipeline.source.origin else { panic!("no files\n{text}") };
        assert!(matches!(format, SourceFormat::Csv(CsvSource { delimiter: b'\t', .. })));
    }

    #[test]
    fn every_type_passes_the_check() {
        let types = [
            Type::Boolean,
            Type::Int64,
            Type::Float64,
            Type::Decimal { precision: 12, scale: 2 },
            Type::String,
            Type::Date,
            Type::Timestamp,
            Type::TimestampTz,
        ];
        let columns =
            types.iter().map(|ty| column(&format!("c_{}", ty.to_string().replace(['(', ')', ','], "_")), *ty));
        let text = super::pipeline(Path::new("t.csv"), "t.csv", &csv(b';', columns.collect()));
        let pipeline = pipeline::parse(&text).unwrap_or_else(|mistakes| panic!("{mistakes:#?}\n{text}"));
        assert_eq!(pipeline.source.columns.iter().map(|column| column.ty).collect::<Vec<_>>(), types);
    }

    #[test]
    fn one_column_that_calls_itself_a_key_becomes_unique() {
        let mut columns =
            vec![column("amount", Type::Int64), column("order_id", Type::Int64), column("id", Type::Int64)];
        columns[0].is_nullable = true;
        let text = super::pipeline(Path::new("t.csv"), "t.csv", &csv(b',', columns));
        assert!(text.contains("  amount: int64\n  order_id: int64 required unique\n  id: int64 required\n"), "{text}");
    }

    #[test]
    fn any_file_name_gives_a_name() {
        let named = |file: &str| name(Path::new(file));
        assert_eq!(named("Orders 2024.csv"), "orders-2024");
        assert_eq!(named("2024-orders.csv"), "orders");
        assert_eq!(named("注文.csv"), "pipeline");
        assert_eq!(named(&"x".repeat(300)).len(), 100);
    }
}
