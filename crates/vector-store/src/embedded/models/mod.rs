//! The models whose vectors a folder holds: one in use and, while the model changes, another beside it.

pub(super) mod change;
mod port;
