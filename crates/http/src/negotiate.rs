//! Content negotiation (RFC 9110 §12.5.1).

use actix_web::{HttpRequest, http::header::ACCEPT};

use crate::{
    error::{ApiError, Code},
    media_type::{MediaType, split},
};

/// What an answer can be written in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Representation {
    #[default]
    Json,
    JsonLd,
    Text,
    CloudEvents,
    EventStream,
    /// Of the page that shows the documentation; by its media type.
    Asset(&'static str),
}

impl Representation {
    pub(crate) const fn media_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::JsonLd => "application/ld+json",
            Self::Text => "text/plain",
            Self::CloudEvents => "application/cloudevents-batch+json",
            Self::EventStream => "text/event-stream",
            Self::Asset(media_type) => media_type,
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
    /// JSON, or a batch of CloudEvents on request: the change feed.
    JsonOrCloudEvents,
    /// A stream of Server-Sent Events.
    EventStream,
    /// A page for browsers.
    Html,
    /// What such a page looks like.
    Css,
    /// What such a page does.
    JavaScript,
}

impl Produces {
    pub(crate) const fn representations(self) -> &'static [Representation] {
        match self {
            Self::Json => &[Representation::Json],
            Self::JsonLdOrJson => &[Representation::JsonLd, Representation::Json],
            Self::Text => &[Representation::Text],
            Self::JsonOrCloudEvents => &[Representation::Json, Representation::CloudEvents],
            Self::EventStream => &[Representation::EventStream],
            Self::Html => &[Representation::Asset("text/html")],
            Self::Css => &[Representation::Asset("text/css")],
            Self::JavaScript => &[Representation::Asset("text/javascript")],
        }
    }

    /// The representation that the caller likes best; a tie goes to the favourite.
    pub(crate) fn choose(self, request: &HttpRequest) -> Result<Representation, ApiError> {
        let favourite = self.representations()[0];
        if !request.headers().contains_key(ACCEPT) {
            return Ok(favourite);
        }
        let mut best = (0, None);
        let ranges = ranges(request);
        if ranges.is_empty() && is_blank(request) {
            return Ok(favourite);
        }
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

/// The media ranges that the caller accepts, with their qualities in thousandths. An
/// element that can't be read is passed over.
fn ranges(request: &HttpRequest) -> Vec<(String, u16)> {
    let texts = request
        .headers()
        .get_all(ACCEPT)
        .filter_map(|value| value.to_str().ok());
    let elements = texts.flat_map(|text| split(text, ','));
    elements
        .filter_map(|element| {
            let range = MediaType::parse(element)?;
            let quality = range.parameter("q").map_or(Some(1000), thousandths)?;
            Some((range.essence, quality))
        })
        .collect()
}

/// A quality (RFC 9110 §12.4.2) in thousandths; `.2` is taken for `0.2`, as it is meant.
fn thousandths(text: &str) -> Option<u16> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if !matches!(whole, "" | "0" | "1") || fraction.len() > 3 {
        return None;
    }
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let digits = format!("{}{fraction:0<3}", if whole == "1" { "1" } else { "0" });
    digits.parse().ok().filter(|&quality| quality <= 1000)
}

/// How much the caller likes a representation: the quality of the most specific range
/// that it falls into.
fn quality(ranges: &[(String, u16)], representation: Representation) -> u16 {
    let media_type = representation.media_type();
    let main = media_type.split('/').next().unwrap_or_default();
    let mut found = (0, 0);
    for (range, quality) in ranges {
        let specificity = match range.split_once('/') {
            Some(("*", "*")) => 1,
            Some((range_main, "*")) if range_main == main => 2,
            Some(_) if range == media_type => 3,
            _ => continue,
        };
        if specificity > found.0 {
            found = (specificity, *quality);
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
            (
                "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2",
                Some(JsonLd),
            ),
            ("application/json ;charset=utf-8", Some(Json)),
            (
                "application/json;q=.5, application/ld+json;profile=\"a,b\";q=0.4",
                Some(Json),
            ),
            ("application/json;q=2, application/ld+json;q=0.0001", None),
            ("nonsense, application/json", Some(Json)),
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
