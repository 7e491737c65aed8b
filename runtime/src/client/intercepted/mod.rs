//! Calls with interceptors around them.
//!
//! The caller polls the futures of the interceptors, and reads the responses of the attempts that the innermost of them makes. An
//! attempt is an exchange with the server. What the two share is the [`InterceptedState`](state::InterceptedState).

pub(super) mod attempt;
pub(super) mod caller;
pub(super) mod observers;
mod progress;
pub(super) mod requests;
pub(super) mod state;
