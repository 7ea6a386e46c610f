//! Where a webhook's name leads, looked up when the webhook is made.
//!
//! It is a courtesy: who makes a mistake is told at once. What keeps deliveries away from
//! addresses that they may not go to is the look-up at each connect, since a name can lead
//! elsewhere by then.

use std::time::Duration;

use tenantry_domain::{
    error::{Fault, FaultKind},
    webhook::{TargetHost, WebhookUrl, WebhookUrlFault},
};
use tokio::{net::lookup_host, sync::Semaphore, time::timeout};

use crate::{
    call::Call,
    error::{ApiError, Location},
};

/// How long a look-up may take. A name that is not found in this time is taken as it is.
const PATIENCE: Duration = Duration::from_secs(2);

/// How many look-ups there are at the same time: each has a thread to itself.
pub(crate) const LOOK_UPS: usize = 4;

/// Refuses a URL whose name leads, with any of its addresses, to where deliveries may not go.
/// One that can't be looked up is let through: it may be there tomorrow.
pub(crate) async fn check(call: &Call, url: &WebhookUrl) -> Result<(), ApiError> {
    let policy = call.deps.config.webhook_targets;
    let TargetHost::Name(name) = url.host() else {
        // An address was judged with the body.
        return Ok(());
    };
    if policy.allow_private {
        return Ok(());
    }
    let addresses = look_up(&call.deps.look_ups, name, url.port()).await?;
    if addresses
        .into_iter()
        .all(|address| policy.permits(address.ip()))
    {
        return Ok(());
    }
    let fault = Fault::new("url", FaultKind::WebhookUrl(WebhookUrlFault::Address));
    let fault = fault.showing(url.as_str());
    Err(ApiError::invalid(vec![(Location::Body, fault)]))
}

async fn look_up(
    turns: &Semaphore,
    name: &str,
    port: u16,
) -> Result<Vec<std::net::SocketAddr>, ApiError> {
    let overloaded = || ApiError::overloaded("too many names are being looked up".to_owned());
    let turn = timeout(PATIENCE, turns.acquire()).await;
    let _turn = turn.map_err(|_| overloaded())?.map_err(|_| overloaded())?;
    let found = timeout(PATIENCE, lookup_host((name, port))).await;
    Ok(found
        .ok()
        .and_then(Result::ok)
        .map(Iterator::collect)
        .unwrap_or_default())
}
