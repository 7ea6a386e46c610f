//! What a store must offer for webhooks.

use super::{StoreError, VersionedWrite};
use crate::{
    clock::Timestamp,
    feed::Sequence,
    id::{DeliveryId, SecretId, WebhookId},
    page::{Page, PageRequest},
    version::Version,
    webhook::{Delivery, DeliveryStatus, Lease, Line, SealedWebhookSecret, Webhook},
};

/// Reads webhooks and their deliveries.
pub trait WebhookQueries {
    /// The present instant by the database's own clock, which all servers share. Leases and
    /// attempts are measured by it, so that servers whose clocks differ agree about them.
    fn clock(&mut self) -> Result<Timestamp, StoreError>;
    /// One page of all webhooks, oldest first.
    fn page(&mut self, request: PageRequest) -> Result<Page<Webhook>, StoreError>;
    /// How many there are.
    fn count(&mut self) -> Result<u64, StoreError>;
    /// One by its id.
    fn by_id(&mut self, id: WebhookId) -> Result<Option<Webhook>, StoreError>;
    /// How far one is; `None` if there is no such webhook.
    fn line(&mut self, id: WebhookId) -> Result<Option<Line>, StoreError>;
    /// All that are enabled, with how far they are, whoever works on them: there are as many
    /// as receivers that an operator knows by name.
    fn lines(&mut self) -> Result<Vec<(WebhookId, Version, Line)>, StoreError>;
    /// One's secrets, oldest first, the expired ones among them.
    fn secrets(&mut self, id: WebhookId) -> Result<Vec<SealedWebhookSecret>, StoreError>;
    /// One page of one's deliveries, oldest first.
    fn delivery_page(
        &mut self,
        id: WebhookId,
        status: Option<DeliveryStatus>,
        request: PageRequest,
    ) -> Result<Page<Delivery>, StoreError>;
    /// One of one's deliveries.
    fn delivery(
        &mut self,
        webhook: WebhookId,
        id: DeliveryId,
    ) -> Result<Option<Delivery>, StoreError>;
    /// One's deliveries that are pending, no more than so many: repeats first, then in the
    /// order of their changes.
    fn pending(&mut self, id: WebhookId, at_most: u32) -> Result<Vec<Delivery>, StoreError>;
    /// Whether any delivery was finished before that instant.
    fn has_finished(&mut self, before: Timestamp) -> Result<bool, StoreError>;
    /// How many deliveries of webhooks that are enabled are pending, and since when the oldest
    /// of them has been foreseen.
    fn backlog(&mut self) -> Result<(u64, Option<Timestamp>), StoreError>;
}

/// Writes webhooks and their deliveries.
pub trait WebhookRepository: WebhookQueries {
    /// Adds one that is to be told of the changes behind that place, with its first secret.
    fn insert(
        &mut self,
        webhook: &Webhook,
        position: Sequence,
        secret: &SealedWebhookSecret,
    ) -> Result<(), StoreError>;
    /// Stores a changed webhook if the stored one is still in version `read`. How far it is
    /// stays.
    fn update(&mut self, webhook: &Webhook, read: Version) -> Result<VersionedWrite, StoreError>;
    /// Deletes a webhook, its secrets and its deliveries if it is still in version `read`.
    fn delete(&mut self, id: WebhookId, read: Version) -> Result<VersionedWrite, StoreError>;
    /// Stores how far one is, all but the lease.
    fn set_line(&mut self, id: WebhookId, line: &Line) -> Result<(), StoreError>;
    /// Gives the right to work on one to somebody, or takes it from everybody.
    fn set_lease(&mut self, id: WebhookId, lease: Option<Lease>) -> Result<(), StoreError>;
    /// Adds a secret.
    fn insert_secret(&mut self, secret: &SealedWebhookSecret) -> Result<(), StoreError>;
    /// Gives a secret another end, or none.
    fn set_secret_expiry(
        &mut self,
        id: SecretId,
        expires_at: Option<Timestamp>,
    ) -> Result<(), StoreError>;
    /// Deletes a secret, if it is there.
    fn delete_secret(&mut self, id: SecretId) -> Result<(), StoreError>;
    /// Adds deliveries that are new.
    fn insert_deliveries(&mut self, deliveries: &[Delivery]) -> Result<(), StoreError>;
    /// Stores a delivery that has changed; `false` if there is none of that id.
    fn update_delivery(&mut self, delivery: &Delivery) -> Result<bool, StoreError>;
    /// Lets what is pending begin anew: it is tried at once, and for the whole time.
    fn restart_pending(&mut self, id: WebhookId, now: Timestamp) -> Result<(), StoreError>;
    /// Forgets deliveries that were finished before that instant, no more than so many;
    /// tells how many.
    fn forget_finished(&mut self, before: Timestamp, at_most: u32) -> Result<usize, StoreError>;
}
