//! What is read: a table, a view or a query, all of which are a name in SQL.

use std::sync::Arc;

use etlplus_core::Failure;
use etlplus_core::pipeline::{DatabaseRows, Sql, TableName};
use sqlx::AssertSqlSafe;
use sqlx::Row;

use crate::sqlite::database::{Database, arguments, quoted};
use crate::sqlite::failure::sql_mistake;
use crate::sqlite::table::{Table, TableKind};

/// The view that a query is read through: so SQLite tells its columns and their types, and it takes a filter.
const QUERY_VIEW: &str = "etlplus_query";

/// Something that has rows.
pub(super) struct Relation {
    /// As rejects name it: the file, and what is read of it.
    pub(super) name: Arc<str>,
    /// As SQL names it.
    pub(super) sql: String,
    pub(super) table: Table,
}

impl Relation {
    pub(super) async fn find(database: &mut Database, rows: &DatabaseRows) -> Result<Self, Failure> {
        match rows {
            DatabaseRows::Table(name) => Self::of_table(database, name).await,
            DatabaseRows::Query(query) => Self::of_query(database, query).await,
        }
    }

    async fn of_table(database: &mut Database, name: &TableName) -> Result<Self, Failure> {
        let path = database.path().display().to_string();
        match Table::named(database, name).await? {
            Some(table) => {
                Ok(Self { name: format!("{path} {name}").into(), sql: format!("main.{}", quoted(&name.table)), table })
            }
            None => Err(Failure::user(
                "table_not_found",
                format!("{path} has no table {name:?}", name = name.to_string()),
                "check the name",
            )),
        }
    }

    async fn of_query(database: &mut Database, query: &Sql) -> Result<Self, Failure> {
        let path = database.path().display().to_string();
        // A temporary view is in a database of its own, so that it can be made where the file cannot be written to.
        let view = format!("CREATE TEMP VIEW {QUERY_VIEW} AS\n{}\n", query.text);
        let made = sqlx::query(AssertSqlSafe(view)).execute(database.connection()).await;
        // What the view's columns are is looked for only now, and so are the tables that it names.
        let seen = match made {
            Ok(_) => {
                let look = format!("SELECT * FROM temp.{QUERY_VIEW} LIMIT 0");
                sqlx::query(AssertSqlSafe(look)).execute(database.connection()).await
            }
            Err(error) => Err(error),
        };
        if let Err(error) = seen {
            return Err(match sql_mistake(&error) {
                Some(message) => {
                    let message = format!("{} in {path}: {message}", query.key);
                    Failure::user("sql_refused", message, "write one SELECT in SQLite's SQL, over tables of this file")
                }
                None => database.failed(&error),
            });
        }
        match Table::find(database, "temp", QUERY_VIEW).await? {
            Some(table) => {
                Ok(Self { name: format!("{path} (query)").into(), sql: format!("temp.{QUERY_VIEW}"), table })
            }
            None => Err(Failure::bug("a view that was made is not there")),
        }
    }

    /// The rows, where counting them costs less than reading them.
    pub(super) async fn count(&self, database: &mut Database) -> Result<Option<u64>, Failure> {
        if self.table.kind != TableKind::Table {
            return Ok(None);
        }
        let rows = database.fetch(format!("SELECT count(*) FROM {}", self.sql), arguments![]).await?;
        let count = rows.first().and_then(|row| row.try_get::<i64, _>(0).ok());
        Ok(count.map(i64::unsigned_abs))
    }

    /// A column's name in SQL, as the table spells it.
    pub(super) fn column_sql(&self, name: &str) -> String {
        quoted(self.table.column(name).map_or(name, |column| column.name.as_str()))
    }
}
