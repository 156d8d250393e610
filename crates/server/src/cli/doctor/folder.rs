//! The data folder: its place, its permissions and its disk.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use indicatif::HumanBytes;
use rustix::fs::{Access, access, statvfs};

use super::finding::Findings;
use crate::config::Config;

const FOLDER: &str = "data folder";
const DISK: &str = "disk";
/// Permissions of a folder for others than its owner.
const OTHERS: u32 = 0o077;
/// Number of free inodes below which the engine may fail to make a file.
const FEW_INODES: u64 = 10_000;

pub(super) fn check(config: &Config, found: &mut Findings) {
    let path = &config.vector_db.embedded.path;
    let shown = path.display();
    let existing = path
        .ancestors()
        .find(|folder| folder.exists())
        .unwrap_or(Path::new("."));
    let existing = if existing.as_os_str().is_empty() {
        Path::new(".")
    } else {
        existing
    };
    if !existing.is_dir() {
        let text = format!("`{}` is not a folder", existing.display());
        found.error(
            FOLDER,
            text,
            "set vector_db.path to a folder, or to one that does not exist yet",
        );
        return;
    }
    if access(existing, Access::WRITE_OK | Access::EXEC_OK).is_err() {
        found.error(
            FOLDER,
            format!("this user cannot write into `{}`", existing.display()),
            format!(
                "chown {} {}, or set vector_db.path",
                rustix::process::getuid().as_raw(),
                existing.display()
            ),
        );
    }
    if existing == path
        && let Ok(metadata) = path.metadata()
    {
        if metadata.permissions().mode() & OTHERS != 0 {
            found.warning(
                FOLDER,
                format!("others can look into `{shown}`"),
                format!("chmod -R go= {shown}"),
            );
        }
        let user = rustix::process::geteuid().as_raw();
        if metadata.uid() != user {
            found.warning(
                FOLDER,
                format!(
                    "`{shown}` belongs to the user {}, and this is the user {user}",
                    metadata.uid()
                ),
                format!("run the server as that user, or chown -R {user} {shown}"),
            );
        }
    }
    let state = if existing == path {
        "is there"
    } else {
        "does not exist yet, and can be created"
    };
    found.otherwise(FOLDER, format!("`{shown}` {state}"));
    disk(config, existing, found);
}

fn disk(config: &Config, folder: &Path, found: &mut Findings) {
    let Ok(free) = fs4::available_space(folder) else {
        found.warning(DISK, "its free space is not known", "look with `df`");
        return;
    };
    let shown = HumanBytes(free);
    let (least, low) = (
        config.vector_db.embedded.kept_free_bytes(),
        config.health.disk_low_bytes,
    );
    if free < least {
        found.error(
            DISK,
            format!("{shown} are free, and below {} nothing is stored", HumanBytes(least)),
            "make room, move vector_db.path to a larger disk, or lower vector_db.min_free_bytes",
        );
    } else if free < low {
        found.warning(
            DISK,
            format!("only {shown} are free"),
            "make room, or move vector_db.path to a larger disk",
        );
    }
    // Some file systems have no fixed number of inodes, and say 0.
    if let Ok(disk) = statvfs(folder)
        && disk.f_files > 0
        && disk.f_favail < FEW_INODES
    {
        found.warning(
            DISK,
            format!("only {} more files can be made on it", disk.f_favail),
            "remove files: `df --inodes` and `du --inodes` show where they are",
        );
    }
    found.otherwise(DISK, format!("{shown} are free"));
}
