//! Rows of a table, a view or a query, read in one read transaction.

mod block;
mod columns;
mod declared;
mod interval;
mod newest;
mod reader;
mod records;
mod relation;

use std::sync::Arc;

use etlplus_core::Failure;
use etlplus_core::pipeline::{Interval, JobSpec, Source, SqliteSource};

pub(super) use self::columns::typed_column;
use self::interval::Bounds;
pub(crate) use self::newest::newest;
use self::reader::SqliteReader;
pub(super) use self::reader::{Select, blocks};
use self::relation::Relation;
use super::database::{Access, Database, arguments};
use crate::check::CheckPlan;
use crate::source::OpenSource;

/// Opens the database and begins the transaction in which all is read.
pub(crate) async fn open(
    source: &Source,
    database: &SqliteSource,
    job: &JobSpec,
    interval: Option<&Interval>,
) -> Result<OpenSource, Failure> {
    let mut connection = Database::open(&job.path(&database.path), Access::Read).await?;
    connection.execute("BEGIN", arguments![]).await?;
    let relation = Relation::find(&mut connection, &database.rows).await?;
    let declared = declared::columns(&relation, source)?;
    let plan = CheckPlan::new(declared.as_deref().unwrap_or(&source.columns), job);
    let bounds = match interval {
        Some(interval) => Some(Bounds::new(job, &plan, &relation, interval)?),
        None => None,
    };
    // A query, or a part of a table, can cost as much to count as to read.
    let rows_total = match interval {
        None => relation.count(&mut connection).await?,
        Some(_) => None,
    };
    let plan = Arc::new(plan);
    let reader = Box::new(SqliteReader::new(connection, &relation, &plan, bounds));
    Ok(OpenSource { plan, files: Vec::new(), rows_total, reader })
}
