//! The checked pipeline. Whoever holds one needs no further check of its shape: names are unique, references lead
//! somewhere, bounds fit their columns.

use std::fmt;
use std::time::Duration;

use chrono_tz::Tz;
use encoding_rs::Encoding;
use regex::Regex;

use super::schedule::Schedule;
use crate::job::JobPolicy;
use crate::mistake::Position;
use crate::settings::SecretRef;
use crate::value::{Type, Value};

/// The name under which SQL sees the checked rows of the source.
pub const INPUT: &str = "input";
/// The name of the run clock, a parameter that every pipeline has.
pub const AS_OF: &str = "as_of";

/// A definition that jobs are made from.
#[derive(Debug, Clone)]
pub struct Pipeline {
    /// 1 to 100 characters of `a-z`, `0-9`, `_` and `-`, starting with a letter.
    pub name: String,
    /// What it is for, in the author's words.
    pub description: Option<String>,
    /// Labels to find it by.
    pub tags: Vec<String>,
    /// Parameters, in the file's order; `as_of` is not among them.
    pub parameters: Vec<Parameter>,
    /// Where rows come from.
    pub source: Source,
    /// What each row keeps across its columns, in the file's order.
    pub checks: Vec<RowCheck>,
    /// Tables that SQL can join, in the file's order.
    pub lookups: Vec<Lookup>,
    /// Named SQL steps in the order in which they run; empty where rows go to the target as they were checked. The last
    /// one's rows are loaded.
    pub transforms: Vec<Step>,
    /// Where rows go.
    pub target: Target,
    /// Which of the source's rows each job loads; `None`: all of them.
    pub incremental: Option<Incremental>,
    /// What becomes of rejected rows.
    pub rejects: RejectPolicy,
    /// What a job may use.
    pub limits: Limits,
    /// How its jobs are treated.
    pub policy: JobPolicy,
    /// When jobs are made by themselves.
    pub schedule: Option<Schedule>,
}

impl Pipeline {
    /// Every reference to a secret, of the source, the lookups and the target.
    pub fn secrets(&self) -> impl Iterator<Item = &SecretRef> {
        let lookups = self.lookups.iter().filter_map(|lookup| match &lookup.origin {
            LookupOrigin::Source(source) => Some(source),
            LookupOrigin::Sql(_) => None,
        });
        let sources = std::iter::once(&self.source).chain(lookups).filter_map(|source| match &source.origin {
            Origin::Postgres(database) => Some(&database.server),
            Origin::Files(_) | Origin::Sqlite(_) => None,
        });
        let target = match &self.target.place {
            Place::Postgres { server, .. } => Some(server),
            Place::File { .. } | Place::Folder(_) | Place::Sqlite { .. } => None,
        };
        sources.chain(target).filter_map(|server| server.password.as_ref())
    }
}

/// The shortest time that a job can be given: less would end it before its process has begun.
pub const TIMEOUT_MIN: Duration = Duration::from_millis(100);
/// The longest time that a job can be given.
pub const TIMEOUT_MAX: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// A parameter that a job can be given.
#[derive(Debug, Clone)]
pub struct Parameter {
    /// As `$name` in SQL and rules, and `${name}` in paths.
    pub name: String,
    /// Its type.
    pub ty: Type,
    /// The value where a job names none; without one, every job must.
    pub default: Option<Value>,
    /// What it is for.
    pub description: Option<String>,
    /// Where the file declares it.
    pub position: Position,
}

/// Where rows come from, and what is declared about them.
#[derive(Debug, Clone)]
pub struct Source {
    /// Files, or a table of a database.
    pub origin: Origin,
    /// Declared columns, in order. Empty only for origins that bring their own: Parquet and databases.
    pub columns: Vec<Column>,
    /// What becomes of a field that no column declares.
    pub extra_fields: ExtraFields,
}

/// Where the rows of a source stand.
#[derive(Debug, Clone)]
pub enum Origin {
    /// In files.
    Files(SourceFiles),
    /// In an SQLite database.
    Sqlite(SqliteSource),
    /// In a PostgreSQL database.
    Postgres(PostgresSource),
}

