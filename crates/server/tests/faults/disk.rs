//! SQLite on a file system that is really full.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use tenantry_trials::{
    checker::{self, Server},
    evidence::{self, Place},
    history::Outcome,
    node::Node,
    world::World,
    writers,
};

use crate::{calls::seed, trial::BINARY};

/// How long it may take until a disk is full, or a server works again.
const PATIENCE: Duration = Duration::from_mins(1);

/// A file system of a few MiB, gone when this is dropped or the process ends.
struct SmallDisk {
    mounted: PathBuf,
    keeper: Child,
}

impl SmallDisk {
    /// `None`, and a line that says so, where this process may not mount one.
    fn mount(at: &Path, mib: u32) -> Option<Self> {
        let status = Command::new("mount")
            .args([
                "-t",
                "tmpfs",
                "-o",
                &format!("size={mib}m,mode=0700"),
                "tenantry-test",
            ])
            .arg(at)
            .stderr(Stdio::null())
            .status();
        if !status.is_ok_and(|status| status.success()) {
            let line = "\nfull disk skipped: a small file system can be mounted by root only\n";
            let _ = std::io::stderr().write_all(line.as_bytes());
            return None;
        }
        let keeper = Command::new("sh")
            .args(["-c", "trap '' HUP INT TERM; read -r _; umount -l \"$0\""])
            .arg(at)
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        Some(Self {
            mounted: at.to_owned(),
            keeper,
        })
    }

    /// Leaves no room on it.
    fn fill(&self) {
        let mut ballast = fs::OpenOptions::new()
            .append(true)
            .create(true)
            .open(self.ballast())
            .unwrap();
        let block = vec![1; 4096];
        while ballast.write_all(&block).is_ok() {}
    }

    fn ballast(&self) -> PathBuf {
        self.mounted.join("ballast")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        let _ = self.keeper.wait();
    }
}

#[test]
fn a_full_disk_of_sqlite_is_told_and_recovered_from() {
    let home = tempfile::tempdir().unwrap();
    let Some(disk) = SmallDisk::mount(home.path(), 16) else {
        return;
    };
    let mut node = Node::new(BINARY.as_ref(), None);
    node.set(
        "TENANTRY_DATA_DIR",
        &disk.mounted.join("data").display().to_string(),
    );
    node.start();
    let world = World::new(node.http(), seed());
    let mut rng = fastrand::Rng::with_seed(seed());
    let writers = writers::all();
    let mut work = || writers[rng.usize(..writers.len())].step(&world, &mut rng);
    for _ in 0..20 {
        work();
    }
    disk.fill();
    let refused = || {
        let attempts = world.attempts();
        let refused = |one: &&_| matches!(one, Outcome::Unavailable | Outcome::Unknown);
        attempts
            .iter()
            .map(|one| &one.outcome)
            .filter(refused)
            .count()
    };
    let begun = Instant::now();
    while refused() < 20 {
        assert!(begun.elapsed() < PATIENCE, "the disk is not full");
        // What is left over in pages that SQLite has already, and in the log, is used up.
        disk.fill();
        work();
    }
    fs::remove_file(disk.ballast()).unwrap();
    world.settle();
    for _ in 0..20 {
        work();
    }
    let place = Place::Sqlite(disk.mounted.join("data/tenantry.db"));
    let violations = checker::violations(&evidence::gather(&world, &place), Server::Lives);
    assert!(violations.is_empty(), "{violations:#?}");
    assert!(node.stop(), "{}", node.log());
    node.start();
    world.go_on_with(node.http());
    let violations = checker::violations(&evidence::gather(&world, &place), Server::Lives);
    assert!(violations.is_empty(), "{violations:#?}");
    assert!(!node.log().contains("panic"), "{}", node.log());
}
