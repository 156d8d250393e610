//! Processes that hold a port or a file, as `/proc` tells; nothing where there is none.

use std::fmt;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// State of a listening socket in `/proc/net/tcp`.
const LISTENS: &str = "0A";

/// A process.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Process {
    pub(super) id: u32,
    name: String,
}

impl fmt::Display for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "process {} ({})", self.id, self.name)
    }
}

/// Returns the process that listens on a port, if it may be known.
pub(super) fn of_port(port: u16) -> Option<Process> {
    let sockets: Vec<String> = ["/proc/net/tcp", "/proc/net/tcp6"]
        .iter()
        .filter_map(|table| fs::read_to_string(table).ok())
        .flat_map(|table| listening(&table, port))
        .map(|inode| format!("socket:[{inode}]"))
        .collect();
    let holds = |id: &u32| {
        let files = fs::read_dir(format!("/proc/{id}/fd")).into_iter().flatten().flatten();
        let mut links = files.filter_map(|file| fs::read_link(file.path()).ok());
        links.any(|link| sockets.iter().any(|socket| link == Path::new(socket)))
    };
    let ids = fs::read_dir("/proc").ok()?.flatten();
    let mut ids = ids.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    ids.find(holds).map(process)
}

/// Returns the process that has a file locked.
pub(super) fn of_lock(file: &Path) -> Option<Process> {
    let inode = file.metadata().ok()?.ino();
    let id = locking(&fs::read_to_string("/proc/locks").ok()?, inode)?;
    Some(process(id))
}

fn process(id: u32) -> Process {
    let name = fs::read_to_string(format!("/proc/{id}/comm")).unwrap_or_default();
    Process {
        id,
        name: name.trim().to_owned(),
    }
}

/// Returns the inodes of sockets that listen on a port.
fn listening(table: &str, port: u16) -> Vec<String> {
    let wanted = format!(":{port:04X}");
    let lines = table
        .lines()
        .skip(1)
        .map(|line| line.split_whitespace().collect::<Vec<_>>());
    lines
        .filter(|fields| fields.get(1).is_some_and(|local| local.ends_with(&wanted)) && fields.get(3) == Some(&LISTENS))
        .filter_map(|fields| Some((*fields.get(9)?).to_owned()))
        .collect()
}

/// Returns the process that locks an inode.
fn locking(locks: &str, inode: u64) -> Option<u32> {
    let ending = format!(":{inode}");
    let mut lines = locks.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    // Waiting ones have an arrow in the second place.
    let line = lines.find(|fields| {
        fields.get(1) == Some(&"FLOCK") && fields.get(5).is_some_and(|place| place.ends_with(&ending))
    })?;
    line.get(4)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holders_are_read_from_the_tables_of_the_kernel() {
        let sockets = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n   \
                       0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 4711 1\n   \
                       1: 0100007F:1F90 0100007F:C350 01 00000000:00000000 00:00000000 00000000  1000        0 4712 1\n";
        assert_eq!(listening(sockets, 8080), ["4711"]);
        assert_eq!(listening(sockets, 8081), [""; 0]);
        let locks = "1: POSIX  ADVISORY  WRITE 7 08:01:42 0 EOF\n2: -> FLOCK  ADVISORY  WRITE 8 08:01:42 0 EOF\n3: FLOCK  \
                     ADVISORY  WRITE 9 08:01:42 0 EOF\n";
        assert_eq!(locking(locks, 42), Some(9));
        assert_eq!(locking(locks, 2), None);
    }
}
