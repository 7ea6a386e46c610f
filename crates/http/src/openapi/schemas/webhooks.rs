//! Webhooks and their deliveries.

use serde_json::{Value, json};
use tenantry_domain::webhook::{EnvironmentFilter, WebhookUrl};

use super::{
    Schemas, boolean, closed, instant, integer, list, management::version, object, or_null, page,
    reference, text, uuid, with_example, words,
};

pub(super) fn all() -> Schemas {
    let mut all = webhooks();
    all.extend(requests());
    all.extend(deliveries());
    all
}

fn webhooks() -> Schemas {
    let common = || {
        [
            ("id", uuid("")),
            ("url", text("")),
            (
                "types",
                or_null(list(
                    "Null for all, those of later versions too.",
                    reference("ChangeType"),
                )),
            ),
            ("environmentIds", or_null(list("Null for all.", uuid("")))),
            ("disabled", boolean("")),
            (
                "disabledReason",
                or_null(words(
                    "`failures`: the server has disabled it, since nothing but failures came of it.",
                    ["request", "failures"],
                )),
            ),
            ("version", version()),
            ("createdAt", instant("")),
            ("updatedAt", instant("")),
        ]
    };
    let mut created = object(common());
    created["properties"]["secret"] = secret();
    if let Some(required) = created["required"].as_array_mut() {
        required.push("secret".into());
    }
    let rotated = object([
        ("secret", secret()),
        (
            "previousSecretExpiresAt",
            instant("Until then deliveries carry a signature of either secret."),
        ),
    ]);
    let example = json!({
        "id": "0198c0de-0000-7000-8000-000000000006",
        "url": "https://hooks.example.com/tenants",
        "types": ["tenant.created", "tenant.deleted"],
        "environmentIds": null,
        "disabled": false,
        "disabledReason": null,
        "version": 1,
        "createdAt": "2026-01-01T00:00:00.000000Z",
        "updatedAt": "2026-01-01T00:00:00.000000Z",
    });
    let mut new = example.clone();
    new["secret"] = SECRET.into();
    vec![
        ("Webhook", with_example(object(common()), example.clone())),
        ("WebhookList", page("Webhook", example)),
        ("WebhookCreated", with_example(created, new)),
        (
            "WebhookSecretRotated",
            with_example(
                rotated,
                json!({ "secret": SECRET, "previousSecretExpiresAt": "2026-01-02T00:00:00.000000Z" }),
            ),
        ),
    ]
}

const SECRET: &str = "whsec_c2VjcmV0cy1vZi13ZWJob29rcy1oYXZlLTMyLWJ5dGU=";

fn secret() -> Value {
    json!({
        "type": "string",
        "pattern": "^whsec_[A-Za-z0-9+/]+=*$",
        "description": "Shown this once.",
    })
}

fn requests() -> Schemas {
    let url = || {
        json!({
            "type": "string",
            "format": "webhook-url",
            "maxLength": WebhookUrl::MAX_LENGTH,
            "description": "An `https://` URL that leads to the public Internet, without user name, password and fragment.",
        })
    };
    let filter = |description: &str, items: Value, most: Option<usize>| {
        let mut filter = list(description, items);
        filter["minItems"] = 1.into();
        if let Some(most) = most {
            filter["maxItems"] = most.into();
        }
        or_null(filter)
    };
    let types = || {
        filter(
            "The types of changes to send; null for all.",
            reference("ChangeType"),
            None,
        )
    };
    let environments = || {
        filter(
            "Only changes of these environments, their tenants and these tenants' clients; null for all.",
            uuid(""),
            Some(EnvironmentFilter::MAX),
        )
    };
    let create = closed(object([
        ("url", url()),
        ("types?", types()),
        ("environmentIds?", environments()),
        ("disabled?", boolean("Whether to send nothing yet.")),
    ]));
    let patch = closed(object([
        ("url?", url()),
        ("types?", types()),
        ("environmentIds?", environments()),
        ("disabled?", boolean("")),
    ]));
    vec![
        (
            "WebhookCreate",
            with_example(
                create,
                json!({ "url": "https://hooks.example.com/tenants", "types": ["tenant.created", "tenant.deleted"] }),
            ),
        ),
        (
            "WebhookPatch",
            with_example(patch, json!({ "disabled": true })),
        ),
    ]
}

fn deliveries() -> Schemas {
    let delivery = object([
        ("id", uuid("The delivery's `webhook-id`.")),
        ("sequence", reference("Sequence")),
        ("type", text("The type of the change.")),
        ("status", reference("DeliveryStatus")),
        ("attempts", integer("")),
        ("createdAt", instant("")),
        ("lastAttemptAt", or_null(instant(""))),
        (
            "nextAttemptAt",
            or_null(instant(
                "Null where there is none, and where it waits for its turn.",
            )),
        ),
        (
            "lastStatusCode",
            or_null(integer("Null where there was no answer.")),
        ),
        ("lastError", or_null(text("For people."))),
    ]);
    let example = json!({
        "id": "0198c0de-0000-7000-8000-000000000007",
        "sequence": 42,
        "type": "tenant.created",
        "status": "pending",
        "attempts": 2,
        "createdAt": "2026-01-01T00:00:00.000000Z",
        "lastAttemptAt": "2026-01-01T00:00:05.000000Z",
        "nextAttemptAt": "2026-01-01T00:00:35.000000Z",
        "lastStatusCode": 503,
        "lastError": "the answer was 503",
    });
    vec![
        (
            "DeliveryStatus",
            words("", ["pending", "delivered", "failed"]),
        ),
        ("Delivery", with_example(delivery, example.clone())),
        ("DeliveryList", page("Delivery", example)),
    ]
}
