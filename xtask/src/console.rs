//! `cargo xtask console`: checks the console with its own tools, and in a browser against the server of this workspace.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use crate::clients::{SERVER, answers, server};
use crate::process;

/// Checks the types, the style and that the committed files are what the sources build to; then the pages in Chromium, which
/// the tests skip visibly where there is none.
///
/// # Errors
/// When a check fails, or packages cannot be installed.
pub(crate) fn run() -> Result<()> {
    if !answers("npm", &["--version"]) {
        println!("skipped: npm is not installed: cargo xtask console");
        return Ok(());
    }
    let metadata = process::metadata()?;
    let folder = metadata.workspace_root.as_std_path().join("console");
    let server = server(metadata.target_directory.as_std_path())?;
    for arguments in [&["ci", "--no-audit", "--no-fund"][..], &["run", "check"], &["test"]] {
        process::run(npm(&folder).args(arguments).env(SERVER, &server))?;
    }
    Ok(())
}

fn npm(folder: &Path) -> Command {
    let mut npm = Command::new("npm");
    npm.current_dir(folder);
    npm
}
