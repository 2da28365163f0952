//! The rule `references`: the values of a lookup's column, read before the first row of the input.

use arrow::datatypes::DataType;
use datafusion::common::Column;
use datafusion::logical_expr::Expr;
use datafusion::prelude::{DataFrame, SessionContext};
use etlplus_connectors::{CheckPlan, Memory, Reference, ReferenceKeys, is_comparable};
use etlplus_core::mistake::nearest;
use etlplus_core::pipeline::JobSpec;
use etlplus_core::{Failure, Mistake, Position};
use futures::StreamExt;

use crate::failure::query_failure;

/// Every reference of `job` to a column that its lookup does not have, or that can never have an equal value. `context` has
/// the lookups.
pub(crate) async fn reference_mistakes(context: &SessionContext, job: &JobSpec) -> Vec<Mistake> {
    let plan = CheckPlan::new(&job.pipeline().source.columns, job);
    let mut mistakes = Vec::new();
    for reference in plan.references() {
        let Ok(lookup) = context.table(reference.lookup.as_str()).await else { continue };
        if let Some((message, remedy)) = misfit(reference, &lookup) {
            let column = job.pipeline().source.columns.iter().find(|column| column.name == reference.column);
            let position = column.map_or(Position::START, |column| column.position);
            mistakes.push(Mistake { position, key: format!("schema.{}", reference.column), message, remedy });
        }
    }
    mistakes
}

/// What is wrong with a reference, and what to do.
fn misfit(reference: &Reference, lookup: &DataFrame) -> Option<(String, String)> {
    let Reference { column, ty, lookup: name, key } = reference;
    let fields = lookup.schema().fields();
    let Some(field) = fields.iter().find(|field| field.name() == key) else {
        let remedy = match nearest(key, fields.iter().map(|field| field.name().as_str())) {
            Some(near) => format!("did you mean {near:?}?"),
            None => format!("it has {}", fields.iter().map(|f| f.name().as_str()).collect::<Vec<_>>().join(", ")),
        };
        return Some((format!("lookup {name} has no column {key:?}"), remedy));
    };
    let of: &DataType = field.data_type();
    (!is_comparable(*ty, of)).then(|| {
        let message = format!("{column} is {ty} and {name}.{key} is {of}: the two are never equal");
        (message, "declare both with the same type, or convert in the lookup's SQL".to_owned())
    })
}

/// Reads the keys of every rule `references` in `plan`. `context` has the lookups; the keys take their memory from `memory`.
pub(crate) async fn load_references(
    context: &SessionContext,
    plan: &mut CheckPlan,
    memory: &dyn Memory,
) -> Result<(), Failure> {
    let references: Vec<_> = plan.references().cloned().collect();
    for reference in references {
        let lookup = context.table(reference.lookup.as_str()).await.map_err(query_failure)?;
        if let Some((message, remedy)) = misfit(&reference, &lookup) {
            return Err(Failure::user("pipeline_invalid", message, remedy));
        }
        let column = Expr::Column(Column::new_unqualified(reference.key.clone()));
        let mut batches =
            lookup.select([column]).map_err(query_failure)?.execute_stream().await.map_err(query_failure)?;
        let mut keys = ReferenceKeys::new(reference, memory);
        while let Some(batch) = batches.next().await {
            keys.add(batch.map_err(query_failure)?.column(0))?;
        }
        plan.refer(keys);
    }
    Ok(())
}
