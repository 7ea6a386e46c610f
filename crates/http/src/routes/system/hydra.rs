//! What a generic Hydra client needs to find its way (contract §5.1): the entrypoint, the
//! documentation of the API, and the contexts that all JSON-LD of the family refers to.
//! All of it is public and the same for everybody.
//!
//! Names without a prefix lie in the vocabulary of the documentation, `…/docs.jsonld#`, as
//! on the original platform. There the tenant's class and the entrypoint's link to the
//! collection have the same name, `system/Tenant`, and so the same IRI.

use std::{
    future::{Ready, ready},
    hash::{DefaultHasher, Hash, Hasher},
};

use actix_web::{
    HttpResponse,
    http::{Method, StatusCode, header},
};
use serde_json::{Value, json};

use super::representation;
use crate::{
    answer,
    call::Call,
    caller::Anybody,
    error::ApiError,
    etag,
    negotiate::Produces,
    negotiate::Representation,
    operation::{Operation, OperationName},
};

/// The tenant's class, and the entrypoint's link to the collection.
const TENANT: &str = "system/Tenant";
const HYDRA: &str = "http://www.w3.org/ns/hydra/core#";
const DATE_TIME: &str = "http://www.w3.org/2001/XMLSchema#dateTime";

pub(super) fn operations() -> Vec<Operation> {
    let both = Produces::JsonLdOrJson;
    let get = Method::GET;
    vec![
        Operation::new(
            OperationName::Untold("ENTRYPOINT_RETRIEVE"),
            get.clone(),
            "/",
            both,
            entrypoint,
        ),
        Operation::new(
            OperationName::Untold("API_DOCUMENTATION_RETRIEVE"),
            get.clone(),
            "/docs.jsonld",
            both,
            |_: Anybody, call: Call| document(&call, documentation),
        ),
        Operation::new(
            OperationName::Untold("ENTRYPOINT_CONTEXT_RETRIEVE"),
            get.clone(),
            "/contexts/Entrypoint",
            both,
            |_: Anybody, call: Call| document(&call, entrypoint_context),
        ),
        Operation::new(
            OperationName::Untold("SYSTEM_TENANT_CONTEXT_RETRIEVE"),
            get.clone(),
            "/contexts/system/Tenant",
            both,
            |_: Anybody, call: Call| document(&call, tenant_context),
        ),
        Operation::new(
            OperationName::Untold("ERROR_CONTEXT_RETRIEVE"),
            get.clone(),
            "/contexts/Error",
            both,
            |_: Anybody, call: Call| document(&call, error_context),
        ),
        Operation::new(
            OperationName::Untold("CONSTRAINT_VIOLATION_LIST_CONTEXT_RETRIEVE"),
            get,
            "/contexts/ConstraintViolationList",
            both,
            |_: Anybody, call: Call| document(&call, violations_context),
        ),
    ]
}

/// In JSON, where there is no `@`, the links alone.
async fn entrypoint(_: Anybody, call: Call) -> Result<HttpResponse, ApiError> {
    let links = json!({ TENANT: representation::COLLECTION });
    let linked = json!({
        "@context": "/contexts/Entrypoint",
        "@id": "/",
        "@type": "Entrypoint",
        TENANT: representation::COLLECTION,
    });
    Ok(match call.representation {
        Representation::JsonLd => public(&call, &linked),
        Representation::Json
        | Representation::Text
        | Representation::CloudEvents
        | Representation::EventStream
        | Representation::Asset(_) => public(&call, &links),
    })
}

/// A document that is about JSON-LD, and the same in either representation.
fn document(call: &Call, write: fn(&str) -> Value) -> Ready<Result<HttpResponse, ApiError>> {
    let documentation = format!("{}/docs.jsonld", call.deps.config.public_url);
    ready(Ok(public(call, &write(&documentation))))
}

/// Anybody may keep it for five minutes, and ask by its tag whether it is still so.
fn public(call: &Call, body: &Value) -> HttpResponse {
    let body = answer::to_json(body);
    let mut hasher = DefaultHasher::new();
    (&body, call.representation.media_type()).hash(&mut hasher);
    let tag = format!("\"{:016x}\"", hasher.finish());
    let is_known = etag::is_known(&call.request, &tag);
    let mut response = if is_known {
        HttpResponse::NotModified()
    } else {
        representation::builder(StatusCode::OK, call.representation)
    };
    response
        .insert_header((header::ETAG, tag))
        .insert_header((header::CACHE_CONTROL, "public, max-age=300"));
    if is_known {
        response.finish()
    } else {
        response.body(body)
    }
}

