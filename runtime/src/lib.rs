//! A small, fast gRPC runtime.

#![allow(dead_code)]

mod header;
mod http2;
