//! Rows into a table, many with each statement.

use std::ops::Range;
use std::sync::Arc;

use arrow::datatypes::Schema;
use etlplus_core::Failure;
use sqlx::AssertSqlSafe;

use super::bind::StoredRows;
use crate::sqlite::database::{Database, arguments, quoted};
use crate::sqlite::failure::broken_constraint;

/// The most parameters of a statement that SQLite takes.
const PARAMETERS_MAX: usize = 32_766;
/// Rows of a statement. With 16 of them an insert takes twice the processor time, and with more than these no less.
const ROWS_MAX: usize = 128;

/// The statements that insert into one table: one for each power of two of rows, so that every number of rows is a few of
/// them, and each is prepared once.
pub(super) struct Insert {
    statements: Vec<Arc<str>>,
}

/// Why rows were not inserted.
pub(super) enum NotInserted {
    /// This row is one that the table does not take, with what it broke, in SQLite's words.
    Refused {
        row: usize,
        constraint: String,
    },
    /// So many of these rows the table passed over in silence.
    PassedOver {
        rows: Range<usize>,
        count: u64,
    },
    Failed(Failure),
}

impl Insert {
    /// Into `table`, as SQL names it, the columns of `schema`.
    pub(super) fn new(table: &str, schema: &Schema) -> Self {
        let names: Vec<_> = schema.fields().iter().map(|field| quoted(field.name())).collect();
        let row = format!("({})", vec!["?"; names.len()].join(","));
        let rows_max = (PARAMETERS_MAX / names.len().max(1)).clamp(1, ROWS_MAX);
        let statement = |exponent: u32| {
            let rows = vec![row.as_str(); 1 << exponent].join(",");
            format!("INSERT INTO {table} ({}) VALUES {rows}", names.join(", ")).into()
        };
        Self { statements: (0..=rows_max.ilog2()).map(statement).collect() }
    }

    /// Inserts `rows`. While SQLite works on some of them, the next are made ready.
    pub(super) async fn rows(&self, database: &mut Database, rows: &StoredRows) -> Result<(), NotInserted> {
        let mut parts = self.parts(rows.len()).into_iter();
        let mut next = move || parts.next().map(|(statement, part)| (statement, part.clone(), rows.arguments(part)));
        let mut ready = next();
        while let Some((statement, part, arguments)) = ready {
            let insert = sqlx::query_with(AssertSqlSafe(statement), arguments);
            let (inserted, following) = futures::join!(insert.execute(database.connection()), async { next() });
            match inserted {
                Ok(inserted) if inserted.rows_affected() == part.len() as u64 => {}
                Ok(inserted) => {
                    let count = (part.len() as u64).saturating_sub(inserted.rows_affected());
                    return Err(NotInserted::PassedOver { rows: part, count });
                }
                Err(error) => {
                    return Err(match broken_constraint(&error) {
                        Some(constraint) => self.refused(database, rows, part, constraint.to_owned()).await,
                        None => NotInserted::Failed(database.failed(&error)),
                    });
                }
            }
            ready = following;
        }
        Ok(())
    }

    /// Rows in parts, each with its statement.
    fn parts(&self, rows: usize) -> Vec<(Arc<str>, Range<usize>)> {
        let mut parts = Vec::new();
        let mut start = 0;
        while start < rows {
            let exponent = ((rows - start).ilog2() as usize).min(self.statements.len() - 1);
            let end = start + (1 << exponent);
            parts.push((self.statements[exponent].clone(), start..end));
            start = end;
        }
        parts
    }

    /// Finds the row for which a statement failed, by inserting row by row. Nothing of that stays: the load has failed.
    async fn refused(
        &self,
        database: &mut Database,
        rows: &StoredRows,
        part: Range<usize>,
        constraint: String,
    ) -> NotInserted {
        // A constraint may have ended the transaction (ON CONFLICT ROLLBACK); rows would then be committed one by one.
        if let Err(failure) = database.execute("SAVEPOINT etlplus_refused", arguments![]).await {
            return NotInserted::Failed(failure);
        }
        let first = part.start;
        for row in part {
            let insert = sqlx::query_with(AssertSqlSafe(self.statements[0].clone()), rows.arguments(row..row + 1));
            if let Err(error) = insert.execute(database.connection()).await {
                return match broken_constraint(&error) {
                    Some(constraint) => NotInserted::Refused { row, constraint: constraint.to_owned() },
                    None => NotInserted::Failed(database.failed(&error)),
                };
            }
        }
        // What the rows break together, and not one after another, is told of the first of them.
        NotInserted::Refused { row: first, constraint }
    }
}
