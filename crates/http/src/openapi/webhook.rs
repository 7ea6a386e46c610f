//! What the server itself sends.

use serde_json::{Value, json};
use tenantry_domain::feed::CloudEvent;

use super::schemas::reference;

/// Deliveries to webhooks.
pub(super) fn webhooks() -> Value {
    let header = |name: &str, description: &str, schema: Value| json!({ "in": "header", "name": name, "required": true, "description": description, "schema": schema });
    json!({
        "change": { "post": {
            "operationId": "receiveChange",
            "tags": ["Webhooks"],
            "summary": "A change, sent to a webhook's URL",
            "description": "Changes come in the order of commits, each at least once. Verify the signature by the scheme of \
                            Standard Webhooks, answer with any status from 200 to 299 within 10 seconds, and pass over \
                            types and members that you don't know.",
            "security": [],
            "parameters": [
                header(
                    "webhook-id",
                    "The delivery's id, the same at every attempt.",
                    json!({ "type": "string", "format": "uuid" }),
                ),
                header(
                    "webhook-timestamp",
                    "When it was sent, in seconds since 1970.",
                    json!({ "type": "integer" }),
                ),
                header(
                    "webhook-signature",
                    "`v1,` and the base64 of an HMAC-SHA-256 under the webhook's secret over \
                     `<webhook-id>.<webhook-timestamp>.<body>`; several with spaces between them while secrets overlap.",
                    json!({ "type": "string", "pattern": "^v1,[A-Za-z0-9+/=]+( v1,[A-Za-z0-9+/=]+)*$" }),
                ),
            ],
            "requestBody": {
                "required": true,
                "content": { (CloudEvent::<()>::MEDIA_TYPE): { "schema": reference("CloudEvent") } },
            },
            "responses": {
                "2XX": { "description": "It has arrived." },
                "default": { "description": "It has not: it is sent again later." },
            },
        } },
    })
}
