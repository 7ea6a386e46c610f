//! Who calls: authentication and authorization, before anything else of a request is read.

use std::marker::PhantomData;

use actix_web::http::Method;
use futures_util::future::{FutureExt, LocalBoxFuture};
use secrecy::ExposeSecret;
use tenantry_auth::{
    basic, bearer,
    hashing::Verdict,
    policy::Permission,
    principal::{ManagementPrincipal, SystemPrincipal},
    token::{self, Expected},
};
use tenantry_domain::{
    account::{SystemAccount, Username},
    change::Actor,
    client::{ClientId, ClientOwner, SecretHash},
    usecase::{Context, tokens},
};

use crate::{
    call::Call,
    error::{ApiError, Code},
    operation::{Access, Verb},
};

/// Somebody who may call an operation: the first parameter of every handler.
pub(crate) trait Caller: Sized + 'static {
    /// Who may.
    const ACCESS: Access;

    /// The methods of the operations that this caller asks for.
    type Method: Into<Method>;

    /// Finds out who calls, and refuses whoever may not.
    fn authenticate(call: &Call) -> LocalBoxFuture<'_, Result<Self, ApiError>>;
}

/// Everybody.
pub(crate) struct Anybody;

impl Caller for Anybody {
    const ACCESS: Access = Access::Public;

    type Method = Method;

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

    fn authenticate(call: &Call) -> LocalBoxFuture<'_, Result<Self, ApiError>> {
        async move {
            let principal = bearer_principal(call).await?;
            call.trace.set_actor(principal.client_id.to_string());
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
    let deps = &call.deps;
    let issuer = deps.config.public_url.as_str();
    let expected = Expected {
        issuer,
        audience: Some(issuer),
    };
    let claims =
        token::verify(&deps.keys.current(), token, &expected, deps.now()).map_err(refuse_token)?;

    let id = ClientId::parse(&claims.client_id).map_err(refuse_token)?;
    let token_id = claims.jti.clone();
    let known = call
        .read(move |unit| tokens::client_of_active(unit, &id, &token_id))
        .await?;
    let known = known.ok_or_else(|| {
        refuse_token("it is revoked, or its client is gone, disabled or of a suspended tenant")
    })?;
    let ClientOwner::Operator(access) = &known.client.owner else {
        return Err(refuse_token("it is a tenant client's"));
    };
    Ok(ManagementPrincipal {
        client_id: known.client.id.clone(),
        scopes: known.granted(&claims.scope),
        access: access.clone(),
        token_id: claims.jti,
    })
}

fn refuse_token(cause: impl std::fmt::Display) -> ApiError {
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

    fn authenticate(call: &Call) -> LocalBoxFuture<'_, Result<Self, ApiError>> {
        async move {
            let account = basic_account(call).await?;
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

async fn basic_account(call: &Call) -> Result<SystemAccount, ApiError> {
    let header = call.authorization().map_err(|_| refuse_password())?;
    let header = header.ok_or_else(refuse_password)?;
    let credentials = basic::parse(header).map_err(|_| refuse_password())?;
    let username = Username::parse(&credentials.username).map_err(|_| refuse_password())?;
    let account = call
        .read(move |unit| Ok(unit.accounts().by_username(&username)?))
        .await?;
    let password = credentials.password;

    let Some(account) = account else {
        // An unknown name takes as long as a wrong password.
        call.hash(move |hasher| hasher.burn_password(password.expose_secret()))
            .await?;
        return Err(refuse_password());
    };
    let hash = account.password_hash.clone();
    if call.deps.verified.check(&hash, password.expose_secret()) {
        return Ok(account);
    }
    let stored = hash.clone();
    let presented = password.clone();
    let verdict = call
        .hash(move |hasher| hasher.verify_password(presented.expose_secret(), &stored))
        .await?;
    match verdict {
        Verdict::Wrong => Err(refuse_password()),
        Verdict::Right => {
            call.deps.verified.remember(&hash, password.expose_secret());
            Ok(account)
        }
        Verdict::RightButOutdated(new) => {
            rehash(call, &account, new).await;
            Ok(account)
        }
    }
}

/// Stores a hash with newer parameters. That it fails is no reason to refuse the caller:
/// the next sign-in tries again.
async fn rehash(call: &Call, account: &SystemAccount, new: SecretHash) {
    let (id, old) = (account.id, account.password_hash.clone());
    let stored = call
        .write(move |unit| Ok(unit.accounts().rehash(id, &old, &new)?))
        .await;
    if let Err(error) = stored {
        tracing::warn!(cause = error.cause, "a password could not be hashed anew");
    }
}

fn refuse_password() -> ApiError {
    ApiError::new(Code::Unauthorized, "Bad credentials.")
        .challenge("Basic realm=\"Secured Area\", charset=\"UTF-8\"")
}
