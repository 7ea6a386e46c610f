//! PostgreSQL by the thinnest client: asynchronous, on the worker thread, with statements that
//! are prepared once.

use std::{cell::Cell, sync::Arc};

use actix_web::{HttpResponse, rt, web};
use serde_json::value::RawValue;
use tokio::sync::OnceCell;
use tokio_postgres::{Client, NoTls, Row, Statement, types::ToSql};
use uuid::Uuid;

use crate::{
    WRITERS,
    rows::{
        COLUMNS, ENVIRONMENT_COLUMNS, ENVIRONMENT_TABLES, Environment, Known, Region, Tenant,
        cursor, micros, rfc3339,
    },
    template::{self, Fresh, Role},
};

/// How many connections a worker reads by, in turn: requests that come together share one.
const READERS: usize = 4;

/// Where the databases are, and how rows are written.
pub(crate) struct Settings {
    reads: String,
    writes: String,
    insert: String,
}

/// A worker's own connections, which are opened with its first request.
struct Worker {
    settings: Arc<Settings>,
    readers: OnceCell<Vec<Reader>>,
    writers: OnceCell<Vec<Writer>>,
    turn: Cell<usize>,
}

struct Reader {
    client: Client,
    tenant: Statement,
    page: Statement,
    environment: Statement,
}

struct Writer {
    client: Client,
    insert: Statement,
}

type Outcome<T> = Result<T, tokio_postgres::Error>;

impl Settings {
    pub(crate) async fn new(reads: String, writes: &str) -> crate::Result<Self> {
        let client = connect(writes).await?;
        Ok(Self {
            reads,
            writes: writes.to_owned(),
            insert: insert(&client).await?,
        })
    }
}

async fn connect(url: &str) -> Outcome<Client> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    // That it has ended is seen by whoever asks next.
    rt::spawn(async move { drop(connection.await) });
    Ok(client)
}

/// The one statement that writes all rows of a create, as copies of the newest tenant with a
/// client: its parameters are the tenant's id, the client's key, an id that nothing refers to, and the name.
async fn insert(client: &Client) -> crate::Result<String> {
    let number: Option<i64> = client.query_one(template::MODEL, &[]).await?.get(0);
    let number = number.ok_or("no tenant has a client that could be copied")?;
    let mut parts = Vec::new();
    for (table, condition) in template::ROWS {
        let columns = client
            .query(
                "SELECT attname::text, format_type(atttypid, atttypmod) FROM pg_attribute \
                 WHERE attrelid = $1::text::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
                &[&table],
            )
            .await?;
        let literals: Vec<String> = columns
            .iter()
            .map(|column| format!("quote_literal({}::text)", column.get::<_, &str>(0)))
            .collect();
        let select = format!(
            "SELECT {} FROM {table} WHERE {condition}",
            literals.join(", ")
        );
        for row in client.query(&select, &[&number]).await? {
            let mut names = Vec::new();
            let mut values = Vec::new();
            for (place, column) in columns.iter().enumerate() {
                let (name, kind): (&str, &str) = (column.get(0), column.get(1));
                let literal: Option<&str> = row.get(place);
                if let Some(value) = value(template::role(table, name), literal, kind) {
                    names.push(name);
                    values.push(value);
                }
            }
            parts.push(part(table, &names.join(", "), &values.join(", ")));
        }
    }
    let with: Vec<String> = parts
        .iter()
        .enumerate()
        .map(|(place, part)| format!("row_{place} AS ({part})"))
        .collect();
    Ok(format!("WITH {} SELECT number FROM row_0", with.join(", ")))
}

/// What a column gets, as SQL; `None` where the database gives it.
fn value(role: Role, literal: Option<&str>, kind: &str) -> Option<String> {
    let Some(literal) = literal else {
        return (role != Role::Given).then(|| "NULL".to_owned());
    };
    Some(match role {
        Role::Given => return None,
        Role::Same => format!("{literal}::{kind}"),
        Role::TenantId => "$1::uuid".to_owned(),
        Role::ClientKey => "$2::uuid".to_owned(),
        Role::OwnId => "$3::uuid".to_owned(),
        Role::Name => "$4::text".to_owned(),
        Role::TenantNumber => "(SELECT number FROM row_0)".to_owned(),
    })
}

