//! Everything out of one database, and everything into another one.

use diesel::{
    BoolExpressionMethods, ExpressionMethods, Insertable, QueryDsl, QueryResult, RunQueryDsl,
    SelectableHelper, connection::SimpleConnection, dsl::exists, query_builder::AsQuery, select,
};
use tenantry_domain::{name::Name, port::StoreError};

use super::{Conn, counts, ops};
use crate::{
    error::store_error,
    schema::{
        changes, client_environments, client_secrets, clients, environments, regions,
        revoked_tokens, server_secrets, signing_keys, system_accounts, tenants, webhook_deliveries,
        webhook_secrets, webhooks,
    },
    transfer::{
        AccountLine, ChangeLine, ClientEnvironmentLine, ClientLine, ClientSecretLine, DeliveryLine,
        EnvironmentLine, KeyLine, Kind, Line, NumbersLine, Record, RegionLine, RevokedTokenLine,
        ServerSecretLine, Sink, Source, TenantLine, TransferError, WebhookLine, WebhookSecretLine,
    },
};

/// How many rows are read at a time. A tenant's data takes up to 256 KiB.
const PAGE: i64 = 100;

/// How many records are written at a time, at the most.
const BATCH: usize = 500;

/// How much memory they take together, about, at the most.
const BATCH_BYTES: usize = 8 << 20;

/// Hands out everything, in the order of [`Kind`] and there by the key of the table: so the same
/// content gives the same records, whichever database it is in. All of it is of one state.
pub(in super::super) fn export(conn: &mut Conn, sink: &mut Sink<'_>) -> Result<(), TransferError> {
    conn.batch_execute(ops::BEGIN_READ)?;
    conn.batch_execute(ops::KEEP_OPEN)?;
    let exported = Kind::ALL
        .iter()
        .try_for_each(|&kind| export_kind(conn, kind, sink));
    // It was for reading: how it ends is all the same.
    let ended = conn.batch_execute("ROLLBACK");
    exported?;
    Ok(ended?)
}

/// About how many records an export has, for those who show how far it is.
pub(in super::super) fn size(conn: &mut Conn) -> QueryResult<u64> {
    let mut size = 0;
    macro_rules! add {
        ($($table:ident),+) => {
            $(size += $table::table.count().get_result::<i64>(conn)?;)+
        };
    }
    add!(
        tenants,
        clients,
        client_secrets,
        webhook_deliveries,
        changes
    );
    Ok(size.unsigned_abs())
}

/// Hands out the rows of a table, page by page.
macro_rules! rows {
    ($conn:ident, $sink:ident, $kind:ident($line:ident), $table:ident, $key:ident) => {{
        let mut last = None;
        loop {
            let mut query = $table::table
                .select($line::as_select())
                .order($table::$key)
                .limit(PAGE)
                .into_boxed();
            if let Some(last) = last.take() {
                query = query.filter($table::$key.gt(last));
            }
            let rows: Vec<$line> = query.load($conn)?;
            let Some(end) = rows.last() else {
                return Ok(());
            };
            last = Some(end.$key.clone());
            hand_out(rows.into_iter().map(Line::$kind), $sink)?;
        }
    }};
}

fn export_kind(conn: &mut Conn, kind: Kind, sink: &mut Sink<'_>) -> Result<(), TransferError> {
    match kind {
        Kind::SigningKey => rows!(conn, sink, SigningKey(KeyLine), signing_keys, kid),
        Kind::ServerSecret => {
            rows!(
                conn,
                sink,
                ServerSecret(ServerSecretLine),
                server_secrets,
                name
            )
        }
        Kind::Numbers => {
            let (tenants, changes) = ops::last_numbers(conn)?;
            let numbers = NumbersLine { tenants, changes };
            hand_out([Line::Numbers(numbers)].into_iter(), sink)
        }
        Kind::Region => rows!(conn, sink, Region(RegionLine), regions, id),
        Kind::Environment => rows!(conn, sink, Environment(EnvironmentLine), environments, id),
        Kind::Tenant => rows!(conn, sink, Tenant(TenantLine), tenants, number),
        Kind::Client => rows!(conn, sink, Client(ClientLine), clients, key),
        Kind::ClientEnvironment => client_environments(conn, sink),
        Kind::ClientSecret => {
            rows!(
                conn,
                sink,
                ClientSecret(ClientSecretLine),
                client_secrets,
                id
            )
        }
        Kind::SystemAccount => rows!(conn, sink, SystemAccount(AccountLine), system_accounts, id),
        Kind::RevokedToken => {
            rows!(
                conn,
                sink,
                RevokedToken(RevokedTokenLine),
                revoked_tokens,
                id
            )
        }
        Kind::Webhook => rows!(conn, sink, Webhook(WebhookLine), webhooks, id),
        Kind::WebhookSecret => {
            rows!(
                conn,
                sink,
                WebhookSecret(WebhookSecretLine),
                webhook_secrets,
                id
            )
        }
        Kind::Delivery => rows!(conn, sink, Delivery(DeliveryLine), webhook_deliveries, id),
        Kind::Change => rows!(conn, sink, Change(ChangeLine), changes, sequence),
    }
}

