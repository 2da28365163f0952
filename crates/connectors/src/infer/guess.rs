//! The narrowest type that all the texts of a column fit.

use std::collections::HashSet;

use etlplus_core::Type;
use etlplus_core::value::{
    DECIMAL_MAX_PRECISION, parse_date, parse_float64, parse_integer, parse_timestamp, parse_timestamptz,
};

use super::InferredColumn;

/// Decimals are declared with room to spare: the sample need not hold the largest.
const DECIMAL_PRECISION: usize = 18;
/// The most distinct values that are remembered to tell a key.
const DISTINCT_MAX: usize = 100_000;

/// What is known of a column so far.
#[derive(Debug, Default)]
pub(super) struct Guess {
    values: u64,
    nulls: u64,
    kinds: Option<Kinds>,
    whole_digits: usize,
    fraction_digits: usize,
    seen: HashSet<String>,
    is_repeated: bool,
}

/// Which types every value so far fits.
#[derive(Debug, Clone, Copy)]
struct Kinds {
    boolean: bool,
    integer: bool,
    decimal: bool,
    float: bool,
    date: bool,
    timestamp: bool,
    timestamptz: bool,
}

impl Guess {
    pub(super) fn null(&mut self) {
        self.nulls += 1;
    }

    /// Looks at a value.
    pub(super) fn value(&mut self, text: &str) {
        self.values += 1;
        let bytes = text.as_bytes();
        let number = Number::of(text);
        let found = Kinds {
            boolean: text.eq_ignore_ascii_case("true") || text.eq_ignore_ascii_case("false"),
            integer: number.is_some_and(|number| number.fraction == 0 && !number.has_point)
                && parse_integer(bytes, i64::MIN, i64::MAX).is_ok(),
            decimal: number.is_some(),
            float: parse_float64(bytes).is_ok() && !has_leading_zero(text),
            date: parse_date(bytes).is_ok(),
            timestamp: parse_timestamp(bytes).is_ok(),
            timestamptz: parse_timestamptz(bytes).is_ok(),
        };
        self.kinds = Some(self.kinds.map_or(found, |kinds| kinds.and(found)));
        if let Some(number) = number {
            self.whole_digits = self.whole_digits.max(number.whole);
            self.fraction_digits = self.fraction_digits.max(number.fraction);
        }
        self.is_repeated |= self.seen.len() >= DISTINCT_MAX || !self.seen.insert(text.to_owned());
    }

    /// A value that is a text by its format, whatever it looks like; it may still be a date or a time.
    pub(super) fn text(&mut self, text: &str) {
        self.value(text);
        if let Some(kinds) = &mut self.kinds {
            (kinds.boolean, kinds.integer, kinds.decimal, kinds.float) = (false, false, false, false);
        }
    }

    /// The guess, for a column of this name among `rows` rows.
    pub(super) fn column(&self, name: String, rows: u64) -> InferredColumn {
        let is_nullable = self.values < rows;
        InferredColumn { name, ty: self.ty(), is_nullable, is_distinct: !is_nullable && !self.is_repeated && rows > 1 }
    }

    fn ty(&self) -> Type {
        let Some(kinds) = self.kinds else { return Type::String };
        match kinds {
            Kinds { boolean: true, .. } => Type::Boolean,
            Kinds { integer: true, .. } => Type::Int64,
            Kinds { decimal: true, .. } if self.fits_decimal() => {
                let precision = (self.whole_digits + self.fraction_digits).max(DECIMAL_PRECISION);
                Type::Decimal { precision: precision as u8, scale: self.fraction_digits as u8 }
            }
            Kinds { float: true, .. } => Type::Float64,
            Kinds { date: true, .. } => Type::Date,
            Kinds { timestamp: true, .. } => Type::Timestamp,
            Kinds { timestamptz: true, .. } => Type::TimestampTz,
            _ => Type::String,
        }
    }

    fn fits_decimal(&self) -> bool {
        self.whole_digits + self.fraction_digits <= DECIMAL_MAX_PRECISION.into()
    }
}

impl Kinds {
    fn and(self, other: Self) -> Self {
        Self {
            boolean: self.boolean && other.boolean,
            integer: self.integer && other.integer,
            decimal: self.decimal && other.decimal,
            float: self.float && other.float,
            date: self.date && other.date,
            timestamp: self.timestamp && other.timestamp,
            timestamptz: self.timestamptz && other.timestamptz,
        }
    }
}

/// The digits of a plain number.
#[derive(Clone, Copy)]
struct Number {
    whole: usize,
    fraction: usize,
    has_point: bool,
}

impl Number {
    /// `None` for what is no plain number, and for digits behind a leading zero, which are a code and not a quantity.
    fn of(text: &str) -> Option<Self> {
        let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let has_point = digits.contains('.');
        let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let is_number = !whole.is_empty() && is_digits(whole) && is_digits(fraction) && !has_leading_zero(text);
        is_number.then_some(Self { whole: whole.len(), fraction: fraction.len(), has_point })
    }
}

fn has_leading_zero(text: &str) -> bool {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text).as_bytes();
    matches!(digits, [b'0', b'0'..=b'9', ..])
}
