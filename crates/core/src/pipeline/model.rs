//! The checked pipeline. Whoever holds one needs no further check of its shape: names are unique, references lead
//! somewhere, bounds fit their columns.

use std::time::Duration;

use regex::Regex;

use super::schedule::Schedule;
use crate::job::JobPolicy;
use crate::mistake::Position;
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
    /// Tables that SQL can join, in the file's order.
    pub lookups: Vec<Lookup>,
    /// Named SQL steps in the order in which they run; empty where rows go to the target as they were checked. The last
    /// one's rows are loaded.
    pub transforms: Vec<Step>,
    /// Where rows go.
    pub target: Target,
    /// What becomes of rejected rows.
    pub rejects: RejectPolicy,
    /// What a job may use.
    pub limits: Limits,
    /// How its jobs are treated.
    pub policy: JobPolicy,
    /// When jobs are made by themselves.
    pub schedule: Option<Schedule>,
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

/// Files of rows, and what is declared about them.
#[derive(Debug, Clone)]
pub struct Source {
    /// How the files are written.
    pub format: SourceFormat,
    /// One file, or a glob. Relative to the pipeline file's folder.
    pub path: PathTemplate,
    /// Declared columns, in order. Empty only for Parquet, which then brings its own.
    pub columns: Vec<Column>,
    /// What becomes of a field that no column declares.
    pub extra_fields: ExtraFields,
}

/// The formats that rows can be read from.
#[derive(Debug, Clone)]
pub enum SourceFormat {
    /// Delimited text.
    Csv(CsvSource),
    /// One JSON object on each line.
    Ndjson,
    /// Apache Parquet.
    Parquet,
}

/// How a CSV file is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CsvSource {
    /// One ASCII character between fields.
    pub delimiter: u8,
    /// One ASCII character around fields that hold delimiters, quotes or line ends; doubled inside. `None`: no quoting.
    pub quote: Option<u8>,
    /// Whether the first record names the columns.
    pub header: bool,
    /// Unquoted texts that mean "no value". A quoted text means it too, except in a string column.
    pub null: Vec<String>,
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
    /// Rules that each value keeps, in the file's order. At most one of each kind.
    pub rules: Vec<Rule>,
    /// Where the file declares it.
    pub position: Position,
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
    /// Files.
    Files(Source),
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

/// Where rows go. The target is replaced as a whole, or left as it was.
#[derive(Debug, Clone)]
pub struct Target {
    /// How the file is written.
    pub format: TargetFormat,
    /// Relative to the pipeline file's folder. Missing folders are made.
    pub path: PathTemplate,
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
    /// The reject file, NDJSON with one [`crate::Reject`] on each line. Where the file names none: the target's path
    /// with `.rejects.ndjson` added.
    pub path: Option<PathTemplate>,
    /// More rejected rows than this fail the job at once.
    pub max_count: Option<u64>,
    /// A greater share of rejected rows than this fails the job, once the whole source is read. 0 to 100.
    pub max_percent: f64,
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
