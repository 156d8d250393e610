//! Identity of the project that a session works on.
//!
//! A repository is known by its remote: its clones, on any machine, and its worktrees share one memory, and forks do not.
//! Without a remote it is known by the path of its common directory, and a folder without a repository by its own path.

use std::fs;
use std::path::{Path, PathBuf};

use uuid::Uuid;

/// Returns the identity of the project in this folder: a name to read, and digits that keep equal names apart.
pub fn project(folder: &Path) -> String {
    let folder = fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned());
    let Some(common) = folder.ancestors().find_map(common_dir) else {
        return identity(&name(&folder), &path_text(&folder));
    };
    let remote = fs::read_to_string(common.join("config"))
        .ok()
        .and_then(|config| remote(&config));
    match remote {
        Some(remote) => identity(remote.rsplit('/').next().unwrap_or_default(), &remote),
        // The folder around `.git`; a bare repository has none.
        None if common.ends_with(".git") => identity(&name(common.parent().unwrap_or(&common)), &path_text(&common)),
        None => identity(&name(&common), &path_text(&common)),
    }
}

/// Returns the directory that all worktrees of a repository share, if this folder is a worktree's.
fn common_dir(folder: &Path) -> Option<PathBuf> {
    let git = folder.join(".git");
    if git.join("HEAD").is_file() {
        return fs::canonicalize(git).ok();
    }
    // A linked worktree or a submodule has a file that names its own directory.
    let link = fs::read_to_string(&git).ok()?;
    let own = folder.join(link.strip_prefix("gitdir:")?.trim());
    let common = match fs::read_to_string(own.join("commondir")) {
        Ok(path) => own.join(path.trim()),
        Err(_) => own,
    };
    fs::canonicalize(common).ok()
}

/// Returns the address of `origin`, or else of the first remote, as `host/path`.
fn remote(config: &str) -> Option<String> {
    let (mut section, mut first) = (None, None);
    for line in config.lines().map(str::trim) {
        if let Some(header) = line.strip_prefix('[') {
            let header = header.split(']').next().unwrap_or_default();
            section = header.strip_prefix("remote ").map(|name| name.trim().trim_matches('"'));
            continue;
        }
        let (Some(section), Some((key, value))) = (section, line.split_once('=')) else {
            continue;
        };
        if key.trim().eq_ignore_ascii_case("url") {
            let address = address(value.trim().trim_matches('"'));
            if section == "origin" {
                return Some(address);
            }
            first.get_or_insert(address);
        }
    }
    first
}

/// Reduces the spellings of a remote's URL to one: `host/path` without scheme, user, port and `.git`.
fn address(url: &str) -> String {
    let (host, path) = match url.split_once("://") {
        Some((_scheme, rest)) => rest.split_once('/').unwrap_or((rest, "")),
        // `user@host:path`, unless it is a path on this machine.
        None => match url.split_once(':') {
            Some((host, path)) if !host.contains('/') => (host, path),
            Some(_) | None => ("", url),
        },
    };
    let host = host.rsplit('@').next().unwrap_or_default();
    let host = host.split(':').next().unwrap_or_default().to_lowercase();
    let path = path.trim_matches('/');
    let path = path.strip_suffix(".git").unwrap_or(path);
    format!("{host}/{path}")
}

fn identity(name: &str, of: &str) -> String {
    let digits = Uuid::new_v5(&Uuid::NAMESPACE_URL, of.as_bytes()).simple().to_string();
    let name: String = name
        .chars()
        .map(|c| {
            if c.is_alphanumeric() || "._-".contains(c) {
                c
            } else {
                '-'
            }
        })
        .take(64)
        .collect();
    format!("{name}-{}", &digits[..12])
}

fn name(folder: &Path) -> String {
    folder.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn path_text(path: &Path) -> String {
    format!("file:{}", path.to_string_lossy())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repository(folder: &Path, remote: Option<&str>) {
        let git = folder.join(".git");
        fs::create_dir_all(&git).unwrap();
        fs::write(git.join("HEAD"), "ref: refs/heads/main\n").unwrap();
        let remote = remote
            .map(|url| format!("[remote \"up\"]\n\turl = https://else.org/x\n[remote \"origin\"]\n\turl = {url}\n"));
        fs::write(
            git.join("config"),
            format!("[core]\n\tbare = false\n{}", remote.unwrap_or_default()),
        )
        .unwrap();
    }

    /// A linked worktree, as `git worktree add` makes it.
    fn worktree(of: &Path, at: &Path) {
        let own = of.join(".git/worktrees/w");
        fs::create_dir_all(&own).unwrap();
        fs::create_dir_all(at).unwrap();
        fs::write(own.join("commondir"), "../..\n").unwrap();
        fs::write(at.join(".git"), format!("gitdir: {}\n", own.display())).unwrap();
    }

    #[test]
    fn clones_and_worktrees_share_a_project_and_forks_do_not() {
        let root = tempfile::tempdir().unwrap();
        let at = |name: &str| root.path().join(name);
        repository(&at("one"), Some("git@github.com:acme/shop.git"));
        repository(&at("two"), Some("https://ann:secret@github.com/acme/shop"));
        repository(&at("fork"), Some("git@github.com:ann/shop.git"));
        worktree(&at("one"), &at("tree"));
        fs::create_dir_all(at("one/src/deep")).unwrap();
        let shop = project(&at("one"));
        assert!(shop.starts_with("shop-") && !shop.contains("secret"), "{shop}");
        assert_eq!(project(&at("two")), shop);
        assert_eq!(project(&at("tree")), shop);
        assert_eq!(project(&at("one/src/deep")), shop);
        assert_ne!(project(&at("fork")), shop);
    }

    #[test]
    fn without_a_remote_the_repository_counts_and_without_one_the_folder() {
        let root = tempfile::tempdir().unwrap();
        let at = |name: &str| root.path().join(name);
        repository(&at("local"), None);
        worktree(&at("local"), &at("tree"));
        fs::create_dir_all(at("plain")).unwrap();
        let local = project(&at("local"));
        assert!(local.starts_with("local-"), "{local}");
        assert_eq!(project(&at("tree")), local);
        assert!(project(&at("plain")).starts_with("plain-"));
        assert_ne!(project(&at("plain")), project(root.path()));
    }

    #[test]
    fn spellings_of_a_remote_are_one() {
        let same = [
            "https://github.com/Acme/shop.git",
            "https://user:token@GitHub.com/Acme/shop",
            "ssh://git@github.com:22/Acme/shop.git",
            "git@github.com:Acme/shop.git",
            "git://github.com/Acme/shop/",
        ];
        for url in same {
            assert_eq!(address(url), "github.com/Acme/shop", "{url}");
        }
        assert_eq!(address("/srv/git/shop.git"), "/srv/git/shop");
    }
}
