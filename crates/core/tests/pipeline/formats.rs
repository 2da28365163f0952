//! Columns whose texts are written in another notation, and types that come from databases.

use etlplus_core::Type;
use etlplus_core::pipeline::{Column, TimeNotation, ValueFormat};

use super::mistakes;

fn column(declared: &str) -> Column {
    mistakes::none(&mistakes::column(declared)).source.columns.remove(0)
}

#[track_caller]
fn one(declared: &str, key: &str, words: &str) {
    mistakes::one(&mistakes::column(declared), &format!("schema.a.{key}"), words);
}

#[test]
fn numbers_have_other_marks() {
    let number = |decimal, thousands| ValueFormat::Number { decimal, thousands };
    for (declared, format) in [
        ("{ type: 'decimal(12,2)', decimal: ',', thousands: . }", number(b',', Some(b'.'))),
        ("{ type: float64, decimal: ',' }", number(b',', None)),
        ("{ type: float32, thousands: ' ' }", number(b'.', Some(b' '))),
        ("{ type: int64, thousands: \"'\" }", number(b'.', Some(b'\''))),
        ("{ type: int32, thousands: . }", number(b',', Some(b'.'))),
        ("{ type: float64, decimal: . }", ValueFormat::Standard),
        ("{ type: int16 }", ValueFormat::Standard),
    ] {
        assert_eq!(column(declared).format, format, "{declared}");
    }
    one("{ type: float64, thousands: §. }", "thousands", "are the same character: write decimal: \",\"");
    one("{ type: float64, decimal: ',', thousands: §',' }", "thousands", "are the same character");
    for wrong in ["5", "'-'", "+", "e", "''", "ab", "'é'", "' '"] {
        one(&format!("{{ type: float64, decimal: §{wrong} }}"), "decimal", "is not one mark of ASCII punctuation");
    }
    one("{ type: int64, §decimal: ',' }", "decimal", "is for decimals and floats, and the column is of type int64");
    one("{ type: string, §thousands: ',' }", "thousands", "is for numbers");
}

#[test]
fn times_have_other_notations() {
    let time = |notation, zone| ValueFormat::Time { notation, zone };
    let strftime = |format: &str| time(TimeNotation::Strftime(format.to_owned()), None);
    let berlin = Some("Europe/Berlin".parse().unwrap());
    let local = TimeNotation::Strftime("%d/%m/%Y %H:%M".to_owned());
    for (declared, format) in [
        ("{ type: date, format: '%d.%m.%Y' }", strftime("%d.%m.%Y")),
        ("{ type: date, format: '%Y%m%d' }", strftime("%Y%m%d")),
        ("{ type: date, format: '%e %B %y' }", strftime("%e %B %y")),
        ("{ type: date, format: '%G-W%V-%u' }", strftime("%G-W%V-%u")),
        ("{ type: timestamp, format: '%m/%d/%Y %I:%M %p' }", strftime("%m/%d/%Y %I:%M %p")),
        ("{ type: timestamp, format: '%Y-%m-%d %H:%M:%S%.f' }", strftime("%Y-%m-%d %H:%M:%S%.f")),
        ("{ type: timestamp, format: epoch_s }", time(TimeNotation::EpochSeconds, None)),
        ("{ type: timestamptz, format: epoch_ms }", time(TimeNotation::EpochMillis, None)),
        ("{ type: timestamptz, format: epoch_us }", time(TimeNotation::EpochMicros, None)),
        ("{ type: timestamptz, format: '%d/%b/%Y:%H:%M:%S %z' }", strftime("%d/%b/%Y:%H:%M:%S %z")),
        ("{ type: timestamptz, format: '%+' }", strftime("%+")),
        ("{ type: timestamptz, format: '%d/%m/%Y %H:%M', timezone: Europe/Berlin }", time(local, berlin)),
        ("{ type: timestamptz, timezone: Europe/Berlin }", time(TimeNotation::Iso, berlin)),
        ("{ type: timestamptz, format: iso }", ValueFormat::Standard),
        ("{ type: date, format: iso }", ValueFormat::Standard),
    ] {
        assert_eq!(column(declared).format, format, "{declared}");
    }
}

