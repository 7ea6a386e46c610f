//! Operations as the document has them: the table of operations, joined with what is said of
//! each.

use serde_json::{Map, Value, json};

use super::{
    answers::{self, Kind},
    described::{Answer, Body, Described},
    operations, parameters,
    schemas::reference,
    security,
};
use crate::{
    negotiate::Representation,
    operation::{Access, Operation},
    render::Family,
    routes,
};

/// Every path with its operations.
pub(super) fn paths() -> Value {
    let described = operations::all();
    let mut paths = Map::new();
    for operation in routes::table() {
        let name = operation.name.as_str();
        // That there is exactly one is a test's to see.
        let Some(described) = described.iter().find(|one| one.name == name) else {
            continue;
        };
        let item = paths
            .entry(operation.path)
            .or_insert_with(|| Value::Object(Map::new()));
        item[operation.method.as_str().to_lowercase()] = describe(&operation, described);
    }
    Value::Object(paths)
}

fn describe(operation: &Operation, described: &Described) -> Value {
    let by_client = operation.path.starts_with("/oauth/");
    let mut description = described.description.to_owned();
    if let Access::Management(scope) = operation.access {
        if !description.is_empty() {
            description.push_str("\n\n");
        }
        description.push_str("Scope: `");
        description.push_str(scope.as_str());
        description.push('`');
    }
    let mut value = json!({
        "operationId": described.id,
        "tags": [described.tag],
        "summary": described.summary,
        "security": security::requirement(operation.access, by_client),
        "parameters": operation_parameters(operation, described),
        "responses": responses(operation, described),
    });
    if !description.is_empty() {
        value["description"] = description.into();
    }
    if let Some(body) = described.body {
        value["requestBody"] = request_body(body);
    }
    if let Some(event) = operation.name.event() {
        value["x-tenantry-event"] = event.as_str().into();
    }
    value
}

fn operation_parameters(operation: &Operation, described: &Described) -> Vec<Value> {
    let in_path = operation.path.split(['{', '}']).skip(1).step_by(2);
    let of_path = in_path.map(|name| parameters::of_path(operation.path, name));
    let is_creation = is_creation(operation).then_some("IdempotencyKey");
    let named = described.parameters.iter().copied();
    let named = named.chain(is_creation).chain(Some("RequestId"));
    let of_name = |name| json!({ "$ref": format!("#/components/parameters/{name}") });
    of_path.chain(named.map(of_name)).collect()
}

/// Whether it is a POST of the management API, which may be named.
fn is_creation(operation: &Operation) -> bool {
    operation.method == "POST" && matches!(operation.access, Access::Management(_))
}

fn request_body(body: Body) -> Value {
    let content = body.media_types().iter().map(|media_type| {
        let schema = reference(body.schema());
        ((*media_type).to_owned(), json!({ "schema": schema }))
    });
    json!({ "required": true, "content": Value::Object(content.collect()) })
}

fn responses(operation: &Operation, described: &Described) -> Value {
    let family = operation.family();
    let representations = operation.produces.representations();
    let kind = Kind {
        family,
        access: operation.access,
        in_json_ld: representations.contains(&Representation::JsonLd),
        reads_body: described.body.is_some(),
        is_post_of_management: is_creation(operation),
        has_precondition: described.parameters.contains(&"IfMatch"),
        can_be_unavailable: operation.name.event().is_some(),
        own: described.errors,
    };
    let successes = described.answers.iter().map(|answer| {
        (
            answer.status,
            success(answer, family, is_creation(operation)),
        )
    });
    let entries = successes
        .chain(answers::errors(&kind))
        .map(|(status, answer)| (status.to_string(), answer));
    Value::Object(entries.collect())
}

fn success(answer: &Answer, family: Family, is_creation: bool) -> Value {
    let mut names = answers::EVERYWHERE.to_vec();
    names.extend(answers::of_family(family));
    names.extend(answer.headers);
    if is_creation {
        names.push("Idempotency-Replayed?");
    }
    let mut value = json!({
        "description": answer.description,
        "headers": answers::header_references(&names),
    });
    if !answer.content.is_empty() {
        let content = answer.content.iter().map(|(media_type, schema)| {
            (
                (*media_type).to_owned(),
                json!({ "schema": reference(schema) }),
            )
        });
        value["content"] = Value::Object(content.collect());
    }
    value
}
