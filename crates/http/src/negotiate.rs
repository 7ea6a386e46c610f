//! Content negotiation (RFC 9110 §12.5.1).

use actix_web::{
    HttpRequest,
    http::header::{ACCEPT, Accept, Header, Quality, QualityItem},
    mime::Mime,
};

use crate::error::{ApiError, Code};

/// What an answer can be written in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Representation {
    #[default]
    Json,
    JsonLd,
    Text,
}

impl Representation {
    const fn media_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::JsonLd => "application/ld+json",
            Self::Text => "text/plain",
        }
    }
}

/// What an operation can answer with, its favourite first.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Produces {
    /// JSON.
    Json,
    /// JSON-LD, or JSON on request: the system API.
    JsonLdOrJson,
    /// Plain text.
    Text,
}

impl Produces {
    pub(crate) const fn representations(self) -> &'static [Representation] {
        match self {
            Self::Json => &[Representation::Json],
            Self::JsonLdOrJson => &[Representation::JsonLd, Representation::Json],
            Self::Text => &[Representation::Text],
        }
    }

    /// The representation that the caller likes best; a tie goes to the favourite.
    pub(crate) fn choose(self, request: &HttpRequest) -> Result<Representation, ApiError> {
        let favourite = self.representations()[0];
        if !request.headers().contains_key(ACCEPT) {
            return Ok(favourite);
        }
        let ranges = Accept::parse(request)
            .map(|accept| accept.0)
            .unwrap_or_default();
        if ranges.is_empty() && is_blank(request) {
            return Ok(favourite);
        }
        let mut best = (Quality::ZERO, None);
        for &representation in self.representations() {
            let quality = quality(&ranges, representation);
            if quality > best.0 {
                best = (quality, Some(representation));
            }
        }
        best.1.ok_or_else(|| self.not_acceptable())
    }

    fn not_acceptable(self) -> ApiError {
        let offered: Vec<_> = self
            .representations()
            .iter()
            .map(|representation| representation.media_type())
            .collect();
        let message = format!("The Accept header admits none of {}.", offered.join(", "));
        ApiError::new(Code::NotAcceptable, message)
    }
}

/// An empty `Accept` says as little as none.
fn is_blank(request: &HttpRequest) -> bool {
    request
        .headers()
        .get_all(ACCEPT)
        .all(|value| value.as_bytes().trim_ascii().is_empty())
}

/// How much the caller likes a representation: the quality of the most specific range
/// that it falls into.
fn quality(ranges: &[QualityItem<Mime>], representation: Representation) -> Quality {
    let media_type = representation.media_type();
    let main = media_type.split('/').next().unwrap_or_default();
    let mut found = (0, Quality::ZERO);
    for range in ranges {
        let wanted = range.item.essence_str();
        let specificity = match wanted.split_once('/') {
            Some(("*", "*")) => 1,
            Some((wanted_main, "*")) if wanted_main == main => 2,
            Some(_) if wanted == media_type => 3,
            _ => continue,
        };
        if specificity > found.0 {
            found = (specificity, range.quality);
        }
    }
    found.1
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn chosen(accept: &str) -> Option<Representation> {
        let request = TestRequest::get()
            .insert_header((ACCEPT, accept))
            .to_http_request();
        Produces::JsonLdOrJson.choose(&request).ok()
    }

    #[test]
    fn the_most_specific_range_counts_and_the_highest_quality_wins() {
        use Representation::{Json, JsonLd};
        for (accept, expected) in [
            ("", Some(JsonLd)),
            ("*/*", Some(JsonLd)),
            ("application/*", Some(JsonLd)),
            ("application/json", Some(Json)),
            ("application/ld+json", Some(JsonLd)),
            ("APPLICATION/JSON", Some(Json)),
            ("application/json;charset=utf-8", Some(Json)),
            ("application/ld+json;q=0.5, application/json", Some(Json)),
            ("application/ld+json;q=0, */*", Some(Json)),
            ("application/json;q=0.2, */*;q=0.1", Some(Json)),
            ("text/html, application/xhtml+xml, */*;q=0.8", Some(JsonLd)),
            ("text/html", None),
            ("application/json;q=0", None),
            ("*/*;q=0", None),
            ("nonsense", None),
        ] {
            assert_eq!(chosen(accept), expected, "{accept:?}");
        }
    }

    #[test]
    fn no_accept_at_all_gets_the_favourite() {
        let request = TestRequest::get().to_http_request();
        assert_eq!(
            Produces::JsonLdOrJson.choose(&request).ok(),
            Some(Representation::JsonLd)
        );
        assert_eq!(
            Produces::Json.choose(&request).ok(),
            Some(Representation::Json)
        );
    }
}