#[test]
fn a_notation_says_a_whole_value_of_its_type() {
    for (declared, words) in [
        ("date, format: §'%d.%m'", "does not say a whole date: name all its parts, such as %d.%m.%Y"),
        ("timestamp, format: §'%Y-%m-%d'", "does not say a whole timestamp"),
        ("timestamp, format: §'%Y-%m-%d %H'", "does not say a whole timestamp"),
        ("timestamp, format: §'%Y-%m-%d %I:%M'", "does not say a whole timestamp"),
        ("timestamptz, format: §'%H:%M %z'", "does not say a whole timestamptz"),
        ("date, format: §'%Y-%m-%d %H:%M'", "asks for what a date does not have"),
        ("date, format: §'%Y-%m-%d%z'", "names a zone, which a date does not keep: declare the column as timestamptz"),
        ("timestamp, format: §'%Y-%m-%dT%H:%M:%S%:z'", "names a zone, which a timestamp does not keep"),
        ("timestamptz, format: §'%Y-%m-%d %H:%M'", "names no zone, so that no text would be an instant: add timezone"),
        ("timestamptz, format: §'%Y-%m-%d %H:%M %Z'", "several zones: write %z"),
        ("timestamptz, format: §'%s'", "write format: epoch_s"),
        ("date, format: §epoch_s", "is an instant, and which day that is depends on the zone"),
        ("date, format: §'%Q'", "is no strftime format"),
        ("date, format: §dd.mm.yyyy", "is no format of dates and times: write iso, epoch_s"),
        ("timestamptz, format: §epoch_m", "did you mean epoch_"),
        ("date, format: §''", "is no format of dates and times"),
    ] {
        one(&format!("{{ type: {declared} }}"), "format", words);
    }
    one("{ type: int64, §format: epoch_s }", "format", "format is for dates and times");
}

#[test]
fn a_zone_is_for_instants_whose_texts_name_none() {
    for (declared, words) in [
        ("timestamp, §timezone: UTC", "timezone is for timestamptz, and the column is of type timestamp"),
        ("timestamptz, format: epoch_s, §timezone: UTC", "an epoch is the same instant in every zone"),
        ("timestamptz, format: '%d.%m.%Y %H:%M %z', §timezone: UTC", "each text names its own zone"),
        ("timestamptz, timezone: §Berlin", "did you mean Europe/Berlin?"),
    ] {
        one(&format!("{{ type: {declared} }}"), "timezone", words);
    }
    // What stands beside a mistake is looked at all the same.
    mistakes::all(
        &mistakes::column("{ type: timestamptz, format: §epoch, timezone: §Berlin }"),
        &["did you mean epoch_", "did you mean Europe/Berlin?"],
    );
}

#[test]
fn types_of_databases_have_the_rules_that_they_can_keep() {
    assert_eq!(column("uuid required unique >= 00000000-0000-0000-0000-000000000001").ty, Type::Uuid);
    assert_eq!(column("json required").ty, Type::Json);
    assert_eq!(column(r"binary unique one_of('\x00', '\xff')").ty, Type::Binary);
    let short = |declared: &str, words: &str| mistakes::one(&mistakes::column(declared), "schema.a", words);
    short("json §unique", "a json value has many texts, so it can have no unique");
    short("json §one_of('1')", "so it can have no one_of");
    short("json §> 1", "so it can have no lower bound");
    short("json §length(3)", "length is a rule for string");
    short("uuid §pattern('a')", "pattern is a rule for string");
    short("binary §length(..3)", "length is a rule for string");
    short("uuid one_of(§x)", "is not a UUID");
    short("binary > §00ff", r"is not \x and pairs of hexadecimal digits");
    for (theirs, ours) in [("guid", "uuid"), ("jsonb", "json"), ("bytea", "binary"), ("blob", "binary")] {
        short(&format!("§{theirs}"), &format!(": write {ours}"));
    }
}
