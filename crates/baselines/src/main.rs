//! What the server's speed is compared with: handlers that do the least that could answer the
//! same, on the same libraries and in a process that is set up alike.
//!
//! - `/bytes/<name>`: the bytes and headers of an answer of the server, from memory
//! - `/sign/<algorithm>`: a token that is signed with a key that is kept, and nothing else
//! - `/tenant/<id>`, `/page/<created at>/<id>`, `POST /tenants`: the same rows from and into
//!   the same database, by the thinnest client, without a credential
//!
//! `cargo xtask bench all` starts it; nothing else does, and no other crate knows it.

mod bytes;
mod postgres;
mod rows;
mod sign;
mod sqlite;
mod template;

use std::{io::Write, path::PathBuf, sync::Arc};

use actix_web::{App, HttpResponse, HttpServer, http::header::ContentType, rt, web};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// How many requests ask to create at the same time.
const WRITERS: usize = 16;

/// Which database its clients go to.
#[derive(Clone)]
enum Store {
    Sqlite {
        file: PathBuf,
        writers: sqlite::Writers,
    },
    Postgres(Arc<postgres::Settings>),
}

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let (Some(answers), Some(reads), Some(writes), None) = (
        arguments.next(),
        arguments.next(),
        arguments.next(),
        arguments.next(),
    ) else {
        return Err(
            "usage: tenantry-baselines ANSWERS-DIRECTORY DATABASE-TO-READ \
                    DATABASE-TO-WRITE (the file of an SQLite database, or a postgres:// URL)"
                .into(),
        );
    };
    let answers = bytes::load(answers.as_ref())?;
    rt::System::new().block_on(async move {
        let store = if reads.starts_with("postgres") {
            Store::Postgres(Arc::new(postgres::Settings::new(reads, &writes).await?))
        } else {
            Store::Sqlite {
                writers: sqlite::Writers::start(writes.as_ref())?,
                file: reads.into(),
            }
        };
        let keys = Arc::new(sign::Keys::generate()?);
        let server = HttpServer::new(move || {
            let mut app = App::new().service(
                web::resource("/sign/{algorithm}")
                    .app_data(web::Data::from(Arc::clone(&keys)))
                    .route(web::post().to(sign::sign)),
            );
            for answer in &answers {
                app = app.service(answer.resource());
            }
            match &store {
                Store::Sqlite { file, writers } => {
                    app.configure(|config| sqlite::configure(config, file, writers))
                }
                Store::Postgres(settings) => {
                    app.configure(|config| postgres::configure(config, settings))
                }
            }
        })
        .bind(("127.0.0.1", 0))?;
        let address = server.addrs().first().copied().ok_or("no address")?;
        writeln!(std::io::stdout(), "listening on http://{address}")?;
        server.run().await?;
        Ok(())
    })
}

/// An answer of JSON.
fn json(body: Vec<u8>) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header(ContentType::json())
        .body(body)
}

fn failed(error: &dyn std::fmt::Display) -> HttpResponse {
    HttpResponse::InternalServerError().body(error.to_string())
}
