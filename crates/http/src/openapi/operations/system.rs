//! The system API and its documents for Hydra clients.

use super::super::described::{Answer, Body, Described};
use crate::error::Code;

const TAG: &str = "System API";
const HYDRA: &str = "Hydra";
const LD: &str = "application/ld+json";
const PLAIN: &str = "application/json";

const ITEM: &[(&str, &str)] = &[(LD, "RecordLd"), (PLAIN, "Record")];
const DOCUMENT: &[(&str, &str)] = &[(LD, "JsonLdDocument"), (PLAIN, "JsonLdDocument")];

pub(super) const ALL: &[Described] = &[
    Described {
        name: "SYSTEM_TENANT_RETRIEVE_LIST",
        id: "listRecords",
        tag: TAG,
        summary: "List tenants as records",
        description: "Different filters narrow, several values of one are alternatives. Unknown parameters are ignored.",
        parameters: &[
            "RecordNumber",
            "RecordNumbers",
            "RecordUuid",
            "RecordUuids",
            "CreatedBefore",
            "CreatedAfter",
            "CreatedStrictlyBefore",
            "CreatedStrictlyAfter",
            "UpdatedBefore",
            "UpdatedAfter",
            "UpdatedStrictlyBefore",
            "UpdatedStrictlyAfter",
            "OrderById",
            "OrderByCreation",
            "OrderByUpdate",
            "Page",
            "PageSynonym",
            "Size",
            "SizePerPage",
            "SizeSynonym",
        ],
        answers: &[Answer::ok(
            "A page of records: a Hydra collection, or a bare array in JSON.",
            &[(LD, "RecordCollection"), (PLAIN, "RecordList")],
        )],
        errors: &[Code::ValidationError],
        ..Described::NEW
    },
    Described {
        name: "SYSTEM_TENANT_CREATE",
        id: "createRecord",
        tag: TAG,
        summary: "Create a tenant as a record",
        description: "It goes to the default environment under the subdomain `t-<32 hexadecimal digits of its uuid>`, and \
                      has no client. The status is 200, or 201 where the operator has chosen so.",
        body: Some(Body::JsonOrJsonLd("RecordCreate")),
        answers: &[
            Answer::ok("The record.", ITEM).with(&["ETag"]),
            Answer::of(
                201,
                "The record, where the operator has chosen that status.",
                ITEM,
            )
            .with(&["ETag", "Location"]),
        ],
        errors: &[Code::ValidationError],
        ..Described::NEW
    },
    Described {
        name: "SYSTEM_TENANT_RETRIEVE",
        id: "getRecord",
        tag: TAG,
        summary: "Retrieve a tenant as a record",
        parameters: &["IfNoneMatch"],
        answers: &[
            Answer::ok("The record.", ITEM).with(&["ETag"]),
            Answer::NOT_MODIFIED,
        ],
        errors: &[Code::TenantNotFound],
        ..Described::NEW
    },
    Described {
        name: "SYSTEM_TENANT_UPDATE",
        id: "replaceRecord",
        tag: TAG,
        summary: "Change a tenant from the version that was read",
        description: "`data` is replaced as a whole and stays where it is left out. Of any number of changes from one \
                      version, through either API, exactly one succeeds.",
        parameters: &["IfMatch"],
        body: Some(Body::JsonOrJsonLd("RecordReplace")),
        answers: &[Answer::ok("The record as it is now.", ITEM).with(&["ETag"])],
        errors: &[
            Code::ValidationError,
            Code::TenantNotFound,
            Code::VersionConflict,
        ],
    },
    Described {
        name: "SYSTEM_TENANT_DELETE",
        id: "deleteRecord",
        tag: TAG,
        summary: "Delete a tenant",
        parameters: &["IfMatch"],
        answers: &[Answer::GONE],
        errors: &[Code::TenantNotFound],
        ..Described::NEW
    },
    Described {
        name: "ENTRYPOINT_RETRIEVE",
        id: "getEntrypoint",
        tag: HYDRA,
        summary: "Where a Hydra client begins",
        parameters: &["IfNoneMatch"],
        answers: &[
            Answer::ok(
                "Links to the collections.",
                &[(LD, "EntrypointLd"), (PLAIN, "Entrypoint")],
            )
            .with(&["ETag"]),
            Answer::NOT_MODIFIED,
        ],
        ..Described::NEW
    },
    Described {
        name: "API_DOCUMENTATION_RETRIEVE",
        id: "getHydraDocumentation",
        tag: HYDRA,
        summary: "Retrieve the Hydra documentation",
        parameters: &["IfNoneMatch"],
        answers: &[
            Answer::ok("A `hydra:ApiDocumentation`.", DOCUMENT).with(&["ETag"]),
            Answer::NOT_MODIFIED,
        ],
        ..Described::NEW
    },
    context(
        "ENTRYPOINT_CONTEXT_RETRIEVE",
        "getEntrypointContext",
        "Retrieve the context of the entrypoint",
    ),
    context(
        "SYSTEM_TENANT_CONTEXT_RETRIEVE",
        "getRecordContext",
        "Retrieve the context of records",
    ),
    context(
        "ERROR_CONTEXT_RETRIEVE",
        "getErrorContext",
        "Retrieve the context of errors",
    ),
    context(
        "CONSTRAINT_VIOLATION_LIST_CONTEXT_RETRIEVE",
        "getViolationsContext",
        "Retrieve the context of violations",
    ),
];

const fn context(name: &'static str, id: &'static str, summary: &'static str) -> Described {
    Described {
        name,
        id,
        tag: HYDRA,
        summary,
        parameters: &["IfNoneMatch"],
        answers: CONTEXT,
        ..Described::NEW
    }
}

const CONTEXT: &[Answer] = &[
    Answer::ok("A JSON-LD context.", DOCUMENT).with(&["ETag"]),
    Answer::NOT_MODIFIED,
];
