//! Files that only this user may read.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use tenantry_domain::port::Entropy;

/// The rights of everybody but the owner.
const OF_OTHERS: u32 = 0o077;

/// Makes a directory, and those above it, that only this user may enter. One that is
/// there already stays as it is.
pub(crate) fn make_private_directory(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Writes a file that only this user may read, in place of one that is there. When it
/// returns, the whole content is on the disk; whoever reads meanwhile sees all or
/// nothing of it.
pub(crate) fn write_private(path: &Path, content: &[u8], entropy: &dyn Entropy) -> io::Result<()> {
    let draft = Draft::write(path, content, entropy)?;
    fs::rename(&draft.0, path)?;
    sync_directory_of(path)
}

/// Keeps other processes on this machine from doing the same with the file at that path,
/// until what it hands out is dropped; `None` where one is at it already.
pub(crate) fn lock(path: &Path) -> io::Result<Option<File>> {
    let directory = File::open(directory_of(path))?;
    match directory.try_lock() {
        Ok(()) => Ok(Some(directory)),
        Err(fs::TryLockError::WouldBlock) => Ok(None),
        Err(fs::TryLockError::Error(error)) => Err(error),
    }
}

/// Gives a file the name of another one in the same directory, in whose place it comes.
pub(crate) fn rename_private(from: &Path, to: &Path) -> io::Result<()> {
    fs::rename(from, to)?;
    sync_directory_of(to)
}

/// As [`write_private`], but leaves a file that is there already as it is and says so:
/// of several processes that call it at once, exactly one gets `true`.
pub(crate) fn create_private(
    path: &Path,
    content: &[u8],
    entropy: &dyn Entropy,
) -> io::Result<bool> {
    let draft = Draft::write(path, content, entropy)?;
    match fs::hard_link(&draft.0, path) {
        Ok(()) => sync_directory_of(path).map(|()| true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error),
    }
}

/// The permission bits of a file if others than its owner have any rights on it.
pub(crate) fn rights_of_others(file: &File) -> io::Result<Option<u32>> {
    let mode = file.metadata()?.mode() & 0o7777;
    Ok((mode & OF_OTHERS != 0).then_some(mode))
}

/// A file that only this user may read, and that has its name only when all of it was written.
/// Dropped before that, it is gone.
pub(crate) struct PrivateFile {
    draft: Draft,
    file: File,
    path: PathBuf,
}

impl PrivateFile {
    /// Begins one.
    pub(crate) fn begin(path: &Path, entropy: &dyn Entropy) -> io::Result<Self> {
        let (draft, file) = Draft::begin(path, entropy)?;
        let path = path.to_owned();
        Ok(Self { draft, file, path })
    }

    /// Gives it its name: in place of a file that has it, if `replaces` says so, and otherwise only
    /// where there is none.
    pub(crate) fn finish(self, replaces: bool) -> io::Result<()> {
        self.file.sync_all()?;
        if replaces {
            fs::rename(&self.draft.0, &self.path)?;
        } else {
            fs::hard_link(&self.draft.0, &self.path)?;
        }
        sync_directory_of(&self.path)
    }
}

impl Write for PrivateFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// A file under another name beside the one it is to become; gone when it is dropped.
struct Draft(PathBuf);

impl Draft {
    fn write(path: &Path, content: &[u8], entropy: &dyn Entropy) -> io::Result<Self> {
        let (draft, mut file) = Self::begin(path, entropy)?;
        file.write_all(content)?;
        file.sync_all()?;
        Ok(draft)
    }

    fn begin(path: &Path, entropy: &dyn Entropy) -> io::Result<(Self, File)> {
        let mut random = [0_u8; 8];
        entropy.fill(&mut random);
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{:016x}", u64::from_ne_bytes(random)));
        let draft = Self(path.with_file_name(name));
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&draft.0)?;
        Ok((draft, file))
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // After a rename it is gone already, and otherwise nothing hangs on it.
        let _ = fs::remove_file(&self.0);
    }
}

/// Makes a name in a directory durable.
fn sync_directory_of(path: &Path) -> io::Result<()> {
    File::open(directory_of(path))?.sync_all()
}

fn directory_of(path: &Path) -> &Path {
    let directory = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    directory.unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use tenantry_domain::testing::CountingEntropy;

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().mode() & 0o7777
    }

    #[test]
    fn what_is_made_is_private() {
        let parent = tempfile::tempdir().unwrap();
        let entropy = CountingEntropy::default();
        let directory = parent.path().join("a/b");
        make_private_directory(&directory).unwrap();
        make_private_directory(&directory).unwrap();
        assert_eq!(mode(&directory), 0o700);

        let file = directory.join("secret");
        write_private(&file, b"one", &entropy).unwrap();
        write_private(&file, b"two", &entropy).unwrap();
        assert_eq!(fs::read(&file).unwrap(), b"two");
        assert_eq!(mode(&file), 0o600);
        assert_eq!(
            fs::read_dir(&directory).unwrap().count(),
            1,
            "no draft stays"
        );
    }

    #[test]
    fn what_is_not_finished_is_not_there() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("export");
        let entropy = CountingEntropy::default();
        let begin = |content: &[u8]| {
            let mut file = PrivateFile::begin(&path, &entropy).unwrap();
            file.write_all(content).unwrap();
            file
        };
        let here = || fs::read_dir(directory.path()).unwrap().count();
        drop(begin(b"cut short"));
        assert_eq!(here(), 0);
        begin(b"one").finish(false).unwrap();
        assert_eq!(mode(&path), 0o600);
        let refused = begin(b"two").finish(false).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&path).unwrap(), b"one");
        begin(b"three").finish(true).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"three");
        assert_eq!(here(), 1, "no draft stays");
    }

    #[test]
    fn one_of_many_creators_wins() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("key");
        let entropy = CountingEntropy::default();
        let made = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8_u8)
                .map(|n| {
                    let (file, entropy) = (&file, &entropy);
                    scope.spawn(move || create_private(file, &[n], entropy).unwrap())
                })
                .collect();
            let made = threads.into_iter().map(|thread| thread.join().unwrap());
            made.filter(|&made| made).count()
        });
        assert_eq!(made, 1);
        assert_eq!(fs::read(&file).unwrap().len(), 1);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }
}
