//! Migrations: which there are, which were applied, and how the rest are.

use diesel::migration::{Migration, MigrationSource};
use diesel_migrations::MigrationHarness;

use tenantry_domain::port::StoreError;

use super::{Conn, MIGRATIONS, Session, ops, tenant_pages};
use crate::migrate::{MigrateError, MigrationStatus};

type Known = Box<dyn Migration<<Conn as diesel::Connection>::Backend>>;

/// Applies what is missing, all in one transaction that keeps others out; so of two
/// processes that start together the second finds nothing to do.
pub(in super::super) fn run(conn: &mut Conn) -> Result<Vec<String>, MigrateError> {
    // Most starts have nothing to do, and need not wait for a writer to learn that.
    let before = status(conn)?;
    refuse_unknown(&before)?;
    if before.iter().all(|migration| migration.applied) {
        // An older program beside this one, or before it, may have written some.
        if tenant_pages::has_unfolded_names(conn)? {
            ops::exclusively(conn, |conn| {
                Ok::<_, MigrateError>(tenant_pages::fold_names(conn)?)
            })?;
        }
        return Ok(Vec::new());
    }
    ops::exclusively(conn, |conn| {
        let now = status(conn)?;
        refuse_unknown(&now)?;
        let mut applied = Vec::new();
        for migration in known()? {
            let name = migration.name().to_string();
            if !is_pending(&now, &name) {
                continue;
            }
            // Asking for it makes the table that the harness records migrations in.
            let done = conn
                .applied_migrations()
                .and_then(|_| conn.run_migration(&migration));
            done.map_err(|cause| failed(&name, cause))?;
            applied.push(name);
        }
        tenant_pages::fold_names(conn)?;
        Ok(applied)
    })
}

/// Takes back the last one that was applied.
pub(in super::super) fn revert(conn: &mut Conn) -> Result<Option<String>, MigrateError> {
    ops::exclusively(conn, |conn| {
        let now = status(conn)?;
        refuse_unknown(&now)?;
        let Some(last) = now.iter().rfind(|migration| migration.applied) else {
            return Ok(None);
        };
        for migration in known()? {
            if migration.name().to_string() == last.name {
                conn.revert_migration(&migration)
                    .map_err(|cause| failed(&last.name, cause))?;
            }
        }
        Ok(Some(last.name.clone()))
    })
}

/// Every migration in order, behind them those that only the database knows. Only reads.
pub(in super::super) fn status(conn: &mut Conn) -> Result<Vec<MigrationStatus>, MigrateError> {
    let mut applied = ops::applied_migrations(conn)?;
    let mut all = Vec::new();
    for migration in known()? {
        let version = migration.name().version().to_string();
        let place = applied.iter().position(|one| *one == version);
        all.push(MigrationStatus {
            name: migration.name().to_string(),
            applied: place.map(|place| applied.remove(place)).is_some(),
        });
    }
    all.extend(applied.into_iter().map(|name| MigrationStatus {
        name,
        applied: true,
    }));
    Ok(all)
}

/// Whether everything is applied that there is. What else a newer program has applied
/// must suit this one: it was made to, so that servers can be replaced one by one.
pub(in super::super) fn check(mut session: Session) -> Result<(), StoreError> {
    checked(status(&mut session.link.conn))
}

/// Whether everything is applied that there is, and nothing else.
pub(in super::super) fn check_exactly(mut session: Session) -> Result<(), StoreError> {
    let status = status(&mut session.link.conn);
    checked(status.and_then(|status| refuse_unknown(&status).map(|()| status)))
}

fn checked(status: Result<Vec<MigrationStatus>, MigrateError>) -> Result<(), StoreError> {
    match status {
        Ok(status) => match status.iter().find(|migration| !migration.applied) {
            Some(pending) => Err(StoreError::WrongSchema(format!(
                "migration `{}` is not applied",
                pending.name
            ))),
            None => Ok(()),
        },
        Err(MigrateError::Unavailable(text)) => Err(StoreError::Unavailable(text)),
        Err(unknown @ MigrateError::Unknown(_)) => {
            Err(StoreError::WrongSchema(unknown.to_string()))
        }
        Err(other) => Err(StoreError::Failed(Box::new(other))),
    }
}

/// Refuses a database that a newer program has migrated.
pub(in super::super) fn refuse_unknown(status: &[MigrationStatus]) -> Result<(), MigrateError> {
    let known = known()?;
    let is_known = |name: &str| known.iter().any(|one| one.name().to_string() == name);
    match status.iter().find(|migration| !is_known(&migration.name)) {
        Some(unknown) => Err(MigrateError::Unknown(unknown.name.clone())),
        None => Ok(()),
    }
}

fn known() -> Result<Vec<Known>, MigrateError> {
    let mut known: Vec<Known> = MIGRATIONS.migrations().map_err(MigrateError::Database)?;
    known.sort_by(|a, b| a.name().version().cmp(&b.name().version()));
    Ok(known)
}

fn is_pending(status: &[MigrationStatus], name: &str) -> bool {
    status.iter().any(|one| one.name == name && !one.applied)
}

fn failed(name: &str, cause: Box<dyn std::error::Error + Send + Sync>) -> MigrateError {
    MigrateError::Failed {
        name: name.to_owned(),
        cause,
    }
}
