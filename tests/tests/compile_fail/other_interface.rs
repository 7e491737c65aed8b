//! Generated code of another version causes an error that says what to do.

stubwright::generated_interface!(1);

fn main() {}