impl Origin {
    /// The key that leads there, and where the file has it.
    pub fn place(&self) -> (&str, Position) {
        let path = match self {
            Self::Files(files) => &files.path,
            Self::Sqlite(database) => &database.path,
            Self::Postgres(database) => return (&database.server.key, database.server.position),
        };
        (&path.key, path.position)
    }
}

/// Files of rows.
#[derive(Debug, Clone)]
pub struct SourceFiles {
    /// How the files are written.
    pub format: SourceFormat,
    /// One file, or a glob. Relative to the pipeline file's folder.
    pub path: PathTemplate,
    /// How text files are compressed; Parquet has its own compression inside.
    pub compression: FileCompression,
}

/// How a text file is compressed as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FileCompression {
    /// As each file's first bytes say.
    #[default]
    Auto,
    /// Not at all, whatever its first bytes look like.
    None,
    /// gzip, of one member or more.
    Gzip,
    /// Zstandard, of one frame or more.
    Zstd,
}

/// The formats that rows can be read from.
#[derive(Debug, Clone)]
pub enum SourceFormat {
    /// Delimited text.
    Csv(CsvSource),
    /// One JSON object on each line.
    Ndjson(NdjsonSource),
    /// Apache Parquet.
    Parquet,
}

/// How a CSV file is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CsvSource {
    /// One ASCII character between fields.
    pub delimiter: u8,
    /// One ASCII character around fields that hold delimiters, quotes or line ends. `None`: no quoting.
    pub quote: Option<u8>,
    /// One ASCII character that takes the next one as it stands, inside quotes. `None`: a quote inside quotes is doubled.
    pub escape: Option<u8>,
    /// A line that begins with this ASCII character, outside quotes, is no record.
    pub comment: Option<u8>,
    /// Lines at the start of each file that are passed over, before the header.
    pub skip_lines: u64,
    /// Whether the first record names the columns.
    pub header: bool,
    /// Unquoted texts that mean "no value". A quoted text means it too, except in a string column.
    pub null: Vec<String>,
    /// The encoding of the text, where no byte order mark says another one.
    pub encoding: &'static Encoding,
}

/// How an NDJSON file is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NdjsonSource {
    /// The encoding of the text, where no byte order mark says another one.
    pub encoding: &'static Encoding,
}

/// A table of an SQLite database, or a query over it.
#[derive(Debug, Clone)]
pub struct SqliteSource {
    /// The database file. Relative to the pipeline file's folder.
    pub path: PathTemplate,
    /// What is read of it.
    pub rows: DatabaseRows,
}

/// A table of a PostgreSQL database, or a query over it.
#[derive(Debug, Clone)]
pub struct PostgresSource {
    /// How the server is reached.
    pub server: PostgresServer,
    /// What is read of it.
    pub rows: DatabaseRows,
}

/// What is read of a database.
#[derive(Debug, Clone)]
pub enum DatabaseRows {
    /// All rows of a table or a view.
    Table(TableName),
    /// A query in the database's own SQL.
    Query(Sql),
}

/// The name of a table in a database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableName {
    /// The schema, where one is named.
    pub schema: Option<String>,
    /// The table, as the database spells it: case counts.
    pub table: String,
    /// Where the file says it.
    pub position: Position,
}

impl fmt::Display for TableName {
    /// `schema.table`, or `table`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.schema {
            Some(schema) => write!(f, "{schema}.{}", self.table),
            None => f.write_str(&self.table),
        }
    }
}

/// How a PostgreSQL server is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostgresServer {
    /// `postgres://USER@HOST[:PORT]/DATABASE[?sslmode=...]`, without a password.
    pub url: String,
    /// Where the password is found; `None` where the server asks for none.
    pub password: Option<SecretRef>,
    /// The key's path, such as `source.postgres.url`.
    pub key: String,
    /// Where the file says it.
    pub position: Position,
}

/// What becomes of a field that no column declares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExtraFields {
    /// CSV and Parquet: the job fails before it reads a row. NDJSON: the row is rejected.
    Reject,
    /// It is left out, because the author says so.
    Ignore,
}

