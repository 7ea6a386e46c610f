//! How system accounts sign in: HTTP Basic (RFC 7617), under attack as well.
//!
//! Checking a password is dear by intent, so whoever can make the server check passwords
//! could make it do nothing else. What was right before is right, and what was wrong
//! before is wrong, without a check. Each further failure of an account from an address,
//! and of an address, is counted before the check; above the limits the check has to wait
//! in a lane of its own ([`Suspects`]) or is not made at all, and the answer is 429. The
//! right password of an account is let in all the same.

use std::{sync::Arc, time::Instant};

use secrecy::{ExposeSecret, SecretString};
use tenantry_auth::{
    basic,
    hashing::{Hasher, Verdict},
    limiter::{FailureLimiter, FailureLimits, Limited, Network},
    rejected::RejectedPasswords,
    verified::VerifiedSecrets,
};
use tenantry_domain::{
    account::{SystemAccount, Username},
    client::SecretHash,
    port::Entropy,
};

use crate::{
    call::Call,
    error::{ApiError, Code},
    suspects::Suspects,
};

/// What a server remembers of attempts to sign in.
pub(crate) struct SignIns {
    verified: VerifiedSecrets,
    rejected: RejectedPasswords,
    limiter: FailureLimiter,
    suspects: Suspects,
}

impl SignIns {
    pub(crate) fn new(limits: FailureLimits, entropy: &dyn Entropy) -> Self {
        Self {
            verified: VerifiedSecrets::new(entropy),
            rejected: RejectedPasswords::new(entropy),
            limiter: FailureLimiter::new(limits),
            suspects: Suspects::new(),
        }
    }
}

/// Somebody who says that it is an account.
struct Claimant {
    name: String,
    /// The account of that name, if there is one.
    account: Option<SystemAccount>,
    /// What the password is checked against, or what stands in for it.
    stored: SecretHash,
    password: SecretString,
}

/// Finds out which account calls.
pub(crate) async fn account(call: &Call) -> Result<SystemAccount, ApiError> {
    let claimant = Claimant::of(call).await?;
    let sign_ins = &call.deps.sign_ins;
    if let Some(account) = claimant.remembered(&sign_ins.verified) {
        return Ok(account);
    }
    let (name, address) = (claimant.name.as_str(), call.address());
    // Counted before it is known, so that many at once are not all taken for the first.
    let limited = sign_ins
        .limiter
        .record_failure(name, address, call.deps.now());
    let refused = || match limited {
        Ok(()) => refuse(),
        Err(limited) => wait(limited),
    };
    let password = claimant.password.expose_secret();
    if sign_ins.rejected.check(&claimant.stored, password) {
        return Err(refused());
    }
    let verdict = match limited {
        Ok(()) => claimant.check(call).await?,
        Err(limited) => {
            let turn = sign_ins.suspects.turn((name, Network::of(address))).await;
            let turn = turn.ok_or_else(|| wait(limited))?;
            let begun = Instant::now();
            // It may have been found right for another request of the same account.
            if let Some(account) = claimant.remembered(&sign_ins.verified) {
                sign_ins.limiter.forgive(name, address);
                return Ok(account);
            }
            let verdict = claimant.check(call).await.map_err(|_| wait(limited));
            turn.rest(begun.elapsed());
            verdict?
        }
    };
    let Some(account) = &claimant.account else {
        return Err(refused());
    };
    match verdict {
        Verdict::Wrong => return Err(refused()),
        Verdict::Right => {}
        Verdict::RightButOutdated(new) => rehash(call, account, new).await,
    }
    sign_ins.limiter.forgive(name, address);
    Ok(account.clone())
}

impl Claimant {
    async fn of(call: &Call) -> Result<Self, ApiError> {
        let header = call.authorization().map_err(|_| refuse())?;
        let header = header.ok_or_else(refuse)?;
        let credentials = basic::parse(header).map_err(|_| refuse())?;
        let username = Username::parse(&credentials.username).map_err(|_| refuse())?;
        let account = call
            .glance(move |unit| Ok(unit.accounts().by_username(&username)?))
            .await?;
        let name = credentials.username;
        let stored = match &account {
            Some(account) => account.password_hash.clone(),
            None => RejectedPasswords::stand_in(&name),
        };
        Ok(Self {
            name,
            account,
            stored,
            password: credentials.password,
        })
    }

    /// The account, if its password was right before. A name that nobody has takes as long.
    fn remembered(&self, verified: &VerifiedSecrets) -> Option<SystemAccount> {
        let is_right = verified.check(&self.stored, self.password.expose_secret());
        self.account.clone().filter(|_| is_right)
    }

    /// Checks the password, and remembers what it is before the next check begins: of many
    /// requests that come with it at once only the first pays. A name that nobody has costs
    /// as much as a wrong password.
    async fn check(&self, call: &Call) -> Result<Verdict, ApiError> {
        let (stored, password) = (self.stored.clone(), self.password.clone());
        let is_known = self.account.is_some();
        let deps = Arc::clone(&call.deps);
        call.hash(move |hasher: &Hasher| {
            let password = password.expose_secret();
            // While it waited for its turn, another request may have found out.
            let SignIns {
                verified, rejected, ..
            } = &deps.sign_ins;
            if rejected.check(&stored, password) {
                return Verdict::Wrong;
            }
            if verified.check(&stored, password) {
                return Verdict::Right;
            }
            let verdict = if is_known {
                hasher.verify_password(password, &stored)
            } else {
                hasher.burn_password(password);
                Verdict::Wrong
            };
            match verdict {
                Verdict::Wrong => rejected.remember(&stored, password),
                Verdict::Right => verified.remember(&stored, password),
                Verdict::RightButOutdated(_) => {}
            }
            verdict
        })
        .await
    }
}

/// Stores a hash with newer parameters. That it fails is no reason to refuse the caller:
/// the next sign-in tries again.
async fn rehash(call: &Call, account: &SystemAccount, new: SecretHash) {
    let (id, old) = (account.id, account.password_hash.clone());
    let stored = call
        .write_aside(move |unit| Ok(unit.accounts().rehash(id, &old, &new)?))
        .await;
    if let Err(error) = stored {
        tracing::warn!(cause = error.cause, "a password could not be hashed anew");
    }
}

fn refuse() -> ApiError {
    ApiError::new(Code::Unauthorized, "Bad credentials.")
        .challenge("Basic realm=\"Secured Area\", charset=\"UTF-8\"")
}

fn wait(limited: Limited) -> ApiError {
    let message = "There were too many failed attempts; try again later.";
    ApiError::new(Code::TooManyRequests, message)
        .retry_after(limited.retry_after_seconds)
        .caused_by(limited)
}
