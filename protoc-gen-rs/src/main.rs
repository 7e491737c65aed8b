//! The protoc plugin of stubwright.
fn main() {}
