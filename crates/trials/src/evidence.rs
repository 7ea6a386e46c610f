//! What is there when all is over.

use std::{collections::HashSet, path::PathBuf};

use diesel::{
    Connection as _, PgConnection, QueryableByName, RunQueryDsl as _, SqliteConnection,
    connection::SimpleConnection as _, sql_query, sql_types::Text,
};
use serde_json::Value;

use crate::{
    history::{Attempt, bare_id},
    http::Request,
    node::{Node, unable},
    world::World,
    writers,
};

/// How many of the newest promises are asked for each time. The others were, when they
/// were new.
const PROMISES: usize = 60;

/// Where the server keeps its data.
#[derive(Clone, Debug)]
pub enum Place {
    /// In that file.
    Sqlite(PathBuf),
    /// On a PostgreSQL server.
    Postgres(String),
}

/// All that is known.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    /// What was asked.
    pub attempts: Vec<Attempt>,
    /// The change records, in their order.
    pub changes: Vec<Change>,
    /// The tenants that are there.
    pub tenants: Vec<Tenant>,
    /// The tenants' clients that are there.
    pub clients: Vec<Client>,
    /// What the database itself, or the server, has shown to be wrong.
    pub complaints: Vec<String>,
}

/// A change record.
#[derive(Clone, Debug, Default)]
pub struct Change {
    /// Its place.
    pub sequence: i64,
    /// What happened.
    pub kind: String,
    /// The tenant, as 32 hexadecimal digits, or nothing.
    pub tenant: String,
    /// The client, or nothing.
    pub client: String,
    /// The tenant's version.
    pub version: i64,
    /// In which request, or nothing.
    pub request_id: String,
    /// The subject.
    pub subject: Value,
}

/// A tenant's row.
#[derive(Clone, Debug, Default)]
pub struct Tenant {
    /// Its id as 32 hexadecimal digits.
    pub id: String,
    /// Its label.
    pub label: String,
    /// Its name.
    pub name: String,
    /// Its status.
    pub status: String,
    /// Its version.
    pub version: i64,
    /// Its data.
    pub data: Value,
}

/// A client's row.
#[derive(Clone, Debug, Default)]
pub struct Client {
    /// Its id.
    pub id: String,
    /// Its tenant.
    pub tenant: String,
    /// Its name.
    pub name: String,
    /// Its status.
    pub status: String,
}

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    text: String,
}

const SQLITE: [&str; 3] = [
    "SELECT json_object('sequence', sequence, 'kind', type, 'tenant', lower(hex(tenant_id)),
         'client', client_id, 'version', version, 'request', request_id,
         'subject', json(subject)) AS text FROM changes ORDER BY sequence",
    "SELECT json_object('id', lower(hex(id)), 'label', label, 'name', name, 'status', status,
         'version', version, 'data', json(data)) AS text FROM tenants ORDER BY number",
    "SELECT json_object('id', c.client_id, 'tenant', lower(hex(t.id)), 'name', c.name,
         'status', c.status) AS text FROM clients c JOIN tenants t ON t.number = c.tenant_number",
];

const POSTGRES: [&str; 3] = [
    "SELECT json_build_object('sequence', sequence, 'kind', type,
         'tenant', replace(tenant_id::text, '-', ''), 'client', client_id, 'version', version,
         'request', request_id, 'subject', subject::json)::text AS text
         FROM changes ORDER BY sequence",
    "SELECT json_build_object('id', replace(id::text, '-', ''), 'label', label, 'name', name,
         'status', status, 'version', version, 'data', data::json)::text AS text
         FROM tenants ORDER BY number",
    "SELECT json_build_object('id', c.client_id, 'tenant', replace(t.id::text, '-', ''),
         'name', c.name, 'status', c.status)::text AS text
         FROM clients c JOIN tenants t ON t.number = c.tenant_number",
];

/// A change and the event that tells of its success are made in one transaction: neither is
/// there without the other, whenever the server was killed. Only a repeat, which is told by its request id, is a
/// success that may change nothing. A request that nobody has named is named by the id of its event.
const UNTOLD: &str = "
    WITH told AS (
        SELECT coalesce(nullif(request_id, ''), {id}) AS request_id, name, status FROM events)
    SELECT 'change ' || c.sequence || ' has no event of its success' AS text FROM changes c
    WHERE c.request_id IS NOT NULL AND NOT EXISTS (
        SELECT 1 FROM told e WHERE e.request_id = c.request_id AND e.status < 400)
    UNION ALL
    SELECT 'the success of ' || e.name || ' (' || e.request_id || ') has changed nothing' AS text
    FROM told e
    WHERE e.status < 400 AND e.name <> 'ACCESS_TOKEN_CREATE' AND e.name NOT LIKE 'WEBHOOK%'
    AND e.request_id NOT LIKE 'again-%'
    AND (e.name LIKE '%CREATE' OR e.name LIKE '%UPDATE' OR e.name LIKE '%DELETE')
    AND NOT EXISTS (SELECT 1 FROM changes c WHERE c.request_id = e.request_id)";

