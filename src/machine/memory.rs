//! The limit that a container sets on memory.

use super::read_line;
use std::fs;
use std::path::{Path, PathBuf};

/// Bytes of memory that this process may still take before a control group that it is in (a container's
/// limit, version 1 or 2) makes the system end it; `None` where there is no limit, or the system does not
/// tell. What the group holds of files can be given back, and is not counted, but for files in memory.
pub fn memory_room() -> Option<u64> {
    room(
        Path::new("/sys/fs/cgroup"),
        &fs::read_to_string("/proc/self/cgroup").ok()?,
    )
}

/// The least room of the groups in `groups`, the text of `/proc/self/cgroup`, and of those they are in.
fn room(root: &Path, groups: &str) -> Option<u64> {
    let of_line = |line: &str| {
        let (controllers, group) = line.split_once(':')?.1.split_once(':')?;
        // Version 2 is one hierarchy without a name; beside version 1 it has a folder of its own.
        let (mounts, limit, used): (&[&str], _, [&str; 2]) = match controllers {
            "" => (&["", "unified"], "memory.max", ["anon ", "shmem "]),
            _ if controllers.split(',').any(|it| it == "memory") => {
                let used = ["total_rss ", "total_shmem "];
                (&["memory"], "memory.limit_in_bytes", used)
            }
            _ => return None,
        };
        let rooms = mounts.iter().flat_map(|mount| {
            let mount = root.join(mount);
            // In a container the mount may begin at the container's own group.
            folders(&mount, group).filter_map(move |folder| room_of(&folder, limit, used))
        });
        rooms.min()
    };
    groups.lines().filter_map(of_line).min()
}

/// The folder of a group, and of all that it is in, up to the mount itself.
fn folders(mount: &Path, group: &str) -> impl Iterator<Item = PathBuf> + use<> {
    let groups: Vec<PathBuf> = Path::new(group.trim_start_matches('/'))
        .ancestors()
        .map(|group| mount.join(group))
        .collect();
    groups.into_iter()
}

/// The limit of one group, less the memory of its processes.
fn room_of(folder: &Path, limit: &str, used: [&str; 2]) -> Option<u64> {
    // `max`, where there is none, is no number; version 1 has a huge one.
    let limit: u64 = read_line(&folder.join(limit))?.parse().ok()?;
    let statistics = fs::read_to_string(folder.join("memory.stat")).unwrap_or_default();
    let lines = statistics.lines();
    let used = lines.filter_map(|line| used.iter().find_map(|name| line.strip_prefix(name)));
    let used: u64 = used.filter_map(|used| used.parse::<u64>().ok()).sum();
    Some(limit.saturating_sub(used))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(root: &Path, file: &str, text: &str) {
        let path = root.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    #[test]
    fn the_least_room_of_a_group_and_those_around_it_counts() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path();
        write(root, "a/memory.max", "500\n");
        write(root, "a/memory.stat", "anon 100\nfile 300\nshmem 20\n");
        write(root, "a/b/memory.max", "max\n");
        assert_eq!(room(root, "0::/a/b\n"), Some(380));
        assert_eq!(room(root, "0::/a\n"), Some(380));
        assert_eq!(room(root, "0::/\n"), None);
        write(root, "memory.max", "100\n");
        assert_eq!(room(root, "0::/elsewhere\n"), Some(100));
    }

    #[test]
    fn version_1_stands_in_the_folder_of_its_controller() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path();
        write(root, "memory/c/memory.limit_in_bytes", "1000\n");
        write(
            root,
            "memory/c/memory.stat",
            "rss 1\ntotal_rss 150\ntotal_shmem 50\n",
        );
        write(
            root,
            "memory/memory.limit_in_bytes",
            "9223372036854771712\n",
        );
        let groups = "8:pids:/c\n4:cpu,memory:/c\n0::/\n";
        assert_eq!(room(root, groups), Some(800));
        assert_eq!(room(root, "8:pids:/c\n"), None);
        assert_eq!(room(root, "nonsense"), None);
    }
}
