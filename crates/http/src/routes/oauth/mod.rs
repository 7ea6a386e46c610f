//! The authorization server (contract §3).

mod parameters;
mod token;
mod tokens;

use actix_web::http::Method;

use crate::{negotiate::Produces, operation::Operation};

pub(super) fn operations() -> Vec<Operation> {
    let post = Method::POST;
    let json = Produces::Json;
    vec![
        Operation::new(
            "ACCESS_TOKEN_CREATE",
            post.clone(),
            "/oauth/token",
            json,
            token::create,
        ),
        Operation::new(
            "ACCESS_TOKEN_INTROSPECT",
            post.clone(),
            "/oauth/introspect",
            json,
            tokens::introspect,
        ),
        Operation::new(
            "ACCESS_TOKEN_REVOKE",
            post,
            "/oauth/revoke",
            json,
            tokens::revoke,
        ),
    ]
}
