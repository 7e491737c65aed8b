//! The options of a conversion.

use crate::message::Tables;

/// What [`JsonFormat`](super::JsonFormat) sets.
#[derive(Clone, Debug, Default)]
pub(super) struct Options {
    pub(super) always_print_fields_with_no_presence: bool,
    pub(super) preserving_proto_field_name: bool,
    pub(super) use_integers_for_enums: bool,
    pub(super) ignore_unknown_fields: bool,
    pub(super) pretty: bool,
    /// The modules whose types are known.
    pub(super) types: Vec<&'static Tables>,
}
