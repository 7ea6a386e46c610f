//! What a server does to get changes to the webhooks that ask for them.
//!
//! Sending takes long, and no transaction is open meanwhile: a server [claims](claim) some
//! deliveries together with the right to work on their webhook, sends them one after the
//! other, and [records](record) what came of it. One that has lost the right in between finds
//! its record refused, and whoever has the right now sends the same again.

use std::collections::HashMap;

use super::{Context, moment};
use crate::{
    change::ChangeType,
    clock::Timestamp,
    environment::EnvironmentAccess,
    error::{Error, Thing},
    feed::{Sequence, StoredChange},
    id::{DeliveryId, LeaseToken, WebhookId},
    page::Limit,
    port::{ChangeQueries, Snapshot, StoreError, UnitOfWork, VersionedWrite},
    rotation::Expiring,
    version::Version,
    webhook::{
        Attempt, Delivery, DeliveryStatus, Lease, Line, RetryPolicy, SealedWebhookSecret, Webhook,
        WebhookFilter,
    },
};

/// How many deliveries are claimed together, and so foreseen at the most.
pub const WINDOW: u32 = 32;

/// How many pages of the feed are looked through at a time for a change that passes a filter.
const LOOKS: usize = 20;

/// How far a reader may be ahead of the position that is stored, in changes: after a restart
/// they are looked at again.
const AHEAD: i64 = 10_000;

/// A wait that is longer than so many seconds is looked into: the clock may have been set back since it began.
const LONG: i64 = 3_600;

/// Where a server has come to in looking for a webhook's next change, and in which version of
/// the webhook. It is kept in memory, so that changes which pass no filter cost no write.
pub type Skimmed = HashMap<WebhookId, (Version, Sequence)>;

/// What is to be done for which webhooks.
#[derive(Clone, Debug, Default)]
pub struct Survey {
    /// Those for which something can be sent now.
    pub ready: Vec<WebhookId>,
    /// When there may be something for another one, if nothing happens before, and how far
    /// that is from now.
    pub next_in_micros: Option<i64>,
    /// The number of the last change.
    pub latest: Sequence,
    /// How many changes lie behind the place that the slowest webhook has come to, those counted
    /// that are nothing for it.
    pub behind: i64,
}

/// Looks for what is to be done, for all webhooks but those that are being worked on.
pub fn survey(
    unit: &mut dyn Snapshot,
    skimmed: &mut Skimmed,
    is_busy: impl Fn(WebhookId) -> bool,
) -> Result<Survey, StoreError> {
    let now = unit.webhooks().clock()?;
    let latest = unit.changes().latest()?;
    let lines = unit.webhooks().lines()?;
    skimmed.retain(|id, _| lines.iter().any(|(other, ..)| other == id));
    let mut survey = Survey::default();
    let mut later = |instant: Timestamp| {
        let micros = (instant.unix_micros() - now.unix_micros()).max(1);
        let next = survey
            .next_in_micros
            .map_or(micros, |next| next.min(micros));
        survey.next_in_micros = Some(next);
    };
    let mut ready = Vec::new();
    for &(id, version, ref line) in &lines {
        if is_busy(id) {
            continue;
        }
        if let Some(lease) = line.lease.filter(|lease| lease.holds(now)) {
            later(lease.until);
            continue;
        }
        match line.due_at {
            Some(due) if due <= now => ready.push(id),
            Some(due) if due > now.plus_seconds(LONG) && head_is_due(unit, id, now)? => {
                ready.push(id);
            }
            Some(due) => later(due),
            None => {
                if is_waited_for(unit, skimmed, id, version, line, latest)? {
                    ready.push(id);
                }
            }
        }
    }
    survey.ready = ready;
    let places = lines
        .iter()
        .map(|(id, version, line)| skimmed_to(skimmed, *id, *version, line));
    survey.latest = latest;
    survey.behind = places
        .min()
        .map_or(0, |slowest| (latest.get() - slowest.get()).max(0));
    Ok(survey)
}

/// Whether what is first in a webhook's line may be sent, whatever the line says.
fn head_is_due(unit: &mut dyn Snapshot, id: WebhookId, now: Timestamp) -> Result<bool, StoreError> {
    let head = unit.webhooks().pending(id, 1)?;
    Ok(head.first().is_some_and(|head| head.is_due(now)))
}

/// Whether there is a change for a webhook for which nothing is pending.
fn is_waited_for(
    unit: &mut dyn Snapshot,
    skimmed: &mut Skimmed,
    id: WebhookId,
    version: Version,
    line: &Line,
    latest: Sequence,
) -> Result<bool, StoreError> {
    let start = skimmed_to(skimmed, id, version, line);
    if start >= latest {
        return Ok(false);
    }
    let Some(webhook) = unit.webhooks().by_id(id)? else {
        return Ok(false);
    };
    let (position, is_found) = skim(unit.changes(), &webhook.filter, start)?;
    skimmed.insert(id, (version, position));
    Ok(is_found || position.get() - line.position.get() > AHEAD)
}

