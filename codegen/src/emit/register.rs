//! The functions that put a servicer behind a server or a channel.

use proc_macro2::TokenStream;
use quote::quote;

use super::{allow_deprecated, descriptors, docs, ident};
use crate::model::{Method, MethodKind, Service};

/// `has_descriptors` says whether the module has the descriptors of the service.
pub(super) fn register(
    service: &Service,
    has_descriptors: bool,
) -> Result<TokenStream, syn::Error> {
    let handler = handler(service, has_descriptors);
    let register_docs = docs::attributes(&[docs::line(format!(
        "Adds a servicer of `{}` to `server`.",
        service.full_name
    ))]);
    let allow = allow_deprecated(service.deprecated);
    let names = &service.names;
    let (register, make_handler, servicer) = (
        ident(&names.register),
        ident(&names.handler),
        ident(&names.servicer),
    );
    Ok(quote! {
        #handler

        #register_docs
        #allow
        pub fn #register<S: #servicer>(servicer: S, server: &mut ::stubwright::Server) {
            server.add_handlers(#make_handler(servicer));
        }
    })
}

fn handler(service: &Service, has_descriptors: bool) -> TokenStream {
    let docs = docs::attributes(&[
        docs::line(format!(
            "The handlers of a servicer of `{}`, one per method.",
            service.full_name
        )),
        docs::line(format!(
            "`{}` adds them to a server; an in-process channel takes them as they are.",
            service.names.register
        )),
    ]);
    let allow = allow_deprecated(service.touches_deprecated());
    let (name, servicer) = (
        ident(&service.names.handler),
        ident(&service.names.servicer),
    );
    let full_name = &service.full_name;
    let constant = ident(descriptors::NAME);
    let descriptors = has_descriptors.then(|| quote!(.descriptors(&#constant)));
    let handlers = service.methods.iter().map(|method| entry(service, method));
    quote! {
        #docs
        #allow
        pub fn #name<S: #servicer>(servicer: S) -> ::stubwright::Handlers {
            ::stubwright::private::HandlersBuilder::new(#full_name, servicer, ::stubwright::private::Prost)
                #descriptors
                #(#handlers)*
                .finish()
        }
    }
}

/// One method in the builder. The trait's method is called by its full path, so that a method of the same name on the
/// user's type is no rival.
fn entry(service: &Service, method: &Method) -> TokenStream {
    let servicer = ident(&service.names.servicer);
    let name = ident(&method.name);
    let (proto_name, kind) = (&method.proto_name, method.kind);
    let method = quote!(#servicer::#name);
    let boxed = quote!(::std::boxed::Box::pin);
    match kind {
        MethodKind::UnaryUnary => quote! {
            .request(#proto_name, |call, request| #boxed(async move {
                call.response(#method(&*call.servicer, request, &call.context).await)
            }))
        },
        MethodKind::UnaryStream => quote! {
            .request(#proto_name, |call, request| #boxed(async move {
                let responses = ::core::pin::pin!(#method(&*call.servicer, request, &call.context));
                call.responses(responses).await
            }))
        },
        MethodKind::StreamUnary => quote! {
            .requests(#proto_name, |call| #boxed(async move {
                call.response(#method(&*call.servicer, call.requests(), &call.context).await)
            }))
        },
        MethodKind::StreamStream => quote! {
            .requests(#proto_name, |call| #boxed(async move {
                let responses = ::core::pin::pin!(#method(&*call.servicer, call.requests(), &call.context));
                call.responses(responses).await
            }))
        },
    }
}
