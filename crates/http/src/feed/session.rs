//! Whether those who wait may still be told.
//!
//! A token is looked at when a request comes in; a request that lasts would outlive it. So
//! the tokens of all that wait are looked at again, each once, however many wait with it:
//! before anything new is told, so that nobody hears of what was committed behind the end of
//! its token, and every few seconds, so that none waits on for nothing.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tenantry_auth::principal::ManagementPrincipal;
use tenantry_domain::{
    client::{ClientId, ClientOwner},
    clock::Timestamp,
    environment::EnvironmentAccess,
    error::Error,
    port::Snapshot,
    scope::ManagementScope,
    usecase::tokens,
};
use tokio::sync::watch;

use crate::{deps::Deps, error::ApiError, gate::Patience};

/// How often the tokens are looked at.
const PERIOD: Duration = Duration::from_secs(2);

/// How many tokens are looked at in one turn at the database.
const BATCH: usize = 100;

/// The tokens that somebody waits with.
#[derive(Default)]
pub(crate) struct Sessions(Mutex<HashMap<Token, Entry>>);

struct Entry {
    waiting: usize,
    standing: watch::Sender<Standing>,
}

/// What has to be known of a token to look at it again.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Token {
    id: String,
    kid: String,
    client: ClientId,
    scope: String,
    expires_at: Timestamp,
}

impl Token {
    /// Whether it is still good, but for its time.
    fn standing(&self, unit: &mut dyn Snapshot) -> Result<Standing, Error> {
        let known = tokens::client_of_active(unit, &self.client, &self.id, &self.kid)?;
        let access = known
            .filter(|known| {
                let granted = known.granted(&self.scope);
                granted.allows(ManagementScope::EventsRead)
            })
            .and_then(|known| match &known.client.owner {
                ClientOwner::Operator(access) => Some(access.clone()),
                ClientOwner::Tenant(_) => None,
            });
        Ok(access.map_or(Standing::Ended, Standing::Good))
    }
}

/// Whether a token is still good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// For these environments.
    Good(EnvironmentAccess),
    /// It has expired or was revoked, or its client is disabled, gone, or has lost the scope.
    Ended,
}

/// Somebody who waits with a token.
pub(crate) struct Session {
    deps: Arc<Deps>,
    token: Token,
    standing: watch::Receiver<Standing>,
}

impl Session {
    /// Begins with a token that was just found good.
    pub(crate) fn begin(deps: &Arc<Deps>, principal: &ManagementPrincipal) -> Self {
        let token = Token {
            id: principal.token_id.clone(),
            kid: principal.key_id.clone(),
            client: principal.client_id.clone(),
            scope: principal.claimed_scope.clone(),
            expires_at: principal.expires_at,
        };
        let mut sessions = deps.feed.sessions.lock();
        let entry = sessions.entry(token.clone()).or_insert_with(|| Entry {
            waiting: 0,
            standing: watch::Sender::new(Standing::Ended),
        });
        entry.waiting += 1;
        // Nobody knows it better than who has just looked.
        entry
            .standing
            .send_replace(Standing::Good(principal.access.clone()));
        let standing = entry.standing.subscribe();
        drop(sessions);
        Self {
            deps: Arc::clone(deps),
            token,
            standing,
        }
    }

    pub(crate) fn standing(&self) -> Standing {
        self.standing.borrow().clone()
    }

    /// Whether the token is good in what `unit` sees, for what is read there.
    pub(super) fn look(&self) -> impl FnOnce(&mut dyn Snapshot) -> Result<Standing, Error> + use<> {
        let (token, deps) = (self.token.clone(), Arc::clone(&self.deps));
        move |unit| {
            if token.expires_at <= deps.now() {
                return Ok(Standing::Ended);
            }
            token.standing(unit)
        }
    }

    /// Notes what was found out of the token, for all that wait with it.
    pub(super) fn note(&self, standing: Standing) {
        self.deps.feed.sessions.set(&self.token, standing);
    }

    /// Waits until the token is another one than it was found last.
    pub(crate) async fn changed(&mut self) {
        if self.standing.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let mut sessions = self.deps.feed.sessions.lock();
        if let Some(entry) = sessions.get_mut(&self.token) {
            entry.waiting -= 1;
            if entry.waiting == 0 {
                sessions.remove(&self.token);
            }
        }
    }
}

impl Sessions {
    fn lock(&self) -> MutexGuard<'_, HashMap<Token, Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, token: &Token, now: Standing) {
        if let Some(entry) = self.lock().get(token) {
            entry.standing.send_if_modified(|standing| {
                let is_new = *standing != now;
                *standing = now;
                is_new
            });
        }
    }
}

/// Looks at the tokens again and again, until the server is to stop.
pub(crate) async fn check_sessions(deps: Arc<Deps>) {
    let mut stopping = deps.feed.stopping.subscribe();
    loop {
        tokio::select! {
            _ = stopping.wait_for(|stopping| *stopping) => return,
            () = tokio::time::sleep(PERIOD) => {}
        }
        if let Err(error) = check_all(&deps).await {
            // Nothing new is told until they could be.
            tracing::debug!(cause = error.cause, "tokens could not be looked at again");
        }
    }
}

/// Looks at the tokens of all that wait.
pub(super) async fn check_all(deps: &Deps) -> Result<(), ApiError> {
    let tokens: Vec<_> = deps.feed.sessions.lock().keys().cloned().collect();
    let mut result = Ok(());
    for batch in tokens.chunks(BATCH) {
        // One that could not be looked at does not keep the others from it.
        result = check(deps, batch).await.and(result);
    }
    result
}

async fn check(deps: &Deps, batch: &[Token]) -> Result<(), ApiError> {
    let now = deps.now();
    let (good, expired): (Vec<_>, Vec<_>) = batch
        .iter()
        .cloned()
        .partition(|token| token.expires_at > now);
    for token in expired {
        deps.feed.sessions.set(&token, Standing::Ended);
    }
    let patience = Patience::default();
    let found = deps
        .read(&patience, move |unit| {
            let mut found = Vec::with_capacity(good.len());
            for token in good {
                let standing = token.standing(unit)?;
                found.push((token, standing));
            }
            Ok(found)
        })
        .await?;
    for (token, standing) in found {
        deps.feed.sessions.set(&token, standing);
    }
    Ok(())
}
