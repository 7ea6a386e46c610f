//! Media types and lists of them, as they stand in headers (RFC 9110 §5.6, §8.3.1).

/// A media type or media range with its parameters, names and essence in lower case.
pub(crate) struct MediaType {
    /// `type/subtype`.
    pub(crate) essence: String,
    parameters: Vec<(String, String)>,
}

impl MediaType {
    /// Reads one; `None` where it does not follow the grammar.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut parts = split(text, ';');
        let mut essence = parts.next()?.trim().to_ascii_lowercase();
        if essence == "*" {
            // Old Java clients write it, and mean this.
            "*/*".clone_into(&mut essence);
        }
        let (main, sub) = essence.split_once('/')?;
        if !is_token(main) || !is_token(sub) {
            return None;
        }
        let parameters = parts
            .map(str::trim)
            .filter(|part| !part.is_empty())
            .map(|part| {
                let (name, value) = part.split_once('=')?;
                is_token(name).then(|| Some((name.to_ascii_lowercase(), unquote(value)?)))?
            })
            .collect::<Option<_>>()?;
        Some(Self {
            essence,
            parameters,
        })
    }

    /// A parameter's value.
    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }
}

/// Splits at a separator that stands outside of quoted strings.
pub(crate) fn split(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let (mut quoted, mut escaped) = (false, false);
    text.split(move |c: char| {
        if escaped {
            escaped = false;
        } else if quoted && c == '\\' {
            escaped = true;
        } else if c == '"' {
            quoted = !quoted;
        } else {
            return c == separator && !quoted;
        }
        false
    })
}

fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

/// A token as it is, or a quoted string without its quotes.
fn unquote(value: &str) -> Option<String> {
    let Some(rest) = value.strip_prefix('"') else {
        return is_token(value).then(|| value.to_owned());
    };
    let inner = rest.strip_suffix('"')?;
    let mut plain = String::with_capacity(inner.len());
    let mut characters = inner.chars();
    while let Some(c) = characters.next() {
        match c {
            '\\' => plain.push(characters.next()?),
            '"' => return None,
            c => plain.push(c),
        }
    }
    Some(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_may_be_quoted_and_spaced() {
        let parsed =
            MediaType::parse("Application/LD+JSON ; profile=\"a, \\\"b\\\";c\" ;Q=.2").unwrap();
        assert_eq!(parsed.essence, "application/ld+json");
        assert_eq!(parsed.parameter("profile"), Some("a, \"b\";c"));
        assert_eq!(parsed.parameter("q"), Some(".2"));
        for bad in [
            "",
            "json",
            "a/",
            "/b",
            "a/b; c",
            "a/b; c=",
            "a/b; c=\"d",
            "a b/c",
            "a/b; =d",
        ] {
            assert!(MediaType::parse(bad).is_none(), "{bad:?}");
        }
    }

    #[test]
    fn lists_are_split_outside_of_quotes() {
        let parts: Vec<_> = split("a/b;c=\"d,e\", *;q=.2,,f/g", ',').collect();
        assert_eq!(parts, ["a/b;c=\"d,e\"", " *;q=.2", "", "f/g"]);
    }
}
