//! Generated code of another version says what to do.

stubwright::generated_interface!(1);

fn main() {}
