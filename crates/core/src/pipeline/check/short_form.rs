//! The short form of a column: `decimal(12,2) required > 0`.
//!
//! ```text
//! column = type { rule }
//! rule   = "required" | "unique" | ( ">=" | "<=" | ">" | "<" ) value
//!        | "length(" [ N ] [ ".." [ N ] ] ")" | "pattern(" quoted ")" | "one_of(" value { "," value } ")"
//!        | "references" value
//! value  = quoted | text without spaces, commas, brackets and quotes
//! quoted = '...' or "...", with the quote doubled inside
//! ```
//! White space stands between a type and its rules.

use super::rules::{End, WrittenKind, WrittenRule};
use super::values::Written;
use super::{Check, Fault, quoted, types};
use crate::mistake::nearest;
use crate::tree::Scalar;
use crate::value::Type;

const RULES: [&str; 6] = ["required", "unique", "length", "pattern", "one_of", "references"];
const RULES_SHOWN: &str =
    "required, unique, >, >=, <, <=, length(3..200), pattern('...'), one_of(a, b) and references lookup.column";
/// What other systems call our rules, and what to write here.
const SYNONYMS: &[(&str, &str)] = &[
    ("min", ">= VALUE"),
    ("max", "<= VALUE"),
    ("above", "> VALUE"),
    ("below", "< VALUE"),
    ("not", "required"),
    ("not_null", "required"),
    ("notnull", "required"),
    ("primary", "required unique"),
    ("in", "one_of(a, b)"),
    ("enum", "one_of(a, b)"),
    ("regex", "pattern('...')"),
    ("matches", "pattern('...')"),
    ("foreign", "references lookup.column"),
    ("=", "one_of(VALUE)"),
    ("==", "one_of(VALUE)"),
];

/// The type, and the rules in order; `None` stands for one with a mistake. Every mistake is named.
pub(super) fn read(check: &mut Check, key: &str, scalar: &Scalar) -> (Option<Type>, Vec<Option<WrittenRule>>) {
    let mut reader = Reader { check, key, scalar, chars: scalar.text.chars().collect(), at: 0 };
    let ty = reader.ty();
    let mut rules = Vec::new();
    while reader.has_more() {
        rules.push(reader.rule());
    }
    (ty, rules)
}

struct Reader<'c, 'a> {
    check: &'c mut Check,
    key: &'a str,
    scalar: &'a Scalar,
    chars: Vec<char>,
    at: usize,
}

impl Reader<'_, '_> {
    /// Skips white space, and says whether something follows.
    fn has_more(&mut self) -> bool {
        self.take_while(char::is_whitespace);
        self.at < self.chars.len()
    }

    fn ty(&mut self) -> Option<Type> {
        self.has_more();
        let start = self.at;
        let mut text = self.take_while(|c| !c.is_whitespace() && c != '(');
        if self.peek() == Some('(') {
            text += &self.take_while(|c| c != ')');
            text.extend(self.take_if(')'));
        }
        if RULES.contains(&text.as_str()) || text.starts_with(['<', '>']) {
            // Without its type, what follows cannot be judged.
            self.at = self.chars.len();
            let remedy = format!("begin with the type: one of {}", Type::NAMES.join(", "));
            return self.fail(start, Fault::new("the type is missing", remedy));
        }
        match types::parse(&text) {
            Ok(ty) => {
                self.expect_space();
                Some(ty)
            }
            Err(fault) => self.fail(start, fault),
        }
    }

    fn rule(&mut self) -> Option<WrittenRule> {
        let start = self.at;
        let word = self.take_while(|c| c.is_alphanumeric() || c == '_');
        let kind = match word.as_str() {
            "" => return self.symbol(),
            "required" => Some(WrittenKind::Required),
            "unique" => Some(WrittenKind::Unique),
            "length" => self.length(),
            "pattern" => self.pattern(),
            "one_of" => self.one_of(),
            "references" => self.references(),
            _ => return self.unknown(start, &word),
        };
        if kind.is_some() {
            self.expect_space();
        }
        self.written(start, kind?)
    }

