//! What a case expects against what came out.

use std::collections::BTreeMap;

use etlplus_core::pipeline::{BrokenAt, Case, JsonRow};

use crate::output::case_results::Difference;

/// Where the rows differ from those that `case` expects.
pub(super) fn rows(case: &Case, got: &[JsonRow]) -> Difference {
    let mut difference = multisets(&case.rows, got);
    if case.is_ordered && difference.is_none() {
        difference.misplaced = case
            .rows
            .iter()
            .zip(got)
            .position(|(expected, got)| expected != got)
            .map(|index| (index + 1, case.rows[index].to_string(), got[index].to_string()));
    }
    difference
}

/// Where the rejects differ from those that `case` expects. Their order is that of the file, which says nothing new.
pub(super) fn rejects(case: &Case, got: &[BrokenAt]) -> Difference {
    multisets(&case.rejects, got)
}

/// What is in `expected` and not in `got`, and the other way round; each as often as it is there.
fn multisets<T: Ord + ToString>(expected: &[T], got: &[T]) -> Difference {
    let mut surplus: BTreeMap<&T, i64> = BTreeMap::new();
    for item in got {
        *surplus.entry(item).or_default() += 1;
    }
    for item in expected {
        *surplus.entry(item).or_default() -= 1;
    }
    let times = |wanted: i64| {
        let items = surplus.iter().filter(move |(_, count)| **count * wanted > 0);
        items.flat_map(|(item, count)| std::iter::repeat_n(item.to_string(), count.unsigned_abs() as usize)).collect()
    };
    Difference { missing: times(-1), unexpected: times(1), misplaced: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn case(rows: &[&str], is_ordered: bool) -> Case {
        Case {
            name: "a case".to_owned(),
            parameters: BTreeMap::new(),
            as_of: None,
            input: String::new(),
            lookups: BTreeMap::new(),
            rows: json_rows(rows),
            is_ordered,
            rejects: Vec::new(),
        }
    }

    fn json_rows(rows: &[&str]) -> Vec<JsonRow> {
        rows.iter().map(|row| JsonRow::parse(row).expect("the row is a JSON object")).collect()
    }

    const A: &str = r#"{"a": 1}"#;
    const B: &str = r#"{"a": 2}"#;

    #[test]
    fn order_counts_only_where_the_case_says_so() {
        assert!(rows(&case(&[A, B], false), &json_rows(&[B, A])).is_none());
        let ordered = rows(&case(&[A, A, B], true), &json_rows(&[A, B, A]));
        assert_eq!(ordered.misplaced, Some((2, A.to_owned(), B.to_owned())));
        assert!(!ordered.is_none());
    }

    #[test]
    fn a_row_counts_as_often_as_it_is_there() {
        let difference = rows(&case(&[A, A, A, B], false), &json_rows(&[A, B, B]));
        assert_eq!(difference.missing, [A, A]);
        assert_eq!(difference.unexpected, [B]);
    }
}
