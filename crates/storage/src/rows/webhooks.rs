//! Rows of webhooks.

use diesel::prelude::{Insertable, Queryable, Selectable};
use tenantry_domain::{
    change::ChangeType,
    clock::Timestamp,
    feed::Sequence,
    id::EnvironmentId,
    version::Version,
    webhook::{
        Delivery, DeliveryRecord, EnvironmentFilter, Lease, Line, SealedWebhookSecret, TypeFilter,
        Webhook, WebhookFilter, WebhookRecord, WebhookUrl,
    },
};

use super::Row;
use crate::{
    error::Corrupt,
    schema::{webhook_deliveries, webhook_secrets, webhooks},
    types::{DbTime, DbUuid},
};

#[derive(Queryable, Selectable)]
#[diesel(table_name = webhooks)]
pub(crate) struct WebhookRow {
    id: DbUuid,
    url: String,
    types: Option<String>,
    environment_ids: Option<String>,
    state: String,
    version: i32,
    created_at: DbTime,
    updated_at: DbTime,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = webhooks)]
pub(crate) struct LineRow {
    id: DbUuid,
    position: i64,
    due_at: Option<DbTime>,
    failing_since: Option<DbTime>,
    lease_token: Option<DbUuid>,
    lease_until: Option<DbTime>,
}

#[derive(Insertable, Queryable, Selectable)]
#[diesel(table_name = webhook_secrets, treat_none_as_default_value = false)]
pub(crate) struct WebhookSecretRow {
    id: DbUuid,
    webhook_id: DbUuid,
    sealed: Vec<u8>,
    created_at: DbTime,
    expires_at: Option<DbTime>,
}

#[derive(Insertable, Queryable, Selectable)]
#[diesel(table_name = webhook_deliveries, treat_none_as_default_value = false)]
pub(crate) struct DeliveryRow {
    id: DbUuid,
    webhook_id: DbUuid,
    sequence: i64,
    kind: String,
    status: String,
    attempts: i32,
    is_repeat: bool,
    created_at: DbTime,
    first_attempt_at: Option<DbTime>,
    last_attempt_at: Option<DbTime>,
    next_attempt_at: Option<DbTime>,
    last_status_code: Option<i32>,
    last_error: Option<String>,
    finished_at: Option<DbTime>,
}

impl WebhookRow {
    pub(crate) fn into_domain(self) -> Result<Webhook, Corrupt> {
        let row = Row("webhook", self.id.0);
        let types = self.types.as_deref().map(|words| {
            let types: Result<Vec<_>, _> = words.split(' ').map(str::parse::<ChangeType>).collect();
            row.field("types", TypeFilter::new(row.field("types", types)?))
        });
        let environment_ids = self.environment_ids.as_deref().map(|words| {
            let ids: Result<Vec<_>, _> = words.split(' ').map(EnvironmentId::parse).collect();
            let ids = row.field("environment_ids", ids)?;
            row.field("environment_ids", EnvironmentFilter::new(ids))
        });
        Ok(Webhook::from_record(WebhookRecord {
            id: self.id.into(),
            url: row.field("url", WebhookUrl::parse(&self.url))?,
            filter: WebhookFilter {
                types: types.transpose()?,
                environment_ids: environment_ids.transpose()?,
            },
            state: row.word("state", &self.state)?,
            version: row.field("version", Version::new(self.version.into()))?,
            created_at: self.created_at.into(),
            updated_at: self.updated_at.into(),
        }))
    }
}

impl LineRow {
    pub(crate) fn into_domain(self) -> Result<Line, Corrupt> {
        let row = Row("webhook", self.id.0);
        let lease = self.lease_token.zip(self.lease_until);
        Ok(Line {
            position: row.field("position", Sequence::new(self.position))?,
            due_at: self.due_at.map(Timestamp::from),
            failing_since: self.failing_since.map(Timestamp::from),
            lease: lease.map(|(token, until)| Lease {
                token: token.into(),
                until: until.into(),
            }),
        })
    }
}

impl From<&SealedWebhookSecret> for WebhookSecretRow {
    fn from(secret: &SealedWebhookSecret) -> Self {
        Self {
            id: secret.id.into(),
            webhook_id: secret.webhook_id.into(),
            sealed: secret.sealed.clone(),
            created_at: secret.created_at.into(),
            expires_at: secret.expires_at.map(DbTime),
        }
    }
}

impl WebhookSecretRow {
    pub(crate) fn into_domain(self) -> SealedWebhookSecret {
        SealedWebhookSecret {
            id: self.id.into(),
            webhook_id: self.webhook_id.into(),
            sealed: self.sealed,
            created_at: self.created_at.into(),
            expires_at: self.expires_at.map(Timestamp::from),
        }
    }
}

impl From<&Delivery> for DeliveryRow {
    fn from(delivery: &Delivery) -> Self {
        Self {
            id: delivery.id.into(),
            webhook_id: delivery.webhook_id.into(),
            sequence: delivery.sequence.get(),
            kind: delivery.kind.clone(),
            status: delivery.status.as_str().to_owned(),
            attempts: delivery.attempts,
            is_repeat: delivery.is_repeat,
            created_at: delivery.created_at.into(),
            first_attempt_at: delivery.first_attempt_at.map(DbTime),
            last_attempt_at: delivery.last_attempt_at.map(DbTime),
            next_attempt_at: delivery.next_attempt_at.map(DbTime),
            last_status_code: delivery.last_status_code.map(i32::from),
            last_error: delivery.last_error.clone(),
            finished_at: delivery.finished_at.map(DbTime),
        }
    }
}

impl DeliveryRow {
    pub(crate) fn into_domain(self) -> Result<Delivery, Corrupt> {
        let row = Row("delivery", self.id.0);
        let code = self.last_status_code.map(u16::try_from).transpose();
        Ok(Delivery::from_record(DeliveryRecord {
            id: self.id.into(),
            webhook_id: self.webhook_id.into(),
            sequence: row.field("sequence", Sequence::new(self.sequence))?,
            status: row.word("status", &self.status)?,
            attempts: self.attempts,
            is_repeat: self.is_repeat,
            created_at: self.created_at.into(),
            first_attempt_at: self.first_attempt_at.map(Timestamp::from),
            last_attempt_at: self.last_attempt_at.map(Timestamp::from),
            next_attempt_at: self.next_attempt_at.map(Timestamp::from),
            last_status_code: row.field("last_status_code", code)?,
            last_error: self.last_error,
            finished_at: self.finished_at.map(Timestamp::from),
            kind: self.kind,
        }))
    }
}
