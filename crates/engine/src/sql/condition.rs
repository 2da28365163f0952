//! One condition over the columns of the input.

use std::ops::ControlFlow;
use std::sync::Arc;

use arrow::datatypes::{DataType, Schema};
use datafusion::common::DFSchema;
use datafusion::common::tree_node::TreeNode;
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{EmptyRelation, Expr, ExprSchemable, LogicalPlan, LogicalPlanBuilder};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::prelude::SessionContext;
use datafusion::sql::parser::DFParserBuilder;
use datafusion::sql::sqlparser::ast::{Expr as SqlExpr, ExprWithAlias, Spanned, visit_expressions};
use etlplus_core::Mistake;
use etlplus_core::pipeline::{INPUT, JobSpec, Sql};

use super::bind::bind;
use super::mistakes::{mistake_at, sql_mistake};
use super::query::{NESTING_MAX, ensure_shallow};

/// Plans `sql`, an expression that is true, false or null of each row of the input, whose columns are those of `schema`. The
/// job's values take the place of its parameters.
pub(crate) fn plan_condition(
    sql: &Sql,
    job: &JobSpec,
    context: &SessionContext,
    schema: &Schema,
) -> Result<Arc<dyn PhysicalExpr>, Mistake> {
    let failed = |error: DataFusionError| sql_mistake(sql, &error);
    ensure_shallow(sql)?;
    let mut parser =
        DFParserBuilder::new(sql.text.as_str()).with_recursion_limit(NESTING_MAX).build().map_err(failed)?;
    let mut parsed = parser.parse_into_expr().map_err(failed)?;
    ensure_of_one_row(sql, &parsed)?;
    bind(&mut parsed.expr, sql, job)?;
    let columns = DFSchema::try_from_qualified_schema(INPUT, schema).map_err(failed)?;
    let expression = context.state().create_logical_expr_from_sql_expr(parsed, &columns).map_err(failed)?;
    ensure_no_aggregate(sql, &expression)?;
    let ty = expression.get_type(&columns).map_err(failed)?;
    if ty != DataType::Boolean {
        let message = format!("the expression is {ty}, and a check is true or false");
        return Err(of_whole(sql, message, "compare it with something, as in amount > 0"));
    }
    let analyzed = analyzed(context, expression, &columns).map_err(failed)?;
    context.create_physical_expr(analyzed, &columns).map_err(failed)
}

/// The expression as the filter of a query would be, so that numbers mean the same in a check and in the transforms.
fn analyzed(context: &SessionContext, expression: Expr, columns: &DFSchema) -> Result<Expr, DataFusionError> {
    let input = EmptyRelation { produce_one_row: false, schema: Arc::new(columns.clone()) };
    let plan = LogicalPlanBuilder::from(LogicalPlan::EmptyRelation(input)).filter(expression)?.build()?;
    let state = context.state();
    match state.analyzer().execute_and_check(plan, state.config_options(), |_, _| {})? {
        LogicalPlan::Filter(filter) => Ok(filter.predicate),
        _ => Err(DataFusionError::Internal("a filter became another plan".to_owned())),
    }
}

/// A check looks at one row and nothing else.
fn ensure_of_one_row(sql: &Sql, parsed: &ExprWithAlias) -> Result<(), Mistake> {
    if let Some(alias) = &parsed.alias {
        let position = alias.span.start;
        let position = sql.position(position.line as usize, position.column as usize);
        let message = format!("a check has its own name, and no AS {}", alias.value);
        return Err(mistake_at(sql, position, message, "remove AS and the name".to_owned()));
    }
    let found = visit_expressions(&parsed.expr, |expression| match expression {
        SqlExpr::Subquery(_) | SqlExpr::Exists { .. } | SqlExpr::InSubquery { .. } => {
            ControlFlow::Break(expression.span().start)
        }
        _ => ControlFlow::Continue(()),
    });
    match found {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(start) => {
            let position = sql.position(start.line as usize, start.column as usize);
            let message = "a check looks at one row, and cannot query".to_owned();
            let remedy = "for a value that a lookup has, use the rule references".to_owned();
            Err(mistake_at(sql, position, message, remedy))
        }
    }
}

fn ensure_no_aggregate(sql: &Sql, expression: &Expr) -> Result<(), Mistake> {
    let looks_beyond = |expression: &Expr| {
        Ok(matches!(
            expression,
            Expr::AggregateFunction(_) | Expr::WindowFunction(_) | Expr::GroupingSet(_) | Expr::Unnest(_)
        ))
    };
    match expression.exists(looks_beyond) {
        Ok(false) => Ok(()),
        _ => {
            let message = "a check looks at one row, and can have no aggregate and no window".to_owned();
            Err(of_whole(sql, message, "compare the row's own columns; count and sum in the transforms"))
        }
    }
}

fn of_whole(sql: &Sql, message: String, remedy: &str) -> Mistake {
    mistake_at(sql, sql.position(1, 1), message, remedy.to_owned())
}
