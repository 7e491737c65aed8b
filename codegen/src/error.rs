//! What can go wrong, in words that a build script prints.

use std::fmt;
use std::path::{Path, PathBuf};

/// Why nothing was generated.
///
/// `Debug` prints the same text as `Display`: a build script whose `main` returns a `Result` prints its error with
/// `Debug`, and the text should be readable there.
#[non_exhaustive]
pub enum Error {
    /// The `.proto` files could not be parsed or do not fit together. One text per fault, each with
    /// `file:line:column` where the parser knows it.
    Parse(Vec<String>),
    /// The `.proto` files are valid, but something in them cannot become Rust.
    Schema(Vec<SchemaError>),
    /// An option has a value that cannot be used, or options contradict each other.
    Config(String),
    /// A descriptor set or a plugin request could not be decoded.
    Descriptors(String),
    /// What was generated is not Rust: a fault of the generator. The text names the files.
    Generated(String),
    /// A file could not be read or written.
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What the operating system said.
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
    /// Each fault by itself, with `file:line:column` in front where it is known.
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
            Self::Generated(text) => write!(f, "what is generated is not Rust: {text}"),
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

/// One element of a `.proto` file that cannot become Rust, and what to change.
///
/// Displays as `file:line:column: element: problem` and a second line with the remedy.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SchemaError {
    pub(crate) place: Place,
    pub(crate) element: String,
    pub(crate) problem: String,
    pub(crate) remedy: String,
}

impl SchemaError {
    /// The name of the `.proto` file, as the compiler knows it.
    pub fn file(&self) -> &str {
        &self.place.file
    }

    /// The line and the column, both counted from one, if the descriptors carry source positions.
    pub fn position(&self) -> Option<(u32, u32)> {
        self.place.position
    }

    /// The element: its kind and its full name.
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

/// A place in a `.proto` file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) file: String,
    pub(crate) position: Option<(u32, u32)>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = match self.file.as_str() {
            "" => "a file without a name",
            file => file,
        };
        match self.position {
            Some((line, column)) => write!(f, "{file}:{line}:{column}"),
            None => f.write_str(file),
        }
    }
}
