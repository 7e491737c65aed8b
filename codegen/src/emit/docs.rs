//! Emits the doc comments of generated items.

use proc_macro2::{Literal, TokenStream};
use quote::quote;

use crate::model::{Method, MethodKind, Service};

/// Formats paragraphs as `#[doc]` attributes, one per line. Empty paragraphs are left out.
pub(super) fn attributes(paragraphs: &[Vec<String>]) -> TokenStream {
    let mut lines: Vec<String> = Vec::new();
    for paragraph in paragraphs.iter().filter(|paragraph| !paragraph.is_empty()) {
        if !lines.is_empty() {
            lines.push(String::new());
        }
        lines.extend(paragraph.iter().cloned());
    }
    lines
        .iter()
        .map(|line| {
            let text = if line.is_empty() {
                String::new()
            } else {
                format!(" {line}")
            };
            let text = Literal::string(&text);
            quote!(#[doc = #text])
        })
        .collect()
}

/// Returns a paragraph of one line.
pub(super) fn line(text: impl Into<String>) -> Vec<String> {
    vec![text.into()]
}

/// Returns the comment of a method in the proto, or a sentence with its name if it has none.
pub(super) fn method(service: &Service, method: &Method) -> Vec<String> {
    if method.docs.is_empty() {
        let kind = match method.kind {
            MethodKind::UnaryUnary => "unary",
            MethodKind::UnaryStream => "server streaming",
            MethodKind::StreamUnary => "client streaming",
            MethodKind::StreamStream => "bidirectional streaming",
        };
        line(format!(
            "The {kind} method `{}` of `{}`.",
            method.proto_name, service.full_name
        ))
    } else {
        method.docs.clone()
    }
}

/// Returns a note with the method's name in the proto, if the Rust name differs in more than its case.
pub(super) fn renamed(method: &Method) -> Vec<String> {
    let plain = crate::names::snake(&method.proto_name);
    if plain == method.name && !method.name.ends_with('_') {
        return Vec::new();
    }
    line(crate::names::note(&method.proto_name))
}
