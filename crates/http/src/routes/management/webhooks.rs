//! Webhooks and their deliveries (contract §7).

use actix_web::{HttpResponse, http::StatusCode};
use futures_util::future::{FutureExt, LocalBoxFuture};
use secrecy::ExposeSecret;
use serde::Serialize;
use tenantry_auth::policy::{WebhooksRead, WebhooksWrite};
use tenantry_domain::{
    change::ChangeType,
    error::FaultKind,
    event::EventName,
    id::{DeliveryId, EnvironmentId, SecretId, WebhookId},
    json::{Kind, Value},
    usecase::webhooks::{self, CreateWebhook, NewWebhookSecret, RotateWebhookSecret},
    view::{DeliveryView, WebhookView},
    webhook::{
        Delivery, EnvironmentFilter, FilterFault, TargetPolicy, TypeFilter, Webhook, WebhookChange,
        WebhookFilter, WebhookSecret, WebhookUrl,
    },
};

use super::secrets::read_overlap;
use crate::{
    answer,
    body::Bodies,
    call::Call,
    caller::Management,
    creation::{Made, Work},
    error::ApiError,
    etag,
    json::{Members, string},
    negotiate::Produces,
    operation::{Operation, Verb},
    target,
};

pub(super) fn operations() -> Vec<Operation> {
    const ALL: &str = "/v1/webhooks";
    const ONE: &str = "/v1/webhooks/{id}";
    const SECRETS: &str = "/v1/webhooks/{id}/secrets";
    const DELIVERIES: &str = "/v1/webhooks/{id}/deliveries";
    const REDELIVER: &str = "/v1/webhooks/{id}/deliveries/{deliveryId}/redeliver";
    let json = Produces::Json;
    vec![
        Operation::new(EventName::WebhookRetrieveList, Verb::Get, ALL, json, list),
        Operation::create_checked(EventName::WebhookCreate, ALL, check_target, create),
        Operation::new(EventName::WebhookRetrieve, Verb::Get, ONE, json, get),
        Operation::new(EventName::WebhookUpdate, Verb::Patch, ONE, json, patch),
        Operation::new(EventName::WebhookDelete, Verb::Delete, ONE, json, delete),
        Operation::create(EventName::WebhookSecretCreate, SECRETS, rotate),
        Operation::new(
            EventName::WebhookDeliveryRetrieveList,
            Verb::Get,
            DELIVERIES,
            json,
            deliveries,
        ),
        Operation::request(EventName::WebhookDeliveryRedeliver, REDELIVER, redeliver),
    ]
}