fn skimmed_to(skimmed: &Skimmed, id: WebhookId, version: Version, line: &Line) -> Sequence {
    match skimmed.get(&id) {
        Some(&(of, position)) if of == version => position.max(line.position),
        _ => line.position,
    }
}

/// Passes over the changes that a filter does not let through: gives the place before the
/// first that it does, and whether there is one. It does not look without end.
pub(super) fn skim<Q: ChangeQueries + ?Sized>(
    changes: &mut Q,
    filter: &WebhookFilter,
    mut position: Sequence,
) -> Result<(Sequence, bool), StoreError> {
    let access = filter.access();
    for _ in 0..LOOKS {
        let page = changes.after(&access, position, Limit::default())?;
        for change in &page.changes {
            if filter.takes(&change.kind) {
                return Ok((position, true));
            }
            position = change.sequence;
        }
        position = page.next.max(position);
        if page.is_end {
            break;
        }
    }
    Ok((position, false))
}

/// Some deliveries of a webhook, in the order in which they are to be sent, for who has the
/// right to.
#[derive(Clone, Debug)]
pub struct Batch {
    /// To whom.
    pub webhook: Webhook,
    /// What they are signed with.
    pub secrets: Vec<SealedWebhookSecret>,
    /// The deliveries, each with its change, if that is still there.
    pub items: Vec<(Delivery, Option<StoredChange>)>,
}

/// Takes the right to work on a webhook for so many seconds, if nobody else has it and there
/// is something to send, and foresees deliveries of further changes.
pub fn claim(
    unit: &mut dyn UnitOfWork,
    context: &Context,
    skimmed: &Skimmed,
    id: WebhookId,
    token: LeaseToken,
    seconds: u32,
) -> Result<Option<Batch>, Error> {
    let now = unit.webhooks().clock()?;
    let (Some(webhook), Some(mut line)) = (unit.webhooks().by_id(id)?, unit.webhooks().line(id)?)
    else {
        return Ok(None);
    };
    if webhook.state.is_disabled() || line.is_held_from(token, now) {
        return Ok(None);
    }
    let mut pending = unit.webhooks().pending(id, WINDOW)?;
    let head = pending.iter().find(|one| !one.is_repeat);
    // A head that waits for its next attempt keeps all behind it waiting.
    let waits_until = head
        .filter(|head| !head.is_due(now))
        .and_then(|head| head.next_attempt_at);
    if waits_until.is_some() {
        pending.retain(|one| one.is_repeat);
    }
    let mut items = Vec::new();
    for delivery in pending {
        let change = change_of(unit, &delivery)?;
        items.push((delivery, change));
    }
    if waits_until.is_none() {
        let room = (WINDOW as usize).saturating_sub(items.len());
        line.position = skimmed_to(skimmed, id, webhook.version, &line);
        let new = foresee(unit, context, &webhook, &mut line, room, now)?;
        let deliveries: Vec<_> = new.iter().map(|(delivery, _)| delivery.clone()).collect();
        unit.webhooks().insert_deliveries(&deliveries)?;
        items.extend(
            new.into_iter()
                .map(|(delivery, change)| (delivery, Some(change))),
        );
    }
    if items.is_empty() {
        line.due_at = waits_until;
        unit.webhooks().set_line(id, &line)?;
        return Ok(None);
    }
    line.due_at = Some(now);
    unit.webhooks().set_line(id, &line)?;
    let until = now.plus_seconds(seconds.into());
    unit.webhooks()
        .set_lease(id, Some(Lease { token, until }))?;
    let mut secrets = unit.webhooks().secrets(id)?;
    secrets.retain(|secret| secret.is_good(now));
    Ok(Some(Batch {
        webhook,
        secrets,
        items,
    }))
}

/// Makes deliveries of the next changes that the webhook asks for.
fn foresee(
    unit: &mut dyn UnitOfWork,
    context: &Context,
    webhook: &Webhook,
    line: &mut Line,
    room: usize,
    now: Timestamp,
) -> Result<Vec<(Delivery, StoredChange)>, StoreError> {
    let access = webhook.filter.access();
    let mut found = Vec::new();
    for _ in 0..LOOKS {
        if found.len() == room {
            break;
        }
        let page = unit
            .changes()
            .after(&access, line.position, Limit::default())?;
        for change in page.changes {
            if found.len() == room {
                return Ok(found);
            }
            line.position = change.sequence;
            if webhook.filter.takes(&change.kind) {
                let id = DeliveryId::generate(now, &*context.entropy);
                let kind = change.kind.as_str().to_owned();
                // Each later than the one before it, so that lists have them in order.
                let place = i64::try_from(found.len()).unwrap_or(0);
                let at = now.plus_micros(place);
                let delivery = Delivery::new(id, webhook.id, change.sequence, kind, at);
                found.push((delivery, change));
            }
        }
        line.position = page.next.max(line.position);
        if page.is_end {
            break;
        }
    }
    Ok(found)
}

