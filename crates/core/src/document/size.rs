//! Size of pieces.

use crate::context::MAX_TEXT_BYTES;

/// Bounds on the sizes of pieces, all derived from the size aimed at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    target: usize,
}

impl Default for Size {
    /// Returns a target of 1,600 bytes, about 400 tokens of English: one topic with its sentences, read whole by encoders
    /// of 512 tokens, and five of them fit into a prompt of 2,000 tokens.
    fn default() -> Self {
        Self { target: 1_600 }
    }
}

impl Size {
    /// Smallest target in bytes.
    pub const MIN_TARGET: usize = 64;
    /// Largest target in bytes: four times as much is the longest text of a context.
    pub const MAX_TARGET: usize = MAX_TEXT_BYTES / 4;

    /// Creates the bounds for pieces of about `target` bytes; `None` if it is out of range.
    pub fn new(target: usize) -> Option<Self> {
        (Self::MIN_TARGET..=Self::MAX_TARGET)
            .contains(&target)
            .then_some(Self { target })
    }

    /// Returns the size aimed at, in bytes.
    pub fn target(self) -> usize {
        self.target
    }

    /// Returns the maximum size in bytes, which only a table or a fenced block kept whole comes near.
    pub fn max(self) -> usize {
        4 * self.target
    }

    /// Returns the size in bytes below which a part joins its neighbour.
    pub(super) fn crumb(self) -> usize {
        self.target / 4
    }
}
