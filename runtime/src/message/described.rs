//! Types that have a table.

use super::Message;
use super::table::{EnumTable, Table};

/// A message with a table. Code that is generated with the option `json` implements this trait, and so do the well-known types.
pub trait Described: Message {
    /// Returns the table of the message.
    fn table() -> &'static Table;
}

/// An enum with a table.
pub trait Enumeration {
    /// Returns the table of the enum.
    fn table() -> &'static EnumTable;
}
