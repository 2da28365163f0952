//! Views of the shop's pages: one CSV file a month, together the largest of the demo's data.

use std::io::{self, Write};
use std::ops::RangeInclusive;

use chrono::{Months, NaiveDate, TimeDelta};
use rand::RngExt;

use super::customers;
use super::random::{Random, chance, pick};

/// The months of 2025 that have a file.
pub(super) const MONTHS: RangeInclusive<u32> = 1..=6;
/// A shop is looked at more often than it is bought from.
const VIEWS_PER_ORDER: u64 = 24;
/// Enough for ten seconds of work; more orders bring no more views.
const VIEWS_MAX: u64 = 4_800_000;
/// How often a visitor looks at another page. However many views there are, this makes sessions of a sensible length.
const SECONDS_PER_VIEW: u64 = 90;
const PAGES: [&str; 8] = ["/", "/search", "/p/BK", "/p/EL", "/p/GA", "/p/HO", "/cart", "/checkout"];

/// The name of a month's file.
pub(super) fn file_name(month: u32) -> String {
    format!("2025-{month:02}.csv")
}

/// Writes a month's share of the views that go with `orders` orders, in the order of their times.
pub(super) fn write(out: &mut impl Write, month: u32, orders: u64, mut random: Random) -> io::Result<()> {
    writeln!(out, "view_id,customer_id,viewed_at,page,duration_ms")?;
    let views = (orders * VIEWS_PER_ORDER).min(VIEWS_MAX) / MONTHS.count() as u64;
    let start = NaiveDate::from_ymd_opt(2025, month, 1).expect("the first day of each month exists");
    let length = start + Months::new(1) - start;
    let start = start.and_hms_opt(0, 0, 0).expect("each day has a midnight");
    let customers = customers::FIRST_ID..customers::FIRST_ID + customers::count(orders);
    let visitors_at_once = 1 + views * SECONDS_PER_VIEW / length.num_seconds().unsigned_abs();
    let mut visitors: Vec<u64> = (0..visitors_at_once).map(|_| random.random_range(customers.clone())).collect();
    for view in 0..views {
        let visitor = random.random_range(0..visitors.len());
        // Somebody leaves, and somebody else comes in.
        if chance(&mut random, 120) {
            visitors[visitor] = random.random_range(customers.clone());
        }
        let millis = i128::from(length.num_milliseconds()) * i128::from(view) / i128::from(views);
        let viewed_at = start + TimeDelta::milliseconds(millis as i64);
        let (page, customer) = (pick(&mut random, &PAGES), visitors[visitor]);
        let page_number = if page.starts_with("/p/") { random.random_range(1000..5000) } else { 0 };
        let duration: u32 = random.random_range(200..90_000);
        let id = u64::from(month) * VIEWS_MAX + view;
        let viewed_at = viewed_at.format("%Y-%m-%dT%H:%M:%S%.3f");
        if page_number > 0 {
            writeln!(out, "{id},{customer},{viewed_at},{page}-{page_number},{duration}")?;
        } else {
            writeln!(out, "{id},{customer},{viewed_at},{page},{duration}")?;
        }
    }
    Ok(())
}
