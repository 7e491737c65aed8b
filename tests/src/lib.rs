//! Generated code of the test protos, and helpers of the tests.

/// Code of all fixtures, in one module tree.
pub mod pb {
    stubwright::include_protos!();
}

/// A service that is generated with all methods required.
pub mod all_required {
    stubwright::include_protos!("required");
}

/// Blocking stubs.
pub mod blocking {
    stubwright::include_protos!("blocking/stubwright");
}

/// Three services whose files and messages have names in common.
pub mod twins {
    /// Has a `common.proto`.
    pub mod first {
        stubwright::include_protos!("twins/one/stubwright");
    }

    /// Has another `common.proto`, with other names in it.
    pub mod second {
        stubwright::include_protos!("twins/two/stubwright");
    }

    /// Has a different message with a name from `first`.
    pub mod third {
        stubwright::include_protos!("twins/three/stubwright");
    }
}

/// Messages that have a JSON form.
pub mod json {
    stubwright::include_protos!("json/stubwright");
}

/// A message that is generated twice, from files with different names.
pub mod copies {
    /// From the one file.
    pub mod one {
        stubwright::include_protos!("copies/one/stubwright");
    }

    /// From the other file.
    pub mod two {
        stubwright::include_protos!("copies/two/stubwright");
    }
}

/// Messages with tables and with descriptors.
pub mod tables {
    stubwright::include_protos!("tables/stubwright");
}

/// Messages of files with an edition.
pub mod editions {
    stubwright::include_protos!("editions");
}

pub mod certificates;
pub mod child;
pub mod figures;
pub mod flood;
pub mod frames;
pub mod interop;
pub mod log;
mod probe;
pub mod serve;

pub use probe::{Event, Probe};