fn change_of(
    unit: &mut dyn UnitOfWork,
    delivery: &Delivery,
) -> Result<Option<StoredChange>, StoreError> {
    let before = delivery.sequence.back(1);
    let page = unit
        .changes()
        .after(&EnvironmentAccess::All, before, Limit::ONE)?;
    let found = page.changes.into_iter().next();
    Ok(found.filter(|change| change.sequence == delivery.sequence))
}

/// What came of sending a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sent {
    /// There was an answer of that status.
    Answered(u16),
    /// There was none, for that reason.
    Unanswered(String),
    /// There was nothing to send: its change is not there any more.
    WithoutChange,
}

/// What has become of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recorded {
    /// It is stored.
    Stored {
        /// How far each delivery now is.
        statuses: Vec<DeliveryStatus>,
        /// The version that the webhook is in; what was claimed is out of date where it is
        /// another one.
        version: Version,
        /// Whether the webhook was disabled by it.
        disabled: bool,
    },
    /// It is refused: somebody else works on the webhook, or it is gone.
    Lost,
}

/// Stores what came of deliveries. The right to work on the webhook is kept for so many
/// seconds more, or given back.
pub fn record(
    unit: &mut dyn UnitOfWork,
    context: &Context,
    policy: &RetryPolicy,
    id: WebhookId,
    lease: (LeaseToken, Option<u32>),
    sent: &[(DeliveryId, Sent)],
) -> Result<Recorded, Error> {
    let (token, keep) = lease;
    let now = unit.webhooks().clock()?;
    let (Some(mut webhook), Some(mut line)) =
        (unit.webhooks().by_id(id)?, unit.webhooks().line(id)?)
    else {
        return Ok(Recorded::Lost);
    };
    if line.lease.is_none_or(|lease| lease.token != token) {
        return Ok(Recorded::Lost);
    }
    let mut statuses = Vec::new();
    for (delivery, sent) in sent {
        let Some(stored) = unit.webhooks().delivery(id, *delivery)? else {
            continue;
        };
        let after = attempted(stored, sent, now, context, policy, &mut line);
        unit.webhooks().update_delivery(&after)?;
        statuses.push(after.status);
    }
    let head = unit.webhooks().pending(id, 1)?.into_iter().next();
    line.due_at = head.map(|head| head.next_attempt_at.unwrap_or(now));
    unit.webhooks().set_line(id, &line)?;
    let until = |seconds: u32| now.plus_seconds(seconds.into());
    let lease = keep.map(|seconds| Lease {
        token,
        until: until(seconds),
    });
    unit.webhooks().set_lease(id, lease)?;
    let fails = |since| policy.disables(since, now);
    let disabled = !webhook.state.is_disabled() && line.failing_since.is_some_and(fails);
    if disabled {
        webhook = give_up(unit, context, webhook)?;
    }
    Ok(Recorded::Stored {
        statuses,
        version: webhook.version,
        disabled,
    })
}

/// A delivery after it was sent; whether its webhook fails is noted.
fn attempted(
    delivery: Delivery,
    sent: &Sent,
    now: Timestamp,
    context: &Context,
    policy: &RetryPolicy,
    line: &mut Line,
) -> Delivery {
    let (status_code, error) = match sent {
        Sent::Answered(status @ 200..=299) => (Some(*status), None),
        Sent::Answered(status) => (Some(*status), Some(format!("the answer was {status}"))),
        Sent::Unanswered(reason) => (None, Some(reason.clone())),
        Sent::WithoutChange => return delivery.without_change(now),
    };
    let attempt = Attempt {
        at: now,
        status_code,
        error,
    };
    if attempt.is_success() {
        line.failing_since = None;
    } else {
        line.failing_since.get_or_insert(now);
    }
    delivery.attempted(&attempt, policy, &*context.entropy)
}

/// Disables a webhook for its failures, and tells of it in the feed.
fn give_up(
    unit: &mut dyn UnitOfWork,
    context: &Context,
    webhook: Webhook,
) -> Result<Webhook, Error> {
    let now = moment(unit, context)?;
    let read = webhook.version;
    let disabled = webhook
        .give_up(now)
        .map_err(|_| Error::Exhausted(Thing::Webhook))?;
    match unit.webhooks().update(&disabled, read)? {
        VersionedWrite::Done => {}
        VersionedWrite::Stale(stored) => {
            return Err(Error::Stale {
                thing: Thing::Webhook,
                stored,
            });
        }
        VersionedWrite::Missing => return Err(Error::Missing(Thing::Webhook)),
    }
    let change = context
        .origin
        .webhook(ChangeType::WebhookDisabled, now, &disabled);
    unit.changes().append(&change)?;
    Ok(disabled)
}

/// Forgets deliveries that were finished so many seconds ago, in one small step; tells whether
/// there may be more.
pub fn sweep(unit: &mut dyn UnitOfWork, seconds: u32, at_most: u32) -> Result<bool, StoreError> {
    let before = unit.webhooks().clock()?.plus_seconds(-i64::from(seconds));
    let swept = unit.webhooks().forget_finished(before, at_most)?;
    Ok(swept >= at_most as usize)
}
