//! Webhooks, their secrets and their deliveries.

use diesel::{
    ExpressionMethods, OptionalExtension, QueryDsl, RunQueryDsl, SelectableHelper, dsl::sql,
    sql_types::Bool,
};
use tenantry_domain::{
    change::ChangeType,
    clock::Timestamp,
    feed::Sequence,
    id::{DeliveryId, SecretId, WebhookId},
    page::{Cursor, Page, PageRequest},
    port::{StoreError, VersionedWrite, WebhookQueries, WebhookRepository},
    version::Version,
    webhook::{
        Delivery, DeliveryStatus, EnvironmentFilter, Lease, Line, SealedWebhookSecret, TypeFilter,
        Webhook, WebhookState,
    },
};

use super::{Conn, ROWS, Session, limit_of, ops, row_value, start_of};
use crate::{
    error::{Corrupt, Failure},
    rows::{DeliveryRow, LineRow, Row, WebhookRow, WebhookSecretRow},
    schema::{webhook_deliveries as deliveries, webhook_secrets, webhooks},
    types::{DbTime, DbUuid},
};

/// In the words of the index.
const PENDING: &str = "webhook_deliveries.status = 'pending'";

impl WebhookQueries for Session {
    fn clock(&mut self) -> Result<Timestamp, StoreError> {
        self.run(|conn| Ok(ops::clock(conn)?.into()))
    }

    fn page(&mut self, request: PageRequest) -> Result<Page<Webhook>, StoreError> {
        self.run(|conn| {
            let rows = webhooks::table
                .select(WebhookRow::as_select())
                .filter(row_value!(
                    "(webhooks.created_at, webhooks.id)",
                    ">",
                    start_of(request)
                ))
                .order((webhooks::created_at, webhooks::id))
                .limit(limit_of(request))
                .load(conn)?;
            let page: Result<_, Corrupt> = rows.into_iter().map(WebhookRow::into_domain).collect();
            Ok(Page::new(page?, |webhook: &Webhook| Cursor {
                created_at: webhook.created_at,
                id: webhook.id.as_uuid(),
            }))
        })
    }

    fn by_id(&mut self, id: WebhookId) -> Result<Option<Webhook>, StoreError> {
        self.run(|conn| {
            let row = webhooks::table
                .find(DbUuid::from(id))
                .select(WebhookRow::as_select())
                .first(conn)
                .optional()?;
            Ok(row.map(WebhookRow::into_domain).transpose()?)
        })
    }

    fn line(&mut self, id: WebhookId) -> Result<Option<Line>, StoreError> {
        self.run(|conn| {
            let row = webhooks::table
                .find(DbUuid::from(id))
                .select(LineRow::as_select())
                .first(conn)
                .optional()?;
            Ok(row.map(LineRow::into_domain).transpose()?)
        })
    }

    fn lines(&mut self) -> Result<Vec<(WebhookId, Version, Line)>, StoreError> {
        self.run(|conn| {
            let rows: Vec<(DbUuid, i32, LineRow)> = webhooks::table
                .filter(webhooks::state.eq(WebhookState::Enabled.as_str()))
                .select((webhooks::id, webhooks::version, LineRow::as_select()))
                .order((webhooks::created_at, webhooks::id))
                .load(conn)?;
            let lines = rows.into_iter().map(|(id, version, line)| {
                let version =
                    Row("webhook", id.0).field("version", Version::new(version.into()))?;
                Ok((id.into(), version, line.into_domain()?))
            });
            Ok(lines.collect::<Result<_, Corrupt>>()?)
        })
    }

    fn secrets(&mut self, id: WebhookId) -> Result<Vec<SealedWebhookSecret>, StoreError> {
        self.run(|conn| {
            let rows = webhook_secrets::table
                .filter(webhook_secrets::webhook_id.eq(DbUuid::from(id)))
                .select(WebhookSecretRow::as_select())
                .order((webhook_secrets::created_at, webhook_secrets::id))
                .load(conn)?;
            Ok(rows
                .into_iter()
                .map(WebhookSecretRow::into_domain)
                .collect())
        })
    }

