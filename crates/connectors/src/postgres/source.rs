//! Rows of a table or a query.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema};
use etlplus_core::pipeline::{Interval, JobSpec, PostgresSource, Source};
use etlplus_core::{Failure, Type, Value};
use sqlx::Row;

use super::catalog::TableColumn;
use super::connect::Server;
use super::copy_out::Shape;
use super::query::{self, Described};
use super::quoted;
use super::reader::PgRows;
use super::types::PgType;
use crate::check::CheckPlan;
use crate::source::OpenSource;
use crate::source::arrow_records::ensure_fits;

pub(crate) async fn open(
    source: &Source,
    database: &PostgresSource,
    job: &JobSpec,
    interval: Option<&Interval>,
) -> Result<OpenSource, Failure> {
    let server = Server::new(&database.server, job.id());
    let mut session = server.connect().await?;
    let described = query::describe(&mut session, database).await?;
    let (plan, shape) = match source.columns.is_empty() {
        true => {
            let shape = whole_shape(&described)?;
            (CheckPlan::undeclared(shape.schema.clone()), shape)
        }
        false => {
            let plan = CheckPlan::new(&source.columns, job);
            let fields: Vec<_> = described.columns.iter().map(declarable_field).collect();
            ensure_fits(&Schema::new(fields), &plan, source.extra_fields, &described.name)?;
            let shape = declared_shape(&described, &plan)?;
            (plan, shape)
        }
    };
    let mut conditions = Vec::new();
    // Where the server's order says nothing, all rows are read, and those of earlier loads passed over as they are checked.
    if let (Some(interval), Some(cursor)) = (interval, query::cursor(&described, job)?)
        && query::is_in_order(cursor, declared_type(source, &cursor.name))
    {
        conditions = query::in_interval(cursor, interval);
    }
    let is_narrow = !conditions.is_empty() && interval.is_some_and(|interval| interval.after.is_some());
    let rows = PgRows { server, session, described, shape, conditions, is_narrow };
    Ok(OpenSource { plan: Arc::new(plan), files: Vec::new(), rows_total: None, reader: Box::new(rows) })
}

/// All columns, where nothing is declared.
fn whole_shape(described: &Described) -> Result<Shape, Failure> {
    let fields = described.columns.iter().map(|column| {
        column.ty.field(&column.name).ok_or_else(|| match column.ty {
            PgType::Numeric(_) => Failure::user(
                "numeric_without_precision",
                format!(
                    "the column {:?} of {} is {}, which may have any number of digits",
                    column.name, described.name, column.type_name
                ),
                "declare it in the schema, or cast it in a query to numeric(38,9) or whatever it needs",
            ),
            _ => unsupported(described, column),
        })
    });
    let schema = Arc::new(Schema::new(fields.collect::<Result<Vec<_>, _>>()?));
    Ok(Shape { schema, types: described.columns.iter().map(|column| column.ty).collect() })
}

/// The declared columns, in their order; `ensure_fits` has found them.
fn declared_shape(described: &Described, plan: &CheckPlan) -> Result<Shape, Failure> {
    let mut fields = Vec::with_capacity(plan.columns.len());
    let mut types = Vec::with_capacity(plan.columns.len());
    for column in plan.columns.iter().filter_map(|column| described.column(&column.name)) {
        if column.ty == PgType::Other {
            return Err(unsupported(described, column));
        }
        fields.push(declarable_field(column));
        types.push(column.ty);
    }
    Ok(Shape { schema: Arc::new(Schema::new(fields)), types })
}

/// A column as a declared schema takes it: a number without a bound comes as its text, and is checked like any.
pub(super) fn declarable_field(column: &TableColumn) -> Field {
    column.ty.field(&column.name).unwrap_or_else(|| Field::new(&column.name, DataType::Utf8, true))
}

fn unsupported(described: &Described, column: &TableColumn) -> Failure {
    Failure::user(
        "unsupported_type",
        format!(
            "the column {:?} of {} is {}, which ETL Plus does not read",
            column.name, described.name, column.type_name
        ),
        format!("read it as text, by a query with {}::text AS {0}", quoted(&column.name)),
    )
}

/// The type that the schema declares a column to have, if it does.
fn declared_type(source: &Source, name: &str) -> Option<Type> {
    source.columns.iter().find(|column| column.name == name).map(|column| column.ty)
}

/// The greatest value of the column `cursor`; `None` where there is none, or where the server's order does not tell.
pub(crate) async fn newest(
    source: &Source,
    database: &PostgresSource,
    job: &JobSpec,
    cursor: &str,
) -> Result<Option<Value>, Failure> {
    let mut session = Server::new(&database.server, job.id()).connect().await?;
    let described = query::describe(&mut session, database).await?;
    let column = query::named(&described, cursor)?;
    let declared = declared_type(source, cursor);
    if !query::is_in_order(column, declared) {
        return Ok(None);
    }
    let ty = declared.or_else(|| column.ty.value_type()).ok_or_else(|| unsupported(&described, column))?;
    let mut conditions = vec![format!("{} IS NOT NULL", quoted(cursor))];
    // Infinity is greater than every cursor to come.
    conditions.extend(match column.ty {
        PgType::Date | PgType::Timestamp(_) | PgType::TimestampTz(_) => Some(format!("isfinite({})", quoted(cursor))),
        PgType::Float4 | PgType::Float8 => Some(format!("{} NOT IN ('NaN', 'Infinity', '-Infinity')", quoted(cursor))),
        PgType::Numeric(_) => Some(format!("{} <> 'NaN'", quoted(cursor))),
        _ => None,
    });
    // As JSON has it: times in ISO 8601.
    let value = match column.ty {
        // Without the spaces that it is filled up with.
        PgType::Char(_) => format!("{}::text", quoted(cursor)),
        _ => format!("to_json({})#>>'{{}}'", quoted(cursor)),
    };
    let order = query::cursor_of(column);
    let sql = format!("{} ORDER BY {order} DESC LIMIT 1", described.select(&value, &conditions));
    let Some(row) = session.row_slowly(&sql).await? else { return Ok(None) };
    let text: String = row.try_get(0).map_err(|error| session.failure(&error))?;
    Value::parse(ty, &text).map(Some).map_err(|error| {
        let message =
            format!("the greatest {cursor:?} of {} is {text}, which {error}; it is declared {ty}", described.name);
        Failure::data("cursor_unfit", message, "declare the column's type as the database has it")
    })
}
