//! Dates and times by a strftime format.

use chrono::format::{Fixed, Item, Numeric, Pad, Parsed, StrftimeItems, parse_and_remainder};
use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Timelike, Utc, Weekday};
use chrono_tz::Tz;

use super::ParseError;
use super::notation::local_instant;
use super::parse::parse_timestamptz;

/// Digits of a fraction of a second that are kept.
const MICROSECOND_DIGITS: usize = 6;

/// `%+`: the standard notation of an instant.
const RFC_3339: Item<'static> = Item::Fixed(Fixed::RFC3339);

/// A strftime format, ready to read texts.
///
/// Stricter than the library that names its parts: a number has as many digits as the format writes (`%d` two, `%Y` four; `%-d` and
/// its kin one or two), a blank is that blank, and no digit is passed over. `%f` and `%.f` are the digits of a fraction of
/// a second, of which six are kept and further ones must be zeros.
#[derive(Debug, Clone)]
pub struct TimeFormat<'a> {
    items: Vec<Item<'a>>,
}

/// Why a format cannot be used to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FormatError {
    /// Not a strftime format at all.
    #[error("is no strftime format")]
    NotStrftime,
    /// One that says how to write and not how to read.
    #[error("has a part that can be written and not be read")]
    NotReadable,
}

impl<'a> TimeFormat<'a> {
    /// Reads the format itself.
    ///
    /// # Errors
    /// Where it is none, or has a part that cannot be read without guessing: a zone's name (`%Z`), a century (`%C`), a fraction
    /// without its point (`%3f`); or `%s` or, among other parts, `%+`, which are notations of their own.
    pub fn new(format: &'a str) -> Result<Self, FormatError> {
        let items = StrftimeItems::new(format).parse().map_err(|_| FormatError::NotStrftime)?;
        let is_whole = items == [RFC_3339];
        if is_whole || items.iter().all(is_readable) { Ok(Self { items }) } else { Err(FormatError::NotReadable) }
    }

    /// A day. A time of day in the text must be midnight: a date holds no other.
    pub fn date(&self, text: &[u8]) -> Result<NaiveDate, ParseError> {
        let parsed = self.parse(text)?;
        let date = date(&parsed)?;
        if parsed.hour_mod_12().is_some() && time(&parsed)? != NaiveTime::MIN {
            return Err(ParseError::UnexpectedTime);
        }
        Ok(date)
    }

    /// Date and time of day without a zone; midnight where the format has no time of day.
    pub fn timestamp(&self, text: &[u8]) -> Result<NaiveDateTime, ParseError> {
        let parsed = self.parse(text)?;
        if parsed.offset().is_some() {
            return Err(ParseError::UnexpectedZone);
        }
        date_and_time(&parsed)
    }

    /// An instant. A text that names no offset is a time of `zone`.
    pub fn instant(&self, text: &[u8], zone: Option<Tz>) -> Result<DateTime<Utc>, ParseError> {
        if self.items == [RFC_3339] {
            return parse_timestamptz(text);
        }
        let parsed = self.parse(text)?;
        let local = date_and_time(&parsed)?;
        match (parsed.offset(), zone) {
            (Some(offset), _) => {
                let utc = local.checked_sub_signed(TimeDelta::seconds(offset.into()));
                utc.map(|utc| utc.and_utc()).ok_or(ParseError::OutOfRange)
            }
            (None, Some(zone)) => local_instant(local, zone),
            (None, None) => Err(ParseError::NoZone),
        }
    }

    fn parse(&self, text: &[u8]) -> Result<Parsed, ParseError> {
        let mut rest = str::from_utf8(text).map_err(|_| ParseError::NotOfFormat)?;
        let mut parsed = Parsed::new();
        for item in &self.items {
            rest = read_item(item, rest, &mut parsed)?;
        }
        if rest.is_empty() { Ok(parsed) } else { Err(ParseError::NotOfFormat) }
    }
}

