//! `POST /oauth/token`: the client credentials grant (RFC 6749 §4.4, contract §3.1).

use actix_web::{HttpResponse, http::StatusCode};
use secrecy::ExposeSecret;
use serde::Serialize;
use tenantry_auth::{
    client_auth::{self, Authenticated},
    token::AccessClaims,
};
use tenantry_domain::{
    client::{ClientId, KnownClient},
    id::RequestId,
    port::{Snapshot, StoreError},
    scope::ScopeSet,
};

use super::parameters::{Parameters, Presented, RESOURCE, refuse};
use crate::{
    answer,
    call::Call,
    caller::Anybody,
    error::{ApiError, Code},
    keys,
};

/// The grant that this server knows.
const CLIENT_CREDENTIALS: &str = "client_credentials";

/// A successful answer (RFC 6749 §5.1).
#[derive(Serialize)]
struct Answer<'a> {
    access_token: &'a str,
    expires_in: u32,
    token_type: &'a str,
    /// Absent where there is none: RFC 6749 §3.3 knows no empty scope.
    #[serde(skip_serializing_if = "str::is_empty")]
    scope: &'a str,
}

pub(super) async fn create(_: Anybody, mut call: Call) -> Result<HttpResponse, ApiError> {
    let mut grant = "other";
    let issued = issue(&mut call, &mut grant).await;
    let metrics = &call.deps.metrics;
    match &issued {
        Ok(_) => metrics.tokens_issued.with_label_values(&[grant]).inc(),
        Err(error) => {
            let labels = [grant, error.code.as_str()];
            metrics.tokens_refused.with_label_values(&labels).inc();
        }
    }
    issued
}

/// `grant` is told to be the one that this server knows, where it is that which is asked for.
async fn issue(call: &mut Call, grant: &mut &'static str) -> Result<HttpResponse, ApiError> {
    let parameters = Parameters::read(call).await?;
    let presented = Presented::read(call, &parameters)?;
    if parameters.required("grant_type")? != CLIENT_CREDENTIALS {
        return Err(ApiError::new(
            Code::UnsupportedGrantType,
            "The only grant that this server knows is client_credentials.",
        ));
    }
    *grant = CLIENT_CREDENTIALS;
    // What is wrong with the request is told before who asks is looked at, so that
    // nothing in the answer hangs on whether the client exists.
    let scope = parameters.get("scope");
    let kid = call.deps.keys.current();
    let kid = kid.signing_kid(call.deps.now()).map(str::to_owned);
    let is_retired = move |unit: &mut dyn Snapshot| match &kid {
        Some(kid) => unit.tokens().is_key_revoked(kid),
        None => Ok(true),
    };
    let (known, is_retired) = authenticate(call, &presented, is_retired).await?;
    let audience = choose_audience(call, &known, &parameters)?;
    let scope = choose_scopes(&known, scope)?.to_string();
    if is_retired || !call.deps.keys.is_fresh(call.deps.now()) {
        keys::renew(call).await?;
    }
    let (token, expires_in) = sign(call, &known, audience, &scope)?;
    Ok(answer::json(
        StatusCode::OK,
        &Answer {
            access_token: &token,
            expires_in,
            token_type: "Bearer",
            scope: &scope,
        },
    ))
}

/// Finds out which client asks, and what `also` reads in the same snapshot. Every refusal
/// looks the same and takes the same time.
pub(super) async fn authenticate<T: Send + 'static>(
    call: &Call,
    presented: &Presented,
    also: impl FnOnce(&mut dyn Snapshot) -> Result<T, StoreError> + Send + 'static,
) -> Result<(KnownClient, T), ApiError> {
    let deps = &call.deps;
    // What can't be an id is looked for all the same, by one that nobody has.
    let id = ClientId::parse(&presented.client_id).or_else(|_| ClientId::parse("~"));
    let id = id.map_err(ApiError::internal)?;
    let (known, also) = call
        .look_up(move |unit| Ok((unit.clients().known(&id)?, also(unit)?)))
        .await?;
    let known = known.filter(|known| known.client.id.as_str() == presented.client_id);
    if let Some(known) = &known {
        call.trace.set_client(&known.client.id);
        if let Some(tenant) = &known.tenant {
            call.trace.concerns(tenant.id, None);
        }
    }
    let now = deps.now();
    let secret = presented.secret.expose_secret();
    let checked = client_auth::authenticate(
        &deps.hasher,
        &deps.verified_secrets,
        known.as_ref(),
        secret,
        now,
    );
    match (checked, known) {
        (Ok(authenticated), Some(known)) => {
            call.trace.set_actor(known.client.id.to_string());
            let secret = Some(authenticated.secret);
            deps.uses.record(known.client.key, secret, now);
            rehash(call, &known, authenticated).await;
            Ok((known, also))
        }
        (Ok(_), None) => Err(ApiError::internal("an unknown client was authenticated")),
        (Err(refused), _) => {
            let message = "The client is unknown, its secret is wrong, or it may not be used.";
            let limited = deps
                .limiter
                .record_failure(&presented.client_id, call.address(), now);
            Err(match limited {
                Ok(()) => refuse(presented.by_basic, message).caused_by(refused),
                Err(limited) => {
                    let message = "There were too many failed attempts; try again later.";
                    ApiError::new(Code::TooManyRequests, message)
                        .retry_after(limited.retry_after_seconds)
                        .caused_by(refused)
                }
            })
        }
    }
}

