//! The keys of a JSON object, each of which must occur once.

use std::borrow::Cow;
use std::collections::HashSet;

use super::JsonError;
use super::lexer::Lexer;

/// The number of keys up to which they are compared one by one.
const FEW: usize = 8;

/// The keys of an object that were read so far. Of a key that occurs twice, one reader would use the first value, and another reader
/// of the same text the last.
#[derive(Debug, Default)]
pub(super) struct UniqueKeys<'t> {
    few: Vec<Cow<'t, str>>,
    many: HashSet<Cow<'t, str>>,
}

impl<'t> UniqueKeys<'t> {
    /// Adds the key that was read last.
    ///
    /// # Errors
    /// Fails if the object has the key already.
    pub(super) fn add(&mut self, key: Cow<'t, str>, lexer: &Lexer<'_>) -> Result<(), JsonError> {
        if self.many.is_empty() {
            if self.few.contains(&key) {
                return Err(repeated(&key, lexer));
            }
            self.few.push(key);
            if self.few.len() > FEW {
                self.many.extend(self.few.drain(..));
            }
            return Ok(());
        }
        match self.many.replace(key) {
            Some(key) => Err(repeated(&key, lexer)),
            None => Ok(()),
        }
    }
}

/// Returns the error of a key that occurs twice.
#[cold]
pub(super) fn repeated(key: &str, lexer: &Lexer<'_>) -> JsonError {
    lexer.error(format_args!("the key \"{key}\" occurs twice"))
}