    /// `>= 1` and its like.
    fn symbol(&mut self) -> Option<WrittenRule> {
        let start = self.at;
        let symbol = self.take_while(|c| matches!(c, '<' | '>' | '=' | '!'));
        let (end, exclusive) = match symbol.as_str() {
            ">=" => (End::Min, false),
            ">" => (End::Min, true),
            "<=" => (End::Max, false),
            "<" => (End::Max, true),
            _ => {
                let rest = self.take_while(|c| !c.is_whitespace());
                let known = if symbol.is_empty() { rest } else { symbol };
                return self.unknown(start, &known);
            }
        };
        self.has_more();
        let value = self.value(&format!("{symbol} 1"))?;
        self.expect_space();
        self.written(start, WrittenKind::Bound { end, exclusive, value })
    }

    /// `length(3..200)`, `length(3..)`, `length(..200)` or `length(5)`.
    fn length(&mut self) -> Option<WrittenKind> {
        const EXAMPLE: &str = "length(3..200)";
        let arguments = self.arguments(EXAMPLE)?;
        let [Written { text, .. }] = arguments.as_slice() else {
            return self.fail(self.at, Fault::new("length takes one range", format!("write {EXAMPLE}")));
        };
        let number = |text: &str| match text {
            "" => Some(None),
            digits if digits.bytes().all(|byte| byte.is_ascii_digit()) => digits.parse::<u64>().ok().map(Some),
            _ => None,
        };
        let ends = match text.split_once("..") {
            Some((min, max)) => number(min).zip(number(max)),
            None => number(text).zip(number(text)),
        };
        match ends.filter(|ends| *ends != (None, None)) {
            Some((min, max)) => Some(WrittenKind::Length { min, max }),
            None => {
                let remedy = format!("write {EXAMPLE}, length(3..), length(..200) or length(5)");
                let position = arguments[0].position;
                self.check.fault(position, self.key, Fault::new(format!("{} is no range", quoted(text)), remedy));
                None
            }
        }
    }

    fn pattern(&mut self) -> Option<WrittenKind> {
        const EXAMPLE: &str = "pattern('^[A-Z]{2}$')";
        let start = self.at;
        let arguments = self.arguments(EXAMPLE)?;
        match <[Written; 1]>::try_from(arguments) {
            Ok([Written { text, is_literal: true, position, .. }]) => Some(WrittenKind::Pattern { text, position }),
            _ => {
                let remedy = format!("write it in quotes: {EXAMPLE}");
                self.fail(start, Fault::new("pattern takes one expression in quotes", remedy))
            }
        }
    }

    fn one_of(&mut self) -> Option<WrittenKind> {
        self.arguments("one_of(new, paid, 'on hold')").map(WrittenKind::OneOf)
    }

    /// `references customers.id`
    fn references(&mut self) -> Option<WrittenKind> {
        self.has_more();
        self.value("references customers.id").map(WrittenKind::References)
    }

    /// `(value, value)`
    fn arguments(&mut self, example: &str) -> Option<Vec<Written>> {
        let start = self.at;
        if self.take_if('(').is_none() {
            self.skip_to_rule();
            return self.fail(start, Fault::new("a ( is missing", format!("write {example}")));
        }
        let mut values = Vec::new();
        if self.has_more() && self.take_if(')').is_some() {
            return Some(values);
        }
        loop {
            self.has_more();
            values.push(self.value(example)?);
            if self.has_more() && self.take_if(',').is_some() {
                continue;
            }
            if self.take_if(')').is_some() {
                return Some(values);
            }
            let message = if self.at < self.chars.len() { "a comma or ) is missing" } else { "the ( is never closed" };
            // A schema written in { } ends a text at its first comma, which nobody expects.
            let remedy = format!("write {example}; inside of {{ }}, put quotes around the whole column");
            let place = if self.at < self.chars.len() { self.at } else { start };
            self.at = self.chars.len();
            return self.fail(place, Fault::new(message, remedy));
        }
    }

