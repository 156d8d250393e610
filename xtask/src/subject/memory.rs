//! How much memory a process has to itself. Linux tells; elsewhere nothing is known.

/// The anonymous resident memory of a process, in bytes: what it allocated, without the files it maps.
pub(super) fn anonymous_bytes(pid: u32) -> Option<u64> {
    if !cfg!(target_os = "linux") {
        return None;
    }
    anonymous_of(&std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?)
}

/// Reads the line `RssAnon:   1234 kB` of `/proc/<pid>/status`; see `man 5 proc_pid_status`.
fn anonymous_of(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn anonymous_memory_is_read_and_nothing_else() {
        let status = "Name:\tx\nVmRSS:\t   20480 kB\nRssAnon:\t    1024 kB\nRssFile:\t   19456 kB\n";
        assert_eq!(anonymous_of(status), Some(1_048_576));
        assert_eq!(anonymous_of("Name:\tx\n"), None);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn own_process_has_anonymous_memory() {
        assert!(anonymous_bytes(std::process::id()).unwrap() > 0);
    }
}
