//! Emits the trait that a server implements.

use proc_macro2::TokenStream;
use quote::quote;

use super::docs;
use super::options::Options;
use super::tokens::{deprecated, ident, ty};
use crate::model::{MessageTypes, Method, MethodKind, Service};

pub(super) fn servicer(service: &Service, options: Options<'_>) -> Result<TokenStream, syn::Error> {
    let docs = docs::attributes(&[
        docs::line(format!("Servicer of `{}`.", service.full_name)),
        service.docs.clone(),
        docs::line(note(service, options)),
    ]);
    let deprecated = deprecated(service.deprecated);
    let name = ident(&service.names.servicer);
    let methods = service
        .methods
        .iter()
        .map(|method| self::method(service, method, options))
        .collect::<Result<TokenStream, _>>()?;
    Ok(quote! {
        #docs
        #deprecated
        pub trait #name: ::core::marker::Send + ::core::marker::Sync + 'static {
            #methods
        }
    })
}

fn note(service: &Service, options: Options<'_>) -> String {
    let register = &service.names.register;
    let missing = if options.all_methods_required {
        "Every method must be implemented."
    } else {
        "A method that is not implemented returns `UNIMPLEMENTED`; with the generator's option \
         `all_methods_required` it doesn't compile."
    };
    format!(
        "{missing} A method that panics ends its call with `INTERNAL`. `{register}` adds an \
         implementation to a server."
    )
}

fn method(
    service: &Service,
    method: &Method,
    options: Options<'_>,
) -> Result<TokenStream, syn::Error> {
    let docs = docs::attributes(&[
        docs::method(service, method),
        docs::renamed(method),
        form(method),
    ]);
    let deprecated = deprecated(method.deprecated);
    let name = ident(&method.name);
    let request = ty(&method.servicer.request)?;
    let response = ty(&method.servicer.response)?;
    let (parameter, request) = match method.kind {
        MethodKind::UnaryUnary | MethodKind::UnaryStream => (ident("request"), quote!(#request)),
        MethodKind::StreamUnary | MethodKind::StreamStream => (
            ident("requests"),
            quote!(::stubwright::RequestStream<#request>),
        ),
    };
    let (returned, unimplemented) = match method.kind {
        MethodKind::UnaryUnary | MethodKind::StreamUnary => (
            quote!(::core::future::Future<Output = ::stubwright::Result<#response>>),
            quote!(::stubwright::private::unimplemented()),
        ),
        MethodKind::UnaryStream | MethodKind::StreamStream => (
            quote!(::stubwright::Stream<Item = ::stubwright::Result<#response>>),
            quote!(::stubwright::private::unimplemented_stream()),
        ),
    };
    let body = if options.all_methods_required {
        quote!(;)
    } else {
        quote!({
            let _ = (#parameter, context);
            #unimplemented
        })
    };
    Ok(quote! {
        #docs
        #deprecated
        fn #name(
            &self,
            #parameter: #request,
            context: &::stubwright::ServicerContext,
        ) -> impl #returned + ::core::marker::Send #body
    })
}

/// Returns an example of the method's signature. Its fence says `text`, so that it is not a doctest.
fn form(method: &Method) -> Vec<String> {
    let name = &method.name;
    let MessageTypes { request, response } = &method.servicer;
    let (request, response) = (
        short(&request.0, "Received<"),
        short(&response.0, "EncodedMessage<"),
    );
    let parameter = match method.kind {
        MethodKind::UnaryUnary | MethodKind::UnaryStream => format!("request: {request}"),
        MethodKind::StreamUnary | MethodKind::StreamStream => {
            format!("requests: RequestStream<{request}>")
        }
    };
    let (lead, keyword, returned) = match method.kind {
        MethodKind::UnaryUnary | MethodKind::StreamUnary => {
            ("Implement it as", "async fn", format!("Result<{response}>"))
        }
        MethodKind::UnaryStream | MethodKind::StreamStream => (
            "Implement it as (without `async`: the method *is* the stream)",
            "fn",
            format!("impl Stream<Item = Result<{response}>> + Send"),
        ),
    };
    vec![
        lead.to_owned(),
        "```text".to_owned(),
        format!("{keyword} {name}(&self, {parameter}, context: &ServicerContext) -> {returned}"),
        "```".to_owned(),
    ]
}

/// Returns a type without the path of the runtime before `outer`.
fn short(path: &str, outer: &str) -> String {
    path.replace(&format!("::stubwright::{outer}"), outer)
}
