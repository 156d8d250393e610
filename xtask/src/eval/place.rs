//! Server and report of an evaluation.

use std::path::{Path, PathBuf};

use anyhow::Result;
use serde::Serialize;

use crate::{report, subject};

/// Server and report of an evaluation.
#[derive(Debug, clap::Args)]
pub(super) struct Place {
    #[command(flatten)]
    pub(super) server: subject::Choice,
    /// JSON report to write; default: eval/report.json in cargo's target folder
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

impl Place {
    pub(super) fn write(&self, target: &Path, report: &impl Serialize) -> Result<()> {
        let out = self.out.clone().unwrap_or_else(|| target.join("eval/report.json"));
        report::write_json(&out, report)?;
        println!("report: {}", out.display());
        Ok(())
    }
}