    /// A quoted or an unquoted value. After a mistake nothing more is read, since what follows cannot be told apart.
    fn value(&mut self, example: &str) -> Option<Written> {
        let start = self.at;
        let quote = self.peek().filter(|c| matches!(c, '\'' | '"'));
        let text = match quote {
            Some(quote) => self.quoted_text(quote),
            None => Some(self.take_while(|c| !c.is_whitespace() && !matches!(c, ',' | '(' | ')' | '\'' | '"')))
                .filter(|text| !text.is_empty()),
        };
        let Some(text) = text else {
            self.at = self.chars.len();
            let fault = match quote {
                Some(quote) => Fault::new("the quotes are never closed", format!("close them with {quote}")),
                None => Fault::new("a value is missing", format!("write {example}")),
            };
            return self.fail(start, fault);
        };
        let position = self.scalar.place(start);
        Some(Written { text, is_literal: quote.is_some(), position, key: self.key.to_owned() })
    }

    /// The text between quotes, of which each inside is doubled; `None` if they are never closed.
    fn quoted_text(&mut self, quote: char) -> Option<String> {
        self.at += 1;
        let mut text = String::new();
        loop {
            text += &self.take_while(|c| c != quote);
            self.take_if(quote)?;
            match self.take_if(quote) {
                Some(doubled) => text.push(doubled),
                None => return Some(text),
            }
        }
    }

    fn unknown(&mut self, start: usize, word: &str) -> Option<WrittenRule> {
        let remedy = match SYNONYMS.iter().find(|(theirs, _)| *theirs == word.to_lowercase()) {
            Some((_, ours)) => format!("write {ours}"),
            None => match nearest(word, RULES) {
                Some(near) => format!("did you mean {near}?"),
                None => format!("the rules are {RULES_SHOWN}"),
            },
        };
        self.fail::<()>(start, Fault::new(format!("unknown rule {}", quoted(word)), remedy));
        self.skip_to_rule();
        None
    }

    /// What stands behind a word that is no sound rule belongs to it, up to the next word that is a rule.
    fn skip_to_rule(&mut self) {
        while self.has_more() && !self.is_at_rule() {
            self.take_while(|c| !c.is_whitespace());
        }
    }

    fn is_at_rule(&self) -> bool {
        let rest = &self.chars[self.at..];
        let starts_with = |rule: &str| rule.chars().zip(rest).filter(|(a, b)| a == *b).count() == rule.len();
        matches!(rest.first(), Some('<' | '>')) || RULES.iter().any(|rule| starts_with(rule))
    }

    /// Two rules without a space between them are one word to a reader, and so they are a mistake here.
    fn expect_space(&mut self) {
        if self.peek().is_some_and(|c| !c.is_whitespace()) {
            let fault = Fault::new("a space is missing", "put a space between the type and each rule");
            self.fail::<()>(self.at, fault);
            if !self.is_at_rule() {
                self.take_while(|c| !c.is_whitespace());
            }
        }
    }

    fn written(&self, start: usize, kind: WrittenKind) -> Option<WrittenRule> {
        Some(WrittenRule { kind, position: self.scalar.place(start), key: self.key.to_owned() })
    }

    fn fail<T>(&mut self, offset: usize, fault: Fault) -> Option<T> {
        self.check.fault(self.scalar.place(offset), self.key, fault);
        None
    }

    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn take_if(&mut self, wanted: char) -> Option<char> {
        self.peek().filter(|c| *c == wanted).inspect(|_| self.at += 1)
    }

    fn take_while(&mut self, is_part: impl Fn(char) -> bool) -> String {
        let length = self.chars[self.at..].iter().take_while(|c| is_part(**c)).count();
        self.at += length;
        self.chars[self.at - length..self.at].iter().collect()
    }
}