fn part(table: &str, names: &str, values: &str) -> String {
    let returning = if table == "tenants" {
        " RETURNING number"
    } else {
        ""
    };
    format!("INSERT INTO {table} ({names}) VALUES ({values}){returning}")
}

impl Worker {
    async fn reader(&self) -> Outcome<&Reader> {
        let readers = self.readers.get_or_try_init(|| async {
            let mut readers = Vec::new();
            for _ in 0..READERS {
                readers.push(Reader::open(&self.settings.reads).await?);
            }
            Ok::<_, tokio_postgres::Error>(readers)
        });
        Ok(&readers.await?[self.next() % READERS])
    }

    async fn writer(&self) -> Outcome<&Writer> {
        let writers = self.writers.get_or_try_init(|| async {
            let mut writers = Vec::new();
            for _ in 0..WRITERS {
                let client = connect(&self.settings.writes).await?;
                let insert = client.prepare(&self.settings.insert).await?;
                writers.push(Writer { client, insert });
            }
            Ok::<_, tokio_postgres::Error>(writers)
        });
        Ok(&writers.await?[self.next() % WRITERS])
    }

    fn next(&self) -> usize {
        let turn = self.turn.get();
        self.turn.set(turn.wrapping_add(1));
        turn
    }
}

impl Reader {
    async fn open(url: &str) -> Outcome<Self> {
        let client = connect(url).await?;
        let micros = |time: &str| format!("(extract(epoch FROM {time}) * 1000000)::bigint");
        let columns: Vec<String> = COLUMNS
            .split(", ")
            .map(|column| match column {
                "created_at" | "updated_at" => micros(&format!("t.{column}")),
                other => format!("t.{other}"),
            })
            .collect();
        let columns = columns.join(", ");
        // In one statement: a second one would be a second way to the server.
        let tenant = format!(
            "SELECT {columns}, t.data, {ENVIRONMENT_COLUMNS} FROM tenants t \
             JOIN {ENVIRONMENT_TABLES} ON e.id = t.environment_id WHERE t.id = $1"
        );
        let environment =
            format!("SELECT {ENVIRONMENT_COLUMNS} FROM {ENVIRONMENT_TABLES} WHERE e.id = $1");
        let page = format!(
            "SELECT {columns} FROM tenants t WHERE (t.created_at, t.id) > \
             ('epoch'::timestamptz + $1::bigint * interval '1 microsecond', $2) \
             ORDER BY t.created_at, t.id LIMIT 100"
        );
        Ok(Self {
            tenant: client.prepare(&tenant).await?,
            page: client.prepare(&page).await?,
            environment: client.prepare(&environment).await?,
            client,
        })
    }

    async fn environment(&self, id: Uuid) -> Outcome<Known> {
        let row = self.client.query_one(&self.environment, &[&id]).await?;
        Ok(known(&row, 0))
    }
}

pub(crate) fn configure(config: &mut web::ServiceConfig, settings: &Arc<Settings>) {
    config
        .app_data(web::Data::new(Worker {
            settings: Arc::clone(settings),
            readers: OnceCell::new(),
            writers: OnceCell::new(),
            turn: Cell::new(0),
        }))
        .route("/tenant/{id}", web::get().to(tenant))
        .route("/page/{created_at}/{id}", web::get().to(page))
        .route("/tenants/{commits}", web::post().to(create));
}

async fn tenant(worker: web::Data<Worker>, id: web::Path<String>) -> HttpResponse {
    let Ok(id) = Uuid::try_parse(&id) else {
        return HttpResponse::NotFound().finish();
    };
    let found = async {
        let reader = worker.reader().await?;
        let Some(row) = reader.client.query_opt(&reader.tenant, &[&id]).await? else {
            return Ok(None);
        };
        let environment = known(&row, 9);
        let mut tenant = from(&row, &environment);
        tenant.data = serde_json::from_str::<&RawValue>(row.get(8)).ok();
        // Texts can always be written.
        Ok::<_, tokio_postgres::Error>(Some(serde_json::to_vec(&tenant).unwrap_or_default()))
    };
    match found.await {
        Ok(Some(body)) => crate::json(body),
        Ok(None) => HttpResponse::NotFound().finish(),
        Err(error) => crate::failed(&error),
    }
}

