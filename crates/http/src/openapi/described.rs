//! What the document says of an operation, beside what the table of operations knows.

use crate::error::Code;

/// An operation in words.
pub(super) struct Described {
    /// Its name in the table of operations.
    pub(super) name: &'static str,
    /// What generated clients call it.
    pub(super) id: &'static str,
    pub(super) tag: &'static str,
    /// A few words, without a full stop.
    pub(super) summary: &'static str,
    /// Whole sentences, in Markdown; may be empty.
    pub(super) description: &'static str,
    /// Which of [`parameters`](super::parameters) it takes, beside those of its path.
    pub(super) parameters: &'static [&'static str],
    pub(super) body: Option<Body>,
    /// Its successes; the first is the usual one.
    pub(super) answers: &'static [Answer],
    /// What it refuses by codes of its own, beside those that its kind of operation has.
    pub(super) errors: &'static [Code],
}

impl Described {
    /// Nothing, to be filled.
    pub(super) const NEW: Self = Self {
        name: "",
        id: "",
        tag: "",
        summary: "",
        description: "",
        parameters: &[],
        body: None,
        answers: &[],
        errors: &[],
    };
}

/// What is sent: the name of a schema, in media types.
#[derive(Clone, Copy)]
pub(super) enum Body {
    /// `application/json`.
    Json(&'static str),
    /// `application/merge-patch+json` or `application/json`.
    MergePatch(&'static str),
    /// `application/json` or `application/ld+json`.
    JsonOrJsonLd(&'static str),
    /// `application/json` or a form.
    JsonOrForm(&'static str),
}

impl Body {
    pub(super) const fn schema(self) -> &'static str {
        match self {
            Self::Json(name)
            | Self::MergePatch(name)
            | Self::JsonOrJsonLd(name)
            | Self::JsonOrForm(name) => name,
        }
    }

    pub(super) const fn media_types(self) -> &'static [&'static str] {
        match self {
            Self::Json(_) => &["application/json"],
            Self::MergePatch(_) => &["application/merge-patch+json", "application/json"],
            Self::JsonOrJsonLd(_) => &["application/json", "application/ld+json"],
            Self::JsonOrForm(_) => &["application/json", "application/x-www-form-urlencoded"],
        }
    }
}

/// One way to succeed.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) description: &'static str,
    /// Media types, each with the name of a schema.
    pub(super) content: &'static [(&'static str, &'static str)],
    /// Which of [`headers`](super::answers::headers) it has, beside those that every answer
    /// has. A name with `?` behind it stands for one that is not always there.
    pub(super) headers: &'static [&'static str],
}

/// The media type of most answers.
pub(super) const JSON: &str = "application/json";

impl Answer {
    /// 200, as JSON of a schema.
    pub(super) const fn ok(
        description: &'static str,
        content: &'static [(&'static str, &'static str)],
    ) -> Self {
        Self::of(200, description, content)
    }

    pub(super) const fn of(
        status: u16,
        description: &'static str,
        content: &'static [(&'static str, &'static str)],
    ) -> Self {
        Self {
            status,
            description,
            content,
            headers: &[],
        }
    }

    /// The same with headers.
    pub(super) const fn with(mut self, headers: &'static [&'static str]) -> Self {
        self.headers = headers;
        self
    }

    /// 304: the caller has that state already.
    pub(super) const NOT_MODIFIED: Self =
        Self::of(304, "The caller has this state already.", &[]).with(&["ETag"]);

    /// 204 of a delete.
    pub(super) const GONE: Self = Self::of(204, "It is gone.", &[]);
}
