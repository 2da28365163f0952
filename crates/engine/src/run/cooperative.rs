//! Plans that let go of their thread now and then, so that a job can be cancelled whatever its query does.

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::error::DataFusionError;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::physical_plan::coop::CooperativeExec;
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use datafusion::prelude::DataFrame;

/// Starts a query. DataFusion's own scans let go of the thread after some batches; a join makes many rows of few, and an
/// aggregate above it would never look up. So every node with several inputs lets go as scans do.
pub(super) async fn execute_cooperatively(rows: DataFrame) -> Result<SendableRecordBatchStream, DataFusionError> {
    let context = Arc::new(rows.task_ctx());
    let plan = rows.create_physical_plan().await?;
    let plan = plan.transform_up(|node: Arc<dyn ExecutionPlan>| {
        if node.children().len() < 2 {
            return Ok(Transformed::no(node));
        }
        Ok(Transformed::yes(Arc::new(CooperativeExec::new(node)) as Arc<dyn ExecutionPlan>))
    })?;
    execute_stream(plan.data, context)
}
