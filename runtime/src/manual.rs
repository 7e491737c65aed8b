//! The manual: what operators have to know, and those who come from Python.

#[doc = include_str!("../docs/limits.md")]
pub mod limits {}

#[doc = include_str!("../docs/hostile_input.md")]
pub mod hostile_input {}

#[doc = include_str!("../docs/messages.md")]
pub mod messages {}
