//! A small, fast gRPC runtime.
