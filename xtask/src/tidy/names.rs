//! Tests that documents name: each must be there.

use std::path::{Path, PathBuf};

use crate::{Failure, relative};

/// The documents that say which test shows what.
const DOCUMENTS: [&str; 2] = ["docs/TESTING.md", "docs/THREAT_MODEL.md"];

pub(super) fn check(root: &Path, files: &[PathBuf]) -> Result<Vec<String>, Failure> {
    let mut sources = String::new();
    let is_rust = |path: &&PathBuf| path.extension().is_some_and(|extension| extension == "rs");
    for path in files.iter().filter(is_rust) {
        sources.push_str(&super::read(path)?);
    }
    let mut faults = Vec::new();
    for document in DOCUMENTS {
        let path = root.join(document);
        let text = super::read(&path)?;
        let missing = named(&text).filter(|name| !sources.contains(&format!("fn {name}(")));
        let path = relative(&path, root);
        faults.extend(missing.map(|name| format!("{}: there is no test {name}", path.display())));
    }
    Ok(faults)
}

/// What stands in backticks and looks like the name of one of our tests: words, four or more.
fn named(text: &str) -> impl Iterator<Item = &str> {
    let quoted = text.split('`').skip(1).step_by(2);
    quoted.filter(|name| {
        let is_name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        name.bytes().all(is_name) && name.matches('_').count() >= 3
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_from_other_words() {
        let text = "`the_name_of_a_test`, `too_short`, `NOT_A_TEST_NAME`, `cargo xtask a_b_c_d`";
        assert_eq!(named(text).collect::<Vec<_>>(), ["the_name_of_a_test"]);
    }
}
