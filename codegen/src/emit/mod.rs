//! Model -> Rust: messages, enums and descriptors as text, services as tokens. The only stage that quotes.
//!
//! Generated code uses absolute paths and no `use`, so that no name of a proto can change what it means, and meets the
//! runtime in its public types and one hidden module.

mod blocking;
mod descriptors;
mod docs;
mod enumeration;
mod message;
mod register;
mod servicer;
mod stub;
mod writer;

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;

use crate::model::{Package, TypePath};
use writer::Writer;

/// The number of the interface between generated code and the runtime. The runtime's macro of the same name refuses any other.
const INTERFACE: u32 = 4;

/// What to emit, besides what the protos say.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Options<'a> {
    pub(crate) server: bool,
    pub(crate) client: bool,
    pub(crate) blocking: bool,
    pub(crate) all_methods_required: bool,
    pub(crate) server_attributes: &'a [String],
    pub(crate) client_attributes: &'a [String],
}

/// The check that the runtime fits this generator. It stands once in every generated file.
pub(crate) fn interface() -> String {
    format!("::stubwright::generated_interface!({INTERFACE});\n")
}

/// The messages and enums of a package, each after a blank line.
pub(crate) fn types(package: &Package) -> String {
    let mut out = Writer::default();
    for message in &package.messages {
        out.blank();
        message::message(&mut out, message, package.reflected.is_some());
    }
    for enumeration in &package.enums {
        out.blank();
        enumeration::enumeration(&mut out, enumeration);
    }
    out.finish()
}

/// The items of all services of a package.
pub(crate) fn services(package: &Package, options: Options<'_>) -> Result<TokenStream, syn::Error> {
    let mut tokens = TokenStream::new();
    for service in &package.services {
        if options.server {
            let servicer = servicer::servicer(service, options)?;
            let register = register::register(service, package.embedded.is_some())?;
            tokens.extend(marked(
                quote!(#servicer #register),
                options.server_attributes,
            )?);
        }
        if options.client {
            tokens.extend(marked(stub::stub(service)?, options.client_attributes)?);
            if options.blocking {
                tokens.extend(marked(blocking::stub(service)?, options.client_attributes)?);
            }
        }
    }
    Ok(tokens)
}

/// What server reflection tells of a package, and what its messages know of themselves, each after a blank line; empty if there
/// is neither.
pub(crate) fn descriptors(package: &Package, options: Options<'_>) -> String {
    let mut out = Writer::default();
    if let Some(embedded) = &package.embedded {
        out.blank();
        descriptors::of_services(&mut out, embedded, options.server_attributes);
    }
    if let Some(embedded) = &package.reflected {
        out.blank();
        descriptors::of_messages(&mut out, embedded);
    }
    out.finish()
}

/// Items with more attributes, which stand above their own.
fn marked(items: TokenStream, attributes: &[String]) -> Result<TokenStream, syn::Error> {
    if attributes.is_empty() {
        return Ok(items);
    }
    let attributes: TokenStream = attributes.concat().parse()?;
    let items = syn::parse2::<syn::File>(items)?.items;
    Ok(quote!(#(#attributes #items)*))
}

/// An identifier of the model, which may be raw.
fn ident(name: &str) -> Ident {
    match name.strip_prefix("r#") {
        Some(raw) => Ident::new_raw(raw, Span::call_site()),
        None => Ident::new(name, Span::call_site()),
    }
}

/// A type of the model. Fails only on a path that a user configured.
fn ty(path: &TypePath) -> Result<syn::Type, syn::Error> {
    syn::parse_str(&path.0)
}

/// `#[deprecated]`, if the proto says so.
fn deprecated(deprecated: bool) -> Option<TokenStream> {
    deprecated.then(|| quote!(#[deprecated]))
}

/// Lets the items that handle something deprecated name it without a warning in the user's build.
fn allow_deprecated(touches: bool) -> Option<TokenStream> {
    touches.then(|| quote!(#[allow(deprecated)]))
}
