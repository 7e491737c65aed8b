//! Unix sockets as gRPC names them: `unix:path`, and `unix-abstract:name` for those that Linux keeps apart from the file system.
//!
//! An abstract name is any bytes: what is not printable, and the percent sign, is percent-encoded. Within the program it is a path
//! that begins with NUL, as tokio takes it.

use std::ffi::OsString;
use std::fmt;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

/// The path of a socket, displayed as a target names it.
pub(crate) struct UnixName<'a>(pub(crate) &'a Path);

impl UnixName<'_> {
    /// The abstract name, if it is one.
    fn abstract_name(&self) -> Option<&[u8]> {
        self.0.as_os_str().as_bytes().strip_prefix(&[0])
    }
}

impl fmt::Display for UnixName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(name) = self.abstract_name() else {
            return write!(f, "unix:{}", self.0.display());
        };
        f.write_str("unix-abstract:")?;
        for &byte in name {
            if byte.is_ascii_graphic() && byte != b'%' {
                write!(f, "{}", char::from(byte))?;
            } else {
                write!(f, "%{byte:02X}")?;
            }
        }
        Ok(())
    }
}

/// The path that stands for an abstract name.
pub(crate) fn abstract_path(name: &[u8]) -> PathBuf {
    PathBuf::from(OsString::from_vec([b"\0", name].concat()))
}

/// What a percent-encoded abstract name stands for. An escape that is none stays as it is.
#[cfg(feature = "client")]
pub(crate) fn decode(text: &str) -> Vec<u8> {
    let mut name = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let digit = |at: usize| char::from(*after.get(at)?).to_digit(16);
        let escaped = || u8::try_from(digit(0)? * 16 + digit(1)?).ok();
        match (first, escaped()) {
            (b'%', Some(byte)) => {
                name.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            _ => {
                name.push(first);
                rest = after;
            }
        }
    }
    name
}

#[cfg(all(test, feature = "client"))]
mod tests {
    use super::*;

    #[test]
    fn abstract_names_are_encoded() {
        for (text, name) in [
            ("a/b.c", &b"a/b.c"[..]),
            ("a%00b%25", b"a\0b%"),
            ("%FF", b"\xff"),
        ] {
            assert_eq!(decode(text), name);
            let path = abstract_path(name);
            assert_eq!(UnixName(&path).to_string(), format!("unix-abstract:{text}"));
        }
        assert_eq!(decode("%z%4"), b"%z%4");
        assert_eq!(UnixName(Path::new("/run/x")).to_string(), "unix:/run/x");
    }
}
