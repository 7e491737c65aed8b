//! The descriptors that generated code embeds.

/// The descriptors of the protos of one generated module. They are constant data that is not decoded before it is needed.
#[derive(Debug)]
pub struct Descriptors {
    /// An encoded `google.protobuf.FileDescriptorSet`.
    pub set: &'static [u8],
    /// The descriptors of the modules that these files import.
    pub imports: &'static [&'static Descriptors],
}
