//! The management API (contract §4), `/v1`.

mod changes;
mod clients;
mod environments;
mod events;
mod secrets;
mod tenants;
mod webhooks;

use crate::operation::Operation;

pub(super) fn operations() -> Vec<Operation> {
    let mut operations = environments::operations();
    operations.extend(tenants::operations());
    operations.extend(clients::operations());
    operations.extend(secrets::operations());
    operations.extend(changes::operations());
    operations.extend(events::operations());
    operations.extend(webhooks::operations());
    operations
}
