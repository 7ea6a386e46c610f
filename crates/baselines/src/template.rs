//! The rows of a create, as copies of those that the server wrote for one.
//!
//! The newest tenant that has a client is copied with all that was written with it; whatever
//! columns there are, so that this needs no change when a migration adds one.

use rusqlite::{Connection, OptionalExtension, Transaction, params_from_iter, types::Value};
use uuid::Uuid;

/// What a copy holds that its model does not.
pub(crate) struct Fresh {
    pub(crate) tenant: Uuid,
    pub(crate) client: Uuid,
    pub(crate) own: Uuid,
    /// 32 small letters and digits: a client's id, and a label as well.
    pub(crate) name: String,
}

impl Fresh {
    #[expect(
        clippy::disallowed_methods,
        reason = "nothing that is measured depends on which ids there are"
    )]
    pub(crate) fn new() -> Self {
        Self {
            tenant: Uuid::now_v7(),
            client: Uuid::now_v7(),
            own: Uuid::now_v7(),
            name: std::iter::repeat_with(|| fastrand::digit(36))
                .take(32)
                .collect(),
        }
    }
}

/// What a column of a copy gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// What the model has.
    Same,
    /// What the database gives it.
    Given,
    TenantId,
    TenantNumber,
    ClientKey,
    /// An id that nothing else refers to.
    OwnId,
    Name,
}

/// The tables that a create writes, and how the rows are found that belong to the tenant with
/// the number `$1`.
pub(crate) const ROWS: [(&str, &str); 5] = [
    ("tenants", "number = $1"),
    ("clients", "tenant_number = $1"),
    (
        "client_secrets",
        "client_key = (SELECT key FROM clients WHERE tenant_number = $1)",
    ),
    (
        "changes",
        "tenant_id = (SELECT id FROM tenants WHERE number = $1) ORDER BY sequence",
    ),
    (
        "events",
        "tenant_id = (SELECT id FROM tenants WHERE number = $1) AND name = 'TENANT_CREATE'",
    ),
];

/// Finds the model's number.
pub(crate) const MODEL: &str = "SELECT max(tenant_number) FROM clients";

/// What a column gets.
pub(crate) fn role(table: &str, column: &str) -> Role {
    match (table, column) {
        ("tenants", "number") | ("changes", "sequence") => Role::Given,
        ("tenants", "id") | ("changes" | "events", "tenant_id") => Role::TenantId,
        ("tenants", "label") | ("clients" | "changes", "client_id") => Role::Name,
        ("clients", "key") | ("client_secrets", "client_key") => Role::ClientKey,
        ("clients", "tenant_number") => Role::TenantNumber,
        ("client_secrets" | "events", "id") => Role::OwnId,
        _ => Role::Same,
    }
}

/// A row to be copied.
struct Model {
    insert: String,
    cells: Vec<(Role, Value)>,
}

/// All rows of a create, the tenant's first.
pub(crate) struct Template(Vec<Model>);

impl Template {
    /// Takes the newest tenant with a client as the model.
    pub(crate) fn read(connection: &Connection) -> rusqlite::Result<Self> {
        let number: Option<i64> = connection
            .query_row(MODEL, [], |row| row.get(0))
            .optional()?
            .flatten();
        let number = number.ok_or(rusqlite::Error::QueryReturnedNoRows)?;
        let mut models = Vec::new();
        for (table, condition) in ROWS {
            let mut statement =
                connection.prepare(&format!("SELECT * FROM {table} WHERE {condition}"))?;
            let columns: Vec<String> = statement
                .column_names()
                .into_iter()
                .map(str::to_owned)
                .collect();
            let mut rows = statement.query([number])?;
            while let Some(row) = rows.next()? {
                models.push(Model::of(table, &columns, |place| row.get(place))?);
            }
        }
        Ok(Self(models))
    }

    /// Writes a copy; gives the tenant's number.
    pub(crate) fn insert(
        &self,
        transaction: &Transaction<'_>,
        fresh: &Fresh,
    ) -> rusqlite::Result<i64> {
        let mut number: Option<i64> = None;
        for model in &self.0 {
            let mut statement = transaction.prepare_cached(&model.insert)?;
            let cells = model.cells.iter().map(|(role, same)| match role {
                Role::TenantId => fresh.tenant.as_bytes().to_vec().into(),
                Role::ClientKey => fresh.client.as_bytes().to_vec().into(),
                Role::OwnId => fresh.own.as_bytes().to_vec().into(),
                Role::Name => fresh.name.clone().into(),
                Role::TenantNumber => number.unwrap_or_default().into(),
                Role::Same | Role::Given => same.clone(),
            });
            statement.execute(params_from_iter(cells))?;
            number.get_or_insert_with(|| transaction.last_insert_rowid());
        }
        Ok(number.unwrap_or_default())
    }
}

