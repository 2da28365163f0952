//! The most that a pipeline file may hold. Each cap is far above what people write by hand, and low enough that a
//! hostile file costs little memory and time.

use std::time::Duration;

/// Characters of a pipeline's name.
pub(super) const PIPELINE_NAME_MAX_CHARS: usize = 100;
/// Characters of the name of a parameter, a lookup or a step: PostgreSQL's limit for identifiers.
pub(super) const NAME_MAX_CHARS: usize = 63;
/// Characters of a column's name.
pub(super) const COLUMN_NAME_MAX_CHARS: usize = 255;
/// Characters of a description.
pub(super) const DESCRIPTION_MAX_CHARS: usize = 10_000;
/// Tags of a pipeline.
pub(super) const TAGS_MAX: usize = 50;
/// Characters of a tag.
pub(super) const TAG_MAX_CHARS: usize = 50;
/// Parameters of a pipeline.
pub(super) const PARAMETERS_MAX: usize = 100;
/// Columns of a schema.
pub(super) const COLUMNS_MAX: usize = 10_000;
/// Values of a `one_of`.
pub(super) const ONE_OF_MAX: usize = 10_000;
/// Null tokens of a CSV source.
pub(super) const NULL_TOKENS_MAX: usize = 100;
/// Characters of a null token.
pub(super) const NULL_TOKEN_MAX_CHARS: usize = 255;
/// Lookups of a pipeline.
pub(super) const LOOKUPS_MAX: usize = 100;
/// Checks of a pipeline.
pub(super) const CHECKS_MAX: usize = 100;
/// Columns of an upsert's key: PostgreSQL's limit for an index.
pub(super) const KEY_COLUMNS_MAX: usize = 32;
/// Columns that a folder is partitioned by: each is one more level of folders.
pub(super) const PARTITION_COLUMNS_MAX: usize = 16;
/// The least size of a target's file: smaller ones would be very many.
pub(super) const FILE_MIN_BYTES: u64 = 64 << 10;
/// Characters of the name of a schema or a table in a database.
pub(super) const TABLE_NAME_MAX_CHARS: usize = 255;
/// Bytes of a name in PostgreSQL, which would cut a longer one.
pub(super) const POSTGRES_NAME_MAX_BYTES: usize = 63;
/// Bytes of the address of a server.
pub(super) const URL_MAX_BYTES: usize = 2_000;
/// Steps of a pipeline.
pub(super) const STEPS_MAX: usize = 100;
/// Bytes of one SQL query.
pub(super) const SQL_MAX_BYTES: usize = 64 << 10;
/// Bytes of a path as written: Linux takes no longer one.
pub(super) const PATH_MAX_BYTES: usize = 4_096;
/// Patterns of all columns together. Each may take [`PATTERN_MAX_BYTES`] when compiled, so their number bounds memory.
pub(super) const PATTERNS_MAX: usize = 250;
/// Bytes of one compiled pattern: enough for `\w{1,50}`, whose class of letters of all languages is large.
pub(super) const PATTERN_MAX_BYTES: usize = 4 << 20;
/// The least memory that a job can work with.
pub(super) const MEMORY_MIN_BYTES: u64 = 16 << 20;
/// The least cap on a record.
pub(super) const RECORD_MIN_BYTES: u64 = 1 << 10;
/// The greatest cap on a record.
pub(super) const RECORD_MAX_BYTES: u64 = 256 << 20;
/// Jobs of a pipeline that run at the same time.
pub(super) const CONCURRENCY_MAX: u32 = 1_000;
/// Attempts of a job by its policy.
pub(super) const ATTEMPTS_MAX: u32 = 100;
/// The wait between two attempts: who wants a longer one wants a schedule.
pub(super) const RETRY_DELAY_MAX: Duration = Duration::from_secs(24 * 60 * 60);
/// Cases of a pipeline.
pub(super) const CASES_MAX: usize = 1_000;
/// Rejects that one case expects.
pub(super) const EXPECTED_REJECTS_MAX: usize = 10_000;