/// Gathers what there is. Nobody writes meanwhile.
pub fn gather(world: &World, place: &Place) -> Evidence {
    let (lines, mut complaints) = match place {
        Place::Sqlite(path) => from_sqlite(path),
        Place::Postgres(url) => from_postgres(url),
    };
    let [changes, tenants, clients] = lines.map(|lines| {
        let values = lines.iter().map(|line| {
            serde_json::from_str(line).unwrap_or_else(|error| unable(&format!("{error}: {line}")))
        });
        values.collect::<Vec<Value>>()
    });
    let evidence = Evidence {
        attempts: world.attempts(),
        changes: changes.iter().map(Change::read).collect(),
        tenants: tenants.iter().map(Tenant::read).collect(),
        clients: clients.iter().map(Client::read).collect(),
        complaints: Vec::new(),
    };
    complaints.extend(of_the_api(world, &evidence.tenants));
    let there: HashSet<&str> = evidence.tenants.iter().map(|one| one.id.as_str()).collect();
    let promises = world.promises();
    let newest = promises.iter().rev().take(PROMISES);
    complaints.extend(
        newest.filter_map(|promise| writers::kept(world, promise, |id| there.contains(id))),
    );
    Evidence {
        complaints,
        ..evidence
    }
}

fn from_sqlite(path: &std::path::Path) -> ([Vec<String>; 3], Vec<String>) {
    let path = path.display().to_string();
    let mut conn = SqliteConnection::establish(&path)
        .unwrap_or_else(|error| unable(&format!("{path}: {error}")));
    conn.batch_execute("PRAGMA busy_timeout = 20000")
        .unwrap_or_else(|error| unable(&format!("{path}: {error}")));
    let mut lines = |query: &str| -> Vec<String> {
        let lines: Result<Vec<Line>, _> = sql_query(query).load(&mut conn);
        let lines = lines.unwrap_or_else(|error| unable(&format!("{query}: {error}")));
        lines.into_iter().map(|line| line.text).collect()
    };
    let rows = SQLITE.map(&mut lines);
    let mut complaints = lines("SELECT integrity_check AS text FROM pragma_integrity_check");
    complaints.retain(|line| line != "ok");
    complaints.extend(lines(
        "SELECT 'a foreign key of ' || \"table\" || ' is broken' AS text
             FROM pragma_foreign_key_check",
    ));
    let id = "lower(substr(hex(id), 1, 8) || '-' || substr(hex(id), 9, 4) || '-' ||
        substr(hex(id), 13, 4) || '-' || substr(hex(id), 17, 4) || '-' || substr(hex(id), 21))";
    complaints.extend(lines(&UNTOLD.replace("{id}", id)));
    (rows, complaints)
}

fn from_postgres(url: &str) -> ([Vec<String>; 3], Vec<String>) {
    let mut conn = PgConnection::establish(url)
        .unwrap_or_else(|error| unable(&format!("the database of the trial: {error}")));
    let mut lines = |query: &str| -> Vec<String> {
        let lines: Result<Vec<Line>, _> = sql_query(query).load(&mut conn);
        let lines = lines.unwrap_or_else(|error| unable(&format!("{query}: {error}")));
        lines.into_iter().map(|line| line.text).collect()
    };
    let rows = POSTGRES.map(&mut lines);
    let complaints = lines(&UNTOLD.replace("{id}", "id::text"));
    (rows, complaints)
}

/// What the server shows other than the database holds.
fn of_the_api(world: &World, tenants: &[Tenant]) -> Vec<String> {
    let mut complaints = Vec::new();
    let mut shown = HashSet::new();
    for page in 1.. {
        let path = format!("/system/tenants?limit=1000&page={page}");
        let list = Request::new("GET", path).by(&Node::account());
        let answer = match world.http().send(&list) {
            Ok(answer) if answer.status == 200 => answer.json(),
            other => return vec![format!("the list of tenants is answered with {other:?}")],
        };
        let Some(items) = answer.as_array().filter(|items| !items.is_empty()) else {
            break;
        };
        for item in items {
            let id = bare_id(item["uuid"].as_str().unwrap_or_default());
            shown.insert((id, item["version"].as_i64(), item["data"].to_string()));
        }
    }
    for tenant in tenants {
        let row = (
            tenant.id.clone(),
            Some(tenant.version),
            tenant.data.to_string(),
        );
        if !shown.remove(&row) {
            complaints.push(format!("the list does not show {tenant:?} as it is"));
        }
    }
    for (id, version, _) in shown {
        complaints.push(format!(
            "the list shows {id} in version {version:?}, which is not there"
        ));
    }
    complaints
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn number(value: &Value) -> i64 {
    value.as_i64().unwrap_or_default()
}

impl Change {
    fn read(row: &Value) -> Self {
        Self {
            sequence: number(&row["sequence"]),
            kind: text(&row["kind"]),
            tenant: text(&row["tenant"]),
            client: text(&row["client"]),
            version: number(&row["version"]),
            request_id: text(&row["request"]),
            subject: row["subject"].clone(),
        }
    }
}

impl Tenant {
    fn read(row: &Value) -> Self {
        Self {
            id: text(&row["id"]),
            label: text(&row["label"]),
            name: text(&row["name"]),
            status: text(&row["status"]),
            version: number(&row["version"]),
            data: row["data"].clone(),
        }
    }
}

impl Client {
    fn read(row: &Value) -> Self {
        Self {
            id: text(&row["id"]),
            tenant: text(&row["tenant"]),
            name: text(&row["name"]),
            status: text(&row["status"]),
        }
    }
}
