//! Numbers as `numeric_send` and `numeric_recv` of PostgreSQL write them: groups of four decimal digits.
//!
//! The layout is that of src/backend/utils/adt/numeric.c: the count of groups, the power of 10,000 that the first one stands
//! for, the sign, the digits after the point that are shown, then the groups; 16 bits each, big-endian.

use std::fmt::Write;

const POSITIVE: u16 = 0x0000;
const NEGATIVE: u16 = 0x4000;
const NOT_A_NUMBER: u16 = 0xC000;
const INFINITY: u16 = 0xD000;
const NEGATIVE_INFINITY: u16 = 0xF000;

/// Digits of one group.
const GROUP_DIGITS: usize = 4;
const GROUP: u64 = 10_000;
/// The most groups of a number of 38 digits: two of them may be begun.
const GROUPS_MAX: usize = 11;

/// Writes `unscaled` / 10^`scale` as a value with its length before it.
pub(super) fn put(out: &mut Vec<u8>, unscaled: i128, scale: usize) {
    let mut groups = [0_u16; GROUPS_MAX];
    let count = match u64::try_from(unscaled.unsigned_abs()) {
        Ok(number) if scale <= 16 => small_groups(number, scale, &mut groups),
        _ => large_groups(unscaled.unsigned_abs(), scale, &mut groups),
    };
    // Groups stand right-aligned; the last one begins at so many groups after the point.
    let after_point = scale.div_ceil(GROUP_DIGITS);
    let (mut first, mut last) = (GROUPS_MAX - count, GROUPS_MAX);
    while first < last && groups[first] == 0 {
        first += 1;
    }
    let weight = (GROUPS_MAX - first) as i16 - after_point as i16 - 1;
    while first < last && groups[last - 1] == 0 {
        last -= 1;
    }
    let weight = if first == last { 0 } else { weight };
    let sign = if unscaled < 0 { NEGATIVE } else { POSITIVE };
    let count = last - first;
    out.extend_from_slice(&((8 + 2 * count) as i32).to_be_bytes());
    out.extend_from_slice(&(count as i16).to_be_bytes());
    out.extend_from_slice(&weight.to_be_bytes());
    out.extend_from_slice(&sign.to_be_bytes());
    out.extend_from_slice(&(scale as u16).to_be_bytes());
    for group in &groups[first..last] {
        out.extend_from_slice(&group.to_be_bytes());
    }
}

/// Fills groups from the right; how many.
fn small_groups(number: u64, scale: usize, groups: &mut [u16; GROUPS_MAX]) -> usize {
    let mut at = GROUPS_MAX;
    let mut push = |group: u64| {
        at -= 1;
        groups[at] = group as u16;
    };
    let unit = 10_u64.pow(scale as u32);
    let (mut whole, mut fraction) = (number / unit, number % unit);
    let fraction_groups = scale.div_ceil(GROUP_DIGITS);
    // At most 16 digits: a group that is begun is filled up.
    fraction *= 10_u64.pow((fraction_groups * GROUP_DIGITS - scale) as u32);
    for _ in 0..fraction_groups {
        push(fraction % GROUP);
        fraction /= GROUP;
    }
    while whole > 0 {
        push(whole % GROUP);
        whole /= GROUP;
    }
    GROUPS_MAX - at
}

/// The same for numbers of any size, digit by digit.
fn large_groups(mut number: u128, scale: usize, groups: &mut [u16; GROUPS_MAX]) -> usize {
    // The place of a digit, counted from the right end of the last group.
    let mut place = scale.div_ceil(GROUP_DIGITS) * GROUP_DIGITS - scale;
    while number > 0 {
        let digit = (number % 10) as u16;
        number /= 10;
        groups[GROUPS_MAX - 1 - place / GROUP_DIGITS] += digit * 10_u16.pow((place % GROUP_DIGITS) as u32);
        place += 1;
    }
    place.div_ceil(GROUP_DIGITS).max(scale.div_ceil(GROUP_DIGITS))
}

/// A number as it came.
#[derive(Debug, Clone, Copy)]
pub(super) struct Numeric<'a> {
    weight: i16,
    sign: u16,
    shown: u16,
    groups: &'a [u8],
}

impl<'a> Numeric<'a> {
    /// Reads a value; `None` where it is none.
    pub(super) fn read(value: &'a [u8]) -> Option<Self> {
        let (head, groups) = value.split_at_checked(8)?;
        let word = |at: usize| u16::from_be_bytes([head[at], head[at + 1]]);
        let numeric = Self { weight: word(2) as i16, sign: word(4), shown: word(6), groups };
        let is_whole =
            groups.len() == usize::from(word(0)) * 2 && numeric.groups().all(|group| u64::from(group) < GROUP);
        let is_sign = matches!(numeric.sign, POSITIVE | NEGATIVE | NOT_A_NUMBER | INFINITY | NEGATIVE_INFINITY);
        (is_whole && is_sign).then_some(numeric)
    }