/// One declared column.
#[derive(Debug, Clone)]
pub struct Column {
    /// As the header, the JSON key or the Parquet field names it; case counts.
    pub name: String,
    /// Its type.
    pub ty: Type,
    /// How text becomes a value of it.
    pub format: ValueFormat,
    /// Rules that each value keeps, in the file's order. At most one of each kind.
    pub rules: Vec<Rule>,
    /// Where the file declares it.
    pub position: Position,
}

/// How the text of a field becomes a value.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum ValueFormat {
    /// As [`Value::parse`] reads it: ISO 8601 times, numbers with a decimal point.
    #[default]
    Standard,
    /// A number in another notation; only for number types.
    Number {
        /// Between the whole part and the fraction; ASCII.
        decimal: u8,
        /// Between groups of three digits of the whole part, where there is one; ASCII.
        thousands: Option<u8>,
    },
    /// A date or a time in another notation; only for `date`, `timestamp` and `timestamptz`.
    Time {
        /// How it is written.
        notation: TimeNotation,
        /// The zone of texts that name none; only for `timestamptz`, which without one takes only texts that do.
        zone: Option<Tz>,
    },
}

impl ValueFormat {
    /// Whether its texts are numbers that are times.
    pub fn is_epoch(&self) -> bool {
        use TimeNotation::{EpochMicros, EpochMillis, EpochSeconds};
        matches!(self, Self::Time { notation: EpochSeconds | EpochMillis | EpochMicros, .. })
    }
}

/// How dates and times are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TimeNotation {
    /// ISO 8601.
    Iso,
    /// A strftime format, such as `%d.%m.%Y %H:%M`.
    Strftime(String),
    /// Seconds since 1970-01-01T00:00:00Z, with up to six digits after the point.
    EpochSeconds,
    /// Milliseconds since then.
    EpochMillis,
    /// Microseconds since then.
    EpochMicros,
}

/// What each value of a column keeps. All but `Required` let "no value" pass.
#[derive(Debug, Clone)]
pub enum Rule {
    /// There is a value.
    Required,
    /// No earlier row that passed all its checks has the same value.
    Unique,
    /// At least this much, or more than this if `exclusive`.
    Min {
        /// The bound.
        bound: Operand,
        /// Whether the bound itself breaks the rule.
        exclusive: bool,
    },
    /// At most this much, or less than this if `exclusive`.
    Max {
        /// The bound.
        bound: Operand,
        /// Whether the bound itself breaks the rule.
        exclusive: bool,
    },
    /// Length in characters; strings only.
    Length {
        /// At least this many.
        min: Option<u64>,
        /// At most this many.
        max: Option<u64>,
    },
    /// The expression matches somewhere in the text (anchor it with `^` and `$`); strings only. Linear in time by
    /// construction of the `regex` crate.
    Pattern(Regex),
    /// Equal to one of these; never empty.
    OneOf(Vec<Operand>),
    /// Equal to a value of a lookup's column.
    References {
        /// The lookup.
        lookup: String,
        /// Its column.
        column: String,
    },
}

impl Rule {
    /// The rule's name in pipeline files and reject files.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Required => "required",
            Self::Unique => "unique",
            Self::Min { .. } => "min",
            Self::Max { .. } => "max",
            Self::Length { .. } => "length",
            Self::Pattern(_) => "pattern",
            Self::OneOf(_) => "one_of",
            Self::References { .. } => "references",
        }
    }
}

/// What a rule compares with. A value already has the column's type; a parameter is converted when a job is made.
#[derive(Debug, Clone, PartialEq)]
pub enum Operand {
    /// Written in the file.
    Value(Value),
    /// `$name`: a declared parameter, or `as_of`.
    Parameter(String),
}

/// What each row keeps across its columns: an SQL expression over the columns of the schema that is true, or null, of every
/// good row.
#[derive(Debug, Clone)]
pub struct RowCheck {
    /// Its name, which is the rule's name in the reject file; unlike the names of all other rules.
    pub name: String,
    /// The expression; `$name` stands for a parameter.
    pub sql: Sql,
    /// Where the file declares it.
    pub position: Position,
}

/// A table that SQL can join. A lookup's row that breaks its schema fails the job: it is not input, so no count could
/// hold it.
#[derive(Debug, Clone)]
pub struct Lookup {
    /// Its name in SQL.
    pub name: String,
    /// Where its rows come from.
    pub origin: LookupOrigin,
    /// Where the file declares it.
    pub position: Position,
}