/// The key of these has two columns.
fn client_environments(conn: &mut Conn, sink: &mut Sink<'_>) -> Result<(), TransferError> {
    use client_environments::{client_key, environment_id};

    let mut last: Option<ClientEnvironmentLine> = None;
    loop {
        let mut query = client_environments::table
            .select(ClientEnvironmentLine::as_select())
            .order((client_key, environment_id))
            .limit(PAGE)
            .into_boxed();
        if let Some(last) = &last {
            let further = client_key
                .eq(last.client_key)
                .and(environment_id.gt(last.environment_id));
            query = query.filter(client_key.gt(last.client_key).or(further));
        }
        let rows: Vec<ClientEnvironmentLine> = query.load(conn)?;
        let Some(end) = rows.last() else {
            return Ok(());
        };
        last = Some(ClientEnvironmentLine { ..*end });
        hand_out(rows.into_iter().map(Line::ClientEnvironment), sink)?;
    }
}

fn hand_out(lines: impl Iterator<Item = Line>, sink: &mut Sink<'_>) -> Result<(), TransferError> {
    for line in lines {
        sink(Record(line)).map_err(TransferError::Sink)?;
    }
    Ok(())
}

/// Fills an empty database, in one transaction that keeps every other writer out: with all of it,
/// or with nothing.
pub(in super::super) fn import(
    conn: &mut Conn,
    source: &mut Source<'_>,
) -> Result<(), TransferError> {
    ops::exclusively(conn, |conn| {
        conn.batch_execute(ops::KEEP_OPEN)?;
        refuse_filled(conn)?;
        let numbers = ops::with_given_numbers(conn, |conn| Import::new(conn).run(source))?;
        ops::set_last_numbers(conn, numbers.tenants, numbers.changes)?;
        Ok(counts::count_anew(conn)?)
    })
}

/// Whatever a database that was only migrated does not hold.
fn refuse_filled(conn: &mut Conn) -> Result<(), TransferError> {
    let mut there = Vec::new();
    macro_rules! look {
        ($($table:ident: $name:literal),+) => {
            $(if select(exists($table::table.as_query())).get_result::<bool>(conn)? {
                there.push($name);
            })+
        };
    }
    look!(
        signing_keys: "signing keys",
        environments: "environments",
        regions: "regions",
        tenants: "tenants",
        clients: "clients",
        system_accounts: "system accounts",
        webhooks: "webhooks",
        server_secrets: "secrets of servers",
        revoked_tokens: "revoked tokens",
        changes: "changes"
    );
    match there.first() {
        Some(first) => Err(TransferError::NotEmpty(first)),
        // Numbers that were given out before must not come back.
        None if ops::last_numbers(conn)? != (0, 0) => {
            Err(TransferError::NotEmpty("numbers of deleted tenants"))
        }
        None => Ok(()),
    }
}

/// Records on their way into the database.
struct Import<'a> {
    conn: &'a mut Conn,
    numbers: Option<NumbersLine>,
    /// Those of one kind that wait to be written together.
    waiting: Vec<Record>,
    weight: usize,
    /// How many have come.
    come: u64,
}

impl<'a> Import<'a> {
    fn new(conn: &'a mut Conn) -> Self {
        Self {
            conn,
            numbers: None,
            waiting: Vec::new(),
            weight: 0,
            come: 0,
        }
    }