    fn groups(&self) -> impl ExactSizeIterator<Item = u16> + use<'a> {
        self.groups.chunks_exact(2).map(|group| u16::from_be_bytes([group[0], group[1]]))
    }

    /// The number times 10^`scale`; `None` where that is no whole number of an `i128`.
    pub(super) fn unscaled(&self, scale: usize) -> Option<i128> {
        if !matches!(self.sign, POSITIVE | NEGATIVE) {
            return None;
        }
        let mut sum = 0_i128;
        let mut power = i32::from(self.weight) * GROUP_DIGITS as i32 + scale as i32;
        let mut last = 0;
        for group in self.groups() {
            // The digits of this group that lie before the end of the number.
            let kept = (power + GROUP_DIGITS as i32).clamp(0, GROUP_DIGITS as i32) as u32;
            let cut = 10_u16.pow(GROUP_DIGITS as u32 - kept);
            if group % cut != 0 {
                return None;
            }
            sum = sum.checked_mul(10_i128.pow(kept))?.checked_add(i128::from(group / cut))?;
            last = power;
            power -= GROUP_DIGITS as i32;
        }
        if last > 0 && sum != 0 {
            sum = sum.checked_mul(10_i128.checked_pow(last as u32)?)?;
        }
        Some(if self.sign == NEGATIVE { -sum } else { sum })
    }

    /// As the server would write it.
    pub(super) fn text(&self) -> String {
        match self.sign {
            NOT_A_NUMBER => return "NaN".to_owned(),
            INFINITY => return "Infinity".to_owned(),
            NEGATIVE_INFINITY => return "-Infinity".to_owned(),
            _ => {}
        }
        let mut text = if self.sign == NEGATIVE { "-".to_owned() } else { String::new() };
        let groups: Vec<_> = self.groups().collect();
        let group = |power: i32| {
            let index = i32::from(self.weight) - power;
            usize::try_from(index).ok().and_then(|index| groups.get(index)).copied().unwrap_or(0)
        };
        // Writing to a string cannot fail.
        let _ = write!(text, "{}", group(i32::from(self.weight.max(0))));
        for power in (0..i32::from(self.weight)).rev() {
            let _ = write!(text, "{:04}", group(power));
        }
        if self.shown > 0 {
            text.push('.');
            let end = text.len() + usize::from(self.shown);
            let mut power = -1;
            while text.len() < end {
                let _ = write!(text, "{:04}", group(power));
                power -= 1;
            }
            text.truncate(end);
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read_back(unscaled: i128, scale: usize) -> (i128, String) {
        let mut bytes = Vec::new();
        put(&mut bytes, unscaled, scale);
        assert_eq!(bytes.len(), 4 + i32::from_be_bytes(bytes[..4].try_into().unwrap()) as usize);
        let numeric = Numeric::read(&bytes[4..]).unwrap();
        (numeric.unscaled(scale).unwrap(), numeric.text())
    }

    #[test]
    fn numbers_are_written_as_the_server_writes_them() {
        // SELECT numeric_send(x) of PostgreSQL 15.
        for (unscaled, scale, sent) in [
            (0, 0, "0000000000000000"),
            (0, 2, "0000000000000002"),
            (1, 0, "00010000000000000001"),
            (-1, 2, "0001ffff400000020064"),
            (12_345, 0, "000200010000000000010929"),
            (10_000, 0, "00010001000000000001"),
            (123_456_789, 4, "0003000100000004000109291a85"),
            (5, 5, "0001fffe000000051388"),
        ] {
            let mut bytes = Vec::new();
            put(&mut bytes, unscaled, scale);
            let hex: String = bytes[4..].iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(hex, sent, "{unscaled} / 10^{scale}");
        }
    }

    #[test]
    fn the_largest_numbers_come_back() {
        let most = 10_i128.pow(38) - 1;
        for scale in 0..=38 {
            for number in [most, -most, 1, -1, 0, 10_i128.pow(37)] {
                assert_eq!(read_back(number, scale).0, number, "{number} / 10^{scale}");
            }
        }
        assert_eq!(read_back(most, 38).1, format!("0.{}", "9".repeat(38)));
        assert_eq!(read_back(-1, 3).1, "-0.001");
    }

    #[test]
    fn what_does_not_fit_is_none() {
        let mut bytes = Vec::new();
        put(&mut bytes, 1_234_567, 3);
        let numeric = Numeric::read(&bytes[4..]).unwrap();
        assert_eq!(numeric.unscaled(2), None);
        assert_eq!(numeric.unscaled(4), Some(12_345_670));
        for broken in [&bytes[4..10], &bytes[4..bytes.len() - 1], &[0xff; 12][..]] {
            assert!(Numeric::read(broken).is_none());
        }
        let nan = [0, 0, 0, 0, 0xC0, 0, 0, 0];
        assert_eq!(Numeric::read(&nan).unwrap().unscaled(0), None);
        assert_eq!(Numeric::read(&nan).unwrap().text(), "NaN");
    }

    proptest! {
        #[test]
        fn each_number_comes_back(number in any::<i128>(), digits in 0_u32..=38, scale in 0_usize..=38) {
            let number = number % 10_i128.pow(digits);
            prop_assert_eq!(read_back(number, scale).0, number);
        }
    }
}
