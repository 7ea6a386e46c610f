//! Files that stay readable.

use std::path::{Path, PathBuf};

use super::read;
use crate::{Failure, relative};

/// How many lines a Rust file has at the most.
const MAX_LINES: usize = 600;

pub(super) fn check(root: &Path, files: &[PathBuf]) -> Result<Vec<String>, Failure> {
    let mut faults = Vec::new();
    let is_rust = |path: &&PathBuf| path.extension().is_some_and(|extension| extension == "rs");
    for path in files.iter().filter(is_rust) {
        let shown = relative(path, root);
        let found = faults_of(&read(path)?);
        faults.extend(
            found
                .into_iter()
                .map(|fault| format!("{}{fault}", shown.display())),
        );
    }
    Ok(faults)
}

/// What is wrong with a Rust file, each to be put behind its name.
fn faults_of(text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    let count = text.lines().count();
    if count >= MAX_LINES {
        faults.push(format!(
            ": has {count} lines, and should have less than {MAX_LINES}"
        ));
    }
    if !text.is_empty() && !text.ends_with('\n') {
        faults.push(": does not end with a line end".to_owned());
    }
    for (number, line) in text
        .lines()
        .enumerate()
        .map(|(index, line)| (index + 1, line))
    {
        let indent = line.len() - line.trim_start().len();
        if line[..indent].contains('\t') {
            faults.push(format!(":{number}: is indented by a tab"));
        }
        if line.trim_start().starts_with("//") && line.contains(concat!("TO", "DO")) {
            faults.push(format!(":{number}: leaves something to do"));
        }
    }
    faults.extend(unreasoned(text).map(|line| {
        format!(":{line}: silences a lint without a reason; write #[expect(…, reason = \"…\")]")
    }));
    faults
}

/// The lines of attributes that silence a lint and don't say why.
fn unreasoned(text: &str) -> impl Iterator<Item = usize> {
    let openings = ["#[", "#!["].map(|start| format!("{start}{}(", "allow"));
    let mut places: Vec<usize> = openings
        .iter()
        .flat_map(|opening| text.match_indices(opening.as_str()))
        .map(|(place, _)| place)
        .filter(|&place| {
            let attribute = text[place..].split(")]").next().unwrap_or_default();
            !attribute.contains("reason")
        })
        .collect();
    places.sort_unstable();
    places
        .into_iter()
        .map(|place| text[..place].matches('\n').count() + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_file_is_fine() {
        assert_eq!(
            faults_of("//! What it is.\n\nfn main() {}\n"),
            [] as [&str; 0]
        );
        assert_eq!(faults_of(""), [] as [&str; 0]);
    }

    #[test]
    fn finds_what_is_wrong_and_where() {
        assert_eq!(faults_of("fn a() {}"), [": does not end with a line end"]);
        assert_eq!(
            faults_of("let a = \"\t\";\n"),
            [] as [&str; 0],
            "text may have one"
        );
        assert_eq!(faults_of("\n\tfn a() {}\n"), [":2: is indented by a tab"]);
        let long = "\n".repeat(600);
        assert_eq!(
            faults_of(&long),
            [": has 600 lines, and should have less than 600"]
        );
        let later = format!("// {}: more\n", concat!("TO", "DO"));
        assert_eq!(faults_of(&later), [":1: leaves something to do"]);
    }

    #[test]
    fn a_silenced_lint_has_a_reason() {
        let bare = concat!("\n#[", "allow(dead_code)]\nfn a() {}\n");
        assert_eq!(unreasoned(bare).collect::<Vec<_>>(), [2]);
        let whole_file = concat!("#![", "allow(dead_code)]\n");
        assert_eq!(unreasoned(whole_file).count(), 1);
        let told = concat!("#[", "allow(\n    dead_code,\n    reason = \"it is\"\n)]\n");
        assert_eq!(unreasoned(told).count(), 0);
    }
}
