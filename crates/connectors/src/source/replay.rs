//! The rows of a reject file, read as rows of the source that rejected them: a person has corrected them.

use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;

use arrow::array::ArrayRef;
use etlplus_core::pipeline::{Column, FileCompression, JobSpec, Origin, Source, SourceFormat, ValueFormat};
use etlplus_core::{BrokenRule, Failure, Reject};
use futures::stream::{BoxStream, StreamExt};
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;

use super::csv::Csv;
use super::ndjson::Ndjson;
use super::reject::row_rule;
use super::text::{Block, OneRecord, Span, TextFormat};
use super::{OpenSource, Reader, SourceFile, open, parallel_blocks, received};
use crate::check::{BrokenCells, CheckPlan, Checked, ColumnPlan, Records, column_type};
use crate::rejects::{ReadReject, RejectReader};

/// Bytes of raw texts that are checked at a time ...
const BLOCK_BYTES: usize = 1 << 20;
/// ... and rows, since an empty object takes two bytes and makes a row of all columns.
const BLOCK_ROWS: usize = 8192;
/// Blocks that wait to be checked. Two let the reader work ahead, and cost two blocks of memory.
const WAITING_BLOCKS: usize = 2;

/// Opens the reject file at `path` as if its rows came from `source`. Each row's `raw` is one record in the source's own
/// format; of sources that are no text, it is a JSON object. Rejects of these rows name the reject file, and their places
/// in it.
///
/// # Errors
/// Where the file is no reject file, or the source has columns that JSON cannot bring back.
pub async fn open_rejects(path: &Path, source: &Source, job: &JobSpec) -> Result<OpenSource, Failure> {
    let file = Arc::new(SourceFile::look(path.to_owned())?);
    let rows_total = RejectReader::open(path)?.rows_total();
    match &source.origin {
        Origin::Files(files) => match &files.format {
            SourceFormat::Csv(options) => {
                Ok(opened(Csv::new(source, options, FileCompression::None, job), file, rows_total))
            }
            SourceFormat::Ndjson(options) => {
                Ok(opened(Ndjson::new(source, options, FileCompression::None, job), file, rows_total))
            }
            SourceFormat::Parquet => objects(source, job, file, rows_total).await,
        },
        Origin::Sqlite(_) | Origin::Postgres(_) => objects(source, job, file, rows_total).await,
    }
}

/// Rows of a source whose rejects are JSON objects.
async fn objects(
    source: &Source,
    job: &JobSpec,
    file: Arc<SourceFile>,
    rows_total: Option<u64>,
) -> Result<OpenSource, Failure> {
    if !source.columns.is_empty() {
        return Ok(opened(Ndjson::of_columns(source, job), file, rows_total));
    }
    let schema = open(source, job, None).await?.schema();
    let column = |field: &arrow::datatypes::Field| {
        let ty = column_type(field).ok_or_else(|| {
            Failure::user(
                "replay_undeclared",
                format!("column {:?} is {}, which no row of JSON gives back", field.name(), field.data_type()),
                "declare the source's columns in `schema`",
            )
        })?;
        let position = etlplus_core::Position::START;
        Ok(Column { name: field.name().clone(), ty, format: ValueFormat::Standard, rules: Vec::new(), position })
    };
    let columns = schema.fields().iter().map(|field| column(field)).collect::<Result<_, Failure>>()?;
    let declared = Source { columns, ..source.clone() };
    Ok(opened(Ndjson::of_columns(&declared, job), file, rows_total))
}

fn opened<F: TextFormat>(format: F, file: Arc<SourceFile>, rows_total: Option<u64>) -> OpenSource {
    let plan = format.plan();
    let reader: Box<dyn Reader> = Box::new(RejectedRows { format, file: file.clone() });
    OpenSource { plan, files: vec![file], rows_total, reader }
}

/// Reads the rows of one reject file.
struct RejectedRows<F> {
    format: F,
    file: Arc<SourceFile>,
}

impl<F: TextFormat> Reader for RejectedRows<F> {
    fn read(self: Box<Self>, plan: Arc<CheckPlan>) -> BoxStream<'static, Result<Checked, Failure>> {
        let Self { format, file } = *self;
        let format = Arc::new(format);
        let (sender, receiver) = mpsc::channel(WAITING_BLOCKS);
        let (gatherer, from) = (format.clone(), file.clone());
        let reading = spawn_blocking(move || {
            if let Err(failure) = gather(&*gatherer, &from, &sender) {
                // A receiver that is gone has stopped listening on purpose.
                let _ = sender.blocking_send(Err(failure));
            }
        });
        let blocks = received(receiver, reading, |reason| Failure::bug(format!("a reader ended early: {reason}")));
        let check = move |rows: Result<Rows<F::Layout>, Failure>| {
            let (format, plan, file) = (format.clone(), plan.clone(), file.clone());
            async move {
                let rows = rows?;
                let checked = spawn_blocking(move || rows.check(&*format, &plan, file)).await;
                checked.map_err(|error| Failure::bug(format!("a parser ended early: {error}")))?
            }
        };
        blocks.map(check).buffered(parallel_blocks()).boxed()
    }
}

/// Some rows of a reject file that have the same layout.
struct Rows<L> {
    layout: Arc<L>,
    places: Places,
    data: Vec<u8>,
    spans: Vec<Span>,
    /// Rows that are not one record.
    apart: Vec<Reject>,
    bytes: u64,
}

