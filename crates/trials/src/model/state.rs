//! What a server holds, as naively as can be: lists of things in the order in which they were made.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::{Value, json};

use super::pattern::{ANY, bare, in_seconds, symbol};

/// All that a server holds.
#[derive(Clone, Debug, Default)]
pub(crate) struct State {
    /// Those that are there, in the order of their making.
    pub(crate) environments: Vec<Environment>,
    /// Likewise.
    pub(crate) tenants: Vec<Tenant>,
    /// Ids that tenants have had.
    pub(crate) gone: Vec<String>,
    /// The changes since the beginning, as the feed shows them, without their numbers.
    pub(crate) changes: Vec<Value>,
    /// The entity tag that was shown last of each thing, and the version that it had then.
    pub(crate) tags: BTreeMap<String, (String, i64)>,
    /// Cursors that were shown, with the tenant behind which they lead on.
    pub(crate) cursors: Vec<(usize, String)>,
    /// Tokens that were given, with the tenant and the client they were given to.
    pub(crate) tokens: Vec<(usize, String, String)>,
    /// The ids of secrets that some answer has shown.
    pub(crate) told: BTreeSet<String>,
    /// Representations that a tag was made for; their places are the tags' names.
    pub(crate) shown: HashMap<String, usize>,
    pub(crate) next: usize,
}

/// An environment.
#[derive(Clone, Debug)]
pub(crate) struct Environment {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) domain: String,
    pub(crate) region: (String, String, String),
    pub(crate) version: i64,
}

/// A tenant.
#[derive(Clone, Debug)]
pub(crate) struct Tenant {
    /// The how manieth it is of all that were ever made.
    pub(crate) place: usize,
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) label: String,
    /// The id of its environment.
    pub(crate) environment: String,
    pub(crate) data: Value,
    pub(crate) active: bool,
    pub(crate) version: i64,
    /// Symbols of instants.
    pub(crate) created: String,
    pub(crate) updated: String,
    /// How many changes there were before its last one: a clock that never stands still.
    pub(crate) touched: usize,
    pub(crate) clients: Vec<Client>,
}

/// A tenant's client.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) active: bool,
    pub(crate) scopes: Vec<String>,
    pub(crate) created: String,
    /// Oldest first, the current one last.
    pub(crate) secrets: Vec<Secret>,
}

/// A client's secret.
#[derive(Clone, Debug)]
pub(crate) struct Secret {
    pub(crate) id: String,
    pub(crate) value: String,
    pub(crate) created: String,
    pub(crate) expires: Value,
}

impl State {
    /// A number that nothing else has.
    pub(crate) fn fresh(&mut self) -> usize {
        self.next += 1;
        self.next
    }

    pub(crate) fn environment(&self, id: &str) -> &Environment {
        let found = self.environments.iter().find(|one| one.id == id);
        found.unwrap_or(&self.environments[0])
    }

    pub(crate) fn tenant_mut(&mut self, place: usize) -> Option<&mut Tenant> {
        self.tenants.iter_mut().find(|one| one.place == place)
    }

    /// Notes a change of a tenant.
    pub(crate) fn tell(&mut self, kind: &str, tenant: &Tenant, by_account: bool) {
        let subject = self.listed(tenant);
        self.changes.push(json!({
            "type": kind, "tenantId": tenant.id, "clientId": null, "environmentId": tenant.environment,
            "version": tenant.version, "actor": actor(by_account), "subject": subject,
        }));
    }

    /// Notes a change of a tenant's client.
    pub(crate) fn tell_client(&mut self, kind: &str, tenant: &Tenant, client: &Client) {
        self.changes.push(json!({
            "type": kind, "tenantId": tenant.id, "clientId": client.id,
            "environmentId": tenant.environment, "version": null, "actor": actor(false),
            "subject": client.detail(),
        }));
    }

    /// Notes a change of an environment.
    pub(crate) fn tell_environment(&mut self, kind: &str, environment: &Environment) {
        self.changes.push(json!({
            "type": kind, "tenantId": null, "clientId": null, "environmentId": environment.id,
            "version": environment.version, "actor": actor(false), "subject": environment.view(),
        }));
    }

