//! Options of the emitters.

/// Options of the emitters.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Options<'a> {
    pub(crate) server: bool,
    pub(crate) client: bool,
    pub(crate) blocking: bool,
    pub(crate) all_methods_required: bool,
    pub(crate) server_attributes: &'a [String],
    pub(crate) client_attributes: &'a [String],
}