/// Where the rows of a block stand in their reject file.
struct Places {
    /// The header record under which the rows stand.
    header: Option<Arc<str>>,
    /// For each row its number in the reject file, and its line there.
    rows: Vec<(u64, Option<u64>)>,
}

/// Gathers rows into blocks, until all are read or nobody listens.
fn gather<F: TextFormat>(
    format: &F,
    file: &SourceFile,
    sender: &mpsc::Sender<Result<Rows<F::Layout>, Failure>>,
) -> Result<(), Failure> {
    let mut rows: Option<Rows<F::Layout>> = None;
    let mut told = 0;
    for read in RejectReader::open(file.path())? {
        let read = read?;
        told += read.bytes;
        let full = rows.take_if(|rows| rows.is_full() || rows.places.header != read.reject.header);
        if let Some(full) = full
            && sender.blocking_send(Ok(full)).is_err()
        {
            return Ok(());
        }
        let rows = match &mut rows {
            Some(rows) => rows,
            None => rows.insert(Rows::under(format, read.reject.header.clone(), file)?),
        };
        rows.add(format, file, read);
    }
    if let Some(mut last) = rows {
        // What stands after the last row belongs to no row.
        last.bytes += file.bytes().saturating_sub(told);
        let _ = sender.blocking_send(Ok(last));
    }
    Ok(())
}

impl<L> Rows<L> {
    fn under<F: TextFormat<Layout = L>>(
        format: &F,
        header: Option<Arc<str>>,
        file: &SourceFile,
    ) -> Result<Self, Failure> {
        let layout = Arc::new(format.layout(header.as_deref(), file)?);
        let places = Places { header, rows: Vec::new() };
        Ok(Self { layout, places, data: Vec::new(), spans: Vec::new(), apart: Vec::new(), bytes: 0 })
    }

    fn is_full(&self) -> bool {
        self.data.len() >= BLOCK_BYTES || self.spans.len() + self.apart.len() >= BLOCK_ROWS
    }

    fn add<F: TextFormat>(&mut self, format: &F, file: &SourceFile, read: ReadReject) {
        let ReadReject { reject, line, row, bytes } = read;
        self.bytes += bytes;
        let mut set_apart = |rule: &str, message: &str| {
            let errors = vec![row_rule(rule, message.to_owned())];
            self.apart.push(Reject { file: file.name(), line, row, offset: None, errors, ..reject.clone() });
        };
        if reject.raw_truncated {
            return set_apart(
                "raw_truncated",
                "has only the start of its text: put in the whole, and rawTruncated: false",
            );
        }
        let raw = exact(&reject);
        match format.one_record(&raw) {
            OneRecord::Several => {
                set_apart("several_records", "holds more than one record: give each a reject of its own")
            }
            OneRecord::Ends { end: 0, .. } => set_apart("empty_record", "has no text: correct it, or take the row out"),
            OneRecord::Ends { end, malformed } => {
                let start = self.data.len() as u32;
                self.data.extend_from_slice(&raw[..end]);
                self.spans.push(Span { start, end: start + end as u32, malformed });
                self.places.rows.push((row, line));
            }
        }
    }

    fn check<F: TextFormat<Layout = L>>(
        self,
        format: &F,
        plan: &CheckPlan,
        file: Arc<SourceFile>,
    ) -> Result<Checked, Failure> {
        let Self { layout, places, data, spans, apart, bytes } = self;
        let block = Block::of_records(data, spans, bytes);
        let mut checked = format.check(file, layout, block, plan)?;
        let places = Arc::new(places);
        checked.rejects = checked.rejects.into_iter().map(|reject| places.of(reject)).chain(apart).collect();
        checked.records = Arc::new(Replayed { records: checked.records, places });
        Ok(checked)
    }
}

/// The bytes of a row: those that `raw` could not show, unless somebody has corrected `raw` since.
fn exact(reject: &Reject) -> Cow<'_, [u8]> {
    let bytes = reject.raw_hex.as_deref().and_then(from_hex);
    match bytes.filter(|bytes| String::from_utf8_lossy(bytes) == reject.raw) {
        Some(bytes) => Cow::Owned(bytes),
        None => Cow::Borrowed(reject.raw.as_bytes()),
    }
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
    let bytes = pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect::<Option<Vec<_>>>();
    bytes.filter(|_| rest.is_empty())
}

impl Places {
    /// The reject of the row whose number in its block `reject` names, with its place in the reject file.
    fn of(&self, reject: Reject) -> Reject {
        let (row, line) = self.rows[reject.row as usize - 1];
        Reject { line, row, offset: None, header: self.header.clone(), ..reject }
    }
}

/// Records of a block that know their places in the reject file.
struct Replayed {
    records: Arc<dyn Records>,
    places: Arc<Places>,
}

impl Records for Replayed {
    fn len(&self) -> usize {
        self.records.len()
    }

    fn column(&self, column: usize, plan: &ColumnPlan, broken: &mut BrokenCells) -> Result<ArrayRef, Failure> {
        self.records.column(column, plan, broken)
    }

    fn value(&self, row: usize, column: usize) -> Option<String> {
        self.records.value(row, column)
    }

    fn reject(&self, row: usize, errors: Vec<BrokenRule>) -> Reject {
        self.places.of(self.records.reject(row, errors))
    }
}
