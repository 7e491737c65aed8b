//! Names of Unix sockets in gRPC: `unix:path`, and `unix-abstract:name` for sockets in Linux' abstract namespace.
//!
//! An abstract name may contain any bytes. Bytes that are not printable, and the percent sign, are percent-encoded. Within the
//! program such a name is a path that starts with NUL, as in tokio.

use std::ffi::OsString;
use std::fmt;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

/// Displays the path of a socket in the form of a target.
pub(crate) struct UnixName<'a>(pub(crate) &'a Path);

impl UnixName<'_> {
    /// Returns the abstract name, if the path is one.
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

/// Returns the path for an abstract name.
pub(crate) fn abstract_path(name: &[u8]) -> PathBuf {
    PathBuf::from(OsString::from_vec([b"\0", name].concat()))
}

/// Decodes a percent-encoded abstract name. An invalid escape stays unchanged.
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
