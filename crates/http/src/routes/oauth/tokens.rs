//! `POST /oauth/introspect` (RFC 7662) and `POST /oauth/revoke` (RFC 7009), contract §3.3.

use std::sync::Arc;

use actix_web::{HttpResponse, http::StatusCode};
use serde::Serialize;
use tenantry_auth::token::{AccessClaims, Verified};
use tenantry_domain::{
    client::{ClientId, KnownClient},
    clock::Timestamp,
    id::TenantId,
    token::RevokedToken,
    usecase::tokens,
};

use super::{
    parameters::{Parameters, Presented},
    token::authenticate,
};
use crate::{answer, call::Call, caller::Anybody, error::ApiError, keys};

/// What is told of a token (RFC 7662 §2.2); of one that is not active, only that.
#[derive(Serialize)]
struct Introspection<'a> {
    active: bool,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    token: Option<ActiveToken<'a>>,
}

#[derive(Serialize)]
struct ActiveToken<'a> {
    #[serde(skip_serializing_if = "str::is_empty")]
    scope: &'a str,
    client_id: &'a str,
    token_type: &'a str,
    exp: i64,
    iat: i64,
    sub: &'a str,
    aud: &'a str,
    iss: &'a str,
    jti: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    tenant_id: Option<TenantId>,
}

pub(super) async fn introspect(_: Anybody, mut call: Call) -> Result<HttpResponse, ApiError> {
    let parameters = Parameters::read(&mut call).await?;
    let presented = Presented::read(&call, &parameters)?;
    let token = parameters.required("token")?.to_owned();
    let (asking, ()) = authenticate(&call, &presented, |_| Ok(())).await?;
    let claims = active_claims(&call, &asking, &token).await?;
    let token = claims.as_ref().map(|claims| ActiveToken {
        scope: &claims.scope,
        client_id: &claims.client_id,
        token_type: "Bearer",
        exp: claims.exp,
        iat: claims.iat,
        sub: &claims.sub,
        aud: &claims.aud,
        iss: &claims.iss,
        jti: &claims.jti,
        tenant_id: claims.tenant_id,
    });
    let body = Introspection {
        active: token.is_some(),
        token,
    };
    Ok(answer::json(StatusCode::OK, &body))
}

/// The claims of a token that may still be used and that the asking client may be told of.
async fn active_claims(
    call: &Call,
    asking: &KnownClient,
    token: &str,
) -> Result<Option<AccessClaims>, ApiError> {
    let Some((verified, id)) = verified(call, token).await? else {
        return Ok(None);
    };
    let Verified { mut claims, kid } = verified;
    let token_id = claims.jti.clone();
    let subject = call
        .glance(move |unit| tokens::client_of_active(unit, &id, &token_id, &kid))
        .await?;
    let told = subject.filter(|subject| tokens::may_introspect(asking, subject));
    Ok(told.map(|subject| {
        // What the client has lost since, the token does not grant any more.
        claims.scope = subject.granted(&claims.scope).to_string();
        claims
    }))
}

/// Revokes a token of the client's own. What is no such token is as good as revoked: the
/// answer is the same (RFC 7009 §2.2).
pub(super) async fn revoke(_: Anybody, mut call: Call) -> Result<HttpResponse, ApiError> {
    let parameters = Parameters::read(&mut call).await?;
    let presented = Presented::read(&call, &parameters)?;
    let token = parameters.required("token")?.to_owned();
    let (asking, ()) = authenticate(&call, &presented, |_| Ok(())).await?;
    let verified = verified(&call, &token).await?;
    let own = verified.filter(|(_, id)| *id == asking.client.id);
    if let Some((Verified { claims, .. }, _)) = own {
        let expires_at = claims
            .exp
            .checked_mul(1_000_000)
            .and_then(Timestamp::from_unix_micros);
        let expires_at =
            expires_at.ok_or_else(|| ApiError::internal("a verified token never expires"))?;
        let token = RevokedToken {
            id: claims.jti,
            expires_at,
        };
        let now = call.deps.now();
        call.change(StatusCode::OK, move |unit| {
            tokens::revoke(unit, &token, now)
        })
        .await?;
    }
    Ok(HttpResponse::Ok().finish())
}

/// A token that this server has signed for whomever, and whose it is.
async fn verified(call: &Call, token: &str) -> Result<Option<(Verified, ClientId)>, ApiError> {
    let verified = keys::verify(call, token, None).await?.ok();
    Ok(verified.and_then(|verified| {
        let id = ClientId::parse(&verified.claims.client_id).ok()?;
        Some((Arc::unwrap_or_clone(verified), id))
    }))
}
