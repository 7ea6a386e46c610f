//! The OpenAPI document and the page that shows it.

use crate::harness::{Response, Server, reference};

/// The parts of the page, with their media types.
const PARTS: [(&str, &str); 4] = [
    ("/docs", "text/html; charset=utf-8"),
    ("/docs/docs.js", "text/javascript; charset=utf-8"),
    (
        "/docs/swagger-ui-bundle.js",
        "text/javascript; charset=utf-8",
    ),
    ("/docs/swagger-ui.css", "text/css; charset=utf-8"),
];

fn get(server: &Server, path: &str) -> Response {
    server.get(path).send().expect_status(200)
}

#[test]
fn the_document_is_served_to_everybody_and_may_be_kept() {
    let server = reference::shared();
    let answer = get(server, "/openapi.json");
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.text(), tenantry_http::openapi());
    assert_eq!(
        answer.header("cache-control"),
        Some("public, max-age=300"),
        "{}",
        answer.status
    );
    let tag = answer.header("etag").unwrap();
    for process in server.each() {
        let again = process.get("/openapi.json").header("If-None-Match", tag);
        let again = again.send().expect_status(304);
        assert!(again.body.is_empty());
        assert_eq!(again.header("etag"), Some(tag));
    }
    let other = server
        .get("/openapi.json")
        .header("If-None-Match", "\"other\"");
    other.send().expect_status(200);
    let refused = server.get("/openapi.json").header("Accept", "text/html");
    refused.send().expect_status(406);
}

#[test]
fn the_page_and_its_parts_come_from_this_server_alone() {
    let server = reference::shared();
    for (path, media_type) in PARTS {
        let answer = get(server, path);
        assert_eq!(answer.header("content-type"), Some(media_type), "{path}");
        assert_eq!(
            answer.header("cache-control"),
            Some("public, max-age=300"),
            "{path}"
        );
        let tag = answer.header("etag").unwrap();
        let again = server.get(path).header("If-None-Match", tag).send();
        again.expect_status(304);
    }
    let page = get(server, "/docs");
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none'; "), "{policy}");
    for source in policy.split(';').flat_map(|one| one.split(' ').skip(1)) {
        let own = ["'none'", "'self'", "data:", ""];
        let is_directive = source.ends_with("-src") || source.contains('-');
        assert!(own.contains(&source) || is_directive, "{source}: {policy}");
    }
    // Every part that the page names is one of this server's, and none stands in the page itself.
    let html = page.text();
    assert!(!html.contains("//"), "{html}");
    let named: Vec<_> = html
        .split(['"'])
        .filter(|text| text.starts_with("docs/"))
        .map(|text| format!("/{text}"))
        .collect();
    assert_eq!(named.len(), 3, "{html}");
    for path in &named {
        assert!(PARTS.iter().any(|(part, _)| part == path), "{path}");
    }
    assert!(
        !html.contains("<style") && !html.contains("style="),
        "{html}"
    );
    assert_eq!(
        html.matches("<script").count(),
        html.matches("<script src=").count()
    );
}