fn is_readable(item: &Item<'_>) -> bool {
    match item {
        Item::Literal(_) | Item::Space(_) | Item::OwnedLiteral(_) | Item::OwnedSpace(_) => true,
        Item::Numeric(number, _) => digits(number).is_some() || *number == Numeric::Nanosecond,
        Item::Fixed(fixed) => matches!(
            fixed,
            Fixed::ShortMonthName
                | Fixed::LongMonthName
                | Fixed::ShortWeekdayName
                | Fixed::LongWeekdayName
                | Fixed::LowerAmPm
                | Fixed::UpperAmPm
                | Fixed::Nanosecond
                | Fixed::Nanosecond3
                | Fixed::Nanosecond6
                | Fixed::Nanosecond9
                | Fixed::TimezoneOffset
                | Fixed::TimezoneOffsetColon
                | Fixed::TimezoneOffsetColonZ
                | Fixed::TimezoneOffsetZ
        ),
        Item::Error => false,
    }
}

/// How many digits a number has.
fn digits(number: &Numeric) -> Option<usize> {
    match number {
        Numeric::Year | Numeric::IsoYear => Some(4),
        Numeric::Ordinal => Some(3),
        Numeric::WeekdayFromMon | Numeric::NumDaysFromSun => Some(1),
        Numeric::YearMod100
        | Numeric::IsoYearMod100
        | Numeric::IsoWeek
        | Numeric::WeekFromMon
        | Numeric::WeekFromSun
        | Numeric::Month
        | Numeric::Day
        | Numeric::Hour
        | Numeric::Hour12
        | Numeric::Minute
        | Numeric::Second => Some(2),
        _ => None,
    }
}

/// Reads what the item stands for at the start of `text`, and returns what follows.
fn read_item<'t>(item: &Item<'_>, text: &'t str, parsed: &mut Parsed) -> Result<&'t str, ParseError> {
    let no = ParseError::NotOfFormat;
    match item {
        Item::Literal(expected) | Item::Space(expected) => text.strip_prefix(expected).ok_or(no),
        Item::OwnedLiteral(expected) | Item::OwnedSpace(expected) => text.strip_prefix(&**expected).ok_or(no),
        Item::Numeric(Numeric::Nanosecond, _) => read_fraction(text, parsed),
        Item::Numeric(number, pad) => read_number(number, *pad, text, parsed),
        Item::Fixed(Fixed::Nanosecond) if !text.starts_with('.') => Ok(text),
        Item::Fixed(fixed @ (Fixed::Nanosecond | Fixed::Nanosecond3 | Fixed::Nanosecond6 | Fixed::Nanosecond9)) => {
            let fraction = text.strip_prefix('.').ok_or(no)?;
            let rest = read_fraction(fraction, parsed)?;
            let found = fraction.len() - rest.len();
            let is_right = match fixed {
                Fixed::Nanosecond3 => found == 3,
                Fixed::Nanosecond6 => found == 6,
                Fixed::Nanosecond9 => found == 9,
                _ => true,
            };
            if is_right { Ok(rest) } else { Err(no) }
        }
        // The offset's own parser passes over blanks.
        Item::Fixed(
            Fixed::TimezoneOffset | Fixed::TimezoneOffsetColon | Fixed::TimezoneOffsetColonZ | Fixed::TimezoneOffsetZ,
        ) if text.starts_with(char::is_whitespace) => Err(no),
        Item::Fixed(_) => parse_and_remainder(parsed, text, [item].into_iter()).map_err(|_| no),
        Item::Error => Err(no),
    }
}

