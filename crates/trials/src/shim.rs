//! What makes the n-th system call of a server fail, or kills the server there, and shifts its clock.
//!
//! The other half is `shim/faults.c`, which is preloaded into the server's process as it is
//! ([why](../../../docs/adr/0020-a-preloaded-shim.md)). Both have one small file in memory; writing to
//! it is all that is done here.

use std::{
    env,
    ffi::OsString,
    fs::{self, File, OpenOptions},
    hash::{DefaultHasher, Hash as _, Hasher as _},
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use crate::node::unable;

const SOURCE: &str = include_str!("../shim/faults.c");

/// The members of `struct control`, by their places.
mod member {
    pub(super) const KINDS: u64 = 0;
    pub(super) const NTH: u64 = 1;
    pub(super) const HOW: u64 = 2;
    pub(super) const ERROR: u64 = 3;
    pub(super) const LASTING: u64 = 4;
    pub(super) const COUNT: u64 = 5;
    pub(super) const FIRED: u64 = 6;
    pub(super) const SHIFT: u64 = 7;
    pub(super) const PORT: u64 = 8;
    pub(super) const ALL: u64 = 9;
}

/// Which calls count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Calls(i64);

impl Calls {
    /// All that changes a file below the directory, or makes that durable: write, fsync, ftruncate, and what makes,
    /// links, renames and removes names.
    pub const DISK: Self = Self(1 | 2 | 4 | 8);
    /// fsync alone.
    pub const SYNC: Self = Self(2);
    /// Reads of files below the directory.
    pub const READ: Self = Self(16);
    /// What goes to the database's port and comes from there, and connections to it.
    pub const NETWORK: Self = Self(32 | 64 | 128);
    /// What is sent there alone.
    pub const SEND: Self = Self(32);
}

/// What happens to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// Nothing is done, and an error reported.
    Fail = 1,
    /// Half of what is to be written is written, and an error reported when the rest is tried.
    FailHalf = 2,
    /// All of it is done, and an error reported.
    FailAfter = 3,
    /// The process is killed before anything is done.
    KillBefore = 4,
    /// The process is killed when half of what is to be written is written.
    KillHalf = 5,
    /// The process is killed when all of it is done.
    KillAfter = 6,
}

/// What is to happen at the n-th call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Which calls count.
    pub calls: Calls,
    /// What happens.
    pub how: How,
    /// The error that is reported.
    pub error: Errno,
    /// Whether all later calls fail as well.
    pub lasting: bool,
}

/// An error of a system call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Errno {
    /// `EIO`: the device failed.
    Io = 5,
    /// `ENOSPC`: there is no room.
    Full = 28,
    /// `ESTALE`: the file can't be read any more. A read that fails with `EIO` is not among the trials, since SQLite takes
    /// that for damage.
    Stale = 116,
    /// `ECONNRESET`: the other end has given up the connection.
    Reset = 104,
}

/// The control of those processes that were started with its [`settings`](Self::settings).
#[derive(Debug)]
pub struct Shim {
    path: PathBuf,
    below: PathBuf,
    control: File,
}

impl Shim {
    /// One that does nothing yet. Its file is made at that path, and calls on files below that
    /// directory count.
    pub fn new(path: PathBuf, below: &Path) -> Self {
        let control = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .open(&path)
            .and_then(|file| file.set_len(member::ALL * 8).map(|()| file))
            .unwrap_or_else(|error| unable(&format!("{}: {error}", path.display())));
        Self {
            path,
            below: below.to_owned(),
            control,
        }
    }

    /// The environment variables that put a process under its control.
    pub fn settings(&self) -> [(&'static str, OsString); 3] {
        [
            ("LD_PRELOAD", library().into()),
            ("FAULTS_CONTROL", self.path.clone().into()),
            ("FAULTS_BELOW", self.below.clone().into()),
        ]
    }

    /// Lets it happen at the n-th call from now on, counted from 1; at no call where `nth` is 0, which only counts.
    pub fn arm(&self, fault: Fault, nth: u64) {
        self.disarm();
        self.put(member::NTH, i64::try_from(nth).unwrap_or(i64::MAX));
        self.put(member::HOW, fault.how as i64);
        self.put(member::ERROR, fault.error as i64);
        self.put(member::LASTING, fault.lasting.into());
        self.put(member::COUNT, 0);
        self.put(member::FIRED, 0);
        // Last, since from here on calls count.
        self.put(member::KINDS, fault.calls.0);
    }

    /// From now on nothing happens. What was counted stays.
    pub fn disarm(&self) {
        self.put(member::KINDS, 0);
    }

    /// How many calls there were since it was armed.
    pub fn count(&self) -> u64 {
        self.get(member::COUNT)
    }

    /// To how many calls it has happened since it was armed.
    pub fn fired(&self) -> u64 {
        self.get(member::FIRED)
    }

    /// Sets the clock of its processes that many seconds ahead of the machine's, or behind it.
    pub fn shift_clock(&self, seconds: i64) {
        self.put(member::SHIFT, seconds);
    }

    /// Names the port by which connections to the database are told.
    pub fn watch_port(&self, port: u16) {
        self.put(member::PORT, port.into());
    }

    fn put(&self, member: u64, value: i64) {
        let written = self.control.write_all_at(&value.to_ne_bytes(), member * 8);
        written.unwrap_or_else(|error| unable(&format!("{}: {error}", self.path.display())));
    }

    fn get(&self, member: u64) -> u64 {
        let mut bytes = [0; 8];
        let read = self.control.read_exact_at(&mut bytes, member * 8);
        read.unwrap_or_else(|error| unable(&format!("{}: {error}", self.path.display())));
        u64::from_ne_bytes(bytes)
    }
}

/// The library, compiled by the system's C compiler where this source of it was not yet.
fn library() -> &'static Path {
    static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
    LIBRARY.get_or_init(|| {
        if !cfg!(all(target_os = "linux", target_env = "gnu")) {
            unable("faults of system calls are made on Linux with glibc only");
        }
        let mut hasher = DefaultHasher::new();
        SOURCE.hash(&mut hasher);
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let target =
            env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
        let directory = target.join("tmp");
        let name = format!("faults-{:016x}.so", hasher.finish());
        compile(&directory, &name).unwrap_or_else(|why| {
            unable(&format!(
                "the library that makes system calls fail can't be compiled: {why}"
            ))
        })
    })
}

fn compile(directory: &Path, name: &str) -> Result<PathBuf, String> {
    fs::create_dir_all(directory).map_err(|error| format!("{}: {error}", directory.display()))?;
    let directory = fs::canonicalize(directory).map_err(|error| error.to_string())?;
    let library = directory.join(name);
    if library.exists() {
        return Ok(library);
    }
    // Under another name first: several test programs may be at it at once.
    let draft = directory.join(format!("{name}.{}", std::process::id()));
    let source = draft.with_extension("c");
    fs::write(&source, SOURCE).map_err(|error| format!("{}: {error}", source.display()))?;
    let compiler = env::var_os("CC").unwrap_or_else(|| "cc".into());
    let made = Command::new(&compiler)
        .args(["-shared", "-fPIC", "-O1", "-o"])
        .args([&draft, &source])
        .arg("-ldl")
        .output();
    let _ = fs::remove_file(&source);
    match made {
        Ok(output) if output.status.success() => {}
        Ok(output) => return Err(String::from_utf8_lossy(&output.stderr).into_owned()),
        Err(error) => return Err(format!("{}: {error}", compiler.display())),
    }
    fs::rename(&draft, &library).map_err(|error| format!("{}: {error}", library.display()))?;
    Ok(library)
}
