//! What can be done with webhooks by whoever may manage them.
//!
//! A caller that is bound to environments knows of the webhooks whose environments lie within
//! its own: each that there still is, and at least one. A webhook that it makes is told of
//! the changes of its environments and of no others.

use super::{Context, deliveries, moment};
use crate::{
    clock::Timestamp,
    environment::EnvironmentAccess,
    error::{Error, Fault, FaultKind, Thing},
    id::{DeliveryId, EnvironmentId, SecretId, WebhookId},
    page::{Cursor, Page, PageRequest},
    port::{EnvironmentQueries, Snapshot, UnitOfWork, VersionedWrite},
    rotation::{self, Overlap},
    tenant::Precondition,
    version::Version,
    webhook::{
        Delivery, DeliveryStatus, DisabledBy, EnvironmentFilter, SealedWebhookSecret, Webhook,
        WebhookChange, WebhookFilter, WebhookRecord, WebhookRevision, WebhookState, WebhookUrl,
    },
};

/// How many webhooks there may be. Each is looked at whenever something was committed, and
/// may keep a connection open at the same time as all others.
pub const MOST: u64 = 1000;

/// A webhook's new secret, sealed before any transaction begins.
#[derive(Clone, Debug)]
pub struct NewWebhookSecret {
    /// Its id, for which it is sealed.
    pub id: SecretId,
    /// What the store keeps of it.
    pub sealed: Vec<u8>,
}

/// Asks for a new webhook.
#[derive(Clone, Debug)]
pub struct CreateWebhook {
    /// Where deliveries go; that they may is checked.
    pub url: WebhookUrl,
    /// Which changes are delivered.
    pub filter: WebhookFilter,
    /// Whether nothing is sent yet.
    pub disabled: bool,
    /// Its first secret.
    pub secret: NewWebhookSecret,
}

/// Asks for a new secret beside the one there is.
#[derive(Clone, Debug)]
pub struct RotateWebhookSecret {
    /// The new one.
    pub secret: NewWebhookSecret,
    /// How long deliveries are signed with the one before it as well.
    pub overlap: Overlap,
}

/// Lists the webhooks that the caller may know of, oldest first.
pub fn list(
    unit: &mut dyn Snapshot,
    access: &EnvironmentAccess,
    request: PageRequest,
) -> Result<Page<Webhook>, Error> {
    let mut page = unit.webhooks().page(request)?;
    if *access == EnvironmentAccess::All {
        return Ok(page);
    }
    let place = |webhook: &Webhook| Cursor {
        created_at: webhook.created_at,
        id: webhook.id.as_uuid(),
    };
    let mut visible = Vec::new();
    loop {
        for webhook in page.items {
            if is_visible(unit.environments(), access, &webhook)? {
                visible.push(webhook);
            }
            if visible.len() == usize::from(request.limit.get()) {
                return Ok(Page::new(visible, place));
            }
        }
        if page.next.is_none() {
            return Ok(Page::new(visible, place));
        }
        page = unit.webhooks().page(PageRequest {
            after: page.next,
            ..request
        })?;
    }
}

/// Gets one webhook.
pub fn get(
    unit: &mut dyn Snapshot,
    access: &EnvironmentAccess,
    id: WebhookId,
) -> Result<Webhook, Error> {
    let found = unit.webhooks().by_id(id)?;
    known(unit.environments(), access, found)
}

/// Makes a webhook, which is told of the changes that are committed behind its own making.
pub fn create(
    unit: &mut dyn UnitOfWork,
    context: &Context,
    access: &EnvironmentAccess,
    command: CreateWebhook,
) -> Result<Webhook, Error> {
    let CreateWebhook {
        url,
        filter,
        disabled,
        secret,
    } = command;
    let environment_ids = within(unit, access, filter.environment_ids)?;
    if unit.webhooks().count()? >= MOST {
        return Err(Error::TooManyWebhooks(MOST));
    }
    let now = moment(unit, context)?;
    let webhook = Webhook::from_record(WebhookRecord {
        id: WebhookId::generate(now, &*context.entropy),
        url,
        filter: WebhookFilter {
            environment_ids,
            ..filter
        },
        state: if disabled {
            WebhookState::Disabled(DisabledBy::Request)
        } else {
            WebhookState::Enabled
        },
        version: Version::FIRST,
        created_at: now,
        updated_at: now,
    });
    let position = unit.changes().latest()?;
    let secret = sealed(webhook.id, secret, now);
    unit.webhooks().insert(&webhook, position, &secret)?;
    Ok(webhook)
}

