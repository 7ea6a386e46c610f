//! The database: whether it is there, up to date and may be written, its clock, and the keys in it.

use tenantry_auth::keys::KeyRing;
use tenantry_domain::{
    clock::Timestamp,
    environment::EnvironmentAccess,
    feed::Sequence,
    key::SealedKey,
    page::Limit,
    port::{Snapshot, Store, StoreError, UnitOfWork, read},
    server_secret::ServerSecret,
};
use tenantry_storage::Database;

use super::Finding;
use crate::{config::Settings, failure::with_causes, master_key, startup, world::World};

/// The clocks of servers may differ by so many seconds, as signing keys are taken into use
/// by them.
const TOLERANCE: i64 = 10;

/// Above so many seconds a difference is worth a word.
const NOTEWORTHY: i64 = 2;

pub(super) fn examine(settings: &Settings, world: &World) -> Vec<Finding> {
    const CHECK: &str = "database";
    let url = &settings.database.url;
    if let Some(path) = url.sqlite_path().filter(|path| !path.exists()) {
        let found = format!("{} is made by the first start", path.display());
        return vec![Finding::ok(CHECK, found)];
    }
    let database = match startup::open_there(settings) {
        Ok(database) => database,
        Err(failure) => {
            let advice = if url.sqlite_path().is_some() {
                "see that the file and its directory belong to the server's user, on a local disk"
            } else {
                "see that the server runs, that this machine may connect to it, and that user, \
                 password and name in TENANTRY_DATABASE_URL are right"
            };
            return vec![Finding::problem(CHECK, failure.to_string(), advice)];
        }
    };
    let mut findings = vec![Finding::ok(CHECK, format!("{url} answers"))];
    let (schema, is_current) = schema(&database);
    findings.push(schema);
    if is_current {
        findings.push(permissions(&database));
        match read(&database, |unit: &mut dyn Snapshot| Contents::read(unit)) {
            Ok(contents) => findings.extend(contents.examine(settings, world.clock.now())),
            Err(error) => findings.push(unreadable(&error)),
        }
    }
    findings
}

fn unreadable(error: &StoreError) -> Finding {
    Finding::problem(
        "contents",
        with_causes(error),
        "restore a backup if the database is damaged; the log of its server may say more",
    )
}

/// What was found, and whether it is worth asking further.
fn schema(database: &Database) -> (Finding, bool) {
    const CHECK: &str = "schema";
    let migrations = match database.migrations() {
        Ok(migrations) => migrations,
        Err(error) => {
            let advice = "see that its role may read the tables";
            return (Finding::problem(CHECK, with_causes(&error), advice), false);
        }
    };
    let missing: Vec<_> = migrations.iter().filter(|one| !one.applied).collect();
    if missing.len() == migrations.len() {
        let found = "there is none yet: the first start makes it";
        return (Finding::ok(CHECK, found), false);
    }
    if let Some(first) = missing.first() {
        let found = format!("{} is missing", first.name);
        let advice =
            "it is applied by the next start, or by `tenantry migrate run`; take a backup first";
        return (Finding::warning(CHECK, found, advice), false);
    }
    match database.check_schema() {
        Ok(()) => {
            let last = migrations.last().map_or("", |last| &last.name);
            (Finding::ok(CHECK, format!("up to date ({last})")), true)
        }
        Err(error) => {
            let advice = "a newer version has run on this database: use that one, or a backup";
            (Finding::problem(CHECK, with_causes(&error), advice), false)
        }
    }
}

/// Writes a row for real, and takes it back.
fn permissions(database: &Database) -> Finding {
    const CHECK: &str = "permissions";
    let write = || -> Result<(), StoreError> {
        let mut unit: Box<dyn UnitOfWork> = database.begin()?;
        unit.server_secrets().insert(&ServerSecret {
            name: "doctor".to_owned(),
            sealed: Vec::new(),
        })
        // Dropped, the unit leaves nothing behind.
    };
    match write() {
        Ok(()) => Finding::ok(CHECK, "it can be read and written"),
        Err(error) => Finding::problem(
            CHECK,
            with_causes(&error),
            "the server's user, or the database's role, must own the tables and may not be kept \
             from writing by another process for long",
        ),
    }
}

/// What is looked at of the contents, from one state.
struct Contents {
    now: Timestamp,
    newest: Option<Timestamp>,
    keys: Vec<SealedKey>,
    secrets: Vec<ServerSecret>,
    has_default: bool,
    has_client: bool,
}

impl Contents {
    fn read(unit: &mut dyn Snapshot) -> Result<Self, StoreError> {
        let keys = unit.keys().all()?;
        let made = keys.iter().map(|key| key.created_at);
        Ok(Self {
            newest: newest_change(unit)?.into_iter().chain(made).max(),
            secrets: unit.server_secrets().all()?,
            has_default: unit.environments().default()?.is_some(),
            has_client: unit.clients().any_active_of_operator()?,
            now: unit.webhooks().clock()?,
            keys,
        })
    }

