//! What goes wrong in the files that people send, every kind of it. Most kinds put a bad text in place of a good one.

use super::orders::Column::{
    self, Country, CustomerId, Email, Gift, Note, OrderId, PlacedAt, Quantity, ShipBy, Sku, Status, UnitPrice, Weight,
};

/// One kind of dirt.
#[derive(Debug, Clone, Copy)]
pub(super) enum Dirt {
    /// Fields hold these texts, which are written as they stand here.
    Texts(&'static [(Column, &'static [u8])]),
    /// The row has only this many fields.
    Fields(usize),
    /// A line of spaces stands in place of the row.
    Spaces,
    /// A blank line stands before the row, which is good.
    BlankLine,
    /// The row repeats the number of an earlier order, with zeros before it.
    RepeatedId,
    /// The row has the number of the latest spoiled order: somebody sent that order again, good this time. Where they
    /// do so twice, the second time repeats the first.
    SentAgain,
    /// The note is too long for a note.
    LongNote,
}

const fn text(field: &'static [(Column, &'static [u8])]) -> Dirt {
    Dirt::Texts(field)
}

/// All kinds, in the order in which the file goes through them, again and again.
pub(super) const DIRT: &[Dirt] = &[
    // Malformed rows.
    Dirt::Fields(12),
    Dirt::Fields(3),
    Dirt::Fields(1),
    Dirt::Spaces,
    text(&[(Note, b"Ring twice, then wait, please")]),
    text(&[(Note, b"Call me,")]),
    text(&[(Note, b"Caf\xe9 Central")]),
    text(&[(Note, b"\"Stra\xdfe 5, \xfc\"")]),
    text(&[(Country, b"\xff\xfe")]),
    text(&[(Email, b"zo\xe2\x82@example.org"), (Note, b"\xed\xa0\x80")]),
    text(&[(OrderId, b"\xf0\x9f\x8e")]),
    text(&[(Note, b"\"Fragile\" please handle with care")]),
    text(&[(Status, b"\"paid\" ")]),
    text(&[(Note, b"27\" screen, mind the glass")]),
    text(&[(Email, b"\"mia@example.org")]),
    text(&[(Note, b"\"Leave at the door")]),
    // Texts that are no values of their types.
    text(&[(OrderId, b"A-100")]),
    text(&[(OrderId, b"100001.0")]),
    text(&[(OrderId, b"9223372036854775808")]),
    text(&[(CustomerId, b"guest")]),
    text(&[(Quantity, b"twelve")]),
    text(&[(Quantity, b"12 pcs")]),
    text(&[(Quantity, b" 5")]),
    text(&[(Quantity, b"5 ")]),
    text(&[(Quantity, "\u{0665}".as_bytes())]),
    text(&[(Quantity, b"1\x002")]),
    text(&[(Quantity, b"2147483648")]),
    text(&[(Quantity, b"-2147483649")]),
    text(&[(Quantity, b"99999999999999999999999999")]),
    text(&[(UnitPrice, b"19.999")]),
    text(&[(UnitPrice, b"12345678901.00")]),
    text(&[(UnitPrice, b"\"19,99\"")]),
    text(&[(UnitPrice, "19.99 €".as_bytes())]),
    text(&[(UnitPrice, b"1e2")]),
    text(&[(UnitPrice, b".")]),
    text(&[(Weight, b"heavy")]),
    text(&[(Weight, b"NaN")]),
    text(&[(Weight, b"1e400")]),
    text(&[(Weight, b"1,5")]),
    text(&[(Gift, b"yes")]),
    text(&[(ShipBy, b"2025-02-30")]),
    text(&[(ShipBy, b"2025-13-01")]),
    text(&[(ShipBy, b"2025-3-1")]),
    text(&[(ShipBy, b"31.12.2025")]),
    text(&[(PlacedAt, b"2025-02-29T10:00:00")]),
    text(&[(PlacedAt, b"2025-03-01T25:00:00")]),
    text(&[(PlacedAt, b"2025-03-01T12:60:00")]),
    text(&[(PlacedAt, b"2025-03-01T12:00:00Z")]),
    text(&[(PlacedAt, b"2025-03-01T12:00")]),
    text(&[(PlacedAt, b"2025-03-01T12:00:00.1234567")]),
    text(&[(PlacedAt, b"yesterday")]),
    // Values that break a rule.
    text(&[(OrderId, b"")]),
    text(&[(OrderId, b"NULL"), (CustomerId, b"NULL")]),
    text(&[(PlacedAt, b"")]),
    text(&[(Quantity, b"NULL")]),
    text(&[(UnitPrice, b"\"\"")]),
    text(&[(Status, b"NULL")]),
    text(&[(CustomerId, b"0")]),
    text(&[(PlacedAt, b"1999-12-31T23:59:59")]),
    text(&[(PlacedAt, b"2199-01-01T00:00:00")]),
    text(&[(ShipBy, b"1900-01-01")]),
    text(&[(Quantity, b"0")]),
    text(&[(Quantity, b"-1")]),
    text(&[(Quantity, b"1001")]),
    text(&[(UnitPrice, b"0.00")]),
    text(&[(UnitPrice, b"-3.50")]),
    text(&[(Weight, b"-0.001")]),
    text(&[(Weight, b"1000")]),
    text(&[(Country, b"DEU")]),
    text(&[(Country, b"de")]),
    text(&[(Country, b"\"\"")]),
    text(&[(Sku, b"BK1000")]),
    text(&[(Sku, b"\"BK-1000\n\"")]),
    text(&[(Status, b"Paid")]),
    text(&[(Status, b"lost")]),
    text(&[(Email, b"mia.example.org")]),
    text(&[(Email, b"\"mia@example.org, tom@example.org\"")]),
    text(&[(Email, b"a@b")]),
    text(&[(Email, b"a.name.that.is.far.too.long.for.any.honest.mailbox.in.this.world.of.ours@mail.example.org")]),
    Dirt::LongNote,
    text(&[(Quantity, b"0"), (UnitPrice, b"free"), (Status, b"lost"), (Email, b"")]),
    Dirt::SentAgain,
    Dirt::SentAgain,
    Dirt::RepeatedId,
    text(&[(OrderId, b"100001")]),
    text(&[(OrderId, b"100001"), (Quantity, b"many")]),
    // What looks odd and is good all the same.
    Dirt::BlankLine,
    text(&[(CustomerId, b"NULL"), (Note, b"NULL")]),
    text(&[(Note, b"\"NULL\"")]),
    text(&[(Quantity, b"\"7\""), (Status, b"\"new\"")]),
    text(&[(Quantity, b"+007"), (UnitPrice, b"0012.500"), (Weight, b"1E-3")]),
    text(&[(UnitPrice, b".5"), (Weight, b"-0.0"), (Gift, b"1")]),
    text(&[(UnitPrice, b"9999999999.99"), (Weight, b"999.9999999999999"), (Gift, b"TRUE")]),
    text(&[(PlacedAt, b"2024-02-29 23:59:59.999999"), (ShipBy, b"\"\"")]),
    text(&[(Note, b"NUL \x00 in the midst")]),
    text(&[(Note, b"\"Old Mac line ends:\rline 2\rline 3\"")]),
    text(&[(Note, b"\"Windows line ends:\r\nline 2\"")]),
];