fn read_number<'t>(number: &Numeric, pad: Pad, text: &'t str, parsed: &mut Parsed) -> Result<&'t str, ParseError> {
    let most = digits(number).ok_or(ParseError::NotOfFormat)?;
    let blanks = if pad == Pad::Space { text.len() - text.trim_start_matches(' ').len() } else { 0 };
    let found = text.bytes().skip(blanks).take(most.saturating_sub(blanks)).take_while(u8::is_ascii_digit).count();
    let is_whole = if pad == Pad::None { found > 0 } else { found > 0 && blanks + found == most };
    if !is_whole {
        return Err(ParseError::NotOfFormat);
    }
    let (read, rest) = text.split_at(blanks + found);
    let value = read.trim_start().parse().map_err(|_| ParseError::NotOfFormat)?;
    let set = match number {
        Numeric::Year => parsed.set_year(value),
        Numeric::YearMod100 => parsed.set_year_mod_100(value),
        Numeric::Month => parsed.set_month(value),
        Numeric::Day => parsed.set_day(value),
        Numeric::Ordinal => parsed.set_ordinal(value),
        Numeric::IsoYear => parsed.set_isoyear(value),
        Numeric::IsoYearMod100 => parsed.set_isoyear_mod_100(value),
        Numeric::IsoWeek => parsed.set_isoweek(value),
        Numeric::WeekFromMon => parsed.set_week_from_mon(value),
        Numeric::WeekFromSun => parsed.set_week_from_sun(value),
        Numeric::WeekdayFromMon => parsed.set_weekday(weekday(value)?),
        Numeric::NumDaysFromSun if value == 0 => parsed.set_weekday(Weekday::Sun),
        Numeric::NumDaysFromSun if value < 7 => parsed.set_weekday(weekday(value)?),
        Numeric::NumDaysFromSun => return Err(ParseError::NoSuchDay),
        Numeric::Hour => parsed.set_hour(value),
        Numeric::Hour12 => parsed.set_hour12(value),
        Numeric::Minute => parsed.set_minute(value),
        // The second 60 is a leap second, which no system here keeps.
        Numeric::Second if value < 60 => parsed.set_second(value),
        _ => return Err(ParseError::NoSuchTime),
    };
    set.map_err(|_| match number {
        Numeric::Hour | Numeric::Hour12 | Numeric::Minute => ParseError::NoSuchTime,
        _ => ParseError::NoSuchDay,
    })?;
    Ok(rest)
}

/// The day of the week that is `number`, from 1 for Monday.
fn weekday(number: i64) -> Result<Weekday, ParseError> {
    u8::try_from(number - 1).ok().and_then(|number| Weekday::try_from(number).ok()).ok_or(ParseError::NoSuchDay)
}

/// The digits of a fraction of a second.
fn read_fraction<'t>(text: &'t str, parsed: &mut Parsed) -> Result<&'t str, ParseError> {
    let length = text.bytes().take_while(u8::is_ascii_digit).count();
    let (fraction, rest) = text.split_at(length);
    let (kept, cut) = fraction.split_at(length.min(MICROSECOND_DIGITS));
    if kept.is_empty() {
        return Err(ParseError::NotOfFormat);
    }
    if cut.bytes().any(|digit| digit != b'0') {
        return Err(ParseError::TooPrecise);
    }
    let nanos =
        kept.bytes().chain(std::iter::repeat(b'0')).take(9).fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0'));
    parsed.set_nanosecond(nanos).map_err(|_| ParseError::NoSuchTime)?;
    Ok(rest)
}

fn date_and_time(parsed: &Parsed) -> Result<NaiveDateTime, ParseError> {
    let time = if parsed.hour_mod_12().is_some() { time(parsed)? } else { NaiveTime::MIN };
    Ok(date(parsed)?.and_time(time))
}

fn date(parsed: &Parsed) -> Result<NaiveDate, ParseError> {
    parsed.to_naive_date().map_err(|_| ParseError::NoSuchDay)
}

/// A format with hours and no minutes means the full hour.
fn time(parsed: &Parsed) -> Result<NaiveTime, ParseError> {
    let mut parsed = parsed.clone();
    if parsed.minute().is_none() {
        parsed.set_minute(0).map_err(|_| ParseError::NoSuchTime)?;
    }
    let time = parsed.to_naive_time().map_err(|_| ParseError::NoSuchTime)?;
    if time.nanosecond() % 1000 == 0 { Ok(time) } else { Err(ParseError::TooPrecise) }
}
