//! Every query, once for all databases.
//!
//! This folder is included as a module by each of them. What it needs from there is
//! `Conn` (what queries run on), `Link` (the pooled connection that a unit owns), `ops`
//! (what differs) and `MIGRATIONS`.

mod accounts;
mod answers;
mod changes;
mod clients;
pub(super) mod counts;
mod environments;
mod event_rows;
mod events;
mod group;
mod keys;
pub(super) mod migrations;
mod records;
mod server_secrets;
mod tenant_pages;
mod tenants;
mod tokens;
pub(super) mod transfer;
mod webhooks;

pub(super) use self::group::WriteGroup;

use std::hash::Hash;

use diesel::{QueryResult, connection::SimpleConnection};
use tenantry_domain::{
    clock::Timestamp,
    page::{Cursor, PageRequest},
    port::{
        AccountQueries, AccountRepository, AnswerQueries, AnswerRepository, ChangeLog,
        ChangeQueries, ClientQueries, ClientRepository, EnvironmentQueries, EnvironmentRepository,
        EventQueries, EventRepository, KeyQueries, KeyRepository, ServerSecretQueries,
        ServerSecretRepository, Snapshot, State, StoreError, TenantQueries, TenantRepository,
        TokenQueries, TokenRepository, UnitOfWork, WebhookQueries, WebhookRepository,
    },
};
use time::macros::datetime;
use uuid::Uuid;

use super::{Conn, Link, MIGRATIONS, ops};
use crate::{
    error::{Failure, commit_error},
    memo::{Few, Memo},
    types::{DbTime, DbUuid},
};

/// A transaction and the connection that it runs on. It implements every repository;
/// [`ReadUnit`] and [`WriteUnit`] show which of them may be used.
pub(super) struct Session {
    link: Link,
    /// Whether a statement has failed. What such a transaction holds depends on the
    /// database (one has undone the statement, another refuses every further one), so
    /// it can only be dropped.
    failed: bool,
    /// Why the database could not do it, where that was its state and not what it was asked for. Whatever
    /// else is asked of the transaction fails for the same reason.
    away: Option<String>,
    /// Whether the connection is of no more use.
    lost: bool,
    /// Which questions may be asked.
    questions: Questions,
    /// The time of the latest change, if it was asked for. Nobody else changes it while a
    /// transaction writes.
    latest_change: Option<Timestamp>,
}

/// Which questions a session takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Questions {
    /// Any: there is a transaction.
    All,
    /// One: there is none.
    One,
    /// None any more: that one was asked.
    None,
}

impl Session {
    /// Takes a connection on which a transaction was begun.
    pub(super) fn new(link: Link) -> Self {
        Self::with(link, Questions::All)
    }

    /// Takes a connection on which there is none, for one question.
    pub(super) fn glance(link: Link) -> Self {
        Self::with(link, Questions::One)
    }

    fn with(link: Link, questions: Questions) -> Self {
        Self {
            questions,
            link,
            failed: false,
            away: None,
            lost: false,
            latest_change: None,
        }
    }

    fn run<T>(
        &mut self,
        work: impl FnOnce(&mut Conn) -> Result<T, Failure>,
    ) -> Result<T, StoreError> {
        self.refuse_if_failed()?;
        match self.questions {
            Questions::All => {}
            Questions::One => self.questions = Questions::None,
            Questions::None => {
                let reason = "a unit for one question was asked another";
                return Err(StoreError::Failed(reason.into()));
            }
        }
        work(&mut self.link.conn).map_err(|failure| {
            self.failed = true;
            self.lost |=
                matches!(&failure, Failure::Database(error) if ops::loses_connection(error));
            let error = failure.into();
            if let StoreError::Unavailable(reason) = &error {
                self.away = Some(reason.clone());
            }
            error
        })
    }

    /// What this connection remembers of the state that this transaction sees, or else what `read`
    /// finds there. Only what is there is remembered.
    fn remembered<K: Clone + Eq + Hash, V: Clone>(
        &mut self,
        kind: fn(&mut Memo) -> &mut Few<K, V>,
        key: &K,
        read: impl FnOnce(&mut Conn) -> Result<Option<V>, Failure>,
    ) -> Result<Option<V>, StoreError> {
        let known = self
            .link
            .memo
            .if_open()
            .and_then(|memo| kind(memo).get(key));
        if known.is_some() {
            return Ok(known);
        }
        let found = self.run(read)?;
        if let (Some(memo), Some(found)) = (self.link.memo.if_open(), &found) {
            kind(memo).put(key.clone(), found.clone());
        }
        Ok(found)
    }

    /// Runs a statement that has no result, and notes whether the connection is lost by it.
    fn execute(&mut self, statement: &str) -> QueryResult<()> {
        let executed = self.link.conn.batch_execute(statement);
        self.lost |= matches!(&executed, Err(error) if ops::loses_connection(error));
        executed
    }

    fn commit(mut self) -> Result<(), StoreError> {
        self.refuse_if_failed()?;
        self.execute(ops::COMMIT).map_err(commit_error)?;
        self.link.fit = true;
        Ok(())
    }

    fn refuse_if_failed(&self) -> Result<(), StoreError> {
        if let Some(reason) = &self.away {
            return Err(StoreError::Unavailable(reason.clone()));
        }
        if self.failed {
            let reason = "an earlier statement of this unit has failed";
            return Err(StoreError::Failed(reason.into()));
        }
        Ok(())
    }
}

