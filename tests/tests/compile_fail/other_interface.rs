//! Generated code of another version says what to do.

stubwright_tests::stubwright::generated_interface!(2); // from here to here
