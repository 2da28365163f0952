//! A value of a key, checked, and how it fits the field of the settings that it is for.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::model::LogFormat;
use super::monitoring::ChannelKind;
use super::secret::{SecretRef, UrlValue};

/// A value that is right for its key.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    /// The key's word for nothing, such as `none` or `auto`.
    Absent,
    Flag(bool),
    Count(u64),
    Percent(f64),
    Time(Duration),
    Address(SocketAddr),
    Text(String),
    List(Vec<String>),
    Url(UrlValue),
    Secret(SecretRef),
    Channel(ChannelKind),
    /// One with a mistake, which its reader has named: what was meant is not known.
    Wrong,
}

/// A field of the settings: what it is as a value, and what it becomes by one.
pub(super) trait Field: Sized {
    /// What it is.
    fn value(&self) -> Value;

    /// What `value` makes of it; `None` for a value of another kind.
    fn of(value: Value) -> Option<Self>;
}

/// The fields that are one variant of [`Value`] as they are.
macro_rules! plain_field {
    ($type:ty, $variant:ident) => {
        impl Field for $type {
            fn value(&self) -> Value {
                Value::$variant(self.clone())
            }

            fn of(value: Value) -> Option<Self> {
                if let Value::$variant(value) = value { Some(value) } else { None }
            }
        }
    };
}

plain_field!(bool, Flag);
plain_field!(u64, Count);
plain_field!(f64, Percent);
plain_field!(Duration, Time);
plain_field!(SocketAddr, Address);
plain_field!(String, Text);
plain_field!(Vec<String>, List);

/// The fields that are counts of another width.
macro_rules! count_field {
    ($type:ty) => {
        impl Field for $type {
            fn value(&self) -> Value {
                // None of these widths is above 64 bits.
                Value::Count(u64::try_from(*self).unwrap_or(u64::MAX))
            }

            fn of(value: Value) -> Option<Self> {
                if let Value::Count(count) = value { count.try_into().ok() } else { None }
            }
        }
    };
}

count_field!(usize);
count_field!(u32);
count_field!(u16);

impl Field for PathBuf {
    fn value(&self) -> Value {
        Value::Text(self.display().to_string())
    }

    fn of(value: Value) -> Option<Self> {
        if let Value::Text(text) = value { Some(text.into()) } else { None }
    }
}

impl LogFormat {
    /// The words for them.
    pub(super) const WORDS: &[&str] = &["text", "json"];
}

impl Field for LogFormat {
    fn value(&self) -> Value {
        let word = match self {
            Self::Text => Self::WORDS[0],
            Self::Json => Self::WORDS[1],
        };
        Value::Text(word.to_owned())
    }

    fn of(value: Value) -> Option<Self> {
        let Value::Text(word) = value else { return None };
        [Self::Text, Self::Json].into_iter().find(|format| format.value() == Value::Text(word.clone()))
    }
}

impl<T: Field> Field for Option<T> {
    fn value(&self) -> Value {
        self.as_ref().map_or(Value::Absent, T::value)
    }

    fn of(value: Value) -> Option<Self> {
        match value {
            Value::Absent => Some(None),
            value => T::of(value).map(Some),
        }
    }
}
