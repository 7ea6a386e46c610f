//! Tenants' clients and their secrets.

use super::super::described::{Answer, Body, Described, JSON};
use crate::error::Code;

const TAG: &str = "Tenant clients";

pub(super) const ALL: &[Described] = &[
    Described {
        name: "TENANT_CLIENT_RETRIEVE_LIST",
        id: "listTenantClients",
        tag: TAG,
        summary: "List a tenant's clients",
        description: "Oldest first, page by page, never with a secret.",
        parameters: &["Limit", "Cursor"],
        answers: &[Answer::ok("A page of clients.", &[(JSON, "ClientList")])],
        errors: &[Code::ValidationError, Code::TenantNotFound],
        ..Described::NEW
    },
    Described {
        name: "TENANT_CLIENT_CREATE",
        id: "createTenantClient",
        tag: TAG,
        summary: "Create a client of a tenant",
        description: "The answer is the only one that shows the secret.",
        body: Some(Body::Json("ClientCreate")),
        answers: &[Answer::of(
            201,
            "The client with its secret.",
            &[(JSON, "ClientCreated")],
        )
        .with(&["Location"])],
        errors: &[Code::ValidationError, Code::TenantNotFound],
        ..Described::NEW
    },
    Described {
        name: "TENANT_CLIENT_RETRIEVE",
        id: "getTenantClient",
        tag: TAG,
        summary: "Retrieve a client of a tenant",
        answers: &[Answer::ok("The client.", &[(JSON, "ClientDetail")])],
        errors: &[
            Code::ValidationError,
            Code::TenantNotFound,
            Code::ClientNotFound,
        ],
        ..Described::NEW
    },
    Described {
        name: "TENANT_CLIENT_UPDATE",
        id: "updateTenantClient",
        tag: TAG,
        summary: "Change, disable or enable a client of a tenant",
        description: "A JSON merge patch (RFC 7396). Tokens of a disabled client are dead at once. Clients have no \
                      entity tag, so an `If-Match` other than `*` is a 412.",
        parameters: &["IfMatch"],
        body: Some(Body::MergePatch("ClientPatch")),
        answers: &[Answer::ok(
            "The client as it is now.",
            &[(JSON, "ClientDetail")],
        )],
        errors: &[
            Code::ValidationError,
            Code::TenantNotFound,
            Code::ClientNotFound,
        ],
    },
    Described {
        name: "TENANT_CLIENT_DELETE",
        id: "deleteTenantClient",
        tag: TAG,
        summary: "Delete a client of a tenant",
        description: "Its tokens are dead at once. Clients have no entity tag, so an `If-Match` other than `*` is a 412.",
        parameters: &["IfMatch"],
        answers: &[Answer::GONE],
        errors: &[
            Code::ValidationError,
            Code::TenantNotFound,
            Code::ClientNotFound,
        ],
        ..Described::NEW
    },
    Described {
        name: "TENANT_CLIENT_SECRET_RETRIEVE_LIST",
        id: "listTenantClientSecrets",
        tag: TAG,
        summary: "List a client's secrets",
        description: "Those that work, oldest first, without their values.",
        parameters: &["Limit", "Cursor"],
        answers: &[Answer::ok("The secrets.", &[(JSON, "SecretList")])],
        errors: &[
            Code::ValidationError,
            Code::TenantNotFound,
            Code::ClientNotFound,
        ],
        ..Described::NEW
    },
    Described {
        name: "TENANT_CLIENT_SECRET_CREATE",
        id: "rotateTenantClientSecret",
        tag: TAG,
        summary: "Rotate a client's secret",
        description: "Both secrets work until the previous one expires. At most two do: another rotation in the meantime \
                      retires the older one. Tokens live on.",
        body: Some(Body::Json("Rotation")),
        answers: &[Answer::of(
            201,
            "The new secret.",
            &[(JSON, "SecretRotated")],
        )],
        errors: &[
            Code::ValidationError,
            Code::TenantNotFound,
            Code::ClientNotFound,
        ],
        ..Described::NEW
    },
    Described {
        name: "TENANT_CLIENT_SECRET_DELETE",
        id: "retireTenantClientSecret",
        tag: TAG,
        summary: "Retire one of a client's secrets",
        description: "The last one can't be retired.",
        answers: &[Answer::GONE],
        errors: &[
            Code::ValidationError,
            Code::TenantNotFound,
            Code::ClientNotFound,
            Code::SecretNotFound,
            Code::LastSecret,
        ],
        ..Described::NEW
    },
];