impl Drop for Session {
    /// Undoes what was not committed. A connection on which that fails stays unfit, and
    /// its pool makes a new one in its place.
    fn drop(&mut self) {
        self.link.memo.close();
        if self.questions != Questions::All {
            self.link.fit = !self.lost;
            return;
        }
        if self.link.fit || self.lost {
            return;
        }
        match ops::roll_back(&mut self.link.conn) {
            Ok(()) => self.link.fit = true,
            Err(error) => tracing::debug!(%error, "a transaction could not be rolled back"),
        }
    }
}

/// A transaction that only reads.
pub(super) struct ReadUnit(Session);

impl ReadUnit {
    /// Takes a transaction that was begun for reading.
    pub(super) fn new(session: Session) -> Self {
        Self(session)
    }
}

impl Snapshot for ReadUnit {
    fn state(&mut self) -> Option<State> {
        let version = self.0.link.memo.state()?;
        Some(State {
            reader: self.0.link.memo.reader(),
            version,
        })
    }

    fn environments(&mut self) -> &mut dyn EnvironmentQueries {
        &mut self.0
    }

    fn tenants(&mut self) -> &mut dyn TenantQueries {
        &mut self.0
    }

    fn clients(&mut self) -> &mut dyn ClientQueries {
        &mut self.0
    }

    fn accounts(&mut self) -> &mut dyn AccountQueries {
        &mut self.0
    }

    fn keys(&mut self) -> &mut dyn KeyQueries {
        &mut self.0
    }

    fn tokens(&mut self) -> &mut dyn TokenQueries {
        &mut self.0
    }

    fn answers(&mut self) -> &mut dyn AnswerQueries {
        &mut self.0
    }

    fn server_secrets(&mut self) -> &mut dyn ServerSecretQueries {
        &mut self.0
    }

    fn changes(&mut self) -> &mut dyn ChangeQueries {
        &mut self.0
    }

    fn events(&mut self) -> &mut dyn EventQueries {
        &mut self.0
    }

    fn webhooks(&mut self) -> &mut dyn WebhookQueries {
        &mut self.0
    }
}

/// A transaction that reads and writes.
pub(super) struct WriteUnit(Session);

impl WriteUnit {
    /// Takes a transaction that was begun for writing.
    pub(super) fn new(session: Session) -> Self {
        Self(session)
    }

    fn session(&mut self) -> &mut Session {
        &mut self.0
    }
}

/// The repositories of a unit that writes, over its session.
macro_rules! repositories {
    ($session:ident) => {
        fn environments(&mut self) -> &mut dyn EnvironmentRepository {
            self.$session()
        }

        fn tenants(&mut self) -> &mut dyn TenantRepository {
            self.$session()
        }

        fn clients(&mut self) -> &mut dyn ClientRepository {
            self.$session()
        }

        fn accounts(&mut self) -> &mut dyn AccountRepository {
            self.$session()
        }

        fn keys(&mut self) -> &mut dyn KeyRepository {
            self.$session()
        }

        fn tokens(&mut self) -> &mut dyn TokenRepository {
            self.$session()
        }

        fn answers(&mut self) -> &mut dyn AnswerRepository {
            self.$session()
        }

        fn server_secrets(&mut self) -> &mut dyn ServerSecretRepository {
            self.$session()
        }

        fn changes(&mut self) -> &mut dyn ChangeLog {
            self.$session()
        }

        fn events(&mut self) -> &mut dyn EventRepository {
            self.$session()
        }

        fn webhooks(&mut self) -> &mut dyn WebhookRepository {
            self.$session()
        }
    };
}

impl UnitOfWork for WriteUnit {
    repositories!(session);

    fn commit(self: Box<Self>) -> Result<(), StoreError> {
        self.0.commit()
    }
}

impl UnitOfWork for group::Unit<'_> {
    repositories!(session);

    fn commit(self: Box<Self>) -> Result<(), StoreError> {
        self.join()
    }
}

/// How many rows one statement inserts at the most. No row has so many columns that
/// their values together are more than a statement may have.
const ROWS: usize = 1000;

/// A place in the order of pages, as queries compare it.
type Place = (DbTime, DbUuid);

/// The place behind which a page begins. A first page begins behind a place that lies
/// before all objects, so that every page is the same statement.
fn start_of(request: PageRequest) -> Place {
    let before_all = Cursor {
        // The earliest instant that RFC 3339 can write.
        created_at: Timestamp::from_datetime(datetime!(0000-01-01 00:00 UTC)),
        id: Uuid::nil(),
    };
    let Cursor { created_at, id } = request.after.unwrap_or(before_all);
    (DbTime(created_at), DbUuid(id))
}

/// How many rows a page may have.
fn limit_of(request: PageRequest) -> i64 {
    request.limit.get().into()
}

/// A condition that compares two columns with a [`Place`] as one value. Databases find
/// the first such row in an index; the same written with `OR` makes them walk to it.
macro_rules! row_value {
    ($columns:literal, $comparison:literal, $place:expr) => {
        crate::statements::Compared {
            words: concat!($columns, " ", $comparison, " ("),
            with: $place,
        }
    };
}
use row_value;