async fn list(caller: Management<WebhooksRead>, call: Call) -> Result<HttpResponse, ApiError> {
    let request = call.query().page_request()?;
    let access = caller.principal.access;
    let page = call
        .read(move |unit| webhooks::list(unit, &access, request))
        .await?;
    Ok(answer::page::<Webhook, WebhookView<'_>>(&page))
}

/// Refuses a URL whose name leads to where deliveries may not go. What else is wrong with the
/// body is for the handler to tell.
fn check_target<'a>(call: &'a Call, body: &'a [u8]) -> LocalBoxFuture<'a, Result<(), ApiError>> {
    async move {
        let Ok(command) = read_create(body, call.deps.config.webhook_targets) else {
            return Ok(());
        };
        target::check(call, &command.url).await
    }
    .boxed_local()
}

fn create(caller: &Management<WebhooksWrite>, call: &Call, body: &[u8]) -> Result<Work, ApiError> {
    let asked = read_create(body, call.deps.config.webhook_targets)?;
    let (secret, shown) = mint(call);
    let context = caller.context(call);
    let access = caller.principal.access.clone();
    Ok(Box::new(move |unit| {
        let command = CreateWebhook {
            url: asked.url,
            filter: asked.filter,
            disabled: asked.disabled,
            secret,
        };
        let created = webhooks::create(unit, &context, &access, command)?;
        let text = shown.to_text();
        Ok(Made::new(&Created {
            webhook: WebhookView::from(&created),
            secret: text.expose_secret(),
        })
        .at(format!("/v1/webhooks/{}", created.id))
        .tagged(etag::webhook(&created)))
    }))
}

async fn get(caller: Management<WebhooksRead>, call: Call) -> Result<HttpResponse, ApiError> {
    let id = call.path_id("id", WebhookId::parse)?;
    let access = caller.principal.access;
    let webhook = call
        .read(move |unit| webhooks::get(unit, &access, id))
        .await?;
    let tag = etag::webhook(&webhook);
    if etag::is_known(&call.request, &tag) {
        return Ok(answer::not_modified(&tag));
    }
    Ok(show(&webhook))
}

async fn patch(
    caller: Management<WebhooksWrite>,
    mut call: Call,
) -> Result<HttpResponse, ApiError> {
    let id = call.path_id("id", WebhookId::parse)?;
    let precondition = etag::webhook_precondition(&call.request);
    let body = call.json(Bodies::MergePatch).await?;
    let change = read_patch(&body, call.deps.config.webhook_targets)?;
    if let Some(url) = &change.url {
        target::check(&call, url).await?;
    }
    let context = caller.context(&call);
    let access = caller.principal.access;
    let changed = call
        .change(StatusCode::OK, move |unit| {
            webhooks::patch(unit, &context, &access, id, &precondition, change)
        })
        .await?;
    Ok(show(&changed))
}

async fn delete(caller: Management<WebhooksWrite>, call: Call) -> Result<HttpResponse, ApiError> {
    let id = call.path_id("id", WebhookId::parse)?;
    let precondition = etag::webhook_precondition(&call.request);
    let access = caller.principal.access;
    call.change(StatusCode::NO_CONTENT, move |unit| {
        webhooks::delete(unit, &access, id, &precondition)
    })
    .await?;
    Ok(HttpResponse::NoContent().finish())
}

fn rotate(caller: &Management<WebhooksWrite>, call: &Call, body: &[u8]) -> Result<Work, ApiError> {
    let id = call.path_id("id", WebhookId::parse)?;
    let overlap = read_overlap(body)?;
    let (secret, shown) = mint(call);
    let context = caller.context(call);
    let access = caller.principal.access.clone();
    Ok(Box::new(move |unit| {
        let command = RotateWebhookSecret { secret, overlap };
        let end = webhooks::rotate_secret(unit, &context, &access, id, command)?;
        let text = shown.to_text();
        Ok(Made::new(&Rotated {
            secret: text.expose_secret(),
            previous_secret_expires_at: end.to_rfc3339(),
        }))
    }))
}

async fn deliveries(
    caller: Management<WebhooksRead>,
    call: Call,
) -> Result<HttpResponse, ApiError> {
    let id = call.path_id("id", WebhookId::parse)?;
    let (status, request) = call.query().delivery_query()?;
    let access = caller.principal.access;
    let page = call
        .read(move |unit| webhooks::deliveries(unit, &access, id, status, request))
        .await?;
    Ok(answer::page::<Delivery, DeliveryView<'_>>(&page))
}

/// Its body may say nothing: there is nothing to choose.
fn redeliver(
    caller: &Management<WebhooksWrite>,
    call: &Call,
    body: &[u8],
) -> Result<Work, ApiError> {
    let webhook = call.path_id("id", WebhookId::parse)?;
    let id = call.path_id("deliveryId", DeliveryId::parse)?;
    let mut members = Members::parse(body)?;
    members.refuse_unknown(&[]);
    members.finish()?;
    let access = caller.principal.access.clone();
    Ok(Box::new(move |unit| {
        let delivery = webhooks::redeliver(unit, &access, webhook, id)?;
        Ok(Made::new(&DeliveryView::from(&delivery)))
    }))
}

/// What a body asks for.
struct Asked {
    url: WebhookUrl,
    filter: WebhookFilter,
    disabled: bool,
}

fn read_create(body: &[u8], policy: TargetPolicy) -> Result<Asked, ApiError> {
    let mut members = Members::parse(body)?;
    members.refuse_unknown(&["url", "types", "environmentIds", "disabled"]);
    let url = members.required("url", url(policy));
    let filter = WebhookFilter {
        types: read_types(&mut members).flatten(),
        environment_ids: read_environments(&mut members).flatten(),
    };
    let disabled = members.not_null("disabled", boolean);
    members.finish()?;
    let url = url.ok_or_else(|| ApiError::internal("a required member was let through"))?;
    Ok(Asked {
        url,
        filter,
        disabled: disabled.unwrap_or(false),
    })
}

fn read_patch(body: &[u8], policy: TargetPolicy) -> Result<WebhookChange, ApiError> {
    let mut members = Members::parse(body)?;
    members.refuse_unknown(&["url", "types", "environmentIds", "disabled"]);
    let change = WebhookChange {
        url: members.not_null("url", url(policy)),
        types: read_types(&mut members),
        environment_ids: read_environments(&mut members),
        disabled: members.not_null("disabled", boolean),
    };
    members.finish()?;
    Ok(change)
}

fn url(policy: TargetPolicy) -> impl Fn(Value<'_>) -> Result<WebhookUrl, FaultKind> {
    string(move |text: &str| {
        let url = WebhookUrl::parse(text)?;
        url.check(policy).map(|()| url)
    })
}

fn boolean(value: Value<'_>) -> Result<bool, FaultKind> {
    value.as_bool().ok_or(FaultKind::NotABoolean)
}

#[expect(
    clippy::option_option,
    reason = "not there, null and a value are three things in a merge patch"
)]
fn read_types(members: &mut Members<'_>) -> Option<Option<TypeFilter>> {
    let read = string(str::parse::<ChangeType>);
    read_filter(members, "types", read, TypeFilter::new)
}

