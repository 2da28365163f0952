//! Rules on whole columns.

use std::borrow::Cow;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BooleanArray, Float32Array, Float64Array, Scalar, StringArray, cast::AsArray};
use arrow::compute::kernels::{cmp, numeric};
use arrow::compute::or;
use arrow::datatypes::DataType;
use etlplus_core::Failure;

use super::plan::RulePlan;
use super::{BrokenCells, ColumnPlan, Reference};
use crate::failure::arrow_failure;

/// The most characters of a rule that each row shows that broke it: a list of values, a pattern or an expression may be long.
const SHOWN_MAX_CHARS: usize = 200;

/// Tells `broken` of every value in `array` that breaks a rule of its column.
pub(crate) fn check_rules(
    index: usize,
    column: &ColumnPlan,
    array: &ArrayRef,
    broken: &mut BrokenCells,
) -> Result<(), Failure> {
    let array = &comparable(array)?;
    for rule in &column.rules {
        match rule {
            RulePlan::Required => check_required(index, array, broken),
            RulePlan::Min { bound, exclusive, text } => {
                let keeps = if *exclusive { cmp::gt(array, bound) } else { cmp::gt_eq(array, bound) };
                let message = format!("must be {} {text}", if *exclusive { "greater than" } else { "at least" });
                tell(index, &keeps.map_err(arrow_failure)?, "min", &message, broken);
            }
            RulePlan::Max { bound, exclusive, text } => {
                let keeps = if *exclusive { cmp::lt(array, bound) } else { cmp::lt_eq(array, bound) };
                let message = format!("must be {} {text}", if *exclusive { "less than" } else { "at most" });
                tell(index, &keeps.map_err(arrow_failure)?, "max", &message, broken);
            }
            RulePlan::Length { min, max } => {
                let fits = |text: &str| {
                    let length = text.chars().count() as u64;
                    min.is_none_or(|min| length >= min) && max.is_none_or(|max| length <= max)
                };
                tell(index, &texts(array.as_string::<i32>(), fits), "length", &length_message(*min, *max), broken);
            }
            RulePlan::Pattern(regex) => {
                let keeps = texts(array.as_string::<i32>(), |text| regex.is_match(text));
                tell(index, &keeps, "pattern", &format!("must match {}", shortened(regex.as_str())), broken);
            }
            RulePlan::OneOfTexts { texts: allowed, text } => {
                let keeps = texts(array.as_string::<i32>(), |text| allowed.contains(text));
                tell(index, &keeps, "one_of", &format!("must be one of {}", shortened(text)), broken);
            }
            RulePlan::OneOfValues { values, text } => {
                let keeps = equals_any(array, values)?;
                tell(index, &keeps, "one_of", &format!("must be one of {}", shortened(text)), broken);
            }
            RulePlan::References { reference, keys } => {
                let Reference { lookup, key, .. } = reference;
                let keys = keys.as_ref().ok_or_else(|| Failure::bug(format!("nobody read the keys {lookup}.{key}")))?;
                let message = format!("must be a value of {lookup}.{key}");
                tell(index, &keys.contain(array)?, "references", &message, broken);
            }
        }
    }
    Ok(())
}

/// Floats without the sign of zero: Arrow orders -0 before 0, where arithmetic has them equal.
fn comparable(array: &ArrayRef) -> Result<ArrayRef, Failure> {
    let zero: ArrayRef = match array.data_type() {
        DataType::Float32 => Arc::new(Float32Array::from(vec![0.0])),
        DataType::Float64 => Arc::new(Float64Array::from(vec![0.0])),
        _ => return Ok(array.clone()),
    };
    numeric::add(array, &Scalar::new(zero)).map_err(arrow_failure)
}

/// A cell that did not parse is null too, and has been told already.
fn check_required(index: usize, array: &ArrayRef, broken: &mut BrokenCells) {
    if array.null_count() == 0 {
        return;
    }
    let mut unparsed = vec![false; array.len()];
    for cell in broken.cells.iter().filter(|cell| cell.column == index) {
        unparsed[cell.row as usize] = true;
    }
    for row in (0..array.len()).filter(|row| array.is_null(*row) && !unparsed[*row]) {
        broken.push(row, index, "required", "must have a value".to_owned());
    }
}

/// Tells of every row whose answer is "no"; where there is no value, there is no answer.
fn tell(index: usize, keeps: &BooleanArray, rule: &'static str, message: &str, broken: &mut BrokenCells) {
    if keeps.false_count() == 0 {
        return;
    }
    for row in (0..keeps.len()).filter(|row| keeps.is_valid(*row) && !keeps.value(*row)) {
        broken.push(row, index, rule, message.to_owned());
    }
}

/// The start of a text that is long.
pub(super) fn shortened(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(SHOWN_MAX_CHARS) {
        Some((cut, _)) => Cow::Owned(format!("{}…", &text[..cut])),
        None => Cow::Borrowed(text),
    }
}

fn texts(array: &StringArray, keeps: impl Fn(&str) -> bool) -> BooleanArray {
    array.iter().map(|text| text.map(&keeps)).collect()
}

fn equals_any(array: &ArrayRef, values: &[Scalar<ArrayRef>]) -> Result<BooleanArray, Failure> {
    let mut any: Option<BooleanArray> = None;
    for value in values {
        let equal = cmp::eq(array, value).map_err(arrow_failure)?;
        any = Some(match any {
            Some(any) => or(&any, &equal).map_err(arrow_failure)?,
            None => equal,
        });
    }
    Ok(any.unwrap_or_else(|| BooleanArray::new_null(array.len())))
}

fn length_message(min: Option<u64>, max: Option<u64>) -> String {
    match (min, max) {
        (Some(min), Some(max)) if min == max => format!("must have {min} characters"),
        (Some(min), Some(max)) => format!("must have {min} to {max} characters"),
        (Some(min), None) => format!("must have at least {min} characters"),
        (None, Some(max)) => format!("must have at most {max} characters"),
        (None, None) => "must have a length".to_owned(),
    }
}
