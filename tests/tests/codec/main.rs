//! Our code for messages beside prost's: the same bytes are the same message, or both refuse them.

mod like_prost;
mod limits;
mod wire_bytes;

/// The messages of `types.proto` with our code.
#[allow(dead_code)]
mod ours {
    stubwright::include_protos!("codec/stubwright");
}

/// The same messages with the code that prost derives.
#[allow(clippy::all, dead_code, missing_docs)]
mod theirs {
    include!(concat!(env!("OUT_DIR"), "/codec/prost/all.rs"));
}
