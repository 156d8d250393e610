//! Progress of long work on a terminal.

use indicatif::{ProgressBar, ProgressStyle};

/// Builds a bar on standard error, which draws nothing without a terminal.
pub(super) fn bar(length: Option<u64>, template: &str) -> anyhow::Result<ProgressBar> {
    let bar = length.map_or_else(ProgressBar::new_spinner, ProgressBar::new);
    bar.set_style(ProgressStyle::with_template(template)?);
    Ok(bar)
}

/// Builds a bar for the bytes of files.
pub(super) fn bytes_bar(length: u64) -> anyhow::Result<ProgressBar> {
    bar(Some(length), "{wide_bar} {bytes}/{total_bytes}, {eta} left")
}
