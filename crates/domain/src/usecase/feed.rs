//! What can be done with the feed of changes.

use crate::{
    environment::EnvironmentAccess,
    error::Error,
    feed::{Begin, ChangePage, Sequence},
    page::Limit,
    port::Snapshot,
};

/// How many looks are taken for the first change that the caller may know of. Each passes over
/// some thousand changes of others.
const LOOKS: usize = 20;

/// Reads the changes behind a place that the caller may know of.
///
/// Where changes of others have to be passed over, it looks for long, but not without end: it
/// may give no change and still not have come to the end.
pub fn read(
    unit: &mut dyn Snapshot,
    access: &EnvironmentAccess,
    after: Sequence,
    limit: Limit,
) -> Result<ChangePage, Error> {
    let changes = unit.changes();
    let mut page = changes.after(access, after, limit)?;
    for _ in 1..LOOKS {
        if page.is_end || !page.changes.is_empty() {
            break;
        }
        page = changes.after(access, page.next, limit)?;
    }
    Ok(page)
}

/// The place that a reader begins behind.
pub fn begin(unit: &mut dyn Snapshot, begin: Begin) -> Result<Sequence, Error> {
    match begin {
        Begin::After(place) => Ok(place),
        Begin::Latest => latest(unit),
    }
}

/// The place of the last change.
pub fn latest(unit: &mut dyn Snapshot) -> Result<Sequence, Error> {
    Ok(unit.changes().latest()?)
}
