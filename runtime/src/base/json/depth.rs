//! How deep messages may be nested.

use super::JsonError;

/// The largest number of messages inside each other.
pub(super) const MOST: u32 = 100;

/// How many more messages may be inside each other. The entry of a map and a `google.protobuf.Value` count as messages, because the
/// decoder of the encoded message counts them too.
#[derive(Debug)]
pub(super) struct Depth(u32);

impl Depth {
    pub(super) fn new() -> Depth {
        Depth(MOST)
    }

    /// Counts a message that is entered.
    pub(super) fn enter(&mut self) -> Result<(), JsonError> {
        match self.0.checked_sub(1) {
            Some(left) => {
                self.0 = left;
                Ok(())
            }
            None => Err(JsonError::new(format_args!(
                "messages are nested too deep (more than {MOST} levels)"
            ))),
        }
    }

    /// Counts a message that is left.
    pub(super) fn leave(&mut self) {
        self.0 += 1;
    }
}
