//! Whole files as people write them.

use etlplus_core::pipeline::{
    Compression, ExtraFields, LookupOrigin, Origin, PathPart, Pipeline, Place, SourceFiles, SourceFormat, TargetFormat,
};
use etlplus_core::{Position, Type};

use super::mistakes;

/// The files of the source.
fn files(pipeline: &Pipeline) -> &SourceFiles {
    let Origin::Files(files) = &pipeline.source.origin else { panic!("no files") };
    files
}

#[test]
fn every_section_arrives_in_the_pipeline() {
    let pipeline = mistakes::none(include_str!("../pipelines/valid/orders.yaml"));
    assert_eq!(pipeline.name, "orders");
    assert_eq!(pipeline.tags, ["sales", "daily"]);
    let names: Vec<&str> = pipeline.parameters.iter().map(|parameter| parameter.name.as_str()).collect();
    assert_eq!(names, ["country", "min_amount"]);
    let files = files(&pipeline);
    let SourceFormat::Csv(csv) = &files.format else { panic!("no CSV") };
    assert_eq!((csv.delimiter, csv.quote, csv.header), (b';', Some(b'"'), true));
    assert_eq!(csv.null, ["", "NULL", "null", "~"]);
    assert_eq!(pipeline.source.extra_fields, ExtraFields::Ignore);
    let country = PathPart::Parameter { name: "country".to_owned(), format: None };
    let day = PathPart::Parameter { name: "as_of".to_owned(), format: Some("%Y-%m-%d".to_owned()) };
    let text = |text: &str| PathPart::Text(text.to_owned());
    assert_eq!(files.path.parts, [text("data/"), country, text("/orders-"), day, text(".csv")]);
    let columns: Vec<_> = pipeline.source.columns.iter().map(|column| (column.name.as_str(), column.ty)).collect();
    assert_eq!(columns[1], ("amount", Type::Decimal { precision: 12, scale: 2 }));
    let rules: Vec<&str> = pipeline.source.columns[1].rules.iter().map(|rule| rule.name()).collect();
    assert_eq!(rules, ["required", "min", "max"]);
    assert!(matches!(pipeline.lookups[2].origin, LookupOrigin::Sql(_)));
    let steps: Vec<&str> = pipeline.transforms.iter().map(|step| step.name.as_str()).collect();
    assert_eq!(steps, ["enriched", "sorted"]);
    let Place::File { format: TargetFormat::Parquet(parquet), .. } = &pipeline.target.place else {
        panic!("no Parquet")
    };
    assert_eq!(parquet.compression, Compression::Snappy);
    assert_eq!((pipeline.rejects.max_count, pipeline.rejects.max_percent), (Some(1_000), 0.5));
    assert_eq!(pipeline.limits.memory_bytes, 512 << 20);
    assert_eq!(pipeline.source.columns[0].position, Position { line: 17, column: 3 });
}

#[test]
fn what_a_file_leaves_out_has_its_default() {
    let pipeline = mistakes::none(include_str!("../pipelines/valid/shortest.yaml"));
    assert!(pipeline.source.columns.is_empty() && pipeline.transforms.is_empty() && pipeline.tags.is_empty());
    assert_eq!(pipeline.source.extra_fields, ExtraFields::Reject);
    assert!(pipeline.rejects.path.is_none() && pipeline.rejects.max_count.is_none());
    assert_eq!(pipeline.rejects.max_percent, 50.0);
    assert_eq!((pipeline.limits.memory_bytes, pipeline.limits.record_bytes), (1 << 30, 8 << 20));
    let Place::File { format: TargetFormat::Csv(csv), .. } = &pipeline.target.place else { panic!("no CSV") };
    assert_eq!((csv.delimiter, csv.header, csv.null.as_str()), (b',', true, ""));
}

#[test]
fn every_mistake_is_named_at_once() {
    let marked = "\
name: §Orders
parameters:
  day: date = §2024-02-30
source:
  csv: { path: §'', §delimeter: ';' }
schema:
  a: §int required
  b: int64 > §x
transforms:
  - §nam: one
    sql: SELECT 1
target:
  parquet: { path: out, compression: §gzip }
limits: { memory: §1KiB }
";
    let words =
        ["no name", "does not exist", "empty", "did you mean delimiter", "int64", "whole number", "did you mean name"];
    let mut words = words.to_vec();
    words.extend(["name is missing", "zstd, snappy or none", "too little"]);
    let marked = marked.replace("- §nam", "- §§nam");
    mistakes::all(&marked, &words);
}