/// Changes a webhook, in whatever version the unit finds it, if the precondition holds for
/// that.
///
/// Another filter counts for the changes whose turn has not come yet. One that is enabled
/// again, and one that gets another URL, goes on with what is pending at once.
pub fn patch(
    unit: &mut dyn UnitOfWork,
    context: &Context,
    access: &EnvironmentAccess,
    id: WebhookId,
    precondition: &Precondition<WebhookRevision>,
    mut change: WebhookChange,
) -> Result<Webhook, Error> {
    let stored = find(unit, access, id, precondition)?;
    if let Some(environment_ids) = change.environment_ids {
        change.environment_ids = Some(within(unit, access, environment_ids)?);
    }
    let now = moment(unit, context)?;
    let read = stored.version;
    let changed = stored.clone().change(change, now).map_err(exhausted)?;
    outcome(unit.webhooks().update(&changed, read)?)?;
    let is_filtered_anew = changed.filter != stored.filter;
    let begins_anew =
        stored.state.is_disabled() && !changed.state.is_disabled() || changed.url != stored.url;
    if is_filtered_anew || begins_anew {
        let mut line = unit.webhooks().line(id)?.unwrap_or_default();
        if is_filtered_anew {
            // What the old filter has passed over stays so.
            line.position = deliveries::skim(unit.changes(), &stored.filter, line.position)?.0;
        }
        if begins_anew {
            let now = unit.webhooks().clock()?;
            unit.webhooks().restart_pending(id, now)?;
            line.failing_since = None;
            line.due_at = line.due_at.map(|_| now);
        }
        unit.webhooks().set_line(id, &line)?;
    }
    Ok(changed)
}

/// Deletes a webhook with all its deliveries.
pub fn delete(
    unit: &mut dyn UnitOfWork,
    access: &EnvironmentAccess,
    id: WebhookId,
    precondition: &Precondition<WebhookRevision>,
) -> Result<(), Error> {
    let webhook = find(unit, access, id, precondition)?;
    outcome(unit.webhooks().delete(id, webhook.version)?)
}

/// Gives a webhook a new secret; tells until when deliveries are signed with the one before
/// it as well.
pub fn rotate_secret(
    unit: &mut dyn UnitOfWork,
    context: &Context,
    access: &EnvironmentAccess,
    id: WebhookId,
    command: RotateWebhookSecret,
) -> Result<Timestamp, Error> {
    let webhook = find(unit, access, id, &Precondition::None)?;
    let now = moment(unit, context)?;
    let secrets = unit.webhooks().secrets(id)?;
    let rotation = rotation::rotate(&secrets, command.overlap, now);
    let webhooks = unit.webhooks();
    for retired in rotation.retired {
        webhooks.delete_secret(retired)?;
    }
    if let Some(previous) = &rotation.previous {
        webhooks.set_secret_expiry(previous.id, previous.expires_at)?;
    }
    webhooks.insert_secret(&sealed(id, command.secret, now))?;
    // Whoever is sending finds by the version that there is another secret.
    let read = webhook.version;
    let touched = webhook.touch(now).map_err(exhausted)?;
    outcome(webhooks.update(&touched, read)?)?;
    Ok(rotation.previous_expires_at)
}

/// Lists a webhook's deliveries, oldest first.
pub fn deliveries(
    unit: &mut dyn Snapshot,
    access: &EnvironmentAccess,
    id: WebhookId,
    status: Option<DeliveryStatus>,
    request: PageRequest,
) -> Result<Page<Delivery>, Error> {
    get(unit, access, id)?;
    Ok(unit.webhooks().delivery_page(id, status, request)?)
}

/// Has a delivery sent once more, at once, beside those whose turn it is.
pub fn redeliver(
    unit: &mut dyn UnitOfWork,
    access: &EnvironmentAccess,
    webhook: WebhookId,
    id: DeliveryId,
) -> Result<Delivery, Error> {
    let stored = find(unit, access, webhook, &Precondition::None)?;
    let webhooks = unit.webhooks();
    let delivery = webhooks
        .delivery(webhook, id)?
        .ok_or(Error::Missing(Thing::Delivery))?;
    if stored.state.is_disabled() {
        return Err(Error::WebhookDisabled);
    }
    let now = webhooks.clock()?;
    // One that waits for its turn keeps it.
    let waits = delivery.status == DeliveryStatus::Pending && delivery.next_attempt_at.is_none();
    if waits {
        return Ok(delivery);
    }
    let again = delivery.again(now);
    webhooks.update_delivery(&again)?;
    let mut line = webhooks.line(webhook)?.unwrap_or_default();
    line.due_at = Some(line.due_at.map_or(now, |due| due.min(now)));
    webhooks.set_line(webhook, &line)?;
    Ok(again)
}