fn entrypoint_context(documentation: &str) -> Value {
    json!({ "@context": {
        "@vocab": format!("{documentation}#"),
        "hydra": HYDRA,
        TENANT: { "@id": TENANT, "@type": "@id" },
    }})
}

/// Links are typed as such, and the words of Hydra that the search uses without a prefix
/// are Hydra's: a processor that knows no more than this context finds all of it.
fn tenant_context(documentation: &str) -> Value {
    let link = |name: &str| json!({ "@id": format!("{HYDRA}{name}"), "@type": "@id" });
    let word = |name: &str| format!("{HYDRA}{name}");
    json!({ "@context": {
        "@vocab": format!("{documentation}#"),
        "hydra": HYDRA,
        "id": format!("{TENANT}/id"),
        "uuid": format!("{TENANT}/uuid"),
        "createdAt": { "@id": format!("{TENANT}/createdAt"), "@type": DATE_TIME },
        "updatedAt": { "@id": format!("{TENANT}/updatedAt"), "@type": DATE_TIME },
        "data": { "@id": format!("{TENANT}/data"), "@type": "@json" },
        "version": format!("{TENANT}/version"),
        "hydra:first": link("first"),
        "hydra:last": link("last"),
        "hydra:previous": link("previous"),
        "hydra:next": link("next"),
        "hydra:variableRepresentation": {
            "@id": word("variableRepresentation"),
            "@type": "@vocab",
        },
        "BasicRepresentation": word("BasicRepresentation"),
        "IriTemplateMapping": word("IriTemplateMapping"),
        "variable": word("variable"),
        "property": { "@id": word("property"), "@type": "@vocab" },
        "required": word("required"),
    }})
}

fn error_context(documentation: &str) -> Value {
    json!({ "@context": {
        "@vocab": format!("{documentation}#"),
        "hydra": HYDRA,
    }})
}

fn violations_context(documentation: &str) -> Value {
    json!({ "@context": {
        "@vocab": format!("{documentation}#"),
        "hydra": HYDRA,
        "violations": "ConstraintViolationList/violations",
        "propertyPath": "ConstraintViolation/propertyPath",
        "message": "ConstraintViolation/message",
    }})
}

fn documentation(iri: &str) -> Value {
    let by_reference = |name: &str| json!({ "@id": name, "@type": "@id" });
    json!({
        "@context": {
            // What is fetched from another address describes the same.
            "@base": iri,
            "@vocab": format!("{iri}#"),
            "hydra": HYDRA,
            "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
            "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
            "xmls": "http://www.w3.org/2001/XMLSchema#",
            "owl": "http://www.w3.org/2002/07/owl#",
            "schema": "http://schema.org/",
            "domain": by_reference("rdfs:domain"),
            "range": by_reference("rdfs:range"),
            "subClassOf": by_reference("rdfs:subClassOf"),
            "expects": by_reference("hydra:expects"),
            "returns": by_reference("hydra:returns"),
            "hydra:entrypoint": { "@id": format!("{HYDRA}entrypoint"), "@type": "@id" },
        },
        "@id": "/docs.jsonld",
        "@type": "hydra:ApiDocumentation",
        "hydra:title": "Tenantry",
        "hydra:description": "The system API: tenants as records.",
        "hydra:entrypoint": "/",
        "hydra:supportedClass": [
            tenant_class(),
            entrypoint_class(),
            violation_class(),
            violation_list_class(),
        ],
    })
}

