//! The rule `unique` where rows are appended: against the rows that the target has.
//!
//! The rule is about a column of the input. It holds against the target where that column reaches it as it is, under
//! whatever name; a column that the SQL makes anew is another one, about which nobody has declared anything.

use datafusion::common::DFSchema;
use datafusion::logical_expr::{Expr, LogicalPlan};
use etlplus_connectors::CheckPlan;
use etlplus_core::Type;
use etlplus_core::pipeline::INPUT;

/// A unique column of the input that reaches the target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UniqueInTarget {
    /// Its name in the input.
    pub(crate) column: String,
    /// Its type there.
    pub(crate) ty: Type,
    /// Its name in the target.
    pub(crate) target: String,
}

/// The unique columns of `plan` that come through `query`, an optimized plan of the rows that the target gets.
pub(crate) fn unique_in_target(plan: &CheckPlan, query: &LogicalPlan) -> Vec<UniqueInTarget> {
    let origins: Vec<_> = (0..query.schema().fields().len()).map(|index| origin(query, index)).collect();
    let fields = query.schema().fields();
    let reach = plan.unique_columns().filter_map(|(column, ty)| {
        let index = origins.iter().position(|origin| origin.as_deref() == Some(column))?;
        Some(UniqueInTarget { column: column.to_owned(), ty, target: fields[index].name().clone() })
    });
    reach.collect()
}

/// The column of the input that the output column `index` of `plan` is, unchanged.
fn origin(plan: &LogicalPlan, index: usize) -> Option<String> {
    match plan {
        LogicalPlan::TableScan(scan) if scan.table_name.table() == INPUT => {
            Some(scan.projected_schema.field(index).name().clone())
        }
        LogicalPlan::Projection(projection) => through(&projection.expr[index], &projection.input),
        LogicalPlan::Aggregate(aggregate) => through(aggregate.group_expr.get(index)?, &aggregate.input),
        LogicalPlan::Filter(filter) => origin(&filter.input, index),
        LogicalPlan::Sort(sort) => origin(&sort.input, index),
        LogicalPlan::Limit(limit) => origin(&limit.input, index),
        LogicalPlan::Repartition(repartition) => origin(&repartition.input, index),
        LogicalPlan::SubqueryAlias(alias) => origin(&alias.input, index),
        LogicalPlan::Window(window) if index < window.input.schema().fields().len() => origin(&window.input, index),
        LogicalPlan::Join(join) => {
            // The joined columns are those of both sides, or of the one side that a semi or an anti join keeps.
            let (qualifier, field) = plan.schema().qualified_field(index);
            let side = [&join.left, &join.right].into_iter().find_map(|side| {
                let index = side.schema().index_of_column_by_name(qualifier, field.name())?;
                Some((side, index))
            });
            side.and_then(|(side, index)| origin(side, index))
        }
        _ => None,
    }
}

/// The same of a column that `expression` takes from `input`.
fn through(expression: &Expr, input: &LogicalPlan) -> Option<String> {
    match expression {
        Expr::Alias(alias) => through(&alias.expr, input),
        Expr::Column(column) => {
            let schema: &DFSchema = input.schema();
            origin(input, schema.index_of_column(column).ok()?)
        }
        _ => None,
    }
}
