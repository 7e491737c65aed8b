//! The manual: what operators have to know.

#[doc = include_str!("../docs/limits.md")]
pub mod limits {}

#[doc = include_str!("../docs/hostile_input.md")]
pub mod hostile_input {}
