//! The fewest bytes of a row, from which follows how many rows a file can have at most.

use etlplus_connectors::source;
use etlplus_core::Type;
use etlplus_core::pipeline::{CsvSource, Rule, SourceFormat};

use super::{File, csv, json, support};
use support::{column, job_from, with_rules};

/// The bound of a file with two required columns, which has nothing but the shortest good rows.
async fn bound(file: &File, format: SourceFormat, ty: Type) -> u64 {
    let columns = ["a", "b"].map(|name| with_rules(column(name, ty), vec![Rule::Required]));
    let job = job_from(&support::files(&file.path, format, columns.to_vec()));
    let opened = source::open(&job.pipeline().source, &job, None).await.expect("the file can be opened");
    opened.least_row_bytes().expect("a text has a least row")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_text_that_is_a_value_takes_no_byte() {
    let with_null = |null: &str| match csv(encoding_rs::UTF_8) {
        SourceFormat::Csv(options) => SourceFormat::Csv(CsvSource { null: vec![null.to_owned()], ..options }),
        other => other,
    };
    let file = File::new("a.csv", "a,b\n,\n,\n");
    let columns = ["a", "b"].map(|name| with_rules(column(name, Type::String), vec![Rule::Required]));
    let read = file.read(with_null("NULL"), Default::default(), &columns).await.unwrap();
    assert_eq!((read.rows.len(), read.rejects.len()), (2, 0), "rows of two bytes are good");
    assert_eq!(bound(&file, with_null("NULL"), Type::String).await, 2);
    // Where it means that there is no value, or is none, each field has something.
    assert_eq!(bound(&file, with_null(""), Type::String).await, 4);
    assert_eq!(bound(&file, with_null("NULL"), Type::Int64).await, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_shortest_good_object_is_as_long_as_the_bound() {
    let shortest = "{\"a\":1,\"b\":1}\n";
    let file = File::new("a.ndjson", shortest);
    let bound = bound(&file, json(), Type::Int64).await;
    assert!(bound <= shortest.len() as u64 && bound > 3, "{bound}");
}
