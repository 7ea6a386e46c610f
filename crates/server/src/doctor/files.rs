//! The data directory, its disk, and the files in it.

use std::{
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use rustix::fs::{Access, StatVfs, access, statvfs};

use super::Finding;
use crate::{bootstrap, config::Settings, master_key};

const MIB: u64 = 1024 * 1024;

/// Below this there may be too little room to go on writing until somebody has come.
const TOO_LITTLE: u64 = 100 * MIB;

/// Below this somebody should make room.
const LITTLE: u64 = 1024 * MIB;

pub(super) fn examine(settings: &Settings) -> Vec<Finding> {
    let sqlite = settings.database.url.sqlite_path();
    let mut findings = vec![data_directory(&settings.data_dir, sqlite.is_some())];
    let of_database = sqlite.and_then(Path::parent);
    findings.extend(disk(of_database.unwrap_or(&settings.data_dir)));
    if let Some(warning) = master_key::warning(&settings.master_key) {
        findings.push(Finding::warning(
            "master key file",
            warning,
            "chmod 600 it, unless a container mounts it like that",
        ));
    }
    let credentials = settings.data_dir.join(bootstrap::CREDENTIALS_FILE);
    if credentials.exists() {
        findings.push(Finding::warning(
            "first credentials",
            format!("{} is still there", credentials.display()),
            "put the credentials where they belong, and delete the file",
        ));
    }
    findings
}

/// `holds_all` says whether the database is kept here, and not in a server.
fn data_directory(path: &Path, holds_all: bool) -> Finding {
    const CHECK: &str = "data directory";
    let shown = path.display();
    let give = "give it to the server's user, or set TENANTRY_DATA_DIR to another one";
    let Ok(found) = fs::metadata(path) else {
        let above = nearest(path);
        return match access(&above, Access::WRITE_OK | Access::EXEC_OK) {
            Ok(()) => Finding::ok(CHECK, format!("{shown} is made by the first start")),
            Err(error) => Finding::problem(
                CHECK,
                format!("{shown} can't be made in {}: {error}", above.display()),
                give,
            ),
        };
    };
    if !found.is_dir() {
        let advice = "set TENANTRY_DATA_DIR to a directory";
        return Finding::problem(CHECK, format!("{shown} is no directory"), advice);
    }
    if let Err(error) = access(path, Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK) {
        let found = format!("{shown} can't be written: {error}");
        return if holds_all {
            Finding::problem(CHECK, found, give)
        } else {
            Finding::warning(CHECK, found, give)
        };
    }
    let mode = found.mode() & 0o7777;
    if mode & 0o077 != 0 {
        let found = format!("{shown} may be entered by others than its owner (mode {mode:04o})");
        return Finding::warning(CHECK, found, format!("chmod 700 {shown}"));
    }
    Finding::ok(CHECK, format!("{shown} is private and can be written"))
}

fn disk(path: &Path) -> Option<Finding> {
    let place = nearest(path);
    // Where it can't be told, the directory itself has been complained of.
    let disk = statvfs(&place).ok()?;
    Some(judge_disk(&place, &disk))
}

fn judge_disk(place: &Path, disk: &StatVfs) -> Finding {
    const CHECK: &str = "disk";
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    let found = format!("{} MiB are free below {}", free / MIB, place.display());
    if disk.f_files > 0 && disk.f_favail == 0 {
        let found = format!("no more files can be made below {}", place.display());
        return Finding::problem(CHECK, found, "delete files that nobody needs");
    }
    match free {
        free if free < TOO_LITTLE => {
            let advice = "make room now: when the disk is full, every change is answered 503";
            Finding::problem(CHECK, found, advice)
        }
        free if free < LITTLE => Finding::warning(
            CHECK,
            found,
            "make room; what grows is events (TENANTRY_EVENT_RETENTION_DAYS) and changes",
        ),
        _ => Finding::ok(CHECK, found),
    }
}

/// The path itself, or the nearest one above it that is there.
fn nearest(path: &Path) -> PathBuf {
    let here = |path: &&Path| !path.as_os_str().is_empty() && path.exists();
    let found = path.ancestors().find(here);
    found.unwrap_or(Path::new(".")).to_owned()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::{super::State, *};

    fn disk_with(free: u64, files_left: u64) -> StatVfs {
        let mut disk = statvfs("/").unwrap();
        disk.f_frsize = 4096;
        disk.f_bavail = free / 4096;
        disk.f_files = 1000;
        disk.f_favail = files_left;
        disk
    }

    #[test]
    fn a_disk_is_judged_by_its_room_for_bytes_and_for_files() {
        let judged = |free, files| judge_disk(Path::new("/x"), &disk_with(free, files));
        assert_eq!(judged(99 * MIB, 5).state, State::Problem);
        assert_eq!(judged(100 * MIB, 5).state, State::Warning);
        assert_eq!(judged(1024 * MIB, 5).state, State::Ok);
        assert_eq!(judged(1024 * MIB, 0).state, State::Problem);
        assert_eq!(judged(1024 * MIB, 5).found, "1024 MiB are free below /x");
    }

    #[test]
    fn a_directory_is_private_open_to_others_or_none() {
        let home = tempfile::tempdir().unwrap();
        let directory = home.path().join("data");
        assert_eq!(data_directory(&directory, true).state, State::Ok);
        assert!(!directory.exists(), "looking makes nothing");
        fs::create_dir(&directory).unwrap();
        fs::set_permissions(&directory, fs::Permissions::from_mode(0o755)).unwrap();
        let open = data_directory(&directory, true);
        assert_eq!(open.state, State::Warning);
        assert!(open.found.contains("0755"), "{open:?}");
        fs::set_permissions(&directory, fs::Permissions::from_mode(0o700)).unwrap();
        assert_eq!(data_directory(&directory, true).state, State::Ok);
        let file = home.path().join("file");
        fs::write(&file, "").unwrap();
        assert_eq!(data_directory(&file, true).state, State::Problem);
        assert_eq!(
            data_directory(&file.join("below"), true).state,
            State::Problem
        );
    }

    #[test]
    fn the_nearest_directory_of_a_bare_name_is_the_working_one() {
        assert_eq!(nearest(Path::new("no-such-thing")), Path::new("."));
        assert_eq!(nearest(Path::new("/no/such/thing")), Path::new("/"));
    }
}
