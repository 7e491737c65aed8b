//! Emits the struct through which a client makes calls.

use proc_macro2::TokenStream;
use quote::quote;

use super::docs;
use super::tokens::{allow_deprecated, codec, deprecated, ident, ty};
use crate::model::{Method, MethodKind, Service};

pub(super) fn stub(service: &Service) -> Result<TokenStream, syn::Error> {
    let docs = docs::attributes(&[
        docs::line(format!("Stub of `{}`.", service.full_name)),
        service.docs.clone(),
        docs::line("Cheap to clone: the clones share their channel."),
    ]);
    let deprecated = deprecated(service.deprecated);
    let allow = allow_deprecated(service.deprecated);
    let name = ident(&service.names.stub);
    let methods = service
        .methods
        .iter()
        .map(|method| self::method(service, method))
        .collect::<Result<TokenStream, _>>()?;
    Ok(quote! {
        #docs
        #deprecated
        #[derive(::core::clone::Clone, ::core::fmt::Debug)]
        pub struct #name {
            channel: ::stubwright::Channel,
        }
        #allow
        impl #name {
            /// Creates a stub that makes calls over `channel`.
            pub fn new(channel: ::stubwright::Channel) -> Self {
                Self { channel }
            }
            #methods
        }
        #allow
        impl ::stubwright::Stub for #name {
            fn from_channel(channel: ::stubwright::Channel) -> Self {
                Self { channel }
            }
            fn channel(&self) -> &::stubwright::Channel {
                &self.channel
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
    let codec = codec(service);
    let marker = ident(&method.marker);
    let path = format!("/{}/{}", service.full_name, method.proto_name);
    let (generics, parameter, taken) = match method.kind {
        MethodKind::UnaryUnary | MethodKind::UnaryStream => {
            (None, ident("request"), quote!(#request))
        }
        MethodKind::StreamUnary | MethodKind::StreamStream => (
            Some(quote!(<#marker>)),
            ident("requests"),
            quote!(impl ::stubwright::IntoRequests<#request, #marker>),
        ),
    };
    let (returned, call) = match method.kind {
        MethodKind::UnaryUnary => (quote!(UnaryCall<#request, #response>), quote!(unary_unary)),
        MethodKind::UnaryStream => (quote!(StreamingCall<#response>), quote!(unary_stream)),
        MethodKind::StreamUnary => (quote!(UnaryCall<#request, #response>), quote!(stream_unary)),
        MethodKind::StreamStream => (quote!(StreamingCall<#response>), quote!(stream_stream)),
    };
    Ok(quote! {
        #docs
        #deprecated
        pub fn #name #generics(
            &self,
            #parameter: #taken,
        ) -> ::stubwright::#returned {
            ::stubwright::private::#call(&self.channel, #path, ::stubwright::private::#codec, #parameter)
        }
    })
}

fn usage(kind: MethodKind) -> &'static str {
    match kind {
        MethodKind::UnaryUnary => {
            "Await the call for the response, or `.with_call()` for the response and the end of the call."
        }
        MethodKind::UnaryStream => {
            "The call is a stream of responses. `.message().await?` returns the next response, or `None` at the end."
        }
        MethodKind::StreamUnary => {
            "Takes an iterator or a stream of requests. Await the call for the response, or `.with_call()` for the response and the end of the call."
        }
        MethodKind::StreamStream => {
            "Takes an iterator or a stream of requests. The call is a stream of responses. `.message().await?` returns the next response, or `None` at the end."
        }
    }
}