    fn run(mut self, source: &mut Source<'_>) -> Result<NumbersLine, TransferError> {
        let mut kind = Kind::SigningKey;
        while let Some(record) = source().map_err(TransferError::Source)? {
            self.come += 1;
            if record.kind() < kind {
                let (late, before) = (record.kind().as_str(), kind.as_str());
                return Err(self.refuse(&format!("a {late} stands behind a {before}")));
            }
            if record.kind() != kind || self.waiting.len() == BATCH || self.weight > BATCH_BYTES {
                self.flush(1)?;
            }
            kind = record.kind();
            self.take(record)?;
        }
        self.flush(0)?;
        self.numbers
            .ok_or_else(|| self.refuse("the last numbers are missing"))
    }

    fn take(&mut self, record: Record) -> Result<(), TransferError> {
        let last = self.numbers;
        match &record.0 {
            Line::Numbers(_) if last.is_some() => {
                return Err(self.refuse("the last numbers stand there twice"));
            }
            Line::Numbers(numbers) => {
                self.numbers = Some(*numbers);
                return Ok(());
            }
            Line::Tenant(line) if last.is_none_or(|last| line.number > last.tenants) => {
                return Err(self.refuse("a tenant has a higher number than the last one"));
            }
            Line::Change(line) if last.is_none_or(|last| line.sequence > last.changes) => {
                return Err(self.refuse("a change has a higher number than the last one"));
            }
            _ => {}
        }
        self.weight += record.weight();
        self.waiting.push(record);
        Ok(())
    }

    /// Writes what waits. So many records have come that do not wait yet.
    fn flush(&mut self, ahead: u64) -> Result<(), TransferError> {
        self.weight = 0;
        let waiting = std::mem::take(&mut self.waiting);
        let count = u64::try_from(waiting.len()).unwrap_or(u64::MAX);
        if count == 0 {
            return Ok(());
        }
        insert(self.conn, waiting).map_err(|error| {
            let last = self.come - ahead;
            match store_error(error) {
                away @ StoreError::Unavailable(_) => TransferError::Store(away),
                cause => TransferError::Refused {
                    first: last + 1 - count,
                    last,
                    cause,
                },
            }
        })
    }

    fn refuse(&self, what: &str) -> TransferError {
        TransferError::Refused {
            first: self.come,
            last: self.come,
            cause: StoreError::Corrupt(what.to_owned()),
        }
    }
}

/// Inserts records of one kind.
fn insert(conn: &mut Conn, records: Vec<Record>) -> QueryResult<()> {
    macro_rules! all {
        ($kind:ident, $table:ident) => {{
            let rows: Vec<_> = records
                .into_iter()
                .filter_map(|record| match record.0 {
                    Line::$kind(line) => Some(line),
                    _ => None,
                })
                .collect();
            rows.insert_into($table::table).execute(conn)?
        }};
    }
    let Some(first) = records.first() else {
        return Ok(());
    };
    match first.kind() {
        Kind::SigningKey => all!(SigningKey, signing_keys),
        Kind::ServerSecret => all!(ServerSecret, server_secrets),
        // They are not rows.
        Kind::Numbers => 0,
        Kind::Region => all!(Region, regions),
        Kind::Environment => all!(Environment, environments),
        Kind::Tenant => insert_tenants(conn, records)?,
        Kind::Client => all!(Client, clients),
        Kind::ClientEnvironment => all!(ClientEnvironment, client_environments),
        Kind::ClientSecret => all!(ClientSecret, client_secrets),
        Kind::SystemAccount => all!(SystemAccount, system_accounts),
        Kind::RevokedToken => all!(RevokedToken, revoked_tokens),
        Kind::Webhook => all!(Webhook, webhooks),
        Kind::WebhookSecret => all!(WebhookSecret, webhook_secrets),
        Kind::Delivery => all!(Delivery, webhook_deliveries),
        Kind::Change => all!(Change, changes),
    };
    Ok(())
}

/// With their names as searches compare them.
fn insert_tenants(conn: &mut Conn, records: Vec<Record>) -> QueryResult<usize> {
    let with_folded = |record: Record| match record.0 {
        Line::Tenant(line) => {
            let name = Name::parse(&line.name);
            let folded = name.map(|name| name.folded()).unwrap_or_default();
            Some((line, tenants::name_folded.eq(folded)))
        }
        _ => None,
    };
    let rows: Vec<_> = records.into_iter().filter_map(with_folded).collect();
    rows.insert_into(tenants::table).execute(conn)
}