/// Where a lookup's rows come from.
#[derive(Debug, Clone)]
pub enum LookupOrigin {
    /// Files or a database.
    Source(Source),
    /// A query over other lookups.
    Sql(Sql),
}

/// A named SQL query.
#[derive(Debug, Clone)]
pub struct Step {
    /// Its name in later steps.
    pub name: String,
    /// The query, over `input`, lookups and earlier steps.
    pub sql: Sql,
    /// Where the file declares it.
    pub position: Position,
}

/// SQL text with a way back to the file.
#[derive(Debug, Clone)]
pub struct Sql {
    /// The query as written.
    pub text: String,
    /// The key's path, such as `transforms[0].sql`.
    pub key: String,
    /// Where each line of `text` begins in the file; never empty. One entry for text that has no line of its own (a
    /// folded or escaped scalar), whose later lines then cannot be told apart.
    pub lines: Vec<Position>,
}

impl Sql {
    /// The place in the file of a place in the query; both count from 1.
    pub fn position(&self, line: usize, column: usize) -> Position {
        match self.lines.get(line.saturating_sub(1)) {
            Some(start) => Position { line: start.line, column: start.column + column.saturating_sub(1) },
            None => self.lines.last().copied().unwrap_or(Position::START),
        }
    }
}

/// Where rows go, and what becomes of those that are there. A job that fails leaves the target as it was.
#[derive(Debug, Clone)]
pub struct Target {
    /// A file, a folder or a table.
    pub place: Place,
    /// What becomes of the rows that are there.
    pub mode: LoadMode,
}

/// Where the rows of a target stand.
#[derive(Debug, Clone)]
pub enum Place {
    /// One file; its mode is [`LoadMode::Replace`].
    File {
        /// How it is written.
        format: TargetFormat,
        /// Relative to the pipeline file's folder. Missing folders are made.
        path: PathTemplate,
    },
    /// A folder of files; its mode is [`LoadMode::Replace`] or [`LoadMode::Append`].
    Folder(TargetFolder),
    /// A table of an SQLite database; file and table are made where they are missing.
    Sqlite {
        /// The database file. Relative to the pipeline file's folder.
        path: PathTemplate,
        /// The table.
        table: TableName,
    },
    /// A table of a PostgreSQL database; it is made where it is missing.
    Postgres {
        /// How the server is reached.
        server: PostgresServer,
        /// The table.
        table: TableName,
    },
}

impl Place {
    /// The key that leads there, and where the pipeline file has it.
    pub fn place(&self) -> (&str, Position) {
        match self {
            Self::File { path, .. } | Self::Sqlite { path, .. } => (&path.key, path.position),
            Self::Folder(folder) => (&folder.path.key, folder.path.position),
            Self::Postgres { server, .. } => (&server.key, server.position),
        }
    }

    /// The file, folder or database file that it is or is in; `None` for a server.
    pub fn path(&self) -> Option<&PathTemplate> {
        match self {
            Self::File { path, .. } | Self::Sqlite { path, .. } => Some(path),
            Self::Folder(folder) => Some(&folder.path),
            Self::Postgres { .. } => None,
        }
    }
}

/// A folder of files that are one target.
#[derive(Debug, Clone)]
pub struct TargetFolder {
    /// How the files are written.
    pub format: TargetFormat,
    /// The folder, relative to the pipeline file's folder. It and missing ones above it are made.
    pub path: PathTemplate,
    /// Columns of the rows by whose values files are put into folders `column=value`, in this order.
    pub partition_by: Vec<String>,
    /// A file is ended once it has about this many bytes.
    pub file_bytes: u64,
}

impl TargetFolder {
    /// The size of a file where the pipeline names none: a size that readers split well.
    pub const DEFAULT_FILE_BYTES: u64 = 256 << 20;
}

/// What becomes of the rows that a target has already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LoadMode {
    /// They go; the target has the job's rows alone.
    Replace,
    /// They stay.
    Append,
    /// Those whose key a new row has are replaced by it; the others stay. Databases only. Two rows of one job with the same
    /// key, or a row without a whole key, fail the job.
    Upsert {
        /// Columns of the target; never empty.
        key: Vec<String>,
    },
}