async fn page(worker: web::Data<Worker>, start: web::Path<(String, String)>) -> HttpResponse {
    let (created_at, id) = start.into_inner();
    let (Some(created_at), Ok(id)) = (micros(&created_at), Uuid::try_parse(&id)) else {
        return HttpResponse::NotFound().finish();
    };
    let found = async {
        let reader = worker.reader().await?;
        let rows = reader
            .client
            .query(&reader.page, &[&created_at, &id])
            .await?;
        let mut known: Vec<Known> = Vec::new();
        for row in &rows {
            let id: Uuid = row.get(7);
            if !known.iter().any(|known| known.id == id) {
                known.push(reader.environment(id).await?);
            }
        }
        Ok::<_, tokio_postgres::Error>((rows, known))
    };
    match found.await {
        Ok((rows, known)) => crate::json(written(&rows, &known)),
        Err(error) => crate::failed(&error),
    }
}

fn written(rows: &[Row], known: &[Known]) -> Vec<u8> {
    let mut body = br#"{"data":["#.to_vec();
    let mut last = None;
    for row in rows {
        if last.is_some() {
            body.push(b',');
        }
        let id: Uuid = row.get(7);
        let Some(environment) = known.iter().find(|known| known.id == id) else {
            continue;
        };
        let tenant = from(row, environment);
        let _ = serde_json::to_writer(&mut body, &tenant);
        last = Some((tenant.created_at, tenant.id));
    }
    body.push(b']');
    if let Some((created_at, id)) = last {
        let next = cursor(&created_at, id);
        body.extend_from_slice(format!(r#","nextCursor":"{next}""#).as_bytes());
    }
    body.push(b'}');
    body
}

/// The environment that a row tells of from a column on.
fn known(row: &Row, first: usize) -> Known {
    let text = |place: usize| row.get::<_, &str>(first + place);
    let environment = Environment {
        id: row.get(first + 1),
        name: text(2),
        domain: format!(".{}", text(3)),
        tenant_domain: text(0),
        authorization_server_domain: text(4),
        deployment_model: text(5),
        region: Region {
            id: row.get(first + 6),
            name: text(7),
            display_name: text(8),
        },
    };
    environment.known()
}

fn from<'a>(row: &'a Row, environment: &'a Known) -> Tenant<'a> {
    Tenant {
        id: row.get(0),
        name: row.get(1),
        subdomain: [row.get(2), ".", environment.tenant_domain.as_str()].concat(),
        environment: &environment.json,
        status: row.get(3),
        version: row.get(4),
        created_at: rfc3339(row.get(5)),
        updated_at: rfc3339(row.get(6)),
        data: None,
    }
}

/// Each commits by itself: PostgreSQL joins the writes of those that come together.
async fn create(worker: web::Data<Worker>) -> HttpResponse {
    let fresh = Fresh::new();
    let made = async {
        let writer = worker.writer().await?;
        let parameters: [&(dyn ToSql + Sync); 4] =
            [&fresh.tenant, &fresh.client, &fresh.own, &fresh.name];
        writer.client.query_one(&writer.insert, &parameters).await
    };
    match made.await {
        Ok(row) => {
            let number: i64 = row.get(0);
            HttpResponse::Created().body(format!(r#"{{"number":{number}}}"#))
        }
        Err(error) => crate::failed(&error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_get_what_is_due() {
        let literal = Some("'x'");
        assert_eq!(value(Role::Given, literal, "bigint"), None);
        assert_eq!(
            value(Role::Same, literal, "text").as_deref(),
            Some("'x'::text")
        );
        assert_eq!(
            value(Role::Name, literal, "text").as_deref(),
            Some("$4::text")
        );
        assert_eq!(value(Role::Name, None, "text").as_deref(), Some("NULL"));
    }
}
