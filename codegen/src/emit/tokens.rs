//! Tokens that several parts of generated code share.

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;

use crate::model::{Service, TypePath};

/// Makes an identifier of a name in the model, which may be raw.
pub(super) fn ident(name: &str) -> Ident {
    match name.strip_prefix("r#") {
        Some(raw) => Ident::new_raw(raw, Span::call_site()),
        None => Ident::new(name, Span::call_site()),
    }
}

/// Parses a type of the model. It fails only for a path that a user configured.
pub(super) fn ty(path: &TypePath) -> Result<syn::Type, syn::Error> {
    syn::parse_str(&path.0)
}

/// Returns the name of the codec for the messages of a service.
pub(super) fn codec(service: &Service) -> Ident {
    ident(if service.has_extern_messages {
        "Prost"
    } else {
        "Protobuf"
    })
}

/// Returns `#[deprecated]` if the element is deprecated in the proto.
pub(super) fn deprecated(deprecated: bool) -> Option<TokenStream> {
    deprecated.then(|| quote!(#[deprecated]))
}

/// Allows an item to use something deprecated, so that the user's build does not warn.
pub(super) fn allow_deprecated(touches: bool) -> Option<TokenStream> {
    touches.then(|| quote!(#[allow(deprecated)]))
}
