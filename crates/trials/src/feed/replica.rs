//! What is known from the feed alone.

use std::collections::BTreeMap;

use tenantry_domain::{
    change::ChangeType,
    feed::{Change, ClientSubject, Kind, Subject, TenantSubject},
    id::TenantId,
};

use crate::{evidence::Evidence, history::bare_id};

/// All tenants and their clients, as the feed tells of them.
#[derive(Debug, Default)]
pub(super) struct Replica {
    place: i64,
    tenants: BTreeMap<TenantId, TenantSubject>,
    clients: BTreeMap<String, (TenantId, ClientSubject)>,
}

impl Replica {
    /// The number of the last change.
    pub(super) fn place(&self) -> i64 {
        self.place
    }

    /// Takes over the next change; says what is wrong with it, if anything is.
    pub(super) fn apply(&mut self, change: Change) -> Result<(), String> {
        let (sequence, before) = (change.sequence.get(), self.place);
        if sequence != before + 1 {
            return Err(format!("change {sequence} comes after {before}"));
        }
        self.place = sequence;
        let Kind::Known(kind) = change.kind else {
            return Err(format!("change {sequence} is {}", change.kind));
        };
        let wrong = |what: &str| Err(format!("change {sequence}, {}: {what}", kind.as_str()));
        match change.subject {
            Subject::Tenant(tenant) => {
                let id = change.previous_tenant_id.unwrap_or(tenant.id);
                let known = self.tenants.remove(&id);
                match (kind, known) {
                    (ChangeType::TenantCreated, None) => {}
                    (ChangeType::TenantDeleted, Some(known)) if known == *tenant => {
                        self.clients.retain(|_, (owner, _)| *owner != id);
                        return Ok(());
                    }
                    (
                        ChangeType::TenantUpdated
                        | ChangeType::TenantSuspended
                        | ChangeType::TenantResumed,
                        Some(known),
                    ) if known.version + 1 == tenant.version => {}
                    (_, known) => return wrong(&format!("what was known is {known:?}")),
                }
                self.tenants.insert(tenant.id, *tenant);
            }
            Subject::Client(client) => {
                // Management clients are no tenant's.
                let Some(owner) = change.tenant_id else {
                    return Ok(());
                };
                if !self.tenants.contains_key(&owner) {
                    return wrong("its tenant is not there");
                }
                let known = self.clients.remove(&client.client_id);
                if known.is_some() == (kind == ChangeType::ClientCreated) {
                    return wrong(&format!("what was known is {known:?}"));
                }
                if kind != ChangeType::ClientDeleted {
                    let id = client.client_id.clone();
                    self.clients.insert(id, (owner, *client));
                }
            }
            Subject::Environment(_) | Subject::Webhook(_) | Subject::Other(_) => {}
        }
        Ok(())
    }

    /// What the database holds and this does not, or the other way round.
    pub(super) fn compare(self, evidence: &Evidence) -> Vec<String> {
        let mut wrong = Vec::new();
        let last = evidence.changes.last().map_or(0, |last| last.sequence);
        if self.place != last {
            wrong.push(format!("followed to {} of {last}", self.place));
        }
        let tenants = evidence.tenants.iter();
        let mut tenants: BTreeMap<_, _> = tenants.map(|one| (one.id.clone(), one)).collect();
        for (id, tenant) in self.tenants {
            let row = tenants.remove(&bare_id(&id.to_string()));
            let is_same = row.is_some_and(|row| {
                row.name == tenant.name
                    && row.status == tenant.status
                    && row.version == i64::from(tenant.version)
                    && tenant.subdomain.split('.').next() == Some(&row.label)
            });
            if !is_same {
                wrong.push(format!("{tenant:?} from the feed is {row:?}"));
            }
        }
        wrong.extend(
            tenants
                .values()
                .map(|row| format!("no feed told of {row:?}")),
        );
        let clients = evidence.clients.iter();
        let mut clients: BTreeMap<_, _> = clients.map(|one| (one.id.clone(), one)).collect();
        for (id, (owner, client)) in self.clients {
            let row = clients.remove(&id);
            let is_same = row.is_some_and(|row| {
                row.tenant == bare_id(&owner.to_string())
                    && row.name == client.name
                    && row.status == client.status
            });
            if !is_same {
                wrong.push(format!("{client:?} from the feed is {row:?}"));
            }
        }
        wrong.extend(
            clients
                .values()
                .map(|row| format!("no feed told of {row:?}")),
        );
        wrong
    }
}
