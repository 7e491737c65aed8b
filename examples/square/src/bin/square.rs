//! The square service.
fn main() {}
