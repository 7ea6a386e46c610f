//! Environments and tenants.

use super::super::described::{Answer, Body, Described, JSON};
use crate::error::Code;

const LIST: &str = "Oldest first, page by page: every page that is not empty has a `nextCursor`, the last one too.";

pub(super) const ALL: &[Described] = &[
    Described {
        name: "ENVIRONMENT_RETRIEVE_LIST",
        id: "listEnvironments",
        tag: "Environments",
        summary: "List environments",
        description: LIST,
        parameters: &["Limit", "Cursor"],
        answers: &[Answer::ok(
            "A page of environments.",
            &[(JSON, "EnvironmentList")],
        )],
        errors: &[Code::ValidationError],
        ..Described::NEW
    },
    Described {
        name: "ENVIRONMENT_CREATE",
        id: "createEnvironment",
        tag: "Environments",
        summary: "Create an environment",
        description: "Domains are unique. A region is known by its name: where there is one of that name, the \
                      environment lies in it. A client that is bound to environments makes none.",
        body: Some(Body::Json("EnvironmentCreate")),
        answers: &[
            Answer::of(201, "The environment.", &[(JSON, "Environment")])
                .with(&["Location", "ETag"]),
        ],
        errors: &[
            Code::ValidationError,
            Code::DomainTaken,
            Code::EnvironmentForbidden,
        ],
        ..Described::NEW
    },
    Described {
        name: "ENVIRONMENT_RETRIEVE",
        id: "getEnvironment",
        tag: "Environments",
        summary: "Retrieve an environment",
        parameters: &["IfNoneMatch"],
        answers: &[
            Answer::ok("The environment.", &[(JSON, "Environment")]).with(&["ETag"]),
            Answer::NOT_MODIFIED,
        ],
        errors: &[Code::ValidationError, Code::EnvironmentNotFound],
        ..Described::NEW
    },
    Described {
        name: "ENVIRONMENT_UPDATE",
        id: "updateEnvironment",
        tag: "Environments",
        summary: "Change an environment",
        description: "A JSON merge patch (RFC 7396). The domains can be changed while there is no tenant in the \
                      environment.",
        parameters: &["IfMatch"],
        body: Some(Body::MergePatch("EnvironmentPatch")),
        answers: &[
            Answer::ok("The environment as it is now.", &[(JSON, "Environment")]).with(&["ETag"]),
        ],
        errors: &[
            Code::ValidationError,
            Code::DomainTaken,
            Code::EnvironmentNotFound,
            Code::VersionConflict,
        ],
    },
    Described {
        name: "ENVIRONMENT_DELETE",
        id: "deleteEnvironment",
        tag: "Environments",
        summary: "Delete an environment",
        description: "It must be empty, and not the one that tenants of the system API go to.",
        parameters: &["IfMatch"],
        answers: &[Answer::GONE],
        errors: &[
            Code::ValidationError,
            Code::EnvironmentNotFound,
            Code::EnvironmentNotEmpty,
            Code::EnvironmentIsDefault,
        ],
        ..Described::NEW
    },
    Described {
        name: "TENANT_RETRIEVE_LIST",
        id: "listTenants",
        tag: "Tenants",
        summary: "List tenants",
        description: "Oldest first, page by page, without `data`. All filters must hold.",
        parameters: &[
            "Limit",
            "Cursor",
            "EnvironmentId",
            "Subdomain",
            "TenantStatus",
            "NamePrefix",
        ],
        answers: &[Answer::ok("A page of tenants.", &[(JSON, "TenantList")])],
        errors: &[Code::ValidationError],
        ..Described::NEW
    },
    Described {
        name: "TENANT_CREATE",
        id: "createTenant",
        tag: "Tenants",
        summary: "Create a tenant and its first client",
        description: "Both are made in one transaction. The answer is the only one that shows the client's secret. \
                      Subdomains are unique within an environment.",
        body: Some(Body::Json("TenantCreate")),
        answers: &[Answer::of(
            201,
            "The tenant, and its client with the secret.",
            &[(JSON, "TenantCreated")],
        )
        .with(&["Location", "ETag"])],
        errors: &[
            Code::ValidationError,
            Code::SubdomainTaken,
            Code::EnvironmentForbidden,
        ],
        ..Described::NEW
    },
    Described {
        name: "TENANT_RETRIEVE",
        id: "getTenant",
        tag: "Tenants",
        summary: "Retrieve a tenant",
        parameters: &["IfNoneMatch"],
        answers: &[
            Answer::ok("The tenant with its data.", &[(JSON, "TenantDetail")]).with(&["ETag"]),
            Answer::NOT_MODIFIED,
        ],
        errors: &[Code::ValidationError, Code::TenantNotFound],
        ..Described::NEW
    },
    Described {
        name: "TENANT_UPDATE",
        id: "updateTenant",
        tag: "Tenants",
        summary: "Change, suspend or resume a tenant",
        description: "A JSON merge patch (RFC 7396). The version rises by one with every patch. A suspended tenant's \
                      clients get no tokens, and their tokens are not active.",
        parameters: &["IfMatch"],
        body: Some(Body::MergePatch("TenantPatch")),
        answers: &[
            Answer::ok("The tenant as it is now.", &[(JSON, "TenantDetail")]).with(&["ETag"]),
        ],
        errors: &[
            Code::ValidationError,
            Code::TenantNotFound,
            Code::VersionConflict,
        ],
    },
    Described {
        name: "TENANT_DELETE",
        id: "deleteTenant",
        tag: "Tenants",
        summary: "Delete a tenant",
        description: "Its clients and their tokens are dead at once, and its subdomain is free again.",
        parameters: &["IfMatch"],
        answers: &[Answer::GONE],
        errors: &[Code::ValidationError, Code::TenantNotFound],
        ..Described::NEW
    },
    Described {
        name: "TENANT_RESOLVE",
        id: "resolveHost",
        tag: "Tenants",
        summary: "Find the tenant of a host name",
        description: "The 404 tells whether no environment has tenants directly below the domain, or the environment \
                      has no tenant of that subdomain.",
        parameters: &["Host", "IfNoneMatch"],
        answers: &[
            Answer::ok("The tenant with its data.", &[(JSON, "TenantDetail")]).with(&["ETag"]),
            Answer::NOT_MODIFIED,
        ],
        errors: &[
            Code::ValidationError,
            Code::EnvironmentNotFound,
            Code::TenantNotFound,
        ],
        ..Described::NEW
    },
];