/// Stores a hash with newer parameters. That it fails is no reason to refuse the client:
/// its next token tries again.
async fn rehash(call: &Call, known: &KnownClient, authenticated: Authenticated) {
    let Authenticated {
        secret,
        rehash: Some(new),
    } = authenticated
    else {
        return;
    };
    let Some(old) = known.secrets.iter().find(|one| one.id == secret) else {
        return;
    };
    let (key, old) = (known.client.key, old.hash.clone());
    let stored = call
        .write_aside(move |unit| Ok(unit.clients().rehash(key, secret, &old, &new)?))
        .await;
    if let Err(error) = stored {
        tracing::warn!(
            cause = error.cause,
            "a client secret could not be hashed anew"
        );
    }
}

/// The client's own audience, which is the only one that it may name, as `audience` or as
/// `resource` (RFC 8707 §2).
fn choose_audience(
    call: &Call,
    known: &KnownClient,
    parameters: &Parameters,
) -> Result<String, ApiError> {
    let own = known.audience(&call.deps.config.public_url);
    let mut audiences = parameters.all("audience");
    // A resource is a URI, and many libraries write that of a host with a slash at its end.
    let is_own = |resource: &str| resource.strip_suffix('/').unwrap_or(resource) == own;
    if audiences.any(|wanted| wanted != own) || !parameters.all(RESOURCE).all(is_own) {
        let message = "The client gets no tokens for that audience.";
        return Err(ApiError::new(Code::InvalidTarget, message));
    }
    Ok(own)
}

/// All of the client's scopes, or those of them that it asks for.
fn choose_scopes(known: &KnownClient, wanted: Option<&str>) -> Result<ScopeSet, ApiError> {
    let Some(wanted) = wanted else {
        return Ok(known.client.scopes.clone());
    };
    let refused = || {
        let message = "The client does not have every scope that it asks for.";
        ApiError::new(Code::InvalidScope, message)
    };
    let wanted = ScopeSet::parse(wanted).map_err(|_| refused())?;
    if wanted.is_subset(&known.client.scopes) {
        Ok(wanted)
    } else {
        Err(refused())
    }
}

fn sign(
    call: &Call,
    known: &KnownClient,
    audience: String,
    scope: &str,
) -> Result<(String, u32), ApiError> {
    let deps = &call.deps;
    let now = deps.now();
    if !deps.keys.is_fresh(now) {
        let cause = "the signing keys could not be read for too long to sign with them";
        return Err(ApiError::overloaded(cause.to_owned()));
    }
    let ring = deps.keys.current();
    let longest = ring.longest_token_ttl(now);
    let longest = longest.ok_or_else(|| ApiError::internal("every signing key is dead"))?;
    let token_ttl = deps.config.token_ttl.min(longest);
    let iat = now.unix_seconds();
    let claims = AccessClaims {
        iss: deps.config.public_url.clone(),
        sub: known.client.id.to_string(),
        client_id: known.client.id.to_string(),
        aud: audience,
        iat,
        exp: iat + i64::from(token_ttl),
        jti: RequestId::generate(now, deps.entropy()).to_string(),
        scope: scope.to_owned(),
        tenant_id: known.tenant.as_ref().map(|tenant| tenant.id),
    };
    let token = ring.sign(&claims, now).map_err(ApiError::internal)?;
    Ok((token, token_ttl))
}
