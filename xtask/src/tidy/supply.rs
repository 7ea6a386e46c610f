//! What others have made: under which licence, from where, and who may use it.
//!
//! `deny.toml` says what is allowed, for cargo-deny, which knows of advisories too and takes minutes to
//! build. What `cargo metadata` tells is held against the same file here, so that no change gets in while
//! nobody has cargo-deny at hand.

use std::{path::Path, process::Command};

use cargo_metadata::{Metadata, MetadataCommand, Package};
use toml::{Table, Value};

use crate::Failure;

/// What may be built in.
#[derive(Debug, Default)]
struct Rules {
    licences: Vec<String>,
    registries: Vec<String>,
    bans: Vec<Ban>,
}

/// A package that only some may use; nobody where there are none.
#[derive(Debug)]
struct Ban {
    package: String,
    users: Vec<String>,
}

pub(super) fn check(root: &Path) -> Result<Vec<String>, Failure> {
    let rules = Rules::parse(&super::read(&root.join("deny.toml"))?)
        .map_err(|error| Failure::new(format!("deny.toml: {error}")))?;
    let metadata = MetadataCommand::new()
        .manifest_path(root.join("Cargo.toml"))
        .other_options([
            "--locked".to_owned(),
            "--filter-platform".to_owned(),
            host()?,
        ])
        .exec()
        .map_err(|error| Failure::new(format!("cargo metadata: {error}")))?;
    let mut faults = Vec::new();
    for package in &metadata.packages {
        faults.extend(rules.fault_of(package));
    }
    for ban in &rules.bans {
        faults.extend(ban.faults(&metadata));
    }
    Ok(faults)
}

/// The platform that this is built for: what only others need may not even be downloaded here.
fn host() -> Result<String, Failure> {
    let output = Command::new("rustc").arg("-vV").output();
    let output = output.map_err(|error| Failure::new(format!("rustc can't be run: {error}")))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned)
        .ok_or_else(|| Failure::new("rustc does not tell its host"))
}

impl Rules {
    fn parse(text: &str) -> Result<Self, toml::de::Error> {
        let table: Table = text.parse()?;
        let list = |section: &str, name: &str| -> Vec<Value> {
            let list = table.get(section).and_then(|section| section.get(name));
            list.and_then(Value::as_array).cloned().unwrap_or_default()
        };
        let bans = list("bans", "deny");
        let bans = bans.iter().filter_map(|ban| {
            Some(Ban {
                package: ban.get("crate")?.as_str()?.to_owned(),
                users: ban.get("wrappers").map(texts).unwrap_or_default(),
            })
        });
        Ok(Self {
            licences: texts(&Value::from(list("licenses", "allow"))),
            registries: texts(&Value::from(list("sources", "allow-registry"))),
            bans: bans.collect(),
        })
    }

    fn fault_of(&self, package: &Package) -> Option<String> {
        let name = &package.name;
        if let Some(source) = &package.source {
            let known = self
                .registries
                .iter()
                .any(|registry| source.repr == format!("registry+{registry}"));
            if !known {
                return Some(format!("{name} comes from {source}"));
            }
        }
        let licence = package.license.as_deref().unwrap_or_default();
        (!self.allow(licence)).then(|| format!("{name} is under {licence:?}"))
    }

    /// Whether an SPDX expression leaves a choice that is allowed. The slash of older manifests is an OR.
    fn allow(&self, expression: &str) -> bool {
        let spaced = expression.replace('(', " ( ").replace(')', " ) ");
        let spaced = spaced.replace('/', " OR ");
        let mut words = spaced.split_whitespace().peekable();
        self.any(&mut words) && words.next().is_none()
    }

    fn any<'a>(&self, words: &mut Words<'a, impl Iterator<Item = &'a str>>) -> bool {
        let mut allowed = self.all(words);
        while words.next_if_eq(&"OR").is_some() {
            allowed |= self.all(words);
        }
        allowed
    }

    fn all<'a>(&self, words: &mut Words<'a, impl Iterator<Item = &'a str>>) -> bool {
        let mut allowed = self.one(words);
        while words.next_if_eq(&"AND").is_some() {
            allowed &= self.one(words);
        }
        allowed
    }

    fn one<'a>(&self, words: &mut Words<'a, impl Iterator<Item = &'a str>>) -> bool {
        let allowed = match words.next() {
            Some("(") => self.any(words) & words.next_if_eq(&")").is_some(),
            Some(licence) => self.licences.iter().any(|allowed| allowed == licence),
            None => false,
        };
        // An exception only ever allows more.
        if words.next_if_eq(&"WITH").is_some() {
            return words.next().is_some() && allowed;
        }
        allowed
    }
}

type Words<'a, I> = std::iter::Peekable<I>;

impl Ban {
    fn faults(&self, metadata: &Metadata) -> Vec<String> {
        let is_here = |package: &&Package| *package.name == self.package;
        if self.users.is_empty() {
            let found = metadata.packages.iter().filter(is_here);
            return found
                .map(|_| format!("{} is banned", self.package))
                .collect();
        }
        let uses = |package: &&Package| {
            let mut dependencies = package.dependencies.iter();
            dependencies.any(|dependency| dependency.name == self.package && !dependency.optional)
        };
        // A package's tests may ask for its own features.
        let others = metadata.packages.iter().filter(|one| !is_here(one));
        let others = others.filter(uses);
        let others = others.filter(|package| !self.users.iter().any(|user| *user == *package.name));
        others
            .map(|package| format!("{} may not use {}", package.name, self.package))
            .collect()
    }
}

fn texts(list: &Value) -> Vec<String> {
    let list = list.as_array().into_iter().flatten();
    list.filter_map(|text| text.as_str().map(str::to_owned))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: &str = r#"
        [licenses]
        allow = ["MIT", "Apache-2.0", "Unicode-3.0"]
        [bans]
        deny = [{ crate = "a", wrappers = ["b"] }, { crate = "c" }]
        [sources]
        allow-registry = ["https://x.example"]
    "#;

    #[test]
    fn rules_are_read_as_cargo_deny_reads_them() {
        let rules = Rules::parse(RULES).unwrap();
        assert_eq!(rules.licences.len(), 3);
        assert_eq!(rules.registries, ["https://x.example"]);
        assert_eq!(rules.bans[0].users, ["b"]);
        assert!(rules.bans[1].users.is_empty());
    }

    #[test]
    fn an_expression_is_allowed_if_one_choice_is() {
        let rules = Rules::parse(RULES).unwrap();
        for allowed in [
            "MIT",
            "GPL-3.0 OR MIT",
            "MIT/Apache-2.0",
            "(MIT OR GPL-3.0) AND Unicode-3.0",
            "Apache-2.0 WITH LLVM-exception OR GPL-3.0",
        ] {
            assert!(rules.allow(allowed), "{allowed}");
        }
        for refused in [
            "",
            "GPL-3.0",
            "MIT AND GPL-3.0",
            "(MIT OR Apache-2.0) AND GPL-3.0",
            "MIT MIT",
            "(MIT",
            "GPL-3.0 WITH MIT",
        ] {
            assert!(!rules.allow(refused), "{refused}");
        }
    }
}
