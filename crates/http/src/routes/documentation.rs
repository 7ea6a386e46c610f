//! The OpenAPI document, and a page that shows it in a browser. All of it is in the program: the
//! page loads nothing from anywhere else, and its policy would not let it.

use std::{
    future::{Ready, ready},
    hash::{DefaultHasher, Hash, Hasher},
    sync::LazyLock,
};

use actix_web::{
    HttpResponse, HttpResponseBuilder,
    http::{Method, header},
};

use crate::{
    call::Call,
    caller::Anybody,
    error::ApiError,
    etag,
    negotiate::Produces,
    openapi::openapi,
    operation::{Operation, OperationName},
};

/// Scripts and styles of this server, no inline ones; images that the style itself holds; the
/// document and the operations that somebody tries out. No frames around it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

pub(super) fn operations() -> Vec<Operation> {
    let get = |name, path, produces, asset: &'static LazyLock<Asset>| {
        let name = OperationName::Untold(name);
        let handler = move |_: Anybody, call: Call| show(&call, asset);
        Operation::new(name, Method::GET, path, produces, handler)
    };
    vec![
        get(
            "OPENAPI_RETRIEVE",
            "/openapi.json",
            Produces::Json,
            &DOCUMENT,
        ),
        get("DOCS_RETRIEVE", "/docs", Produces::Html, &PAGE),
        get(
            "DOCS_SCRIPT_RETRIEVE",
            "/docs/docs.js",
            Produces::JavaScript,
            &SCRIPT,
        ),
        get(
            "DOCS_LIBRARY_RETRIEVE",
            "/docs/swagger-ui-bundle.js",
            Produces::JavaScript,
            &LIBRARY,
        ),
        get(
            "DOCS_STYLE_RETRIEVE",
            "/docs/swagger-ui.css",
            Produces::Css,
            &STYLE,
        ),
    ]
}

static DOCUMENT: LazyLock<Asset> = LazyLock::new(|| Asset::new("application/json", openapi()));
static PAGE: LazyLock<Asset> = LazyLock::new(|| {
    let page = include_str!("../../assets/docs.html");
    Asset {
        is_page: true,
        ..Asset::new("text/html; charset=utf-8", page)
    }
});
static SCRIPT: LazyLock<Asset> = LazyLock::new(|| {
    let script = include_str!("../../assets/docs.js");
    Asset::new("text/javascript; charset=utf-8", script)
});
static LIBRARY: LazyLock<Asset> = LazyLock::new(|| {
    let library = include_str!("../../assets/swagger-ui/swagger-ui-bundle.js");
    Asset::new("text/javascript; charset=utf-8", library)
});
static STYLE: LazyLock<Asset> = LazyLock::new(|| {
    let style = include_str!("../../assets/swagger-ui/swagger-ui.css");
    Asset::new("text/css; charset=utf-8", style)
});

/// Something that is the same for everybody as long as the program is the same.
struct Asset {
    media_type: &'static str,
    text: &'static str,
    tag: String,
    /// Whether a browser shows it by itself, so that it says what it may load.
    is_page: bool,
}

impl Asset {
    fn new(media_type: &'static str, text: &'static str) -> Self {
        let mut hasher = DefaultHasher::new();
        text.hash(&mut hasher);
        Self {
            media_type,
            text,
            tag: format!("\"{:016x}\"", hasher.finish()),
            is_page: false,
        }
    }
}

/// Anybody may keep it for five minutes, and ask by its tag whether it is still so.
fn show(call: &Call, asset: &Asset) -> Ready<Result<HttpResponse, ApiError>> {
    let response = if etag::is_known(&call.request, &asset.tag) {
        head(HttpResponse::NotModified(), asset).finish()
    } else {
        head(HttpResponse::Ok(), asset)
            .insert_header((header::CONTENT_TYPE, asset.media_type))
            .body(asset.text)
    };
    ready(Ok(response))
}

fn head(mut response: HttpResponseBuilder, asset: &Asset) -> HttpResponseBuilder {
    response
        .insert_header((header::ETAG, asset.tag.as_str()))
        .insert_header((header::CACHE_CONTROL, "public, max-age=300"));
    if asset.is_page {
        response
            .insert_header((header::CONTENT_SECURITY_POLICY, POLICY))
            .insert_header((header::REFERRER_POLICY, "no-referrer"));
    }
    response
}
