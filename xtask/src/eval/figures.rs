//! Arithmetic of all evaluations.

use std::time::Duration;

/// Returns the percentile of durations by nearest rank; zero if there are none.
pub(super) fn percentile(durations: &[Duration], percent: usize) -> Duration {
    let mut sorted = durations.to_vec();
    sorted.sort_unstable();
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied().unwrap_or_default()
}

/// Returns the share of `part` in `whole`; 0 if `whole` is 0.
#[expect(
    clippy::cast_precision_loss,
    reason = "counts of questions and contexts are far below 2^52"
)]
pub(super) fn share(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentile_is_the_nearest_rank_whatever_the_order() {
        let milliseconds: Vec<_> = (1..=200).rev().map(Duration::from_millis).collect();
        assert_eq!(percentile(&milliseconds, 50), Duration::from_millis(100));
        assert_eq!(percentile(&milliseconds, 99), Duration::from_millis(198));
        assert_eq!(percentile(&milliseconds[..1], 99), Duration::from_millis(200));
        assert_eq!(percentile(&[], 50), Duration::ZERO);
    }
}
