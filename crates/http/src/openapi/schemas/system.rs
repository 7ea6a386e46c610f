//! The system API: records in JSON and in JSON-LD, and its errors.

use serde_json::{Value, json};

use super::{
    Schemas, boolean, instant, integer, list, management::data, object, reference, text, uuid,
    with_example, word, words,
};

pub(super) fn all() -> Schemas {
    let mut all = records();
    all.extend(requests());
    all.extend(collection());
    all.extend(errors());
    all.extend(documents());
    all
}

const UUID: &str = "d928b020-94f6-4928-a510-04fc49d5a174";

fn example() -> Value {
    json!({
        "id": 1,
        "uuid": UUID,
        "createdAt": "2018-07-31T14:57:10+00:00",
        "updatedAt": "2018-07-31T14:57:10+00:00",
        "data": {},
        "version": 1,
    })
}

/// What every form of a record has, and what this one has besides.
fn record<const N: usize>(ld: [(&str, Value); N]) -> Value {
    let mut record = object([
        ("id", integer("In the order of creation, never used again.")),
        ("uuid", uuid("The management API's `id`.")),
        (
            "createdAt",
            instant("In whole seconds with a numeric offset."),
        ),
        (
            "updatedAt",
            instant("In whole seconds with a numeric offset."),
        ),
        ("data", data()),
        ("version", version("Counts changes.")),
    ]);
    for (name, schema) in ld {
        record["properties"][name] = schema;
        if let Some(required) = record["required"].as_array_mut() {
            required.push(name.into());
        }
    }
    record
}

fn version(description: &str) -> Value {
    json!({
        "type": "integer",
        "format": "int32",
        "minimum": 1,
        "maximum": i32::MAX,
        "description": description,
    })
}

fn records() -> Schemas {
    let plain = example();
    let mut member = plain.clone();
    member["@id"] = format!("/system/tenants/{UUID}").into();
    member["@type"] = "system/Tenant".into();
    let mut ld = member.clone();
    ld["@context"] = "/contexts/system/Tenant".into();
    let iri = || text("The record's path.");
    let kind = || word("system/Tenant");
    vec![
        ("Record", with_example(record([]), plain.clone())),
        (
            "RecordList",
            with_example(list("", reference("Record")), json!([plain])),
        ),
        (
            "RecordLd",
            with_example(
                record([
                    ("@context", word("/contexts/system/Tenant")),
                    ("@id", iri()),
                    ("@type", kind()),
                ]),
                ld,
            ),
        ),
        (
            "RecordMember",
            with_example(record([("@id", iri()), ("@type", kind())]), member),
        ),
    ]
}

fn requests() -> Schemas {
    let id = |description: &str| json!({ "type": ["string", "null"], "format": "uuid", "description": description });
    // Unknown members are ignored, `@context`, `@id` and `@type` among them.
    let create = object([
        ("uuid?", id("Without it one is drawn.")),
        ("data", data()),
        ("version", version("What it starts at.")),
    ]);
    let replace = object([
        ("uuid?", id("Another id for this tenant.")),
        ("data?", data()),
        ("version", version("The one that was read.")),
    ]);
    vec![
        (
            "RecordCreate",
            with_example(create, json!({ "data": { "plan": "gold" }, "version": 1 })),
        ),
        (
            "RecordReplace",
            with_example(replace, json!({ "data": { "plan": "gold" }, "version": 1 })),
        ),
    ]
}

