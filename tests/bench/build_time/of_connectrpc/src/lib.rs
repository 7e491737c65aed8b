//! A service with many methods, and a program that serves and calls each of them.

connectrpc::include_generated!();

pub mod program {
    include!(concat!(env!("BUILD_TIME_DIR"), "/of_connectrpc.rs"));
}