    fn examine(&self, settings: &Settings, now: Timestamp) -> Vec<Finding> {
        let mut findings = vec![clock(now, self.now, self.newest)];
        if self.keys.is_empty() {
            findings.push(Finding::ok("contents", "empty: the first start fills it"));
            return findings;
        }
        findings.extend(self.keys(settings, now));
        if !self.has_default {
            findings.push(Finding::warning(
                "environments",
                "none is the default, so the system API can make no tenant",
                "choose one with `tenantry environment default ID`",
            ));
        }
        if !self.has_client {
            findings.push(Finding::warning(
                "clients",
                "the management API has no active client",
                "make one with `tenantry client create --name NAME`",
            ));
        }
        findings
    }

    fn keys(&self, settings: &Settings, now: Timestamp) -> Vec<Finding> {
        const MASTER_KEY: &str = "master key";
        const SIGNING_KEYS: &str = "signing keys";
        let put_back = "put back the master key that this database was made with, or the newer one \
                        if it was rotated; without it the signing keys are lost";
        let candidates = match master_key::candidates(&settings.master_key) {
            Ok(candidates) => candidates,
            Err(failure) => {
                return vec![Finding::problem(MASTER_KEY, failure.to_string(), put_back)];
            }
        };
        let fits = |candidate: &&master_key::Candidate| {
            KeyRing::open(&self.keys, &candidate.key).is_ok()
                && self
                    .secrets
                    .iter()
                    .all(|secret| startup::opens(&candidate.key, secret))
        };
        let Some(found) = candidates.iter().find(fits) else {
            let found = "it does not open the signing keys and secrets in the database";
            return vec![Finding::problem(MASTER_KEY, found, put_back)];
        };
        let opened = format!("{} opens everything that is sealed", found.place());
        let mut findings = vec![Finding::ok(MASTER_KEY, opened)];
        let ring = KeyRing::open(&self.keys, &found.key).ok();
        let signing = ring.as_ref().and_then(|ring| ring.signing_kid(now));
        findings.push(match signing {
            Some(kid) => {
                let found = format!("{} of them, {kid} signs", self.keys.len());
                Finding::ok(SIGNING_KEYS, found)
            }
            None => Finding::problem(
                SIGNING_KEYS,
                "none of them signs now, so no token can be issued",
                "see `tenantry key list`; if the clock is right, `tenantry key rotate --now`",
            ),
        });
        findings
    }
}

/// When the last change was made.
fn newest_change(unit: &mut dyn Snapshot) -> Result<Option<Timestamp>, StoreError> {
    let changes = unit.changes();
    let before = Sequence::new(changes.latest()?.get() - 1).unwrap_or(Sequence::START);
    let page = changes.after(&EnvironmentAccess::All, before, Limit::ONE)?;
    Ok(page.changes.last().map(|change| change.time))
}

fn clock(own: Timestamp, database: Timestamp, newest: Option<Timestamp>) -> Finding {
    const CHECK: &str = "clock";
    let advice =
        "let both machines take their time from the same servers (chrony, systemd-timesyncd)";
    let ahead = newest.map_or(0, |newest| newest.unix_seconds() - own.unix_seconds());
    if ahead > TOLERANCE {
        return Finding::problem(
            CHECK,
            format!(
                "it shows {}, and the database has something from {ahead} seconds later",
                own.to_rfc3339_millis()
            ),
            "set the clock right; if it was ahead before, new tokens may not be believed until \
             that time has come",
        );
    }
    let apart = (own.unix_seconds() - database.unix_seconds()).abs();
    let found = format!("it differs from the database's by {apart} seconds");
    match apart {
        apart if apart > TOLERANCE => Finding::problem(CHECK, found, advice),
        apart if apart > NOTEWORTHY => Finding::warning(CHECK, found, advice),
        _ => Finding::ok(
            CHECK,
            "it agrees with the database's, and nothing is from later",
        ),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tenantry_domain::testing::ManualClock;

    use super::{super::State, *};
    use crate::config;

    #[test]
    fn a_clock_behind_what_is_stored_is_a_problem() {
        let home = tempfile::tempdir().unwrap();
        let data_dir = ("DATA_DIR", home.path().to_str().unwrap());
        let settings = config::tests::settings(home.path(), &[data_dir]).unwrap();
        let prepared = startup::prepare(&settings).unwrap();
        let mut world = prepared.world.clone();
        let state = |world: &World| {
            let findings = examine(&settings, world);
            let clock = findings.iter().find(|finding| finding.check == "clock");
            clock.unwrap().clone()
        };
        assert_eq!(state(&world).state, State::Ok);
        let behind = world.clock.now().plus_seconds(-60);
        world.clock = Arc::new(ManualClock::at(behind));
        let found = state(&world);
        assert_eq!(found.state, State::Problem);
        assert!(found.found.contains("something from"), "{found:?}");
    }

    #[test]
    fn clocks_may_differ_a_little_and_nothing_may_come_from_later() {
        let at = Timestamp::from_unix_seconds;
        let judged =
            |own, database, newest: Option<i64>| clock(at(own), at(database), newest.map(at)).state;
        assert_eq!(judged(1000, 1002, None), State::Ok);
        assert_eq!(judged(1000, 1003, None), State::Warning);
        assert_eq!(judged(1003, 1000, Some(900)), State::Warning);
        assert_eq!(judged(1011, 1000, None), State::Problem);
        assert_eq!(judged(1000, 1000, Some(1010)), State::Ok);
        assert_eq!(judged(1000, 1000, Some(1011)), State::Problem);
    }
}
