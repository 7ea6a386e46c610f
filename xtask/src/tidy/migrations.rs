//! Every migration can be taken back, and every database has the same ones.

use std::{collections::BTreeSet, path::Path};

use super::entries;
use crate::Failure;

pub(super) fn check(directory: &Path) -> Result<Vec<String>, Failure> {
    let list = |path: &Path| {
        entries(path).map_err(|error| Failure::new(format!("{}: {error}", path.display())))
    };
    let mut faults = Vec::new();
    let mut by_database = Vec::new();
    for database in list(directory)? {
        let mut names = BTreeSet::new();
        for migration in list(&database)? {
            for file in ["up.sql", "down.sql"] {
                if !migration.join(file).is_file() {
                    faults.push(format!("{}: has no {file}", migration.display()));
                }
            }
            names.insert(name_of(&migration));
        }
        by_database.push((name_of(&database), names));
    }
    let all: BTreeSet<_> = by_database.iter().flat_map(|(_, names)| names).collect();
    for (database, names) in &by_database {
        let missing = all.iter().filter(|&&name| !names.contains(name));
        faults.extend(missing.map(|name| format!("migrations/{database}: has no {name}")));
    }
    Ok(faults)
}

fn name_of(path: &Path) -> String {
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn faults(migrations: &[&str], files: &[&str]) -> Vec<String> {
        let directory = tempfile::tempdir().unwrap();
        for migration in migrations {
            fs::create_dir_all(directory.path().join(migration)).unwrap();
            for file in files {
                fs::write(directory.path().join(migration).join(file), "").unwrap();
            }
        }
        check(directory.path()).ok().unwrap()
    }

    #[test]
    fn up_and_down_on_every_database() {
        let both = ["up.sql", "down.sql"];
        let same = ["sqlite/0001_a", "postgres/0001_a"];
        assert_eq!(faults(&same, &both), [] as [&str; 0]);
        let other = ["sqlite/0001_a", "sqlite/0002_b", "postgres/0001_a"];
        assert_eq!(
            faults(&other, &both),
            ["migrations/postgres: has no 0002_b"]
        );
        assert_eq!(faults(&["sqlite/0001_a"], &both), [] as [&str; 0]);
        let one_way = faults(&["sqlite/0001_a"], &["up.sql"]);
        assert!(
            one_way[0].ends_with("0001_a: has no down.sql"),
            "{one_way:?}"
        );
    }
}
