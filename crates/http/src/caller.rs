//! Who calls: authentication and authorization, before anything else of a request is read.

use std::marker::PhantomData;

use actix_web::http::Method;
use futures_util::future::{FutureExt, LocalBoxFuture};
use tenantry_auth::{
    bearer,
    policy::Permission,
    principal::{ManagementPrincipal, SystemPrincipal},
};
use tenantry_domain::{
    change::Actor,
    client::{ClientId, ClientOwner},
    clock::Timestamp,
    event::EventName,
    usecase::{Context, tokens},
};

use crate::{
    call::Call,
    error::{ApiError, Code},
    keys,
    operation::{Access, OperationName, Verb},
    sign_in,
};

/// Somebody who may call an operation: the first parameter of every handler.
pub(crate) trait Caller: Sized + 'static {
    /// Who may.
    const ACCESS: Access;

    /// The methods of the operations that this caller asks for.
    type Method: Into<Method>;

    /// How the operations that this caller asks for are called.
    type Name: Into<OperationName>;

    /// Finds out who calls, and refuses whoever may not.
    fn authenticate(call: &Call) -> LocalBoxFuture<'_, Result<Self, ApiError>>;
}

/// Everybody.
pub(crate) struct Anybody;

impl Caller for Anybody {
    const ACCESS: Access = Access::Public;

    type Method = Method;

    type Name = OperationName;

    fn authenticate(_: &Call) -> LocalBoxFuture<'_, Result<Self, ApiError>> {
        std::future::ready(Ok(Self)).boxed_local()
    }
}

/// A management client whose token grants the permission `P`.
pub(crate) struct Management<P> {
    pub(crate) principal: ManagementPrincipal,
    permission: PhantomData<P>,
}

impl<P> Management<P> {
    pub(crate) fn context(&self, call: &Call) -> Context {
        call.context(Actor::Client(self.principal.client_id.clone()))
    }
}

impl<P: Permission> Caller for Management<P> {
    const ACCESS: Access = Access::Management(P::SCOPE);

    /// POST is not among them: see [`Operation::create`](crate::operation::Operation::create).
    type Method = Verb;

    type Name = EventName;

    fn authenticate(call: &Call) -> LocalBoxFuture<'_, Result<Self, ApiError>> {
        async move {
            let principal = bearer_principal(call).await?;
            call.trace.set_actor(principal.client_id.to_string());
            call.trace.set_client(&principal.client_id);
            if principal.scopes.allows(P::SCOPE) {
                return Ok(Self {
                    principal,
                    permission: PhantomData,
                });
            }
            let challenge = format!(
                "Bearer realm=\"tenantry\", error=\"insufficient_scope\", scope=\"{}\"",
                P::SCOPE
            );
            let message = format!("The access token lacks the scope {}.", P::SCOPE);
            Err(ApiError::new(Code::InsufficientScope, message).challenge(challenge))
        }
        .boxed_local()
    }
}

async fn bearer_principal(call: &Call) -> Result<ManagementPrincipal, ApiError> {
    let missing = || {
        ApiError::new(Code::Unauthorized, "This operation needs a bearer token.")
            .challenge("Bearer realm=\"tenantry\"")
    };
    let header = call
        .authorization()
        .map_err(|_| missing())?
        .ok_or_else(missing)?;
    let token = bearer::parse(header)
        .map_err(refuse_token)?
        .ok_or_else(missing)?;
    let issuer = call.deps.config.public_url.as_str();
    let verified = keys::verify(call, token, Some(issuer)).await?;
    let verified = verified.map_err(refuse_token)?;
    let claims = &verified.claims;
    let id = ClientId::parse(&claims.client_id).map_err(refuse_token)?;
    let (token_id, kid) = (claims.jti.clone(), verified.kid.clone());
    let known = call
        .glance({
            let kid = kid.clone();
            move |unit| tokens::client_of_active(unit, &id, &token_id, &kid)
        })
        .await?;
    let known = known.ok_or_else(|| {
        refuse_token("it is revoked, or its client is gone, disabled or of a suspended tenant")
    })?;
    let ClientOwner::Operator(access) = &known.client.owner else {
        return Err(refuse_token("it is a tenant client's"));
    };
    let uses = &call.deps.uses;
    uses.record(known.client.key, None, call.deps.now());
    Ok(ManagementPrincipal {
        client_id: known.client.id.clone(),
        scopes: known.granted(&claims.scope),
        access: access.clone(),
        token_id: claims.jti.clone(),
        key_id: kid,
        expires_at: Timestamp::from_unix_seconds(claims.exp),
        claimed_scope: claims.scope.clone(),
    })
}

pub(crate) fn refuse_token(cause: impl std::fmt::Display) -> ApiError {
    ApiError::new(Code::InvalidToken, "The access token is not valid.")
        .challenge("Bearer realm=\"tenantry\", error=\"invalid_token\"")
        .caused_by(cause)
}

/// A system account.
pub(crate) struct System {
    pub(crate) principal: SystemPrincipal,
}

impl System {
    pub(crate) fn context(&self, call: &Call) -> Context {
        call.context(Actor::SystemAccount(self.principal.account))
    }
}

impl Caller for System {
    const ACCESS: Access = Access::System;

    type Method = Method;

    type Name = EventName;

    fn authenticate(call: &Call) -> LocalBoxFuture<'_, Result<Self, ApiError>> {
        async move {
            let account = sign_in::account(call).await?;
            call.trace.set_actor(account.username.to_string());
            let principal = SystemPrincipal {
                account: account.id,
                username: account.username,
            };
            Ok(Self { principal })
        }
        .boxed_local()
    }
}