    fn delivery_page(
        &mut self,
        id: WebhookId,
        status: Option<DeliveryStatus>,
        request: PageRequest,
    ) -> Result<Page<Delivery>, StoreError> {
        self.run(|conn| {
            let mut query = deliveries::table
                .select(DeliveryRow::as_select())
                .filter(deliveries::webhook_id.eq(DbUuid::from(id)))
                .filter(row_value!(
                    "(webhook_deliveries.created_at, webhook_deliveries.id)",
                    ">",
                    start_of(request)
                ))
                .order((deliveries::created_at, deliveries::id))
                .limit(limit_of(request))
                .into_boxed();
            if let Some(status) = status {
                query = query.filter(deliveries::status.eq(status.as_str()));
            }
            let page = all_into_domain(query.load(conn)?)?;
            Ok(Page::new(page, |delivery: &Delivery| Cursor {
                created_at: delivery.created_at,
                id: delivery.id.as_uuid(),
            }))
        })
    }

    fn delivery(
        &mut self,
        webhook: WebhookId,
        id: DeliveryId,
    ) -> Result<Option<Delivery>, StoreError> {
        self.run(|conn| {
            let row = deliveries::table
                .find(DbUuid::from(id))
                .filter(deliveries::webhook_id.eq(DbUuid::from(webhook)))
                .select(DeliveryRow::as_select())
                .first(conn)
                .optional()?;
            Ok(row.map(DeliveryRow::into_domain).transpose()?)
        })
    }

    fn pending(&mut self, id: WebhookId, at_most: u32) -> Result<Vec<Delivery>, StoreError> {
        self.run(|conn| {
            let rows = deliveries::table
                .filter(deliveries::webhook_id.eq(DbUuid::from(id)))
                .filter(sql::<Bool>(PENDING))
                .select(DeliveryRow::as_select())
                .order((deliveries::is_repeat.desc(), deliveries::sequence))
                .limit(at_most.into())
                .load(conn)?;
            Ok(all_into_domain(rows)?)
        })
    }

    fn has_finished(&mut self, before: Timestamp) -> Result<bool, StoreError> {
        self.run(|conn| {
            let first: Option<DbUuid> = deliveries::table
                .filter(deliveries::finished_at.is_not_null())
                .filter(deliveries::finished_at.lt(DbTime(before)))
                .order(deliveries::finished_at)
                .select(deliveries::id)
                .first(conn)
                .optional()?;
            Ok(first.is_some())
        })
    }

    fn count(&mut self) -> Result<u64, StoreError> {
        self.run(|conn| {
            let number: i64 = webhooks::table.count().get_result(conn)?;
            Ok(u64::try_from(number).unwrap_or_default())
        })
    }

    fn backlog(&mut self) -> Result<(u64, Option<Timestamp>), StoreError> {
        self.run(|conn| {
            let pending = || {
                deliveries::table
                    .inner_join(webhooks::table)
                    .filter(sql::<Bool>(PENDING))
                    .filter(webhooks::state.eq(WebhookState::Enabled.as_str()))
            };
            let number: i64 = pending().count().get_result(conn)?;
            let oldest: Option<DbTime> = pending()
                .select(deliveries::created_at)
                .order(deliveries::created_at)
                .first(conn)
                .optional()?;
            Ok((
                u64::try_from(number).unwrap_or(0),
                oldest.map(Timestamp::from),
            ))
        })
    }
}

