//! The messages that may be in a `google.protobuf.Any`.

use super::JsonError;
use crate::message::{Table, Tables, WELL_KNOWN};

/// The messages that one conversion to or from JSON can find by a type URL.
#[derive(Clone, Copy, Debug)]
pub(super) struct KnownTypes<'f> {
    /// The module of the outermost message.
    module: &'static Tables,
    /// The modules that the caller has named.
    more: &'f [&'static Tables],
}

impl<'f> KnownTypes<'f> {
    pub(super) fn new(table: &'static Table, more: &'f [&'static Tables]) -> KnownTypes<'f> {
        KnownTypes {
            module: table.module,
            more,
        }
    }

    /// Returns the table of the message that a type URL names.
    pub(super) fn find(self, url: &str) -> Result<&'static Table, JsonError> {
        let (_, name) = url.rsplit_once('/').ok_or_else(|| {
            JsonError::new(format_args!(
                "the type URL `{url}` has no `/` before its type"
            ))
        })?;
        let mut modules = [self.module, &WELL_KNOWN]
            .into_iter()
            .chain(self.more.iter().copied());
        modules.find_map(|module| module.find(name)).ok_or_else(|| {
            JsonError::new(format_args!(
                "the type `{name}` in a `google.protobuf.Any` is not known; make it known by `JsonFormat::types_of`"
            ))
        })
    }
}
