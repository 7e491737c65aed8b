//! The descriptors that generated code has of its services, and of its messages if they are to know them.

/// What generated code has of the protos of one module. It is constant data: nothing looks at it before somebody asks.
#[derive(Debug)]
pub struct Descriptors {
    /// An encoded `google.protobuf.FileDescriptorSet`.
    pub set: &'static [u8],
    /// Those of the modules that have what these files import.
    pub imports: &'static [&'static Descriptors],
}
