//! The columns of a reject file that is a table, by the names that they have in JSON too.

/// Every column, in order.
pub(super) const NAMES: [&str; 9] = [FILE, LINE, ROW, OFFSET, ERRORS, HEADER, RAW, RAW_HEX, RAW_TRUNCATED];

pub(super) const FILE: &str = "file";
pub(super) const LINE: &str = "line";
pub(super) const ROW: &str = "row";
pub(super) const OFFSET: &str = "offset";
pub(super) const ERRORS: &str = "errors";
pub(super) const HEADER: &str = "header";
pub(super) const RAW: &str = "raw";
pub(super) const RAW_HEX: &str = "rawHex";
pub(super) const RAW_TRUNCATED: &str = "rawTruncated";
