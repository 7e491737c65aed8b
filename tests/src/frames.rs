//! HTTP/2's frames, written by hand.

/// What a client says first.
pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// The types of frames.
macro_rules! types {
    ($($name:ident = $number:literal)*) => {
        $(
            #[doc = concat!("The type ", stringify!($name), ".")]
            pub const $name: u8 = $number;
        )*
    };
}

types!(
    DATA = 0
    HEADERS = 1
    PRIORITY = 2
    RST_STREAM = 3
    SETTINGS = 4
    PING = 6
    GOAWAY = 7
    WINDOW_UPDATE = 8
    CONTINUATION = 9
);

/// The flag of the last frame of a stream.
pub const END_STREAM: u8 = 1;
/// The flag of the last frame of a header block.
pub const END_HEADERS: u8 = 4;
/// The flag of a frame with padding.
pub const PADDED: u8 = 8;

/// A frame as bytes.
///
/// # Panics
/// When the payload is over 4 GiB.
pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut frame = length[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// A header block of literals without indexing and without Huffman (RFC 7541, 6.2.2).
pub fn literals(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in fields {
        block.push(0);
        for text in [name, value] {
            length(text.len(), &mut block);
            block.extend(text.as_bytes());
        }
    }
    block
}

/// An integer with a prefix of seven bits (RFC 7541, 5.1).
fn length(mut length: usize, block: &mut Vec<u8>) {
    if length < 127 {
        return block.push(length as u8);
    }
    block.push(127);
    length -= 127;
    while length >= 128 {
        block.push((length % 128) as u8 | 128);
        length /= 128;
    }
    block.push(length as u8);
}
