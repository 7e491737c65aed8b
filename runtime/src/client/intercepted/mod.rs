//! Calls with interceptors around them.
//!
//! The caller polls the futures of the interceptors, and reads the responses of their attempts. An attempt is an exchange with
//! the server. Caller and interceptors share the [`InterceptedState`](state::InterceptedState).

pub(super) mod attempt;
pub(super) mod caller;
pub(super) mod observers;
mod progress;
pub(super) mod requests;
pub(super) mod state;
