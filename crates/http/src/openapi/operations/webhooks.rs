//! Webhooks and their deliveries.

use super::super::described::{Answer, Body, Described, JSON};
use crate::error::Code;

const TAG: &str = "Webhooks";

pub(super) const ALL: &[Described] = &[
    Described {
        name: "WEBHOOK_RETRIEVE_LIST",
        id: "listWebhooks",
        tag: TAG,
        summary: "List webhooks",
        description: "Oldest first, page by page, never with a secret.",
        parameters: &["Limit", "Cursor"],
        answers: &[Answer::ok("A page of webhooks.", &[(JSON, "WebhookList")])],
        errors: &[Code::ValidationError],
        ..Described::NEW
    },
    Described {
        name: "WEBHOOK_CREATE",
        id: "createWebhook",
        tag: TAG,
        summary: "Create a webhook",
        description: "It is told of what is committed from now on. The answer is the only one that shows the secret. A URL \
                      that leads to a private, loopback or link-local address is refused, unless the operator allows it.",
        body: Some(Body::Json("WebhookCreate")),
        answers: &[Answer::of(
            201,
            "The webhook with its secret.",
            &[(JSON, "WebhookCreated")],
        )
        .with(&["Location", "ETag"])],
        errors: &[Code::ValidationError, Code::EnvironmentForbidden],
        ..Described::NEW
    },
    Described {
        name: "WEBHOOK_RETRIEVE",
        id: "getWebhook",
        tag: TAG,
        summary: "Retrieve a webhook",
        parameters: &["IfNoneMatch"],
        answers: &[
            Answer::ok("The webhook.", &[(JSON, "Webhook")]).with(&["ETag"]),
            Answer::NOT_MODIFIED,
        ],
        errors: &[Code::ValidationError, Code::WebhookNotFound],
        ..Described::NEW
    },
    Described {
        name: "WEBHOOK_UPDATE",
        id: "updateWebhook",
        tag: TAG,
        summary: "Change, disable or enable a webhook",
        description: "A JSON merge patch (RFC 7396). A webhook that is disabled loses nothing: its changes wait.",
        parameters: &["IfMatch"],
        body: Some(Body::MergePatch("WebhookPatch")),
        answers: &[Answer::ok("The webhook as it is now.", &[(JSON, "Webhook")]).with(&["ETag"])],
        errors: &[
            Code::ValidationError,
            Code::EnvironmentForbidden,
            Code::WebhookNotFound,
            Code::VersionConflict,
        ],
    },
    Described {
        name: "WEBHOOK_DELETE",
        id: "deleteWebhook",
        tag: TAG,
        summary: "Delete a webhook and its deliveries",
        parameters: &["IfMatch"],
        answers: &[Answer::GONE],
        errors: &[Code::ValidationError, Code::WebhookNotFound],
        ..Described::NEW
    },
    Described {
        name: "WEBHOOK_SECRET_CREATE",
        id: "rotateWebhookSecret",
        tag: TAG,
        summary: "Rotate a webhook's secret",
        description: "Until the previous one expires, deliveries carry a signature of either secret.",
        body: Some(Body::Json("Rotation")),
        answers: &[Answer::of(
            201,
            "The new secret.",
            &[(JSON, "WebhookSecretRotated")],
        )],
        errors: &[Code::ValidationError, Code::WebhookNotFound],
        ..Described::NEW
    },
    Described {
        name: "WEBHOOK_DELIVERY_RETRIEVE_LIST",
        id: "listDeliveries",
        tag: TAG,
        summary: "List a webhook's deliveries",
        description: "Oldest first, page by page: what was sent, what is being sent, and some changes that come after that.",
        parameters: &["Limit", "Cursor", "DeliveryStatus"],
        answers: &[Answer::ok(
            "A page of deliveries.",
            &[(JSON, "DeliveryList")],
        )],
        errors: &[Code::ValidationError, Code::WebhookNotFound],
        ..Described::NEW
    },
    Described {
        name: "WEBHOOK_DELIVERY_REDELIVER",
        id: "redeliver",
        tag: TAG,
        summary: "Send a delivery once more",
        description: "Under the same `webhook-id`.",
        body: Some(Body::Json("Nothing")),
        answers: &[Answer::of(
            202,
            "The delivery, which is sent soon.",
            &[(JSON, "Delivery")],
        )],
        errors: &[
            Code::ValidationError,
            Code::WebhookNotFound,
            Code::DeliveryNotFound,
            Code::WebhookDisabled,
        ],
        ..Described::NEW
    },
];
