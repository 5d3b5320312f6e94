//! The limits that a container sets on memory and processor time.

use super::read_line;
use std::fs;
use std::path::{Path, PathBuf};

/// Where control groups are mounted.
const ROOT: &str = "/sys/fs/cgroup";

/// Bytes of memory that this process may still take before a control group that it is in (a container's
/// limit, version 1 or 2) makes the system end it; `None` where there is no limit, or the system does not
/// tell. What the group holds of files can be given back, and is not counted, but for files in memory.
pub fn memory_room() -> Option<u64> {
    room(
        Path::new(ROOT),
        &fs::read_to_string("/proc/self/cgroup").ok()?,
    )
}

/// Cores whose time this process may use up, where a control group limits it: 1.5 is three halves of a core's.
pub(super) fn cpu_quota() -> Option<f64> {
    quota(
        Path::new(ROOT),
        &fs::read_to_string("/proc/self/cgroup").ok()?,
    )
}

/// The least room of the groups in `groups`, the text of `/proc/self/cgroup`, and of those they are in.
fn room(root: &Path, groups: &str) -> Option<u64> {
    let room_of = |(is_version_2, folder): (bool, PathBuf)| match is_version_2 {
        true => room_of(&folder, "memory.max", ["anon ", "shmem "]),
        false => room_of(
            &folder,
            "memory.limit_in_bytes",
            ["total_rss ", "total_shmem "],
        ),
    };
    let folders = folders(root, groups, "memory");
    folders.into_iter().filter_map(room_of).min()
}

/// The same of the quota.
fn quota(root: &Path, groups: &str) -> Option<f64> {
    let quota_of = |(is_version_2, folder): (bool, PathBuf)| {
        let line = |file| read_line(&folder.join(file));
        let (quota, period) = match is_version_2 {
            true => {
                let line = line("cpu.max")?;
                let (quota, period) = line.split_once(' ')?;
                (quota.to_owned(), period.to_owned())
            }
            false => (line("cpu.cfs_quota_us")?, line("cpu.cfs_period_us")?),
        };
        // Where there is none it is `max`, or -1.
        let cores = quota.parse::<f64>().ok()? / period.parse::<f64>().ok()?;
        (cores > 0.0).then_some(cores)
    };
    let folders = folders(root, groups, "cpu");
    folders
        .into_iter()
        .filter_map(quota_of)
        .min_by(f64::total_cmp)
}

/// Folders of the groups in which this controller limits, and of those that they are in; whether they are of
/// version 2.
fn folders(root: &Path, groups: &str, controller: &str) -> Vec<(bool, PathBuf)> {
    let of_line = |line: &str| {
        let (controllers, group) = line.split_once(':')?.1.split_once(':')?;
        // Version 2 is one hierarchy without a name; beside version 1 it has a folder of its own.
        let is_version_2 = controllers.is_empty();
        let mounts = match is_version_2 {
            true => vec!["", "unified"],
            false if controllers.split(',').any(|it| it == controller) => vec![controller],
            false => return None,
        };
        // In a container the mount may begin at the container's own group.
        let ancestors = |mount| {
            let groups = Path::new(group.trim_start_matches('/')).ancestors();
            groups.map(move |group| (is_version_2, root.join(mount).join(group)))
        };
        Some(mounts.into_iter().flat_map(ancestors).collect::<Vec<_>>())
    };
    groups.lines().filter_map(of_line).flatten().collect()
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
    use super::super::tests::write;
    use super::*;

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

    #[test]
    fn the_least_quota_counts() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path();
        write(root, "a/cpu.max", "150000 100000\n");
        write(root, "a/b/cpu.max", "max 100000\n");
        assert_eq!(quota(root, "0::/a/b\n"), Some(1.5));
        assert_eq!(quota(root, "0::/\n"), None);
        write(root, "cpu/c/cpu.cfs_quota_us", "50000\n");
        write(root, "cpu/c/cpu.cfs_period_us", "100000\n");
        write(root, "cpu/cpu.cfs_quota_us", "-1\n");
        write(root, "cpu/cpu.cfs_period_us", "100000\n");
        assert_eq!(quota(root, "4:cpu,memory:/c\n0::/a\n"), Some(0.5));
        assert_eq!(quota(root, "4:cpu:/\n"), None);
    }
}