impl WebhookRepository for Session {
    fn insert(
        &mut self,
        webhook: &Webhook,
        position: Sequence,
        secret: &SealedWebhookSecret,
    ) -> Result<(), StoreError> {
        self.run(|conn| {
            diesel::insert_into(webhooks::table)
                .values((
                    webhooks::id.eq(DbUuid::from(webhook.id)),
                    webhooks::url.eq(webhook.url.as_str()),
                    webhooks::types.eq(types_of(webhook)),
                    webhooks::environment_ids.eq(environments_of(webhook)),
                    webhooks::state.eq(webhook.state.as_str()),
                    webhooks::version.eq(webhook.version.get()),
                    webhooks::created_at.eq(DbTime(webhook.created_at)),
                    webhooks::updated_at.eq(DbTime(webhook.updated_at)),
                    webhooks::position.eq(position.get()),
                ))
                .execute(conn)?;
            Ok(())
        })?;
        self.insert_secret(secret)
    }

    fn update(&mut self, webhook: &Webhook, read: Version) -> Result<VersionedWrite, StoreError> {
        self.run(|conn| {
            let changed = diesel::update(webhooks::table)
                .filter(webhooks::id.eq(DbUuid::from(webhook.id)))
                .filter(webhooks::version.eq(read.get()))
                .set((
                    webhooks::url.eq(webhook.url.as_str()),
                    webhooks::types.eq(types_of(webhook)),
                    webhooks::environment_ids.eq(environments_of(webhook)),
                    webhooks::state.eq(webhook.state.as_str()),
                    webhooks::version.eq(webhook.version.get()),
                    webhooks::updated_at.eq(DbTime(webhook.updated_at)),
                ))
                .execute(conn)?;
            outcome(conn, changed, webhook.id)
        })
    }

    fn delete(&mut self, id: WebhookId, read: Version) -> Result<VersionedWrite, StoreError> {
        self.run(|conn| {
            let deleted = diesel::delete(webhooks::table)
                .filter(webhooks::id.eq(DbUuid::from(id)))
                .filter(webhooks::version.eq(read.get()))
                .execute(conn)?;
            outcome(conn, deleted, id)
        })
    }

    fn set_line(&mut self, id: WebhookId, line: &Line) -> Result<(), StoreError> {
        self.run(|conn| {
            diesel::update(webhooks::table.find(DbUuid::from(id)))
                .set((
                    webhooks::position.eq(line.position.get()),
                    webhooks::due_at.eq(line.due_at.map(DbTime)),
                    webhooks::failing_since.eq(line.failing_since.map(DbTime)),
                ))
                .execute(conn)?;
            Ok(())
        })
    }

    fn set_lease(&mut self, id: WebhookId, lease: Option<Lease>) -> Result<(), StoreError> {
        self.run(|conn| {
            diesel::update(webhooks::table.find(DbUuid::from(id)))
                .set((
                    webhooks::lease_token.eq(lease.map(|lease| DbUuid::from(lease.token))),
                    webhooks::lease_until.eq(lease.map(|lease| DbTime(lease.until))),
                ))
                .execute(conn)?;
            Ok(())
        })
    }

    fn insert_secret(&mut self, secret: &SealedWebhookSecret) -> Result<(), StoreError> {
        self.run(|conn| {
            diesel::insert_into(webhook_secrets::table)
                .values(WebhookSecretRow::from(secret))
                .execute(conn)?;
            Ok(())
        })
    }

    fn set_secret_expiry(
        &mut self,
        id: SecretId,
        expires_at: Option<Timestamp>,
    ) -> Result<(), StoreError> {
        self.run(|conn| {
            diesel::update(webhook_secrets::table.find(DbUuid::from(id)))
                .set(webhook_secrets::expires_at.eq(expires_at.map(DbTime)))
                .execute(conn)?;
            Ok(())
        })
    }

    fn delete_secret(&mut self, id: SecretId) -> Result<(), StoreError> {
        self.run(|conn| {
            diesel::delete(webhook_secrets::table.find(DbUuid::from(id))).execute(conn)?;
            Ok(())
        })
    }

