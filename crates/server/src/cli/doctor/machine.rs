//! The machine: open files, memory.

use rlimit::Resource;
use sysinfo::{MemoryRefreshKind, RefreshKind, System};

use super::finding::Findings;
use crate::config::Config;

const FILES: &str = "open files";
const MEMORY: &str = "memory";
/// Files that a server has open beside its connections, and the least that it works with.
const OTHER_FILES: u64 = 512;
const LEAST_FILES: u64 = 1024;
/// Share of the machine's memory that the contexts may take, in percent: the rest is for the engine's files and the models.
const MOST_PERCENT: u64 = 75;
/// Bytes of memory that a server has beside the contexts.
const BESIDE_CONTEXTS: u64 = 256 << 20;

pub(super) fn check(config: &Config, found: &mut Findings) {
    open_files(config, found);
    memory(config, found);
}

fn open_files(config: &Config, found: &mut Findings) {
    // A server raises the soft limit to the hard one.
    let Ok((_, allowed)) = rlimit::getrlimit(Resource::NOFILE) else {
        return;
    };
    let wanted = config.server.connections.max_connections as u64 + OTHER_FILES;
    let mend = format!(
        "raise the limit to {wanted}: `ulimit -n {wanted}`, LimitNOFILE={wanted} in a unit of systemd, or \
                        `--ulimit nofile={wanted}` of a container"
    );
    if allowed < LEAST_FILES {
        found.error(
            FILES,
            format!("{allowed} files may be open, and the engine alone needs hundreds"),
            mend,
        );
    } else if allowed < wanted {
        let found_limit = format!(
            "{allowed} files may be open: fewer connections are accepted than \
                                   server.connections.max_connections"
        );
        found.warning(FILES, found_limit, mend);
    } else {
        found.good(FILES, format!("{allowed} may be open"));
    }
}

fn memory(config: &Config, found: &mut Findings) {
    let ram = MemoryRefreshKind::nothing().with_ram();
    let system = System::new_with_specifics(RefreshKind::nothing().with_memory(ram));
    let of_container = system.cgroup_limits().map_or(u64::MAX, |limits| limits.total_memory);
    let total = system.total_memory().min(of_container);
    let budget = config.memory.for_contexts();
    let shown = |bytes: u64| format!("{} MiB", bytes >> 20);
    if budget > total / 100 * MOST_PERCENT {
        found.error(
            MEMORY,
            format!("contexts may take {}, and there are {}", shown(budget), shown(total)),
            "lower memory.budget_bytes, or set 0 for a quarter of what there is",
        );
    } else if total < budget + BESIDE_CONTEXTS {
        found.warning(
            MEMORY,
            format!(
                "there are {} in all, {} of it for contexts",
                shown(total),
                shown(budget)
            ),
            "give the machine or the container 512 MiB or more",
        );
    } else {
        found.good(MEMORY, format!("{} of {} for contexts", shown(budget), shown(total)));
    }
}
