//! What can be asked of the server, family by family.

mod discovery;
mod management;
mod oauth;
mod operational;
mod system;

use crate::operation::{Operation, OperationInfo};

/// Every operation of every family.
pub(crate) fn table() -> Vec<Operation> {
    let mut table = management::operations();
    table.extend(system::operations());
    table.extend(oauth::operations());
    table.extend(discovery::operations());
    table.extend(operational::operations());
    table
}

/// What is known of every operation from outside: for documentation, and for tests that
/// fail when one of them has no case.
pub fn operations() -> impl Iterator<Item = OperationInfo> {
    table().into_iter().map(|operation| operation.info())
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_and_routes_are_unique() {
        let all: Vec<_> = operations().collect();
        let names: HashSet<_> = all.iter().map(|operation| operation.name).collect();
        let routes: HashSet<_> = all.iter().map(|one| (one.method, one.path)).collect();
        assert_eq!(names.len(), all.len());
        assert_eq!(routes.len(), all.len());
    }
}
