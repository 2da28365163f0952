//! Every type, there and back.

use etlplus_core::pipeline::LoadMode;
use proptest::prelude::*;

use crate::database::{one, place, query};
use crate::support::random::{TYPES, batch, columns};
use crate::support::{job_from, job_into, load, read, rows, sqlite_place, sqlite_table};

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_time().build().expect("threads").block_on(work)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn what_is_loaded_is_what_is_read(first in batch(TYPES.to_vec(), 0, 1..300), second in batch(TYPES.to_vec(), 1000, 0..40)) {
        let (_folder, file) = place();
        let declared = columns(&TYPES);
        let batches = [first, second];
        let read = block_on(async {
            load(&job_into(sqlite_place(&file, "t"), LoadMode::Replace), &batches, None).await.expect("it fits");
            read(&job_from(&sqlite_table(&file, "t", declared)), None).await.expect("it is there")
        });
        prop_assert_eq!(&read.1, &Vec::new());
        prop_assert_eq!(rows(&[read.0]), rows(&batches));
    }
}

/// The forms that people see, and that SQL meets.
#[tokio::test(flavor = "multi_thread")]
async fn values_have_the_forms_that_are_promised() {
    use arrow::array::*;
    use std::sync::Arc;
    let arrays: Vec<(&str, ArrayRef)> = vec![
        ("flag", Arc::new(BooleanArray::from(vec![true]))),
        ("number", Arc::new(UInt64Array::from(vec![9_223_372_036_854_775_807]))),
        ("real", Arc::new(Float32Array::from(vec![0.1]))),
        ("amount", Arc::new(Decimal128Array::from(vec![150]).with_precision_and_scale(12, 2).expect("it fits"))),
        ("day", Arc::new(Date32Array::from(vec![0]))),
        ("at", Arc::new(TimestampMicrosecondArray::from(vec![1]))),
        ("instant", Arc::new(TimestampSecondArray::from(vec![0]).with_timezone("UTC"))),
        ("view", Arc::new(StringViewArray::from(vec!["x\0y"]))),
        ("bytes", Arc::new(BinaryArray::from(vec![&b"\x00\xff"[..]]))),
    ];
    let batch = RecordBatch::try_from_iter(arrays).expect("one row");
    let (_folder, file) = place();
    load(&job_into(sqlite_place(&file, "t"), LoadMode::Append), &[batch], None).await.expect("it fits");
    let stored = query(
        &file,
        "SELECT typeof(flag), flag, typeof(number), number, typeof(real), typeof(amount), amount, day, at, instant, hex(view), \
         typeof(bytes), hex(bytes) FROM t",
    )
    .await;
    assert_eq!(
        stored[0],
        [
            "integer",
            "1",
            "integer",
            "9223372036854775807",
            "real",
            "text",
            "1.50",
            "1970-01-01",
            "1970-01-01T00:00:00.000001",
            "1970-01-01T00:00:00Z",
            "780079",
            "blob",
            "00FF"
        ]
    );
    assert_eq!(one(&file, "SELECT strict FROM pragma_table_list('t')").await, "1");
}