fn collection() -> Schemas {
    let view = object([
        ("@id", text("")),
        ("@type", word("hydra:PartialCollectionView")),
        ("hydra:first?", text("")),
        ("hydra:last?", text("")),
        ("hydra:previous?", text("")),
        ("hydra:next?", text("")),
    ]);
    let mapping = object([
        ("@type", word("IriTemplateMapping")),
        ("variable", text("")),
        ("property", text("")),
        ("required", boolean("")),
    ]);
    let search = object([
        ("@type", word("hydra:IriTemplate")),
        ("hydra:template", text("RFC 6570")),
        ("hydra:variableRepresentation", word("BasicRepresentation")),
        ("hydra:mapping", list("", reference("HydraMapping"))),
    ]);
    let collection = object([
        ("@context", word("/contexts/system/Tenant")),
        ("@id", text("")),
        ("@type", word("hydra:Collection")),
        ("hydra:member", list("", reference("RecordMember"))),
        (
            "hydra:totalItems",
            integer("How many the filters let through, on all pages."),
        ),
        ("hydra:view?", reference("HydraView")),
        ("hydra:search", reference("HydraSearch")),
    ]);
    let mut member = example();
    member["@id"] = format!("/system/tenants/{UUID}").into();
    member["@type"] = "system/Tenant".into();
    let one = json!({ "@type": "IriTemplateMapping", "variable": "id", "property": "id", "required": false });
    let page = json!({
        "@id": "/system/tenants?page=2",
        "@type": "hydra:PartialCollectionView",
        "hydra:first": "/system/tenants?page=1",
        "hydra:last": "/system/tenants?page=5",
        "hydra:previous": "/system/tenants?page=1",
        "hydra:next": "/system/tenants?page=3",
    });
    let template = json!({
        "@type": "hydra:IriTemplate",
        "hydra:template": "/system/tenants{?id}",
        "hydra:variableRepresentation": "BasicRepresentation",
        "hydra:mapping": [one],
    });
    let whole = json!({
        "@context": "/contexts/system/Tenant",
        "@id": "/system/tenants",
        "@type": "hydra:Collection",
        "hydra:member": [member],
        "hydra:totalItems": 42,
        "hydra:view": page,
        "hydra:search": template,
    });
    vec![
        ("HydraView", with_example(view, page)),
        ("HydraMapping", with_example(mapping, one)),
        ("HydraSearch", with_example(search, template)),
        ("RecordCollection", with_example(collection, whole)),
    ]
}

fn errors() -> Schemas {
    let violation = object([
        ("propertyPath", text("The member or query parameter.")),
        ("message", text("")),
    ]);
    let violations = || list("Every fault that was found.", reference("Violation"));
    let problem = object([
        ("type", text("")),
        ("title", word("An error occurred")),
        ("detail", text("")),
        ("violations?", violations()),
    ]);
    let hydra = object([
        (
            "@context",
            words("", ["/contexts/Error", "/contexts/ConstraintViolationList"]),
        ),
        (
            "@type",
            words("", ["hydra:Error", "ConstraintViolationList"]),
        ),
        ("hydra:title", word("An error occurred")),
        ("hydra:description", text("")),
        ("violations?", violations()),
    ]);
    let blank = json!({ "propertyPath": "version", "message": "This value should not be blank." });
    vec![
        ("Violation", with_example(violation, blank.clone())),
        (
            "Problem",
            with_example(
                problem,
                json!({
                    "type": "https://tools.ietf.org/html/rfc2616#section-10",
                    "title": "An error occurred",
                    "detail": "version: This value should not be blank.",
                    "violations": [blank],
                }),
            ),
        ),
        (
            "HydraError",
            with_example(
                hydra,
                json!({
                    "@context": "/contexts/Error",
                    "@type": "hydra:Error",
                    "hydra:title": "An error occurred",
                    "hydra:description": "Not Found",
                }),
            ),
        ),
    ]
}

fn documents() -> Schemas {
    let plain = object([("system/Tenant", word("/system/tenants"))]);
    let ld = object([
        ("@context", word("/contexts/Entrypoint")),
        ("@id", word("/")),
        ("@type", word("Entrypoint")),
        ("system/Tenant", word("/system/tenants")),
    ]);
    vec![
        (
            "Entrypoint",
            with_example(plain, json!({ "system/Tenant": "/system/tenants" })),
        ),
        (
            "EntrypointLd",
            with_example(
                ld,
                json!({
                    "@context": "/contexts/Entrypoint",
                    "@id": "/",
                    "@type": "Entrypoint",
                    "system/Tenant": "/system/tenants",
                }),
            ),
        ),
        (
            "JsonLdDocument",
            with_example(
                json!({ "type": "object", "required": ["@context"] }),
                json!({ "@context": { "hydra": "http://www.w3.org/ns/hydra/core#" } }),
            ),
        ),
    ]
}
