//! Emits the functions that add a servicer to a server or to a channel.

use proc_macro2::TokenStream;
use quote::quote;

use super::tokens::{allow_deprecated, codec, ident, ty};
use super::{descriptors, docs};
use crate::model::{Method, MethodKind, Service};

/// Emits the registration functions. `has_descriptors` says whether the module has the descriptors of the service.
pub(super) fn register(
    service: &Service,
    has_descriptors: bool,
) -> Result<TokenStream, syn::Error> {
    let handler = handler(service, has_descriptors)?;
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

fn handler(service: &Service, has_descriptors: bool) -> Result<TokenStream, syn::Error> {
    let docs = docs::attributes(&[
        docs::line(format!(
            "The handlers of a servicer of `{}`, one per method.",
            service.full_name
        )),
        docs::line(format!(
            "`{}` adds them to a server. An in-process channel takes them directly.",
            service.names.register
        )),
    ]);
    let allow = allow_deprecated(service.touches_deprecated());
    let (name, servicer) = (
        ident(&service.names.handler),
        ident(&service.names.servicer),
    );
    let full_name = &service.full_name;
    let codec = codec(service);
    let constant = ident(descriptors::NAME);
    let descriptors = has_descriptors.then(|| quote!(.descriptors(&#constant)));
    let entries = service.methods.iter().map(|method| entry(service, method));
    let entries = entries.collect::<Result<Vec<_>, _>>()?;
    Ok(quote! {
        #docs
        #allow
        pub fn #name<S: #servicer>(servicer: S) -> ::stubwright::Handlers {
            ::stubwright::private::HandlersBuilder::new(#full_name, servicer, ::stubwright::private::#codec)
                #descriptors
                #(#entries)*
                .finish()
        }
    })
}

/// Emits the builder call that registers one method.
///
/// It passes a function and not a closure, because a closure would be compiled a second time as a function pointer.
/// It names the trait's method by its full path, so that an inherent method of the user's type cannot take its place.
fn entry(service: &Service, method: &Method) -> Result<TokenStream, syn::Error> {
    let servicer = ident(&service.names.servicer);
    let codec = codec(service);
    let (proto_name, name) = (&method.proto_name, ident(&method.name));
    let (add, parameter, request) = match method.kind {
        MethodKind::UnaryUnary | MethodKind::UnaryStream => {
            let request = if method.borrows_request {
                let request = ty(&method.request)?;
                quote!(::stubwright::Received<#request>)
            } else {
                let request = ty(&method.servicer.request)?;
                quote!(#request)
            };
            (quote!(request), quote!(request: #request), quote!(request))
        }
        MethodKind::StreamUnary | MethodKind::StreamStream => {
            (quote!(requests), quote!(), quote!(call.requests()))
        }
    };
    let called = quote!(#servicer::#name(&*call.servicer, #request, &call.context));
    // The view borrows the request, which the future holds under the same name.
    let view = method
        .borrows_request
        .then(|| quote!(let request = request.view()?;));
    let body = match method.kind {
        MethodKind::UnaryUnary | MethodKind::StreamUnary => quote!(call.response(#called.await)),
        MethodKind::UnaryStream | MethodKind::StreamStream => quote! {
            let responses = ::core::pin::pin!(#called);
            call.responses(responses).await
        },
    };
    Ok(quote! {
        .#add(#proto_name, {
            fn handle<S: #servicer>(
                call: ::stubwright::private::ServicerCall<S, ::stubwright::private::#codec>,
                #parameter
            ) -> ::stubwright::private::HandlerFuture {
                ::std::boxed::Box::pin(async move { #view #body })
            }
            handle::<S>
        })
    })
}
