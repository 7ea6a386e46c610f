//! Which crate may know which.

use std::path::Path;

use cargo_metadata::{DependencyKind, MetadataCommand};

use crate::Failure;

/// What each crate of the workspace may depend on. A crate that is not here has no
/// place in the house yet.
const ALLOWED: [(&str, &[&str]); 9] = [
    ("tenantry-domain", &[]),
    ("tenantry-storage", &["tenantry-domain"]),
    ("tenantry-auth", &["tenantry-domain"]),
    ("tenantry-http", &["tenantry-domain", "tenantry-auth"]),
    (
        "tenantry",
        &[
            "tenantry-domain",
            "tenantry-storage",
            "tenantry-auth",
            "tenantry-http",
        ],
    ),
    ("tenantry-trials", &["tenantry-domain", "tenantry-storage"]),
    // What an embedder takes, and no more.
    (
        "tenantry-example-embed",
        &["tenantry-domain", "tenantry-storage"],
    ),
    // What the server is measured against knows nothing of it.
    ("tenantry-baselines", &[]),
    (
        "xtask",
        &["tenantry-storage", "tenantry", "tenantry-trials"],
    ),
];

/// What only a crate's tests may know.
const ALLOWED_TO_TESTS: [(&str, &str); 2] = [
    ("tenantry", "tenantry-trials"),
    ("tenantry-example-embed", "tenantry-trials"),
];

/// Libraries that would carry a layer's knowledge into another one, and where they
/// belong. Tests may use them anywhere above the domain.
const KEPT: [(&str, &[&str]); 13] = [
    ("diesel", &["tenantry-storage", "tenantry-trials"]),
    ("diesel_migrations", &["tenantry-storage"]),
    (
        "libsqlite3-sys",
        &["tenantry-storage", "tenantry-baselines"],
    ),
    ("rusqlite", &["tenantry-baselines"]),
    ("tokio-postgres", &["tenantry-baselines"]),
    ("openssl-sys", &["tenantry-storage"]),
    ("pq-sys", &["tenantry-storage"]),
    ("r2d2", &["tenantry-storage"]),
    ("argon2", &["tenantry-auth"]),
    ("jsonwebtoken", &["tenantry-auth", "tenantry-example-embed"]),
    ("aws-lc-rs", &["tenantry-auth", "tenantry-baselines"]),
    (
        "actix-web",
        &[
            "tenantry-http",
            "tenantry",
            "tenantry-example-embed",
            "tenantry-baselines",
        ],
    ),
    (
        "tokio",
        &[
            "tenantry-http",
            "tenantry",
            "tenantry-example-embed",
            "tenantry-baselines",
        ],
    ),
];

/// One crate's wish to know another.
#[derive(Clone, Debug)]
struct Edge {
    from: String,
    to: String,
    is_dev: bool,
}

pub(super) fn check(root: &Path) -> Result<Vec<String>, Failure> {
    let metadata = MetadataCommand::new()
        .manifest_path(root.join("Cargo.toml"))
        .no_deps()
        .exec()
        .map_err(|error| Failure::new(format!("cargo metadata: {error}")))?;
    let mut faults = Vec::new();
    for package in metadata.workspace_packages() {
        let from = package.name.to_string();
        if allowed_of(&from).is_none() {
            faults.push(format!(
                "{from}: is not in the table of crates; give it its place there"
            ));
        }
        faults.extend(package.dependencies.iter().filter_map(|dependency| {
            fault(&Edge {
                from: from.clone(),
                to: dependency.name.clone(),
                is_dev: dependency.kind == DependencyKind::Development,
            })
        }));
    }
    Ok(faults)
}

fn fault(edge: &Edge) -> Option<String> {
    let Edge { from, to, is_dev } = edge;
    let is_member = allowed_of(to).is_some();
    if is_member && !may_know(from, to, *is_dev) {
        return Some(format!("{from}: must not depend on {to}"));
    }
    let (_, homes) = KEPT.iter().find(|(library, _)| library == to)?;
    let is_at_home = homes.contains(&from.as_str());
    let is_test = *is_dev && from != "tenantry-domain";
    (!is_at_home && !is_test).then(|| {
        format!(
            "{from}: must not depend on {to}, which belongs to {}",
            homes.join(", ")
        )
    })
}

fn may_know(from: &str, to: &str, is_dev: bool) -> bool {
    // A crate's tests may turn on its own `testing` feature.
    (is_dev && (from == to || ALLOWED_TO_TESTS.contains(&(from, to))))
        || allowed_of(from).is_some_and(|allowed| allowed.contains(&to))
}

fn allowed_of(package: &str) -> Option<&'static [&'static str]> {
    ALLOWED
        .iter()
        .find(|(name, _)| *name == package)
        .map(|(_, allowed)| *allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faulty(from: &str, to: &str, is_dev: bool) -> bool {
        fault(&Edge {
            from: from.to_owned(),
            to: to.to_owned(),
            is_dev,
        })
        .is_some()
    }

    #[test]
    fn knowledge_flows_one_way() {
        assert!(!faulty("tenantry-http", "tenantry-auth", false));
        assert!(!faulty("tenantry", "tenantry-storage", false));
        assert!(faulty("tenantry-http", "tenantry-storage", false));
        assert!(faulty("tenantry-http", "tenantry-storage", true));
        assert!(faulty("tenantry-storage", "tenantry-http", false));
        assert!(faulty("tenantry-domain", "tenantry-auth", true));
        assert!(faulty("newcomer", "tenantry-domain", false));
        assert!(!faulty("tenantry", "tenantry-trials", true));
        assert!(faulty("tenantry", "tenantry-trials", false));
    }

    #[test]
    fn a_crate_s_tests_may_use_its_own_helpers() {
        assert!(!faulty("tenantry-domain", "tenantry-domain", true));
        assert!(faulty("tenantry-domain", "tenantry-domain", false));
    }

    #[test]
    fn libraries_stay_at_home() {
        assert!(!faulty("tenantry-storage", "diesel", false));
        assert!(faulty("tenantry-http", "diesel", false));
        assert!(
            !faulty("tenantry", "diesel", true),
            "its tests look into the database"
        );
        assert!(faulty("tenantry-domain", "diesel", true));
        assert!(!faulty("tenantry-domain", "uuid", false));
    }
}