    /// The host name of a tenant.
    pub(crate) fn host(&self, tenant: &Tenant) -> String {
        let environment = self.environment(&tenant.environment);
        format!("{}.{}", tenant.label, environment.domain)
    }

    /// A tenant as the management API lists it.
    pub(crate) fn listed(&self, tenant: &Tenant) -> Value {
        json!({
            "id": tenant.id,
            "name": tenant.name,
            "subdomain": self.host(tenant),
            "environment": self.environment(&tenant.environment).view(),
            "status": if tenant.active { "active" } else { "suspended" },
            "version": tenant.version,
            "createdAt": tenant.created,
            "updatedAt": tenant.updated,
        })
    }

    /// A tenant as the management API shows it alone.
    pub(crate) fn managed(&self, tenant: &Tenant) -> Value {
        let mut view = self.listed(tenant);
        view["data"] = tenant.data.clone();
        view
    }

    /// The entity tag of a representation of a thing: the same for the same one.
    pub(crate) fn tag(&mut self, thing: &str, representation: &Value) -> String {
        let text = format!("{thing} {representation}");
        let next = self.shown.len();
        let at = *self.shown.entry(text).or_insert(next);
        symbol("etag", format!("{thing}:{at}"))
    }

    /// Likewise, of one that is being shown.
    pub(crate) fn show_tag(&mut self, thing: &str, version: i64, representation: &Value) -> String {
        let tag = self.tag(thing, representation);
        self.tags.insert(thing.to_owned(), (tag.clone(), version));
        tag
    }
}

impl Environment {
    /// As the management API shows it.
    pub(crate) fn view(&self) -> Value {
        let (id, name, display_name) = &self.region;
        json!({
            "id": self.id,
            "name": self.name,
            "domain": format!(".{}", self.domain),
            "tenantDomain": self.domain,
            "authorizationServerDomain": "tenantry.test",
            "deploymentModel": "public",
            "region": {"id": id, "name": name, "displayName": display_name},
        })
    }
}

impl Tenant {
    /// As the system API shows it in JSON.
    pub(crate) fn record(&self) -> Value {
        json!({
            "id": symbol("number", self.place),
            "uuid": self.id,
            "createdAt": in_seconds(&self.created),
            "updatedAt": in_seconds(&self.updated),
            "data": self.data,
            "version": self.version,
        })
    }

    /// As a member of a collection in JSON-LD.
    pub(crate) fn member(&self) -> Value {
        let mut member = self.record();
        member["@id"] = Value::from(format!("/system/tenants/{}", self.id));
        member["@type"] = Value::from("system/Tenant");
        member
    }

    /// What every change does to it, after so many others.
    pub(crate) fn touch(&mut self, changes: usize) {
        self.touched = changes;
        self.version += 1;
        self.updated = symbol("time", format!("u{}.{}", self.place, self.version));
    }

    /// The label of one that was made without.
    pub(crate) fn derived_label(id: &str) -> String {
        format!("t-{}", bare(id))
    }
}

impl Client {
    /// As lists show it.
    pub(crate) fn listed(&self) -> Value {
        json!({
            "clientId": self.id,
            "name": self.name,
            "status": if self.active { "active" } else { "disabled" },
            "createdAt": self.created,
            // Noted a little later, and at no promised time.
            "lastUsedAt": ANY,
        })
    }

    /// As it is shown alone.
    pub(crate) fn detail(&self) -> Value {
        let mut view = self.listed();
        view["scopes"] = json!(self.scopes);
        view
    }
}

impl Secret {
    /// Never with its value.
    pub(crate) fn view(&self) -> Value {
        json!({"id": self.id, "createdAt": self.created, "expiresAt": self.expires, "lastUsedAt": ANY})
    }
}

fn actor(by_account: bool) -> Value {
    let kind = if by_account {
        "system-account"
    } else {
        "client"
    };
    json!({"kind": kind, "id": ANY})
}

/// A merge patch by the letter of RFC 7396 §2.
pub(crate) fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    let Some(target) = target.as_object_mut() else {
        return;
    };
    for (name, value) in patch {
        if value.is_null() {
            target.remove(name);
        } else {
            merge(target.entry(name.clone()).or_insert(Value::Null), value);
        }
    }
}
