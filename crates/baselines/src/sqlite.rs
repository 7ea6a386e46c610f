//! SQLite by the thinnest client: a connection for each worker thread, which asks it itself,
//! and one thread that writes.

use std::{
    cell::RefCell,
    path::{Path, PathBuf},
    rc::Rc,
    sync::{LazyLock, mpsc},
    thread,
};

use actix_web::{HttpResponse, web};
use rusqlite::{Connection, OpenFlags, Row, params};
use serde_json::value::RawValue;
use tokio::sync::oneshot;
use uuid::Uuid;

use crate::{
    WRITERS,
    rows::{
        COLUMNS, ENVIRONMENT_COLUMNS, ENVIRONMENT_TABLES, Environment, Known, Region, Tenant,
        cursor, micros, rfc3339,
    },
    template::{self, Template},
};

/// Made once: a statement is found by its text.
static TENANT: LazyLock<String> =
    LazyLock::new(|| format!("SELECT {COLUMNS}, data FROM tenants WHERE id = ?1"));
static ENVIRONMENT: LazyLock<String> = LazyLock::new(|| {
    format!("SELECT {ENVIRONMENT_COLUMNS} FROM {ENVIRONMENT_TABLES} WHERE e.id = ?1")
});
static PAGE: LazyLock<String> = LazyLock::new(|| {
    format!(
        "SELECT {COLUMNS} FROM tenants WHERE (created_at, id) > (?1, ?2) \
         ORDER BY created_at, id LIMIT 100"
    )
});

/// A worker's own connection, which is opened with its first request.
type Own = web::Data<Reader>;

struct Reader {
    file: PathBuf,
    connection: RefCell<Option<Connection>>,
}

