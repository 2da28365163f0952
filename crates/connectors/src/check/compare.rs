//! Columns that are typed already, as another type: where that loses nothing.

use arrow::array::{Array, ArrayRef, BooleanArray};
use arrow::compute::kernels::cmp::not_distinct;
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::DataType;
use etlplus_core::Failure;

use crate::failure::arrow_failure;

/// `array` as `data_type`, null where the value does not fit, and for each row whether it fits. A value fits if casting
/// it back gives the same value: a cast that rounds, cuts or overflows does not.
pub(crate) fn cast_without_loss(array: &ArrayRef, data_type: &DataType) -> Result<(ArrayRef, BooleanArray), Failure> {
    let options = CastOptions { safe: true, ..CastOptions::default() };
    let there = cast_with_options(array, data_type, &options).map_err(arrow_failure)?;
    let back = cast_with_options(&there, array.data_type(), &options).map_err(arrow_failure)?;
    let fits = not_distinct(array, &back).map_err(arrow_failure)?;
    let there = if fits.false_count() == 0 {
        there
    } else {
        let unfit = arrow::compute::not(&fits).map_err(arrow_failure)?;
        arrow::compute::nullif(&there, &unfit).map_err(arrow_failure)?
    };
    debug_assert_eq!(there.len(), array.len());
    Ok((there, fits))
}
