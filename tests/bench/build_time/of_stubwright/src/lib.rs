//! A service with many methods, and a program that serves and calls each of them.

stubwright::include_protos!();

pub mod program {
    include!(concat!(env!("BUILD_TIME_DIR"), "/of_stubwright.rs"));
}
