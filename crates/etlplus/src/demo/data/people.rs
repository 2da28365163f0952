//! Who buys: everything about a customer follows from the customer's number.

use super::countries::{self, Country};
use super::random::mix;

/// First names, and how they are written in an e-mail address.
const FIRST_NAMES: [(&str, &str); 24] = [
    ("Mia", "mia"),
    ("Noah", "noah"),
    ("Zoë", "zoe"),
    ("Liam", "liam"),
    ("Chloé", "chloe"),
    ("Jürgen", "juergen"),
    ("Ana", "ana"),
    ("Søren", "soeren"),
    ("Priya", "priya"),
    ("Tom", "tom"),
    ("Łucja", "lucja"),
    ("Kenji", "kenji"),
    ("Emma", "emma"),
    ("José", "jose"),
    ("Olivia", "olivia"),
    ("Elif", "elif"),
    ("Lukas", "lukas"),
    ("Ingrid", "ingrid"),
    ("Marco", "marco"),
    ("Aoife", "aoife"),
    ("Jonas", "jonas"),
    ("Camille", "camille"),
    ("Bilal", "bilal"),
    ("Sofia", "sofia"),
];

/// Last names, likewise.
const LAST_NAMES: [(&str, &str); 20] = [
    ("Schmidt", "schmidt"),
    ("O'Brien", "obrien"),
    ("Müller", "mueller"),
    ("Rossi", "rossi"),
    ("García", "garcia"),
    ("Nowak", "nowak"),
    ("Dubois", "dubois"),
    ("Smith", "smith"),
    ("de Vries", "devries"),
    ("Jensen", "jensen"),
    ("Tanaka", "tanaka"),
    ("Yılmaz", "yilmaz"),
    ("Kowalski", "kowalski"),
    ("Silva", "silva"),
    ("Andersson", "andersson"),
    ("Novák", "novak"),
    ("Patel", "patel"),
    ("Brown", "brown"),
    ("Huber", "huber"),
    ("Martin", "martin"),
];

const SEGMENTS: [&str; 5] = ["consumer", "consumer", "consumer", "business", "public"];

/// A customer.
pub(super) struct Person {
    pub(super) id: u64,
    mixed: u64,
}

impl Person {
    /// The customer with this number.
    pub(super) fn of(id: u64) -> Self {
        Self { id, mixed: mix(id) }
    }

    fn first_name(&self) -> (&'static str, &'static str) {
        FIRST_NAMES[self.index(1, FIRST_NAMES.len())]
    }

    fn last_name(&self) -> (&'static str, &'static str) {
        LAST_NAMES[self.index(2, LAST_NAMES.len())]
    }

    /// First and last name.
    pub(super) fn name(&self) -> String {
        format!("{} {}", self.first_name().0, self.last_name().0)
    }

    /// First name, last name and domain; ASCII, and with the customer's number in it the customer's own.
    pub(super) fn email(&self) -> String {
        let domain = ["example.org", "example.com", "mail.example.net"][self.index(3, 3)];
        format!("{}.{}{}@{domain}", self.first_name().1, self.last_name().1, self.id)
    }

    /// Where the customer lives.
    pub(super) fn country(&self) -> &'static Country {
        countries::home(mix(self.mixed))
    }

    /// What kind of customer this is.
    pub(super) fn segment(&self) -> &'static str {
        SEGMENTS[self.index(4, SEGMENTS.len())]
    }

    /// Whether the customer gets the newsletter.
    pub(super) fn has_newsletter(&self) -> bool {
        self.index(5, 3) == 0
    }

    /// The day of the customer's first order, as a number of days.
    pub(super) fn days_since(&self) -> u64 {
        self.index(6, 2000) as u64
    }

    /// A number below `count` for one of the customer's traits.
    fn index(&self, trait_number: u64, count: usize) -> usize {
        (mix(self.mixed ^ (trait_number << 56)) % count as u64) as usize
    }
}
