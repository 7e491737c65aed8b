//! Generates Rust for `.proto` services.
