//! The authorization server (contract §3).

mod parameters;
mod token;
mod tokens;

use actix_web::http::Method;
use tenantry_domain::event::EventName;

use crate::{negotiate::Produces, operation::Operation};

pub(super) fn operations() -> Vec<Operation> {
    let post = Method::POST;
    let json = Produces::Json;
    vec![
        Operation::new(
            EventName::AccessTokenCreate.into(),
            post.clone(),
            "/oauth/token",
            json,
            token::create,
        ),
        Operation::new(
            EventName::AccessTokenIntrospect.into(),
            post.clone(),
            "/oauth/introspect",
            json,
            tokens::introspect,
        ),
        Operation::new(
            EventName::AccessTokenRevoke.into(),
            post,
            "/oauth/revoke",
            json,
            tokens::revoke,
        ),
    ]
}
