//! `cargo xtask tidy`: the rules about the shape of the house that no compiler checks.

mod edges;
mod manifests;
mod migrations;
mod names;
mod sources;
mod supply;

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use crate::{Failure, output};

/// Checks everything, and tells everything that is wrong.
pub(crate) fn run(root: &Path) -> Result<(), Failure> {
    let mut faults = edges::check(root)?;
    faults.extend(manifests::check(root)?);
    faults.extend(supply::check(root)?);
    let files = files_below(root).map_err(|error| Failure::new(error.to_string()))?;
    faults.extend(sources::check(root, &files)?);
    faults.extend(names::check(root, &files)?);
    faults.extend(migrations::check(&root.join("migrations"))?);
    if faults.is_empty() {
        output::say("tidy");
        return Ok(());
    }
    let count = faults.len();
    for fault in faults {
        output::complain(&fault);
    }
    Err(Failure::new(format!("not tidy: {count} found")))
}

/// All files of the workspace in order; what is built or hidden is left out.
fn files_below(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for path in entries(directory)? {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with('.') || name == "target" {
            continue;
        }
        if path.is_dir() {
            files.extend(files_below(&path)?);
        } else {
            files.push(path);
        }
    }
    Ok(files)
}

/// What lies directly in a directory, in order.
fn entries(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(directory)?.map(|entry| Ok(entry?.path()));
    let mut paths = entries.collect::<io::Result<Vec<_>>>()?;
    paths.sort();
    Ok(paths)
}

/// A file's text, or why it can't be had.
fn read(path: &Path) -> Result<String, Failure> {
    fs::read_to_string(path)
        .map_err(|error| Failure::new(format!("{}: can't be read: {error}", path.display())))
}