/// The environments that a webhook of that caller's is told of: a bound caller's own where it
/// names none.
fn within(
    unit: &mut dyn UnitOfWork,
    access: &EnvironmentAccess,
    wanted: Option<EnvironmentFilter>,
) -> Result<Option<EnvironmentFilter>, Error> {
    match (access, wanted) {
        (EnvironmentAccess::All, None) => Ok(None),
        (EnvironmentAccess::All, Some(filter)) => {
            let known = unit.environments().by_ids(filter.ids())?;
            let is_unknown = |id: &&EnvironmentId| !known.iter().any(|known| known.id == **id);
            let unknown = filter.ids().iter().filter(is_unknown);
            let faults: Vec<_> = unknown
                .map(|id| {
                    let fault = Fault::new("environmentIds", FaultKind::NoSuchEnvironment);
                    fault.showing(&id.to_string())
                })
                .collect();
            if faults.is_empty() {
                Ok(Some(filter))
            } else {
                Err(Error::Invalid(faults))
            }
        }
        (EnvironmentAccess::Only(own), None) if own.is_empty() => Err(Error::OutOfBounds),
        (EnvironmentAccess::Only(own), None) => EnvironmentFilter::new(own.iter().copied())
            .map(Some)
            .map_err(|fault| Fault::new("environmentIds", fault).into()),
        (EnvironmentAccess::Only(own), Some(filter)) => {
            if filter.ids().is_subset(own) {
                Ok(Some(filter))
            } else {
                Err(Error::OutOfBounds)
            }
        }
    }
}

/// Whether a caller may know of a webhook.
fn is_visible(
    environments: &mut dyn EnvironmentQueries,
    access: &EnvironmentAccess,
    webhook: &Webhook,
) -> Result<bool, Error> {
    let EnvironmentAccess::Only(own) = access else {
        return Ok(true);
    };
    let Some(filter) = &webhook.filter.environment_ids else {
        return Ok(false);
    };
    if filter.ids().is_disjoint(own) {
        return Ok(false);
    }
    // An environment that was deleted is nobody's any more.
    let others = filter.ids().difference(own).copied().collect();
    Ok(environments.by_ids(&others)?.is_empty())
}

fn known(
    environments: &mut dyn EnvironmentQueries,
    access: &EnvironmentAccess,
    found: Option<Webhook>,
) -> Result<Webhook, Error> {
    let missing = Error::Missing(Thing::Webhook);
    match found {
        Some(webhook) if is_visible(environments, access, &webhook)? => Ok(webhook),
        _ => Err(missing),
    }
}

fn find(
    unit: &mut dyn UnitOfWork,
    access: &EnvironmentAccess,
    id: WebhookId,
    precondition: &Precondition<WebhookRevision>,
) -> Result<Webhook, Error> {
    let found = unit.webhooks().by_id(id)?;
    let webhook = known(unit.environments(), access, found)?;
    if !precondition.holds_for(webhook.revision()) {
        return Err(Error::PreconditionFailed(Thing::Webhook));
    }
    Ok(webhook)
}

fn sealed(id: WebhookId, secret: NewWebhookSecret, now: Timestamp) -> SealedWebhookSecret {
    SealedWebhookSecret {
        id: secret.id,
        webhook_id: id,
        sealed: secret.sealed,
        created_at: now,
        expires_at: None,
    }
}

fn outcome(write: VersionedWrite) -> Result<(), Error> {
    match write {
        VersionedWrite::Done => Ok(()),
        VersionedWrite::Stale(stored) => Err(Error::Stale {
            thing: Thing::Webhook,
            stored,
        }),
        VersionedWrite::Missing => Err(Error::Missing(Thing::Webhook)),
    }
}

fn exhausted(_: crate::version::VersionExhausted) -> Error {
    Error::Exhausted(Thing::Webhook)
}