/// A load of only those rows that are new since the last one: whose cursor is greater than the greatest that was loaded.
/// Its target's mode is [`LoadMode::Append`] or [`LoadMode::Upsert`].
#[derive(Debug, Clone)]
pub struct Incremental {
    /// A column of the source, of a type with an order, which only grows as rows are added or changed.
    pub cursor: String,
    /// Where the first load begins: rows with a cursor greater than this. `None`: with all rows.
    pub start: Option<String>,
    /// Where the file declares it.
    pub position: Position,
}

/// The rows that one incremental load reads. Fixed before the first row is read, and the same for each attempt of a job.
#[derive(Debug, Clone, PartialEq)]
pub struct Interval {
    /// Rows whose cursor is greater than this; `None`: from the first.
    pub after: Option<Value>,
    /// Rows whose cursor is at most this; `None`: to the last, where the source cannot say beforehand which that is.
    pub up_to: Option<Value>,
}

/// The formats that rows can be written in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TargetFormat {
    /// Delimited text.
    Csv(CsvTarget),
    /// One JSON object on each line.
    Ndjson,
    /// Apache Parquet.
    Parquet(ParquetTarget),
}

/// How a CSV file is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CsvTarget {
    /// One ASCII character between fields.
    pub delimiter: u8,
    /// Whether the first record names the columns.
    pub header: bool,
    /// The unquoted text that means "no value".
    pub null: String,
}

/// How a Parquet file is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParquetTarget {
    /// How column chunks are compressed.
    pub compression: Compression,
}

/// Parquet compression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// Zstandard at its level 1.
    Zstd,
    /// Snappy.
    Snappy,
    /// None.
    None,
}

/// What becomes of rejected rows.
#[derive(Debug, Clone)]
pub struct RejectPolicy {
    /// The reject file. Where the pipeline names none: the target's path with `.rejects.` and the format's ending added, or
    /// `PIPELINE.rejects.` and the ending beside the pipeline file where the target is a table.
    pub path: Option<PathTemplate>,
    /// How it is written.
    pub format: RejectFormat,
    /// More rejected rows than this fail the job at once.
    pub max_count: Option<u64>,
    /// A greater share of rejected rows than this fails the job, once the whole source is read. 0 to 100.
    pub max_percent: f64,
}

/// How a reject file is written: one [`crate::Reject`] is one object, one record or one row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RejectFormat {
    /// One JSON object on each line.
    #[default]
    Ndjson,
    /// RFC 4180, `errors` as JSON.
    Csv,
    /// Apache Parquet, `errors` as a list.
    Parquet,
}

impl RejectFormat {
    /// The ending of its files, without the dot.
    pub fn ending(self) -> &'static str {
        match self {
            Self::Ndjson => "ndjson",
            Self::Csv => "csv",
            Self::Parquet => "parquet",
        }
    }
}

impl RejectPolicy {
    /// More than half of the rows rejected says that the pipeline does not fit its input (a wrong delimiter, say), and
    /// must not replace a good target with an almost empty one.
    pub const DEFAULT_MAX_PERCENT: f64 = 50.0;
}

/// What a job may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Memory for unique keys, joins, aggregates and sorts, in bytes. Sorts and aggregates spill to disk beyond it.
    pub memory_bytes: u64,
    /// The longest record of a CSV or NDJSON file, in bytes; a longer one is rejected.
    pub record_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { memory_bytes: 1 << 30, record_bytes: 8 << 20 }
    }
}

/// A path with parameters in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathTemplate {
    /// Texts and parameters in order.
    pub parts: Vec<PathPart>,
    /// The key's path, such as `source.csv.path`.
    pub key: String,
    /// Where the file says it.
    pub position: Position,
}

/// A piece of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PathPart {
    /// Written in the file.
    Text(String),
    /// `${name}`, or `${name:FORMAT}` with a strftime format for a date, timestamp or `as_of`.
    Parameter {
        /// A declared parameter, or `as_of`.
        name: String,
        /// The strftime format.
        format: Option<String>,
    },
}
