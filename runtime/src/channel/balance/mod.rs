//! Which server a call goes to.

pub(crate) mod health;
pub(crate) mod load_balancing;
pub(crate) mod outliers;
pub(crate) mod picker;
pub(crate) mod servers;
pub(crate) mod subchannel;
