//! Errors of the generator, worded for build scripts to print.

use std::fmt;
use std::path::{Path, PathBuf};

/// The reason why nothing was generated.
///
/// `Debug` prints the same text as `Display`, because a build script whose `main` returns a `Result` prints the error
/// by `Debug`.
#[non_exhaustive]
pub enum Error {
    /// The `.proto` files have syntax errors or do not fit together. There is one text per fault, with
    /// `file:line:column` if the parser reports it.
    Parse(Vec<String>),
    /// The `.proto` files are valid, but some elements cannot be expressed in Rust.
    Schema(Vec<SchemaError>),
    /// An option has an unusable value, or options contradict each other.
    Config(String),
    /// A descriptor set or a plugin request could not be decoded.
    Descriptors(String),
    /// The generated code is not valid Rust. This is a bug of the generator. The text names the files concerned.
    Generated(String),
    /// A file could not be read or written.
    Io {
        /// The file or directory.
        path: PathBuf,
        /// The error of the operating system.
        source: std::io::Error,
    },
}

impl Error {
    pub(crate) fn io(path: &Path, source: std::io::Error) -> Self {
        Self::Io {
            path: path.to_owned(),
            source,
        }
    }
}

impl Error {
    /// Returns the text of each fault. The text begins with `file:line:column` if the position is known.
    pub fn faults(&self) -> Vec<String> {
        match self {
            Self::Parse(errors) => errors.clone(),
            Self::Schema(errors) => errors.iter().map(SchemaError::to_string).collect(),
            other => vec![other.to_string()],
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Parse(errors) => f.write_str(&errors.join("\n")),
            Self::Schema(errors) => {
                for (index, error) in errors.iter().enumerate() {
                    let separator = if index == 0 { "" } else { "\n" };
                    write!(f, "{separator}{error}")?;
                }
                Ok(())
            }
            Self::Config(text) => write!(f, "stubwright-codegen: {text}"),
            Self::Descriptors(text) => write!(f, "the descriptors cannot be read: {text}"),
            Self::Generated(text) => write!(
                f,
                "the generated code is not valid Rust (a bug of the generator): {text}"
            ),
            Self::Io { path, source } => write!(f, "{}: {source}", path.display()),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { source, .. } => Some(source),
            _ => None,
        }
    }
}

/// An element of a `.proto` file that cannot be expressed in Rust, and a remedy.
///
/// Its `Display` is `file:line:column: element: problem`, with the remedy on a second line.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SchemaError {
    pub(crate) place: Place,
    pub(crate) element: String,
    pub(crate) problem: String,
    pub(crate) remedy: String,
}

impl SchemaError {
    /// Returns the name of the `.proto` file, as the compiler knows it.
    pub fn file(&self) -> &str {
        &self.place.file
    }

    /// Returns the line and the column, both counted from one. Returns `None` if the descriptors have no source
    /// positions.
    pub fn position(&self) -> Option<(u32, u32)> {
        self.place.position
    }

    /// Returns the kind and the full name of the element.
    pub fn element(&self) -> &str {
        &self.element
    }
}

impl fmt::Display for SchemaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: {}: {}\n  help: {}",
            self.place, self.element, self.problem, self.remedy
        )
    }
}

impl std::error::Error for SchemaError {}

/// A position in a `.proto` file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) file: String,
    pub(crate) position: Option<(u32, u32)>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = match self.file.as_str() {
            "" => "unnamed file",
            file => file,
        };
        match self.position {
            Some((line, column)) => write!(f, "{file}:{line}:{column}"),
            None => f.write_str(file),
        }
    }
}
