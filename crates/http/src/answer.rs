//! Successful answers.

use actix_web::{
    HttpResponse, HttpResponseBuilder,
    http::{StatusCode, header},
};
use serde::Serialize;
use tenantry_domain::page::{Cursor, Page};

/// Writes a body. Bodies have text for keys and nothing that JSON can't write.
pub(crate) fn to_json(body: &impl Serialize) -> String {
    serde_json::to_string(body).unwrap_or_default()
}

/// An answer of `application/json` that nobody may keep.
pub(crate) fn json(status: StatusCode, body: &impl Serialize) -> HttpResponse {
    builder(status).body(to_json(body))
}

/// The beginning of an answer of `application/json`.
pub(crate) fn builder(status: StatusCode) -> HttpResponseBuilder {
    let mut response = HttpResponse::build(status);
    response.insert_header((header::CONTENT_TYPE, "application/json"));
    response
}

/// An answer that its tag lets the caller keep, if it holds no secret.
pub(crate) fn tagged(mut response: HttpResponseBuilder, tag: &str) -> HttpResponseBuilder {
    response
        .insert_header((header::ETAG, tag))
        .insert_header((header::CACHE_CONTROL, "private, no-cache"));
    response
}

/// 304: the caller has that state already.
pub(crate) fn not_modified(tag: &str) -> HttpResponse {
    tagged(HttpResponse::NotModified(), tag).finish()
}

/// A page of a list of the management API.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct List<T> {
    data: Vec<T>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// Shows a page of a list of the management API.
pub(crate) fn list<T: Serialize>(data: Vec<T>, next: Option<Cursor>) -> HttpResponse {
    builder(StatusCode::OK).body(write_list(data, next))
}

/// Writes a page of a list of the management API.
pub(crate) fn write_list<T: Serialize>(data: Vec<T>, next: Option<Cursor>) -> String {
    let next_cursor = next.map(|cursor| cursor.encode());
    to_json(&List { data, next_cursor })
}

/// Shows a page whose objects have a view of their own.
pub(crate) fn page<'a, T, V>(page: &'a Page<T>) -> HttpResponse
where
    V: Serialize + From<&'a T>,
{
    list(page.items.iter().map(V::from).collect(), page.next)
}