#[expect(
    clippy::option_option,
    reason = "not there, null and a value are three things in a merge patch"
)]
fn read_environments(members: &mut Members<'_>) -> Option<Option<EnvironmentFilter>> {
    let read = string(EnvironmentId::parse);
    read_filter(members, "environmentIds", read, EnvironmentFilter::new)
}

/// Reads a list that lets something through: `None` if it is not there, `Some(None)` for null,
/// which stands for all. Every element that is wrong is told.
#[expect(
    clippy::option_option,
    reason = "not there, null and a value are three things in a merge patch"
)]
fn read_filter<T, F>(
    members: &mut Members<'_>,
    name: &str,
    read: impl Fn(Value<'_>) -> Result<T, FaultKind>,
    make: impl Fn(Vec<T>) -> Result<F, FilterFault>,
) -> Option<Option<F>> {
    /// More are not read one by one.
    const MOST: usize = 1000;
    let is_null = |value: Value<'_>| match (value.kind(), value.as_array()) {
        (Kind::Null, _) => Ok(true),
        (_, None) => Err(FaultKind::NotAnArray),
        (_, Some(list)) if list.len() > MOST => Err(FilterFault::TooMany.into()),
        (_, Some(list)) if list.is_empty() => Err(FilterFault::Empty.into()),
        _ => Ok(false),
    };
    if members.optional(name, is_null)? {
        return Some(None);
    }
    let faults = members.faults();
    let good = members.each(name, read);
    if members.faults() > faults {
        return None;
    }
    make(good)
        .map_err(|fault| members.refuse(name, fault))
        .ok()
        .map(Some)
}

/// Draws a secret and seals it for the store.
fn mint(call: &Call) -> (NewWebhookSecret, WebhookSecret) {
    let entropy = call.deps.entropy();
    let secret = WebhookSecret::generate(entropy);
    let id = SecretId::generate(call.deps.now(), entropy);
    let sealed = call.deps.webhook_key.seal(entropy, id, &secret);
    (NewWebhookSecret { id, sealed }, secret)
}

fn show(webhook: &Webhook) -> HttpResponse {
    let tag = etag::webhook(webhook);
    let body = answer::to_json(&WebhookView::from(webhook));
    answer::tagged(answer::builder(StatusCode::OK), &tag).body(body)
}

/// A new webhook with its secret, which is shown this once.
#[derive(Serialize)]
struct Created<'a> {
    #[serde(flatten)]
    webhook: WebhookView<'a>,
    secret: &'a str,
}

/// A new secret, which is shown this once.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Rotated<'a> {
    secret: &'a str,
    previous_secret_expires_at: String,
}