    fn insert_deliveries(&mut self, new: &[Delivery]) -> Result<(), StoreError> {
        self.run(|conn| {
            for some in new.chunks(ROWS) {
                let rows: Vec<_> = some.iter().map(DeliveryRow::from).collect();
                diesel::insert_into(deliveries::table)
                    .values(rows)
                    .execute(conn)?;
            }
            Ok(())
        })
    }

    fn update_delivery(&mut self, delivery: &Delivery) -> Result<bool, StoreError> {
        self.run(|conn| {
            let code = delivery.last_status_code.map(i32::from);
            let updated = diesel::update(deliveries::table.find(DbUuid::from(delivery.id)))
                .set((
                    deliveries::status.eq(delivery.status.as_str()),
                    deliveries::attempts.eq(delivery.attempts),
                    deliveries::is_repeat.eq(delivery.is_repeat),
                    deliveries::first_attempt_at.eq(delivery.first_attempt_at.map(DbTime)),
                    deliveries::last_attempt_at.eq(delivery.last_attempt_at.map(DbTime)),
                    deliveries::next_attempt_at.eq(delivery.next_attempt_at.map(DbTime)),
                    deliveries::last_status_code.eq(code),
                    deliveries::last_error.eq(delivery.last_error.as_deref()),
                    deliveries::finished_at.eq(delivery.finished_at.map(DbTime)),
                ))
                .execute(conn)?;
            Ok(updated > 0)
        })
    }

    fn restart_pending(&mut self, id: WebhookId, now: Timestamp) -> Result<(), StoreError> {
        self.run(|conn| {
            // What waits for its turn has neither, and goes on waiting.
            diesel::update(deliveries::table)
                .filter(deliveries::webhook_id.eq(DbUuid::from(id)))
                .filter(sql::<Bool>(PENDING))
                .filter(deliveries::next_attempt_at.is_not_null())
                .set((
                    deliveries::next_attempt_at.eq(Some(DbTime(now))),
                    deliveries::first_attempt_at.eq(None::<DbTime>),
                ))
                .execute(conn)?;
            Ok(())
        })
    }

    fn forget_finished(&mut self, before: Timestamp, at_most: u32) -> Result<usize, StoreError> {
        self.run(|conn| {
            let finished: Vec<DbUuid> = deliveries::table
                .filter(deliveries::finished_at.is_not_null())
                .filter(deliveries::finished_at.lt(DbTime(before)))
                .order(deliveries::finished_at)
                .limit(at_most.into())
                .select(deliveries::id)
                .load(conn)?;
            if finished.is_empty() {
                return Ok(0);
            }
            let finished = deliveries::table.filter(deliveries::id.eq_any(finished));
            Ok(diesel::delete(finished).execute(conn)?)
        })
    }
}

/// What became of a write that named a version.
fn outcome(conn: &mut Conn, written: usize, id: WebhookId) -> Result<VersionedWrite, Failure> {
    if written > 0 {
        return Ok(VersionedWrite::Done);
    }
    let stored = webhooks::table
        .find(DbUuid::from(id))
        .select(webhooks::version)
        .first::<i32>(conn)
        .optional()?;
    Ok(match stored {
        Some(version) => VersionedWrite::Stale(
            Row("webhook", id).field("version", Version::new(version.into()))?,
        ),
        None => VersionedWrite::Missing,
    })
}

fn types_of(webhook: &Webhook) -> Option<String> {
    let words = |filter: &TypeFilter| {
        let words: Vec<_> = filter.iter().map(ChangeType::as_str).collect();
        words.join(" ")
    };
    webhook.filter.types.as_ref().map(words)
}

fn environments_of(webhook: &Webhook) -> Option<String> {
    let words = |filter: &EnvironmentFilter| {
        let words: Vec<_> = filter.ids().iter().map(ToString::to_string).collect();
        words.join(" ")
    };
    webhook.filter.environment_ids.as_ref().map(words)
}

fn all_into_domain(rows: Vec<DeliveryRow>) -> Result<Vec<Delivery>, Corrupt> {
    rows.into_iter().map(DeliveryRow::into_domain).collect()
}
