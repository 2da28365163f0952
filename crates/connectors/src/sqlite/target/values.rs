//! The values that a column of the target has already.

use etlplus_core::pipeline::{Column, JobSpec, TableName, ValueFormat};
use etlplus_core::{Failure, Position, Type};
use futures::StreamExt;
use sqlx::sqlite::SqliteArguments;

use crate::check::{BrokenCells, CheckPlan};
use crate::sqlite::database::{Database, quoted};
use crate::sqlite::source::{Select, blocks, typed_column};
use crate::sqlite::table::Table;
use crate::target::Values;

/// The values of `column` as `ty`, those left out that are of another; `None` where there is no such column.
pub(super) async fn read(
    mut database: Database,
    table: &TableName,
    column: &str,
    ty: Type,
    job: &JobSpec,
) -> Result<Option<Values>, Failure> {
    let found = Table::named(&mut database, table).await?;
    if found.is_none_or(|found| found.column(column).is_none()) {
        return Ok(None);
    }
    let select = Select {
        sql: format!("SELECT {} FROM main.{}", quoted(column), quoted(&table.table)),
        arguments: SqliteArguments::default(),
        columns: 1,
    };
    let declared = Column {
        name: column.to_owned(),
        ty,
        format: ValueFormat::Standard,
        rules: Vec::new(),
        position: Position::START,
    };
    let plan = CheckPlan::new(&[declared], job);
    let values = blocks(database, select).map(move |block| {
        let block = block?;
        // A value of another kind is equal to none that the load brings.
        Ok(typed_column(0, &plan.columns[0], &block, 0, &mut BrokenCells::default()))
    });
    Ok(Some(values.boxed()))
}
