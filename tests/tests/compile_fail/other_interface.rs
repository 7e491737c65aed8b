//! Generated code of another version says what to do.

stubwright::generated_interface!(2);

fn main() {}
