//! The descriptors of a module, for server reflection.

use proc_macro2::{Ident, Literal, TokenStream};
use quote::quote;

use super::{docs, ident};
use crate::model::Embedded;

/// How many columns of descriptors stand in a line.
const COLUMNS: usize = 116;

/// The name of the static. Nothing else in the module is a value in capitals.
pub(super) fn name() -> Ident {
    ident("DESCRIPTORS")
}

pub(super) fn descriptors(embedded: &Embedded) -> Result<TokenStream, syn::Error> {
    let docs = docs::attributes(&[docs::line(
        "The descriptors of the protos that this module was generated from, which server reflection tells.",
    )]);
    let name = name();
    let set: Literal = literal(&embedded.set).parse()?;
    let imports = embedded
        .imports
        .iter()
        .map(|module| syn::parse_str::<syn::Path>(&format!("{module}{name}")))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(quote! {
        #docs
        #[doc(hidden)]
        pub static #name: ::stubwright::private::Descriptors = ::stubwright::private::Descriptors {
            set: #set,
            imports: &[#(&#imports),*],
        };
    })
}

/// A byte string over several lines, whatever is printable as it is.
fn literal(bytes: &[u8]) -> String {
    let mut text = "b\"".to_owned();
    let mut column = COLUMNS;
    for byte in bytes {
        // A line goes on behind the blanks of the next: one that begins with a blank of its own has to escape it.
        let starts_line = column >= COLUMNS;
        if starts_line {
            text.push_str("\\\n");
            column = 0;
        }
        let before = text.len();
        match byte {
            b' ' if starts_line => text.push_str("\\x20"),
            _ => text.extend(byte.escape_ascii().map(char::from)),
        }
        column += text.len() - before;
    }
    text.push('"');
    text
}
