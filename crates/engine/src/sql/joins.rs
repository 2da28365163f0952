//! Which side of a join is held in memory: never the input, where there is a choice.

use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::error::Result;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_optimizer::optimizer::PhysicalOptimizer;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::joins::{CrossJoinExec, HashJoinExec, NestedLoopJoinExec};
use datafusion::physical_plan::streaming::StreamingTableExec;

/// The query engine's own rules, and [`InputStreams`] before the one that chooses a side by what is known of the sizes.
pub(crate) fn physical_rules() -> Vec<Arc<dyn PhysicalOptimizerRule + Send + Sync>> {
    let mut rules = PhysicalOptimizer::new().rules;
    let place = rules.iter().position(|rule| rule.name() == "join_selection").unwrap_or(0);
    rules.insert(place, Arc::new(InputStreams));
    rules
}

/// Joins hold their left side in memory and let the right one pass by. How large the input is nobody knows, so the query engine
/// would leave it on the left where a query names it first, and hold all its rows. Lookups are in memory already.
#[derive(Debug)]
struct InputStreams;

impl PhysicalOptimizerRule for InputStreams {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, _: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        plan.transform_up(|node| {
            Ok(match swapped(&node)? {
                Some(swapped) => Transformed::yes(swapped),
                None => Transformed::no(node),
            })
        })
        .map(|transformed| transformed.data)
    }

    fn name(&self) -> &str {
        "input_streams"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// `node` with its sides changed over, if it is a join that would hold the input and need not.
fn swapped(node: &Arc<dyn ExecutionPlan>) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    if let [left, right] = node.children().as_slice()
        && (!streams(left)? || streams(right)?)
    {
        return Ok(None);
    }
    if let Some(join) = node.downcast_ref::<HashJoinExec>()
        && join.join_type().supports_swap()
        && !join.null_aware
    {
        return join.swap_inputs(*join.partition_mode()).map(Some);
    }
    if let Some(join) = node.downcast_ref::<NestedLoopJoinExec>()
        && join.join_type().supports_swap()
    {
        return join.swap_inputs().map(Some);
    }
    node.downcast_ref::<CrossJoinExec>().map(CrossJoinExec::swap_inputs).transpose()
}

/// Whether the input's rows pass through `plan`. Nothing else is a streaming table.
fn streams(plan: &Arc<dyn ExecutionPlan>) -> Result<bool> {
    let mut found = false;
    plan.apply(|node| {
        found |= node.is::<StreamingTableExec>();
        Ok(if found { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    })?;
    Ok(found)
}
