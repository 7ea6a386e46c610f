//! Where the master key comes from.

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use secrecy::{ExposeSecret, SecretString};
use tenantry_auth::master_key::MasterKey;
use tenantry_domain::port::Entropy;

use crate::{
    config::{MasterKeySource, table::Key},
    failure::Failure,
    files,
};

/// Gets the master key of a database that has signing keys already. One that is not
/// there is never made up: it would not open them.
pub(crate) fn load(source: &MasterKeySource) -> Result<MasterKey, Failure> {
    match source {
        MasterKeySource::Inline(text) => MasterKey::parse(text.expose_secret())
            .map_err(|problem| Failure::setting(Key::MasterKey, &problem.to_string())),
        MasterKeySource::File(path) => read(path)?.ok_or_else(|| {
            let problem = "is not there, and the signing keys in the database are sealed under it";
            of_file(path, problem)
        }),
    }
}

/// A master key that may be the database's.
#[derive(Debug)]
pub(crate) struct Candidate {
    /// The key.
    pub(crate) key: MasterKey,
    /// Its file, if it has one.
    pub(crate) file: Option<PathBuf>,
}

impl Candidate {
    /// Where it was found, for people.
    pub(crate) fn place(&self) -> String {
        let file = self.file.as_ref();
        file.map_or_else(|| "the key".to_owned(), |file| file.display().to_string())
    }
}

/// Every master key that may be the one that the database's keys are sealed under, the
/// likeliest first. Beside its own file these are the ones of a rotation: the next one,
/// where it was cut short, and the previous one, where the database is older.
pub(crate) fn candidates(source: &MasterKeySource) -> Result<Vec<Candidate>, Failure> {
    let MasterKeySource::File(path) = source else {
        let key = load(source)?;
        return Ok(vec![Candidate { key, file: None }]);
    };
    let mut found = Vec::new();
    for file in [path.clone(), beside(path, NEXT), beside(path, PREVIOUS)] {
        if let Some(key) = read(&file)? {
            let file = Some(file);
            found.push(Candidate { key, file });
        }
    }
    if found.is_empty() {
        // It says why.
        load(source)?;
    }
    Ok(found)
}

/// What is added to the name of the file for the key of a rotation that is under way.
pub(crate) const NEXT: &str = ".next";

/// What is added to the name of the file for the key that was in use before.
pub(crate) const PREVIOUS: &str = ".previous";

/// A file beside another one: the same name with something added.
pub(crate) fn beside(path: &Path, addition: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(addition);
    path.with_file_name(name)
}

/// The content of a key's file.
pub(crate) fn file_text(key: &MasterKey) -> SecretString {
    SecretString::from(format!("{}\n", key.to_base64().expose_secret()))
}

/// Gets the master key for a database that has no signing keys yet, and makes it where
/// its file is not there.
pub(crate) fn load_or_make(
    source: &MasterKeySource,
    entropy: &dyn Entropy,
) -> Result<MasterKey, Failure> {
    let MasterKeySource::File(path) = source else {
        return load(source);
    };
    if let Some(key) = read(path)? {
        return Ok(key);
    }
    let text = file_text(&MasterKey::generate(entropy));
    // Where another process was first, its key is the one that both use.
    files::create_private(path, text.expose_secret().as_bytes(), entropy)
        .map_err(|error| of_file(path, format_args!("can't be made: {error}")))?;
    load(source)
}

/// A warning about a key file that others than its owner may use. It is no reason to
/// refuse one: containers mount secrets with such modes.
pub(crate) fn warning(source: &MasterKeySource) -> Option<String> {
    let MasterKeySource::File(path) = source else {
        return None;
    };
    let mode = files::rights_of_others(&File::open(path).ok()?).ok()??;
    let path = path.display();
    Some(format!(
        "{path} may be used by others than its owner (mode {mode:04o}); 0600 is safer"
    ))
}

fn read(path: &Path) -> Result<Option<MasterKey>, Failure> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(of_file(path, format_args!("can't be read: {error}"))),
    };
    let unreadable = |error| of_file(path, format_args!("can't be read: {error}"));
    let mut text = String::new();
    // A key takes 44 characters; what is much longer is no key and need not be read.
    Read::by_ref(&mut file)
        .take(1024)
        .read_to_string(&mut text)
        .map_err(unreadable)?;
    let text = SecretString::from(text);
    MasterKey::parse(text.expose_secret().trim())
        .map(Some)
        .map_err(|problem| of_file(path, problem))
}

fn of_file(path: &Path, problem: impl std::fmt::Display) -> Failure {
    Failure::setting(Key::MasterKeyFile, &format!("{} {problem}", path.display()))
}

#[cfg(test)]
mod tests {
    use std::{
        fs,
        os::unix::fs::{MetadataExt, PermissionsExt},
    };

    use tenantry_domain::testing::CountingEntropy;

    use super::*;

    fn key_file() -> (tempfile::TempDir, PathBuf, MasterKeySource) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("master.key");
        let source = MasterKeySource::File(path.clone());
        (directory, path, source)
    }

    fn write(path: &Path, text: &str, mode: u32) {
        fs::write(path, text).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn is_made_once_and_found_again() {
        let (_directory, path, source) = key_file();
        let entropy = CountingEntropy::default();
        load_or_make(&source, &entropy).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o600);
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(text.trim().len(), 44, "32 bytes in base64");
        load_or_make(&source, &entropy).unwrap();
        load(&source).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
    }

    #[test]
    fn is_not_made_up_for_a_database_that_needs_its_own() {
        let (_directory, path, source) = key_file();
        let failure = load(&source).unwrap_err();
        assert_eq!(failure.status(), 2);
        assert!(failure.to_string().contains("is not there"), "{failure}");
        assert!(!path.exists());
    }

    #[test]
    fn a_file_that_others_can_read_is_taken_with_a_warning() {
        let (_directory, path, source) = key_file();
        let key = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
        write(&path, key, 0o644);
        load(&source).unwrap();
        assert!(warning(&source).is_some_and(|warning| warning.contains("(mode 0644)")));
        write(&path, key, 0o400);
        assert_eq!(warning(&source), None);
    }

    #[test]
    fn a_key_of_another_length_is_refused_and_not_shown() {
        let (_directory, path, source) = key_file();
        for bad in ["", "c2hvcnQ=", "no base64!", &"A".repeat(88)] {
            write(&path, bad, 0o600);
            let failure = load(&source).unwrap_err();
            assert_eq!(failure.status(), 2);
            let text = failure.to_string();
            assert!(!text.contains('\n'), "{text}");
            assert!(bad.is_empty() || !text.contains(bad), "{text}");
        }
    }

    #[test]
    fn may_stand_in_the_settings() {
        let inline = |text: &str| MasterKeySource::Inline(SecretString::from(text));
        load(&inline("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")).unwrap();
        let failure = load(&inline("c2hvcnQ=")).unwrap_err();
        assert!(
            failure.to_string().starts_with("TENANTRY_MASTER_KEY: "),
            "{failure}"
        );
    }
}
