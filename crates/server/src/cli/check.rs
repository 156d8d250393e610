//! Commands that print configuration and references.

use super::options::Options;

#[expect(clippy::print_stdout, reason = "the command's result")]
pub(super) fn check(options: Options) -> anyhow::Result<()> {
    options.load()?;
    println!("the configuration is sound");
    Ok(())
}

#[expect(clippy::print_stdout, reason = "the command's result")]
pub(super) fn print(options: Options) -> anyhow::Result<()> {
    print!("{}", toml::to_string(&options.load()?)?);
    Ok(())
}

#[expect(clippy::print_stdout, reason = "the command's result")]
pub(super) fn openapi() -> anyhow::Result<()> {
    println!("{}", serde_json::to_string_pretty(&crate::api::document())?);
    Ok(())
}

#[expect(
    clippy::print_stdout,
    clippy::unnecessary_wraps,
    reason = "the command's result, as all commands have one"
)]
pub(super) fn reference(text: &str) -> anyhow::Result<()> {
    print!("{text}");
    Ok(())
}
