//! The columns of a source: whether those are there that the pipeline declares, or what the table says itself.

use etlplus_core::mistake::nearest;
use etlplus_core::pipeline::{Column, ExtraFields, Source, ValueFormat};
use etlplus_core::value::DECIMAL_MAX_PRECISION;
use etlplus_core::{Failure, Position, Type};

use super::relation::Relation;

/// Holds the pipeline's columns to what is there, or takes them from there where the pipeline declares none; `None` where it
/// does.
pub(super) fn columns(relation: &Relation, source: &Source) -> Result<Option<Vec<Column>>, Failure> {
    if !source.columns.is_empty() {
        return ensure_there(relation, source).map(|()| None);
    }
    let column = |column: &crate::sqlite::table::TableColumn| match declared_type(&column.type_name) {
        Some(ty) => Ok(Column {
            name: column.name.clone(),
            ty,
            format: ValueFormat::Standard,
            rules: Vec::new(),
            position: Position::START,
        }),
        None => {
            let said = match column.type_name.as_str() {
                "" => "no type".to_owned(),
                name => format!("the type {name:?}"),
            };
            Err(Failure::user(
                "schema_required",
                format!(
                    "column {:?} of {} has {said}, which does not say what its values are",
                    column.name, relation.name
                ),
                "declare a schema in the pipeline",
            ))
        }
    };
    relation.table.columns.iter().map(column).collect::<Result<_, _>>().map(Some)
}

fn ensure_there(relation: &Relation, source: &Source) -> Result<(), Failure> {
    let columns = &relation.table.columns;
    for column in &source.columns {
        if relation.table.column(&column.name).is_none() {
            let remedy = match nearest(&column.name, columns.iter().map(|column| column.name.as_str())) {
                Some(near) => format!("did you mean {near:?}?"),
                None => "declare the columns that it has".to_owned(),
            };
            let message = format!("{} has no column {:?}", relation.name, column.name);
            return Err(Failure::user("missing_column", message, remedy));
        }
    }
    let is_declared = |name: &str| source.columns.iter().any(|column| column.name.eq_ignore_ascii_case(name));
    let extra: Vec<_> = columns.iter().map(|column| &column.name).filter(|name| !is_declared(name)).collect();
    if source.extra_fields == ExtraFields::Reject && !extra.is_empty() {
        return Err(Failure::user(
            "undeclared_column",
            format!("{} has columns that the schema does not declare: {extra:?}", relation.name),
            "declare them, or say extra_fields: ignore",
        ));
    }
    Ok(())
}

/// The type that a column declares, where the words mean but one.
fn declared_type(declared: &str) -> Option<Type> {
    let declared = declared.to_ascii_uppercase();
    let (name, sizes) = match declared.split_once('(') {
        Some((name, rest)) => (name.trim_end(), Some(rest.strip_suffix(')')?)),
        None => (declared.as_str(), None),
    };
    Some(match name {
        // SQLite has one width for all of them.
        "INTEGER" | "INT" | "BIGINT" | "SMALLINT" | "TINYINT" | "MEDIUMINT" | "INT2" | "INT4" | "INT8" => Type::Int64,
        "REAL" | "DOUBLE" | "DOUBLE PRECISION" | "FLOAT" => Type::Float64,
        "TEXT" | "CLOB" | "CHAR" | "CHARACTER" | "VARCHAR" | "NCHAR" | "NVARCHAR" => Type::String,
        "BLOB" => Type::Binary,
        "BOOLEAN" | "BOOL" => Type::Boolean,
        "DATE" => Type::Date,
        "DATETIME" | "TIMESTAMP" => Type::Timestamp,
        "UUID" => Type::Uuid,
        "JSON" => Type::Json,
        "DECIMAL" | "NUMERIC" => decimal(sizes?)?,
        _ => return None,
    })
}

fn decimal(sizes: &str) -> Option<Type> {
    let (precision, scale) = sizes.split_once(',').unwrap_or((sizes, "0"));
    let (precision, scale) = (precision.trim().parse().ok()?, scale.trim().parse().ok()?);
    let is_possible = (1..=DECIMAL_MAX_PRECISION).contains(&precision) && scale <= precision;
    is_possible.then_some(Type::Decimal { precision, scale })
}
