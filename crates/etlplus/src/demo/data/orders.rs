//! Orders, as CSV.

use std::io::{self, Write};

use chrono::{NaiveDate, TimeDelta};
use rand::RngExt;

use super::customers;
use super::people::Person;
use super::random::{Random, chance, mix, pick};

/// The first order's number.
pub(super) const FIRST_ID: u64 = 100_001;
/// Orders are placed within this many days, from 2024-01-01 on: all of them before any day on which the demo runs.
const DAYS: u64 = 700;
const STATUSES: [(&str, u32); 5] = [("paid", 55), ("shipped", 30), ("new", 8), ("returned", 5), ("cancelled", 2)];
const PRODUCT_LINES: [&str; 8] = ["BK", "CD", "EL", "GA", "HO", "KI", "SP", "TO"];

/// The columns, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Column {
    OrderId,
    CustomerId,
    PlacedAt,
    ShipBy,
    Country,
    Sku,
    Quantity,
    UnitPrice,
    Weight,
    Gift,
    Status,
    Email,
    Note,
}

/// The columns' names, as the header has them.
pub(super) const HEADER: [&str; 13] = [
    "order_id",
    "customer_id",
    "placed_at",
    "ship_by",
    "country",
    "sku",
    "quantity",
    "unit_price",
    "weight",
    "gift",
    "status",
    "email",
    "note",
];

/// What customers write. A note in which a quote opens never ends with a quote or a line end right behind one: where a
/// stray quote before it swallows text, such a note is what makes a reader notice.
const NOTES: [&str; 16] = [
    "Please ring twice",
    "Leave at the door",
    "For my sister, please wrap it",
    "Neighbour: Dr. Weiß, 2nd floor, left",
    "The \"blue\" one, not the green one",
    "Call me before 6 pm, thanks",
    "c/o Zoë & Jürgen, back building",
    "Two parcels?\nThen send them together",
    "Gate code 4711#,\nsecond bell from the top,\nlabel says \"Studio\" in red",
    "ありがとう",
    "Livraison après 18 h si possible",
    "Happy birthday 🎂 from all of us",
    "Size 42; if sold out, then 43",
    "Invoice to ACME GmbH, Hauptstr. 5, 10115 Berlin",
    "ask for \"Tom\", he knows",
    "-",
];

/// One order as the texts of its fields, as they stand in the file: a quoted field with its quotes.
#[derive(Debug, Default)]
pub(super) struct Record {
    fields: [Vec<u8>; HEADER.len()],
}

impl Record {
    /// Replaces the text of a field.
    pub(super) fn set(&mut self, column: Column, text: impl AsRef<[u8]>) {
        let field = &mut self.fields[column as usize];
        field.clear();
        field.extend_from_slice(text.as_ref());
    }

    /// Draws order number `id` of a file of `orders` orders.
    pub(super) fn draw(&mut self, id: u64, orders: u64, random: &mut Random) {
        self.fields.iter_mut().for_each(Vec::clear);
        let customer = Person::of(customers::FIRST_ID + random.random_range(0..customers::count(orders)));
        let status = draw_status(random);
        self.put(Column::OrderId, id);
        // Guests order without an account.
        if !chance(random, 30) {
            self.put(Column::CustomerId, customer.id);
        }
        self.draw_times(id, orders, status, random);
        self.put(Column::Country, customer.country().code);
        self.draw_goods(random);
        self.put(Column::Gift, chance(random, 60));
        self.put(Column::Status, status);
        self.put(Column::Email, customer.email());
        self.draw_note(random);
    }

    /// Orders come in by time, with some seconds of disorder, as they do where several web servers write them down.
    fn draw_times(&mut self, id: u64, orders: u64, status: &str, random: &mut Random) {
        const DAY_SECONDS: u64 = 24 * 60 * 60;
        let opening = NaiveDate::from_ymd_opt(2024, 1, 1).and_then(|day| day.and_hms_opt(0, 0, 0));
        let opening = opening.expect("the first day of the orders exists");
        let share = u128::from(id - FIRST_ID) * u128::from(DAYS * DAY_SECONDS - 120) / u128::from(orders);
        let second = share as i64 + random.random_range(0..120);
        let placed_at = opening + TimeDelta::seconds(second);
        self.put(Column::PlacedAt, placed_at.format("%Y-%m-%dT%H:%M:%S"));
        if chance(random, 50) {
            let millis = random.random_range(0..1000);
            self.put(Column::PlacedAt, format_args!(".{millis:03}"));
        }
        if !matches!(status, "new" | "cancelled") {
            let ship_by = placed_at.date() + TimeDelta::days(random.random_range(1..15));
            self.put(Column::ShipBy, ship_by);
        }
    }

    fn draw_goods(&mut self, random: &mut Random) {
        let product: u64 = random.random_range(0..4_000);
        let line = PRODUCT_LINES[(product % PRODUCT_LINES.len() as u64) as usize];
        let mixed = mix(product);
        // Prices end in nines, as prices do, and weights are whole grams.
        let (cents, grams) = (mixed % 250 * 100 + 99, mixed >> 32 & 0x0fff);
        let quantity = if chance(random, 20) { random.random_range(10..=400) } else { random.random_range(1..=4) };
        self.put(Column::Sku, format_args!("{line}-{:04}", 1000 + product));
        self.put(Column::Quantity, quantity);
        self.put(Column::UnitPrice, format_args!("{}.{:02}", cents / 100, cents % 100));
        if !chance(random, 20) {
            self.put(Column::Weight, (grams + 1) as f64 / 1000.0);
        }
    }

    /// Six orders in ten have no note, and a few an empty one.
    fn draw_note(&mut self, random: &mut Random) {
        match random.random_range(0..1000) {
            0..600 => {}
            600..630 => self.set(Column::Note, "\"\""),
            _ => {
                let note = *pick(random, &NOTES);
                if note.contains(['"', ',', '\n']) {
                    self.put(Column::Note, format_args!("\"{}\"", note.replace('"', "\"\"")));
                } else {
                    self.set(Column::Note, note);
                }
            }
        }
    }

    /// Appends `value` to the text of a field.
    fn put(&mut self, column: Column, value: impl std::fmt::Display) {
        let written = write!(self.fields[column as usize], "{value}");
        debug_assert!(written.is_ok(), "writing to a vector cannot fail");
    }

    /// Writes the first `fields` fields, without a line end.
    pub(super) fn write(&self, out: &mut impl Write, fields: usize) -> io::Result<()> {
        for (index, field) in self.fields[..fields].iter().enumerate() {
            if index > 0 {
                out.write_all(b",")?;
            }
            out.write_all(field)?;
        }
        Ok(())
    }
}

fn draw_status(random: &mut Random) -> &'static str {
    let mut left = random.random_range(0..100);
    for (status, percent) in STATUSES {
        if left < percent {
            return status;
        }
        left -= percent;
    }
    STATUSES[0].0
}

/// Writes `rows` orders without any dirt.
pub(super) fn write(out: &mut impl Write, rows: u64, mut random: Random) -> io::Result<()> {
    writeln!(out, "{}", HEADER.join(","))?;
    let mut record = Record::default();
    for row in 0..rows {
        record.draw(FIRST_ID + row, rows, &mut random);
        record.write(out, HEADER.len())?;
        out.write_all(b"\n")?;
    }
    Ok(())
}
