//! The authorization server.

use super::super::described::{Answer, Body, Described, JSON};
use crate::error::Code;

const TAG: &str = "Authorization";

pub(super) const ALL: &[Described] = &[
    Described {
        name: "ACCESS_TOKEN_CREATE",
        id: "createToken",
        tag: TAG,
        summary: "Get an access token",
        description: "The client credentials grant (RFC 6749 §4.4). The token is a JWT by RFC 9068.",
        body: Some(Body::JsonOrForm("TokenRequest")),
        answers: &[Answer::ok("The token.", &[(JSON, "Token")])],
        errors: &[
            Code::InvalidRequest,
            Code::UnsupportedGrantType,
            Code::InvalidScope,
            Code::InvalidTarget,
            Code::InvalidClient,
            Code::TooManyRequests,
        ],
        ..Described::NEW
    },
    Described {
        name: "ACCESS_TOKEN_INTROSPECT",
        id: "introspectToken",
        tag: TAG,
        summary: "Ask whether a token is active",
        description: "RFC 7662. A management client may ask about any token, a tenant's client about those of its own \
                      tenant; all others are not active to it.",
        body: Some(Body::JsonOrForm("TokenQuestion")),
        answers: &[Answer::ok(
            "What the token grants, if it is active.",
            &[(JSON, "Introspection")],
        )],
        errors: &[
            Code::InvalidRequest,
            Code::InvalidClient,
            Code::TooManyRequests,
        ],
        ..Described::NEW
    },
    Described {
        name: "ACCESS_TOKEN_REVOKE",
        id: "revokeToken",
        tag: TAG,
        summary: "Revoke a token",
        description: "RFC 7009. A client revokes its own tokens; what is no such token is as good as revoked.",
        body: Some(Body::JsonOrForm("TokenQuestion")),
        answers: &[Answer::ok("It is not active any more.", &[])],
        errors: &[
            Code::InvalidRequest,
            Code::InvalidClient,
            Code::TooManyRequests,
        ],
        ..Described::NEW
    },
];
