//! Where a webhook's name leads, looked up when the webhook is made.
//!
//! It is a courtesy: who makes a mistake is told at once. What keeps deliveries away from
//! addresses that they may not go to is the look-up at each connect, since a name can lead
//! elsewhere by then.

use std::{io, net::IpAddr, sync::Arc, time::Duration};

use tenantry_domain::{
    error::{Fault, FaultKind},
    webhook::{TargetHost, WebhookUrl, WebhookUrlFault},
};
use tokio::time::timeout;

use crate::{
    call::Call,
    error::{ApiError, Location},
    names::Names,
};

/// How long a look-up may take. A name that is not found in this time is taken as it is.
const PATIENCE: Duration = Duration::from_secs(2);

/// How many names may be looked up at the same time for those who make webhooks.
pub(crate) const MOST_NAMES: usize = 16;

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
    let addresses = look_up(&call.deps.names, name).await?;
    if addresses.iter().all(|&address| policy.permits(address)) {
        return Ok(());
    }
    let fault = Fault::new("url", FaultKind::WebhookUrl(WebhookUrlFault::Address));
    let fault = fault.showing(url.as_str());
    Err(ApiError::invalid(vec![(Location::Body, fault)]))
}

/// The addresses of a name; none where that can't be found out.
async fn look_up(names: &Names, name: &str) -> Result<Arc<[IpAddr]>, ApiError> {
    match timeout(PATIENCE, names.look_up(name)).await {
        Ok(Ok(found)) => Ok(found),
        Ok(Err(error)) if error.kind() == io::ErrorKind::QuotaExceeded => {
            Err(ApiError::overloaded(error.to_string()))
        }
        Ok(Err(_)) | Err(_) => Ok(Arc::default()),
    }
}
