//! Server and reports of an evaluation.

use std::path::{Path, PathBuf};

use anyhow::Result;
use context_manager_client::Client;

use super::diff;
use super::report::Report;
use crate::{report, subject};

/// Server and reports of an evaluation.
#[derive(Debug, clap::Args)]
pub(super) struct Place {
    #[command(flatten)]
    server: subject::Choice,
    /// JSON report to write; default: eval/report.json in cargo's target folder
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// An earlier report, to print what changed since
    #[arg(long, value_name = "FILE")]
    diff: Option<PathBuf>,
}

impl Place {
    /// Evaluates the server, prints the report and what changed, and writes the report.
    ///
    /// # Errors
    /// When the earlier report cannot be read, the server does not start, or `work` fails.
    pub(super) fn evaluate(&self, target: &Path, work: impl AsyncFnOnce(&Client) -> Result<Report>) -> Result<()> {
        let earlier = self.diff.as_deref().map(diff::load).transpose()?;
        let report = subject::measure(&self.server, target, async |subject| work(subject.client()).await)?;
        report.print();
        if let Some(earlier) = &earlier {
            diff::print(earlier, &report.results);
        }
        let out = self.out.clone().unwrap_or_else(|| target.join("eval/report.json"));
        report::write_json(&out, &report)?;
        println!("report: {}", out.display());
        Ok(())
    }
}
