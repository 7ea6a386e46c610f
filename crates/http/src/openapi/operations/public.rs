//! Discovery, health, metrics and this document.

use super::super::described::{Answer, Described, JSON};

const DISCOVERY: &str = "Discovery";
const OPERATIONS: &str = "Operations";

pub(super) const ALL: &[Described] = &[
    Described {
        name: "SIGNING_KEY_RETRIEVE_LIST",
        id: "getJwks",
        tag: DISCOVERY,
        summary: "Retrieve the public keys that tokens are signed with",
        description: "RFC 7517. Take the key that a token's `kid` names. Answered also while the database is away.",
        answers: &[Answer::ok("The key set.", &[(JSON, "JwkSet")])],
        ..Described::NEW
    },
    Described {
        name: "AUTHORIZATION_SERVER_METADATA_RETRIEVE",
        id: "getAuthorizationServerMetadata",
        tag: DISCOVERY,
        summary: "Retrieve the authorization server's metadata",
        description: "RFC 8414.",
        answers: &[Answer::ok(
            "The metadata.",
            &[(JSON, "AuthorizationServerMetadata")],
        )],
        ..Described::NEW
    },
    Described {
        name: "OPENID_CONFIGURATION_RETRIEVE",
        id: "getOpenIdConfiguration",
        tag: DISCOVERY,
        summary: "Retrieve the same where OpenID clients look for it",
        answers: &[Answer::ok(
            "The metadata.",
            &[(JSON, "AuthorizationServerMetadata")],
        )],
        ..Described::NEW
    },
    Described {
        name: "LIVENESS_RETRIEVE",
        id: "getLiveness",
        tag: OPERATIONS,
        summary: "Ask whether the process can answer",
        answers: &[Answer::ok("It can.", &[(JSON, "Health")])],
        ..Described::NEW
    },
    Described {
        name: "READINESS_RETRIEVE",
        id: "getReadiness",
        tag: OPERATIONS,
        summary: "Ask whether the server is ready",
        answers: &[
            Answer::ok("The database answers and is migrated.", &[(JSON, "Health")]),
            Answer::of(503, "What is not ready.", &[(JSON, "Health")]).with(&["Retry-After"]),
        ],
        ..Described::NEW
    },
    Described {
        name: "METRICS_RETRIEVE",
        id: "getMetrics",
        tag: OPERATIONS,
        summary: "Retrieve metrics",
        description: "In the text format of Prometheus.",
        answers: &[Answer::ok("The metrics.", &[("text/plain", "Text")])],
        ..Described::NEW
    },
    Described {
        name: "OPENAPI_RETRIEVE",
        id: "getOpenApi",
        tag: OPERATIONS,
        summary: "Retrieve this document",
        parameters: &["IfNoneMatch"],
        answers: &[
            Answer::ok("The OpenAPI document.", &[(JSON, "OpenApiDocument")]).with(&["ETag"]),
            Answer::NOT_MODIFIED,
        ],
        ..Described::NEW
    },
    Described {
        name: "DOCS_RETRIEVE",
        id: "getDocs",
        tag: OPERATIONS,
        summary: "Read this document in a browser",
        description: "It loads nothing from anywhere but this server.",
        parameters: &["IfNoneMatch"],
        answers: &[
            Answer::ok("A page.", &[("text/html", "Text")]).with(&[
                "ETag",
                "Content-Security-Policy",
                "Referrer-Policy",
            ]),
            Answer::NOT_MODIFIED.with(&["ETag", "Content-Security-Policy", "Referrer-Policy"]),
        ],
        ..Described::NEW
    },
    asset("DOCS_SCRIPT_RETRIEVE", "getDocsScript", "text/javascript"),
    asset("DOCS_LIBRARY_RETRIEVE", "getDocsLibrary", "text/javascript"),
    asset("DOCS_STYLE_RETRIEVE", "getDocsStyle", "text/css"),
];

/// One part of the page.
const fn asset(name: &'static str, id: &'static str, media_type: &'static str) -> Described {
    let answers = match media_type.as_bytes() {
        b"text/css" => STYLE,
        _ => SCRIPT,
    };
    Described {
        name,
        id,
        tag: OPERATIONS,
        summary: "Retrieve a part of the page",
        parameters: &["IfNoneMatch"],
        answers,
        ..Described::NEW
    }
}

const STYLE: &[Answer] = &[
    Answer::ok("A part of the page.", &[("text/css", "Text")]).with(&["ETag"]),
    Answer::NOT_MODIFIED,
];

const SCRIPT: &[Answer] = &[
    Answer::ok("A part of the page.", &[("text/javascript", "Text")]).with(&["ETag"]),
    Answer::NOT_MODIFIED,
];
