//! Whether a query makes each of its rows from one row of the input.

use datafusion::common::JoinType;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::logical_expr::LogicalPlan;

use crate::sql::scans_of_input;

/// What in `query`, an optimized plan, makes rows from several rows of the input, or from the lack of one; `None` where each
/// row comes from one. Only then the rows of some input more can be added to those of the input before.
pub(crate) fn combining_step(query: &LogicalPlan) -> Option<&'static str> {
    let mut found = None;
    let walked = query.apply_with_subqueries(|node| {
        found = found.or_else(|| combines(node));
        Ok(if found.is_some() { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    });
    // The closure above never fails.
    debug_assert!(walked.is_ok());
    found
}

fn combines(node: &LogicalPlan) -> Option<&'static str> {
    let reads_input = |plan: &LogicalPlan| scans_of_input(plan) > 0;
    match node {
        LogicalPlan::Aggregate(_) if reads_input(node) => Some("GROUP BY"),
        LogicalPlan::Distinct(_) if reads_input(node) => Some("DISTINCT"),
        LogicalPlan::Window(_) if reads_input(node) => Some("a window function"),
        LogicalPlan::Limit(_) if reads_input(node) => Some("LIMIT"),
        LogicalPlan::RecursiveQuery(_) if reads_input(node) => Some("a recursive query"),
        LogicalPlan::Subquery(_) if reads_input(node) => Some("a subquery over input"),
        LogicalPlan::Join(join) => {
            use JoinType::{Full, Left, LeftAnti, LeftMark, LeftSemi, Right, RightAnti, RightMark, RightSemi};
            let keeps_lookup = |join_type: JoinType, lookup_is_left: bool| match lookup_is_left {
                true => matches!(join_type, Left | Full | LeftAnti | LeftSemi | LeftMark),
                false => matches!(join_type, Right | Full | RightAnti | RightSemi | RightMark),
            };
            match (reads_input(&join.left), reads_input(&join.right)) {
                (true, true) => Some("a join of input with itself"),
                (true, false) if keeps_lookup(join.join_type, false) => Some("a join that keeps a lookup's rows"),
                (false, true) if keeps_lookup(join.join_type, true) => Some("a join that keeps a lookup's rows"),
                _ => None,
            }
        }
        _ => None,
    }
}
