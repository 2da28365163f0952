//! Sums of whole numbers that do not wrap: they are added up as decimals, and a sum beyond its type fails the job.

use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{Column, DFSchema};
use datafusion::config::ConfigOptions;
use datafusion::error::Result;
use datafusion::logical_expr::expr::AggregateFunction;
use datafusion::logical_expr::{Aggregate, Cast, Expr, ExprSchemable, LogicalPlan, Projection};
use datafusion::optimizer::AnalyzerRule;

/// Holds every whole number of 64 bits; a sum has ten digits more.
const WIDE: DataType = DataType::Decimal128(20, 0);

/// To be applied once types are coerced, so that each sum has its type.
#[derive(Debug)]
pub(crate) struct CheckedSums;

impl AnalyzerRule for CheckedSums {
    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        plan.transform_up_with_subqueries(checked_node).map(|transformed| transformed.data)
    }

    fn name(&self) -> &str {
        "checked_sums"
    }
}

fn checked_node(plan: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    let LogicalPlan::Aggregate(Aggregate { input, group_expr, aggr_expr, schema, .. }) = &plan else {
        return Ok(Transformed::no(plan));
    };
    let wide: Vec<_> = aggr_expr.iter().map(|expression| wide_sum(expression, input.schema())).collect();
    if wide.iter().all(Option::is_none) {
        return Ok(Transformed::no(plan));
    }
    let wide = wide.into_iter().zip(aggr_expr).map(|(wide, as_it_is)| wide.unwrap_or_else(|| as_it_is.clone()));
    let aggregate = Aggregate::try_new(input.clone(), group_expr.clone(), wide.collect())?;
    let columns = schema.iter().zip(aggregate.schema.fields()).map(|((qualifier, field), found)| {
        let column = Expr::Column(Column::new(qualifier.cloned(), field.name()));
        match field.data_type() == found.data_type() {
            true => column,
            false => Expr::Cast(Cast::new(Box::new(column), field.data_type().clone())).alias(field.name()),
        }
    });
    let columns = columns.collect();
    Projection::try_new(columns, Arc::new(LogicalPlan::Aggregate(aggregate)))
        .map(|projection| Transformed::yes(LogicalPlan::Projection(projection)))
}

/// A sum of whole numbers as one of decimals, under the same name.
fn wide_sum(expression: &Expr, schema: &DFSchema) -> Option<Expr> {
    let Expr::AggregateFunction(AggregateFunction { func, params }) = expression.clone().unalias() else { return None };
    let [of] = params.args.as_slice() else { return None };
    if func.name() != "sum" || !of.get_type(schema).is_ok_and(|ty| ty.is_integer()) {
        return None;
    }
    let mut params = params.clone();
    params.args = vec![Expr::Cast(Cast::new(Box::new(of.clone()), WIDE))];
    let (_, name) = expression.qualified_name();
    Some(Expr::AggregateFunction(AggregateFunction { func, params }).alias(name))
}
