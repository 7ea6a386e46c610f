//! Every manifest takes the workspace's lints, version and edition.

use std::path::Path;

use super::{entries, read};
use crate::{Failure, relative};

/// What every package inherits.
const INHERITED: [&str; 5] = ["version", "edition", "rust-version", "license", "publish"];

pub(super) fn check(root: &Path) -> Result<Vec<String>, Failure> {
    let crates = entries(&root.join("crates")).map_err(|error| Failure::new(error.to_string()))?;
    let mut faults = Vec::new();
    for package in crates
        .into_iter()
        .chain([root.join("examples/embed"), root.join("xtask")])
    {
        let path = package.join("Cargo.toml");
        let shown = relative(&path, root);
        let found = faults_of(&read(&path)?);
        faults.extend(found.map(|fault| format!("{}: {fault}", shown.display())));
    }
    Ok(faults)
}

fn faults_of(manifest: &str) -> impl Iterator<Item = String> + use<> {
    let table: toml::Table = manifest.parse().unwrap_or_default();
    let inherits = |path: [&str; 2]| {
        let value = table.get(path[0]).and_then(|value| value.get(path[1]));
        let value = value.map(|value| value.get("workspace").unwrap_or(value));
        value.and_then(toml::Value::as_bool) == Some(true)
    };
    let mut faults = Vec::new();
    if !inherits(["lints", "workspace"]) {
        faults.push("must have `[lints] workspace = true`".to_owned());
    }
    for key in INHERITED {
        if !inherits(["package", key]) {
            faults.push(format!("must have `{key}.workspace = true`"));
        }
    }
    faults.into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_inherits() {
        let good = "[package]\nname = 'x'\nversion.workspace = true\nedition.workspace = true\n\
                    rust-version.workspace = true\nlicense.workspace = true\n\
                    publish.workspace = true\n[lints]\nworkspace = true";
        assert_eq!(faults_of(good).count(), 0);
        let own_lints = good.replace("[lints]\nworkspace = true", "[lints.rust]\nx = 'warn'");
        let faults: Vec<_> = faults_of(&own_lints).collect();
        assert_eq!(faults, ["must have `[lints] workspace = true`"]);
        let own_edition = good.replace("edition.workspace = true", "edition = '2021'");
        let faults: Vec<_> = faults_of(&own_edition).collect();
        assert_eq!(faults, ["must have `edition.workspace = true`"]);
        assert_eq!(faults_of("no toml").count(), 6);
    }
}
