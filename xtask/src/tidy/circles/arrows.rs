//! The arrows between the files of a crate.

use std::collections::{BTreeMap, BTreeSet};

/// Files by index, each with the files it needs and the names it takes from them.
pub(super) type Arrows = BTreeMap<usize, BTreeMap<usize, BTreeSet<String>>>;
