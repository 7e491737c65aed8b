//! Emits the blocking stub of a service, which wraps the calls of the async stub.

use proc_macro2::TokenStream;
use quote::quote;

use super::docs;
use super::tokens::{allow_deprecated, deprecated, ident, ty};
use crate::model::{Method, MethodKind, Service};

pub(super) fn stub(service: &Service) -> Result<TokenStream, syn::Error> {
    let docs = docs::attributes(&[
        docs::line(format!("Blocking stub of `{}`.", service.full_name)),
        service.docs.clone(),
        docs::line(
            "Its calls block the current thread. In async code they fail with FAILED_PRECONDITION. Cheap to clone: the clones share their channel.",
        ),
    ]);
    let deprecated = deprecated(service.deprecated);
    let allow = allow_deprecated(service.touches_deprecated());
    let name = ident(&service.names.blocking_stub);
    let stub = ident(&service.names.stub);
    let methods = service
        .methods
        .iter()
        .map(|method| self::method(service, method))
        .collect::<Result<TokenStream, _>>()?;
    Ok(quote! {
        #docs
        #deprecated
        #[derive(::core::clone::Clone, ::core::fmt::Debug)]
        #allow
        pub struct #name {
            stub: #stub,
        }
        #allow
        impl #name {
            /// Creates a stub that makes calls over `channel`.
            pub fn new(channel: ::stubwright::Channel) -> Self {
                Self { stub: #stub::new(channel) }
            }
            #methods
        }
        #allow
        impl ::stubwright::Stub for #name {
            fn from_channel(channel: ::stubwright::Channel) -> Self {
                Self { stub: #stub::new(channel) }
            }
            fn channel(&self) -> &::stubwright::Channel {
                ::stubwright::Stub::channel(&self.stub)
            }
        }
        #allow
        impl ::core::convert::From<#stub> for #name {
            /// Wraps `stub`, with its options.
            fn from(stub: #stub) -> Self {
                Self { stub }
            }
        }
    })
}

fn method(service: &Service, method: &Method) -> Result<TokenStream, syn::Error> {
    let docs = docs::attributes(&[
        docs::method(service, method),
        docs::renamed(method),
        docs::line(usage(method.kind)),
    ]);
    let deprecated = deprecated(method.deprecated);
    let name = ident(&method.name);
    let request = ty(&method.stub.request)?;
    let response = ty(&method.stub.response)?;
    let (parameter, taken, passed) = match method.kind {
        MethodKind::UnaryUnary | MethodKind::UnaryStream => {
            let parameter = ident("request");
            (parameter.clone(), quote!(#request), quote!(#parameter))
        }
        MethodKind::StreamUnary | MethodKind::StreamStream => (
            ident("requests"),
            quote! {
                impl ::core::iter::IntoIterator<
                    Item = #request,
                    IntoIter: ::core::marker::Send + 'static,
                >
            },
            quote!(::stubwright::blocking::requests(requests)),
        ),
    };
    let returned = match method.kind {
        MethodKind::UnaryUnary | MethodKind::StreamUnary => {
            quote!(UnaryCall<#request, #response>)
        }
        MethodKind::UnaryStream | MethodKind::StreamStream => quote!(StreamingCall<#response>),
    };
    Ok(quote! {
        #docs
        #deprecated
        pub fn #name(
            &self,
            #parameter: #taken,
        ) -> ::stubwright::blocking::#returned {
            ::core::convert::Into::into(self.stub.#name(#passed))
        }
    })
}

fn usage(kind: MethodKind) -> &'static str {
    match kind {
        MethodKind::UnaryUnary => {
            "`.wait()?` returns the response. `.with_call().wait()?` returns the response and the end of the call."
        }
        MethodKind::UnaryStream => "The call is an iterator over the responses.",
        MethodKind::StreamUnary => {
            "Takes an iterator of requests. `.wait()?` returns the response. `.with_call().wait()?` returns the response and the end of the call."
        }
        MethodKind::StreamStream => {
            "Takes an iterator of requests. The call is an iterator over the responses."
        }
    }
}
