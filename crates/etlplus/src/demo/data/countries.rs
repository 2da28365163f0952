//! The countries that the shop ships to.

use std::io::{self, Write};

/// A country.
pub(super) struct Country {
    /// ISO 3166-1 alpha-2.
    pub(super) code: &'static str,
    name: &'static str,
    region: &'static str,
    /// How many of 1,000 customers live there.
    share: u16,
}

const fn country(code: &'static str, name: &'static str, region: &'static str, share: u16) -> Country {
    Country { code, name, region, share }
}

/// The shares add up to 1,000.
const COUNTRIES: [Country; 28] = [
    country("DE", "Germany", "Europe", 220),
    country("FR", "France", "Europe", 120),
    country("GB", "United Kingdom", "Europe", 100),
    country("US", "United States", "North America", 95),
    country("NL", "Netherlands", "Europe", 60),
    country("IT", "Italy", "Europe", 55),
    country("ES", "Spain", "Europe", 50),
    country("PL", "Poland", "Europe", 40),
    country("AT", "Austria", "Europe", 35),
    country("CH", "Switzerland", "Europe", 30),
    country("BE", "Belgium", "Europe", 25),
    country("SE", "Sweden", "Europe", 22),
    country("CA", "Canada", "North America", 20),
    country("DK", "Denmark", "Europe", 15),
    country("JP", "Japan", "Asia", 15),
    country("NO", "Norway", "Europe", 12),
    country("FI", "Finland", "Europe", 12),
    country("CZ", "Czechia", "Europe", 12),
    country("AU", "Australia", "Oceania", 12),
    country("IE", "Ireland", "Europe", 10),
    country("PT", "Portugal", "Europe", 8),
    country("BR", "Brazil", "South America", 7),
    country("IN", "India", "Asia", 6),
    country("KR", "Korea, Republic of", "Asia", 5),
    country("CI", "Côte d'Ivoire", "Africa", 4),
    country("ZA", "South Africa", "Africa", 4),
    country("NZ", "New Zealand", "Oceania", 3),
    country("TR", "Türkiye", "Asia", 3),
];

/// The country of somebody whose random number is `mixed`.
pub(super) fn home(mixed: u64) -> &'static Country {
    let mut left = (mixed % 1000) as u16;
    for country in &COUNTRIES {
        if left < country.share {
            return country;
        }
        left -= country.share;
    }
    &COUNTRIES[0]
}

/// Writes the countries as CSV.
pub(super) fn write(out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "code,name,region")?;
    for Country { code, name, region, .. } in &COUNTRIES {
        if name.contains(',') {
            writeln!(out, "{code},\"{name}\",{region}")?;
        } else {
            writeln!(out, "{code},{name},{region}")?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_add_up() {
        assert_eq!(COUNTRIES.iter().map(|country| country.share).sum::<u16>(), 1000);
        assert_eq!(home(0).code, "DE");
        assert_eq!(home(999).code, "TR");
    }
}
