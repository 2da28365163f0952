//! Rules across the columns of a row: `checks`, in SQL.

use std::sync::Arc;

use arrow::array::{BooleanArray, RecordBatch, cast::AsArray};
use arrow::datatypes::Schema;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::prelude::SessionContext;
use etlplus_connectors::{CheckPlan, RowPredicate};
use etlplus_core::pipeline::{JobSpec, RowCheck};
use etlplus_core::{Failure, Mistake};

use crate::failure::query_failure;
use crate::sql::plan_condition;

/// An SQL expression, planned for the columns of the input.
#[derive(Debug)]
struct Predicate {
    check: RowCheck,
    condition: Arc<dyn PhysicalExpr>,
}

impl RowPredicate for Predicate {
    fn name(&self) -> &str {
        &self.check.name
    }

    fn sql(&self) -> &str {
        &self.check.sql.text
    }

    fn judge(&self, batch: &RecordBatch) -> Result<BooleanArray, Failure> {
        let judged = self.condition.evaluate(batch).and_then(|value| value.into_array(batch.num_rows()));
        Ok(judged.map_err(query_failure)?.as_boolean().clone())
    }
}

/// Every mistake in the checks of `job`, whose input has the columns of `schema`.
pub(crate) fn predicate_mistakes(context: &SessionContext, job: &JobSpec, schema: &Schema) -> Vec<Mistake> {
    let checks = job.pipeline().checks.iter();
    checks.filter_map(|check| plan_condition(&check.sql, job, context, schema).err()).collect()
}

/// Adds the checks of `job` to what its rows have to keep.
pub(crate) fn require_predicates(context: &SessionContext, job: &JobSpec, plan: &mut CheckPlan) -> Result<(), Mistake> {
    for check in &job.pipeline().checks {
        let condition = plan_condition(&check.sql, job, context, &plan.schema)?;
        plan.require(Arc::new(Predicate { check: check.clone(), condition }));
    }
    Ok(())
}
