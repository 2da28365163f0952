//! The shop's customers, one JSON object on each line.

use std::io::{self, Write};

use chrono::{Days, NaiveDate};
use serde::Serialize;

use super::people::Person;

/// The first customer's number; it follows those of an older shop system.
pub(super) const FIRST_ID: u64 = 1001;

#[derive(Serialize)]
struct Customer<'a> {
    customer_id: u64,
    name: &'a str,
    email: &'a str,
    segment: &'a str,
    country: &'a str,
    customer_since: String,
    newsletter: bool,
}

/// How many customers place `orders` orders: twenty orders each, which gives the joins something to find.
pub(super) fn count(orders: u64) -> u64 {
    (orders / 20).max(25)
}

/// Writes the customers who placed `orders` orders.
pub(super) fn write(out: &mut impl Write, orders: u64) -> io::Result<()> {
    let opening = NaiveDate::from_ymd_opt(2018, 5, 1).expect("the shop's opening day exists");
    for id in FIRST_ID..FIRST_ID + count(orders) {
        let person = Person::of(id);
        let customer = Customer {
            customer_id: person.id,
            name: &person.name(),
            email: &person.email(),
            segment: person.segment(),
            country: person.country().code,
            customer_since: (opening + Days::new(person.days_since())).to_string(),
            newsletter: person.has_newsletter(),
        };
        serde_json::to_writer(&mut *out, &customer)?;
        out.write_all(b"\n")?;
    }
    Ok(())
}
