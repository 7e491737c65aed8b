//! A service with many methods, and a program that serves and calls each of them.

pub mod many {
    include!(concat!(env!("OUT_DIR"), "/many.rs"));
}

pub mod program {
    include!(concat!(env!("BUILD_TIME_DIR"), "/of_tonic.rs"));
}
