//! What a newcomer sees first, and what is made from the command line itself.

use crate::cli::run;

#[test]
fn help_shows_the_commands_in_groups() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    insta::assert_snapshot!(run(&data, &["--help"]).ok());
}

#[test]
fn completions_and_manuals_know_every_command() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    for shell in ["bash", "zsh", "fish"] {
        let script = run(&data, &["completions", shell]).ok();
        assert!(script.contains("assemble") && script.contains("max-tokens"), "{shell}");
    }
    run(&data, &["completions", "tcsh"]).failed(2, "possible values");
    assert!(run(&data, &["man"]).ok().starts_with(".ie"));
    let pages = folder.path().join("man");
    run(&data, &["man", pages.to_str().unwrap()]).ok();
    for page in [
        "context-manager.1",
        "context-manager-search.1",
        "context-manager-keys-create.1",
    ] {
        assert!(pages.join(page).is_file(), "{page}");
    }
    assert!(!data.exists(), "none of this opens the data folder");
}
