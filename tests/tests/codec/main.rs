//! Our code for messages beside prost's: the same bytes are the same message, or both refuse them.

mod choices;
mod like_prost;
mod limits;
mod sharing;
mod unknown;
mod views;
mod wire_bytes;

/// The messages of `types.proto` with our code.
#[allow(dead_code)]
mod ours {
    stubwright::include_protos!("codec/stubwright");
}

/// The same messages with shared strings and bytes, lists for maps, and unknown fields.
#[allow(dead_code)]
mod shared {
    stubwright::include_protos!("codec/shared/stubwright");
}

/// The same messages with hash maps.
#[allow(dead_code)]
mod fast {
    stubwright::include_protos!("codec/fast/stubwright");
}

/// The same messages without some of their fields, which are unknown.
#[allow(dead_code)]
mod older {
    stubwright::include_protos!("codec/older/stubwright");
}

/// All fixtures with views. They are only compiled.
#[allow(dead_code)]
mod viewed {
    stubwright::include_protos!("views/stubwright");
}

/// The same messages with the code that prost derives.
#[allow(clippy::all, dead_code, missing_docs)]
mod theirs {
    include!(concat!(env!("OUT_DIR"), "/codec/prost/all.rs"));
}