impl Reader {
    fn with<T>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<T> {
        let mut slot = self.connection.borrow_mut();
        let connection = match &mut *slot {
            Some(connection) => connection,
            empty => {
                let connection =
                    Connection::open_with_flags(&self.file, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
                connection.execute_batch("PRAGMA query_only = ON")?;
                empty.insert(connection)
            }
        };
        work(connection)
    }
}

pub(crate) fn configure(config: &mut web::ServiceConfig, file: &Path, writers: &Writers) {
    config
        .app_data(web::Data::new(Reader {
            file: file.to_owned(),
            connection: RefCell::new(None),
        }))
        .app_data(web::Data::new(writers.clone()))
        .route("/tenant/{id}", web::get().to(tenant))
        .route("/page/{created_at}/{id}", web::get().to(page))
        .route("/tenants/{commits}", web::post().to(create));
}

async fn tenant(reader: Own, id: web::Path<String>) -> HttpResponse {
    let Ok(id) = Uuid::try_parse(&id) else {
        return HttpResponse::NotFound().finish();
    };
    let found = reader.with(|connection| {
        let mut statement = connection.prepare_cached(&TENANT)?;
        let mut rows = statement.query([id.as_bytes().as_slice()])?;
        let Some(row) = rows.next()? else {
            return Ok(None);
        };
        let environment = environment(connection, identifier(row, 7)?)?;
        let mut tenant = from(row, &environment)?;
        tenant.data = serde_json::from_str::<&RawValue>(row.get_ref(8)?.as_str()?).ok();
        Ok(serde_json::to_vec(&tenant).ok())
    });
    match found {
        Ok(Some(body)) => crate::json(body),
        Ok(None) => HttpResponse::NotFound().finish(),
        Err(error) => crate::failed(&error),
    }
}

async fn page(reader: Own, start: web::Path<(String, String)>) -> HttpResponse {
    let (created_at, id) = start.into_inner();
    let (Some(created_at), Ok(id)) = (micros(&created_at), Uuid::try_parse(&id)) else {
        return HttpResponse::NotFound().finish();
    };
    let found = reader.with(|connection| {
        let mut statement = connection.prepare_cached(&PAGE)?;
        let mut rows = statement.query(params![created_at, id.as_bytes().as_slice()])?;
        let mut body = br#"{"data":["#.to_vec();
        let mut known: Vec<Known> = Vec::new();
        let mut last = None;
        while let Some(row) = rows.next()? {
            if last.is_some() {
                body.push(b',');
            }
            let id = identifier(row, 7)?;
            let found = known.iter().position(|known| known.id == id);
            let place = found.unwrap_or(known.len());
            if found.is_none() {
                known.push(environment(connection, id)?);
            }
            let tenant = from(row, &known[place])?;
            // Texts can always be written.
            let _ = serde_json::to_writer(&mut body, &tenant);
            last = Some((tenant.created_at, tenant.id));
        }
        body.push(b']');
        if let Some((created_at, id)) = last {
            let next = cursor(&created_at, id);
            body.extend_from_slice(format!(r#","nextCursor":"{next}""#).as_bytes());
        }
        body.push(b'}');
        Ok(body)
    });
    match found {
        Ok(body) => crate::json(body),
        Err(error) => crate::failed(&error),
    }
}

fn identifier(row: &Row<'_>, place: usize) -> rusqlite::Result<Uuid> {
    let bytes = row.get_ref(place)?.as_blob()?;
    Ok(Uuid::from_slice(bytes).unwrap_or_default())
}

fn environment(connection: &Connection, id: Uuid) -> rusqlite::Result<Known> {
    let mut statement = connection.prepare_cached(&ENVIRONMENT)?;
    statement.query_row([id.as_bytes().as_slice()], |row| {
        let text = |place| Ok::<_, rusqlite::Error>(row.get_ref(place)?.as_str()?);
        let environment = Environment {
            id: identifier(row, 1)?,
            name: text(2)?,
            domain: format!(".{}", text(3)?),
            tenant_domain: text(0)?,
            authorization_server_domain: text(4)?,
            deployment_model: text(5)?,
            region: Region {
                id: identifier(row, 6)?,
                name: text(7)?,
                display_name: text(8)?,
            },
        };
        Ok(environment.known())
    })
}

fn from<'a>(row: &'a Row<'_>, environment: &'a Known) -> rusqlite::Result<Tenant<'a>> {
    let text = |place| Ok::<_, rusqlite::Error>(row.get_ref(place)?.as_str()?);
    Ok(Tenant {
        id: identifier(row, 0)?,
        name: text(1)?,
        subdomain: [text(2)?, ".", &environment.tenant_domain].concat(),
        environment: &environment.json,
        status: text(3)?,
        version: row.get(4)?,
        created_at: rfc3339(row.get(5)?),
        updated_at: rfc3339(row.get(6)?),
        data: None,
    })
}

/// Who waits for its own commit.
type Waiting = oneshot::Sender<Result<i64, String>>;

/// The thread that writes, by what it is asked: to commit with others, or each alone.
#[derive(Clone)]
pub(crate) struct Writers {
    together: mpsc::Sender<Waiting>,
    alone: mpsc::Sender<Waiting>,
}

impl Writers {
    pub(crate) fn start(file: &Path) -> crate::Result<Self> {
        Ok(Self {
            together: writer(file, WRITERS)?,
            alone: writer(file, 1)?,
        })
    }
}

/// Starts a thread that commits what waits, so many at most at once, and each caller is
/// answered when its rows are on the disk.
fn writer(file: &Path, most: usize) -> crate::Result<mpsc::Sender<Waiting>> {
    let mut connection = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.execute_batch(
        "PRAGMA busy_timeout = 5000; PRAGMA foreign_keys = ON; PRAGMA synchronous = FULL",
    )?;
    connection.set_prepared_statement_cache_capacity(32);
    let (sender, receiver) = mpsc::channel::<Waiting>();
    thread::spawn(move || {
        // Read when somebody asks for the first time: a row to copy may not be there earlier.
        let mut template = None;
        while let Ok(first) = receiver.recv() {
            let mut waiting = vec![first];
            while waiting.len() < most
                && let Ok(next) = receiver.try_recv()
            {
                waiting.push(next);
            }
            let numbers = commit(&mut connection, &mut template, waiting.len());
            match numbers {
                Ok(numbers) => {
                    for (one, number) in waiting.into_iter().zip(numbers) {
                        // Who has gone away is not told.
                        let _ = one.send(Ok(number));
                    }
                }
                Err(error) => {
                    for one in waiting {
                        let _ = one.send(Err(error.to_string()));
                    }
                }
            }
        }
    });
    Ok(sender)
}

fn commit(
    connection: &mut Connection,
    template: &mut Option<Rc<Template>>,
    count: usize,
) -> rusqlite::Result<Vec<i64>> {
    let template = match template {
        Some(template) => Rc::clone(template),
        None => Rc::clone(template.insert(Rc::new(Template::read(connection)?))),
    };
    let behaviour = rusqlite::TransactionBehavior::Immediate;
    let transaction = connection.transaction_with_behavior(behaviour)?;
    let numbers = (0..count)
        .map(|_| template.insert(&transaction, &template::Fresh::new()))
        .collect::<rusqlite::Result<Vec<_>>>()?;
    transaction.commit()?;
    Ok(numbers)
}

async fn create(writers: web::Data<Writers>, commits: web::Path<String>) -> HttpResponse {
    let sender = match commits.as_str() {
        "together" => &writers.together,
        "alone" => &writers.alone,
        _ => return HttpResponse::NotFound().finish(),
    };
    let (answer, answered) = oneshot::channel();
    let sent = sender.send(answer);
    match answered.await {
        Ok(Ok(number)) if sent.is_ok() => {
            HttpResponse::Created().body(format!(r#"{{"number":{number}}}"#))
        }
        Ok(Err(error)) => crate::failed(&error),
        _ => crate::failed(&"the writer is gone"),
    }
}
