//! Decodes messages of files with an edition and encodes them again, for the interop run.
//!
//! A line of standard input has a message's full name and its bytes in hexadecimal. The answer is a line with the
//! bytes after encoding, or `error`.

use std::io::{self, BufRead as _, Write as _};

use stubwright::prost::Message;
use stubwright_tests::editions::editions::{other, v2023, v2024};

fn main() -> io::Result<()> {
    let mut out = io::stdout().lock();
    for line in io::stdin().lock().lines() {
        let line = line?;
        let (name, digits) = line.split_once(' ').unwrap_or((&line, ""));
        let answer = bytes(digits).and_then(|bytes| again(name, &bytes));
        match answer {
            Some(bytes) => writeln!(out, "{}", hexadecimal(&bytes))?,
            None => writeln!(out, "error")?,
        }
    }
    out.flush()
}

/// Returns the function for each message, by its full name.
macro_rules! messages {
    ($name:expr, $bytes:expr, $($package:ident: $($message:ident)*;)*) => {
        match $name {
            $($(concat!("editions.", stringify!($package), ".", stringify!($message)) => {
                again_as::<$package::$message>($bytes)
            })*)*
            _ => None,
        }
    };
}

fn again(name: &str, bytes: &[u8]) -> Option<Vec<u8>> {
    messages!(name, bytes,
        v2023: Inner Default Explicit Implicit Required Repeated Packed Expanded Delimited Messages Maps Defaults Unchecked;
        v2024: Inner Default Explicit Implicit Required Repeated Packed Expanded Delimited Messages Maps Defaults Unchecked Other;
        other: Inner Default Explicit Implicit Required Repeated Packed Expanded Delimited Messages Maps Defaults Unchecked;
    )
}

fn again_as<M: Message + Default>(bytes: &[u8]) -> Option<Vec<u8>> {
    Some(M::decode(bytes).ok()?.encode_to_vec())
}

fn bytes(digits: &str) -> Option<Vec<u8>> {
    (0..digits.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok())
        .collect()
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