fn tenant_class() -> Value {
    let one = format!("#{TENANT}");
    json!({
        "@id": one,
        "@type": "hydra:Class",
        "rdfs:label": "Tenant",
        "hydra:title": "Tenant",
        "hydra:description": "A tenant as a record.",
        "hydra:supportedProperty": [
            property(TENANT, "id", "xmls:integer", Use::Shown, "Its place in the order of creation."),
            property(TENANT, "uuid", "xmls:string", Use::Optional, "The UUID that names it."),
            property(TENANT, "createdAt", "xmls:dateTime", Use::Shown, "When it was made."),
            property(TENANT, "updatedAt", "xmls:dateTime", Use::Shown, "When it was last changed."),
            property(TENANT, "data", "rdf:JSON", Use::Required, "The initialization data, a JSON object."),
            property(
                TENANT,
                "version",
                "xmls:integer",
                Use::Required,
                "Counts changes; a change names the version that was read.",
            ),
        ],
        "hydra:supportedOperation": [
            operation("GET", "FindAction", "Retrieves a tenant.", None, &one),
            operation("PUT", "ReplaceAction", "Changes a tenant from the version that was read.", Some(&one), &one),
            operation("DELETE", "DeleteAction", "Deletes a tenant.", None, "owl:Nothing"),
        ],
    })
}

fn entrypoint_class() -> Value {
    let one = format!("#{TENANT}");
    json!({
        "@id": "#Entrypoint",
        "@type": "hydra:Class",
        "hydra:title": "The API entrypoint",
        "hydra:supportedProperty": [{
            "@type": "hydra:SupportedProperty",
            "hydra:property": {
                "@id": one,
                "@type": "hydra:Link",
                "rdfs:label": "The collection of tenants",
                "domain": "#Entrypoint",
                "rdfs:range": [
                    { "@id": "hydra:Collection" },
                    { "owl:equivalentClass": {
                        "owl:onProperty": { "@id": "hydra:member" },
                        "owl:allValuesFrom": { "@id": one },
                    }},
                ],
                "hydra:supportedOperation": [
                    operation("GET", "FindAction", "Retrieves the collection of tenants.", None, "hydra:Collection"),
                    operation("POST", "CreateAction", "Makes a tenant.", Some(&one), &one),
                ],
            },
            "hydra:title": "The collection of tenants",
            "hydra:readable": true,
            "hydra:writeable": false,
        }],
        "hydra:supportedOperation": operation(
            "GET",
            "FindAction",
            "The API entrypoint.",
            None,
            "#Entrypoint",
        ),
    })
}

fn violation_class() -> Value {
    let name = "ConstraintViolation";
    json!({
        "@id": format!("#{name}"),
        "@type": "hydra:Class",
        "hydra:title": "A constraint violation",
        "hydra:supportedProperty": [
            property(name, "propertyPath", "xmls:string", Use::Shown, "The member or query parameter."),
            property(name, "message", "xmls:string", Use::Shown, "What is wrong with it."),
        ],
    })
}

fn violation_list_class() -> Value {
    let name = "ConstraintViolationList";
    json!({
        "@id": format!("#{name}"),
        "@type": "hydra:Class",
        "subClassOf": "hydra:Error",
        "hydra:title": "A constraint violation list",
        "hydra:supportedProperty": [
            property(name, "violations", "#ConstraintViolation", Use::Shown, "Every violation that was found."),
        ],
    })
}

/// How a property is used.
#[derive(Clone, Copy, PartialEq)]
enum Use {
    /// It is in answers only.
    Shown,
    /// It may be sent.
    Optional,
    /// It must be sent.
    Required,
}

fn property(class: &str, name: &str, range: &str, usage: Use, description: &str) -> Value {
    json!({
        "@type": "hydra:SupportedProperty",
        "hydra:property": {
            "@id": format!("#{class}/{name}"),
            "@type": "rdf:Property",
            "rdfs:label": name,
            "domain": format!("#{class}"),
            "range": range,
        },
        "hydra:title": name,
        "hydra:description": description,
        "hydra:required": usage == Use::Required,
        "hydra:readable": true,
        "hydra:writeable": usage != Use::Shown,
    })
}

fn operation(
    method: &str,
    action: &str,
    title: &str,
    expects: Option<&str>,
    returns: &str,
) -> Value {
    let mut operation = json!({
        "@type": ["hydra:Operation", format!("schema:{action}")],
        "hydra:method": method,
        "hydra:title": title,
        "rdfs:label": title,
        "returns": returns,
    });
    if let Some(class) = expects {
        operation["expects"] = class.into();
    }
    operation
}
