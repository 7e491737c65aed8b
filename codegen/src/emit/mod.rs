//! Emits Rust from the model: messages, enums and descriptors as text, services as tokens. No other stage uses
//! `quote`.
//!
//! Generated code uses absolute paths and no `use`, so that no name of a proto can change its meaning. It depends
//! only on the runtime's public types and on one hidden module.

mod accessors;
mod blocking;
mod codec;
mod descriptors;
mod docs;
mod enumeration;
mod features;
mod message;
mod options;
mod register;
mod servicer;
mod stub;
mod table;
mod tokens;
mod view;
mod writer;

use proc_macro2::TokenStream;
use quote::quote;

pub(crate) use options::Options;

use crate::model::Package;
use writer::Writer;

/// Version of the interface between generated code and the runtime. The runtime's macro `generated_interface` refuses
/// any other.
const INTERFACE: u32 = 6;

/// Returns the checks that the runtime fits this generator and its options. Every generated file has them once.
pub(crate) fn interface(package: &Package) -> String {
    let mut checks = format!("::stubwright::generated_interface!({INTERFACE});\n");
    if package.tables.is_some() {
        checks.push_str("::stubwright::generated_json!();\n");
    }
    if package.reflected.is_some() {
        checks.push_str("::stubwright::generated_reflect!();\n");
    }
    checks.push_str(&features::needs(package));
    checks
}

/// Emits the messages and enums of a package, each after a blank line.
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

/// Emits the items of all services of a package.
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

/// Emits the descriptors of a package for server reflection and for `ReflectMessage`, and its tables for JSON, each after a blank
/// line. The text is empty if none is needed.
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
    if let Some(tables) = &package.tables {
        table::of_module(&mut out, tables);
    }
    out.finish()
}

/// Adds attributes to items, above their own.
fn marked(items: TokenStream, attributes: &[String]) -> Result<TokenStream, syn::Error> {
    if attributes.is_empty() {
        return Ok(items);
    }
    let attributes: TokenStream = attributes.concat().parse()?;
    let items = syn::parse2::<syn::File>(items)?.items;
    Ok(quote!(#(#attributes #items)*))
}
