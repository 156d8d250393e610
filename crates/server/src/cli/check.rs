//! Commands that print configuration and references.

use std::io::{self, Write as _};

use super::options::Options;

#[expect(clippy::print_stdout, reason = "the command's result")]
pub(super) fn check(options: Options) -> anyhow::Result<()> {
    options.load()?;
    println!("the configuration is sound");
    Ok(())
}

pub(super) fn print(options: Options) -> anyhow::Result<()> {
    reference(&toml::to_string(&options.load()?)?)
}

pub(super) fn openapi() -> anyhow::Result<()> {
    reference(&format!("{}\n", serde_json::to_string_pretty(&crate::api::document())?))
}

pub(super) fn reference(text: &str) -> anyhow::Result<()> {
    Ok(io::stdout().write_all(text.as_bytes())?)
}