impl Model {
    fn of(
        table: &str,
        columns: &[String],
        cell: impl Fn(usize) -> rusqlite::Result<Value>,
    ) -> rusqlite::Result<Self> {
        let mut names = Vec::new();
        let mut cells = Vec::new();
        for (place, column) in columns.iter().enumerate() {
            let value = cell(place)?;
            let role = match role(table, column) {
                Role::Given => continue,
                _ if value == Value::Null => Role::Same,
                role => role,
            };
            names.push(column.as_str());
            cells.push((role, value));
        }
        let marks = vec!["?"; names.len()].join(", ");
        let names = names.join(", ");
        Ok(Self {
            insert: format!("INSERT INTO {table} ({names}) VALUES ({marks})"),
            cells,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_has_its_own_keys_and_all_else_of_its_model() {
        let mut connection = Connection::open_in_memory().expect("a database can be made");
        let schema = "
            CREATE TABLE tenants (number INTEGER PRIMARY KEY, id BLOB, label TEXT, later TEXT);
            CREATE TABLE clients (key BLOB, client_id TEXT, tenant_number INTEGER);
            CREATE TABLE client_secrets (id BLOB, client_key BLOB, hash TEXT);
            CREATE TABLE changes (sequence INTEGER PRIMARY KEY, type TEXT, tenant_id BLOB, client_id TEXT);
            CREATE TABLE events (id BLOB, name TEXT, tenant_id BLOB, client_id TEXT);
            INSERT INTO events VALUES (x'0c', 'TENANT_CREATE', x'01', 'caller');
            INSERT INTO events VALUES (x'0d', 'TENANT_RETRIEVE', x'01', 'caller');
            INSERT INTO tenants VALUES (7, x'01', 'one', 'kept');
            INSERT INTO tenants VALUES (8, x'02', 'two', 'seeded: it has no client');
            INSERT INTO clients VALUES (x'0a', 'c', 7);
            INSERT INTO client_secrets VALUES (x'0b', x'0a', 'hash');
            INSERT INTO changes VALUES (3, 'tenant.created', x'01', NULL);
            INSERT INTO changes VALUES (4, 'client.created', x'01', 'c');";
        connection.execute_batch(schema).expect("it is SQL");
        let template = Template::read(&connection).expect("there is a model");
        let transaction = connection.transaction().expect("nobody else writes");
        let fresh = Fresh::new();
        let number = template.insert(&transaction, &fresh).expect("it fits");
        assert_eq!(number, 9);
        let row = |query: &str| -> (String, Vec<u8>) {
            transaction
                .query_row(query, [], |row| Ok((row.get(0)?, row.get(1)?)))
                .expect("there is one")
        };
        let bytes = |id: Uuid| id.as_bytes().to_vec();
        assert_eq!(
            row("SELECT label || later, id FROM tenants WHERE number = 9"),
            (fresh.name.clone() + "kept", bytes(fresh.tenant))
        );
        assert_eq!(
            row("SELECT client_id, key FROM clients WHERE tenant_number = 9"),
            (fresh.name.clone(), bytes(fresh.client))
        );
        assert_eq!(
            row("SELECT hash, id FROM client_secrets ORDER BY rowid DESC"),
            ("hash".to_owned(), bytes(fresh.own))
        );
        assert_eq!(
            row("SELECT client_id || count(*), tenant_id FROM events WHERE tenant_id <> x'01'"),
            ("caller1".to_owned(), bytes(fresh.tenant)),
            "the caller is the same, and nothing else was asked"
        );
        assert_eq!(
            row(
                "SELECT type || coalesce(client_id, '-'), tenant_id FROM changes WHERE sequence = 5"
            ),
            ("tenant.created-".to_owned(), bytes(fresh.tenant))
        );
        assert_eq!(
            row(
                "SELECT type || coalesce(client_id, '-'), tenant_id FROM changes WHERE sequence = 6"
            ),
            (format!("client.created{}", fresh.name), bytes(fresh.tenant))
        );
    }

    #[test]
    fn without_a_model_there_is_no_copy() {
        let connection = Connection::open_in_memory().expect("a database can be made");
        let schema = "CREATE TABLE clients (tenant_number INTEGER)";
        connection.execute_batch(schema).expect("it is SQL");
        assert!(Template::read(&connection).is_err());
    }
}
