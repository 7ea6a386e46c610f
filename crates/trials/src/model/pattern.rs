//! Answers with symbols in the place of what each server chooses for itself.
//!
//! `«id:3»` stands for the id of the third tenant, whatever a server calls it. Where a server
//! tells it for the first time, the symbol is bound; from then on the server must mean the same
//! by it, and nothing else of its kind may look like it.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;

/// Stands for anything at all, nothing too; as a member's name, for any further members.
pub(crate) const ANY: &str = "«*»";

/// What the symbols are at one server.
#[derive(Clone, Debug, Default)]
pub(crate) struct Bindings {
    known: BTreeMap<String, Value>,
    /// By kind and value, so that no two symbols of a kind are the same.
    taken: HashMap<(String, String), String>,
}

/// A symbol of that kind for the thing of that name.
pub(crate) fn symbol(kind: &str, name: impl std::fmt::Display) -> String {
    format!("«{kind}:{name}»")
}

/// The hyphens of an id left out.
pub(crate) fn bare(id: &str) -> String {
    match id.strip_prefix('«') {
        Some(rest) => format!("«bare:{rest}"),
        None => id.replace('-', ""),
    }
}

/// An instant as the system API shows it.
pub(crate) fn in_seconds(instant: &str) -> String {
    match instant.strip_prefix("«time:") {
        Some(rest) => format!("«seconds:{rest}"),
        None => instant.to_owned(),
    }
}

impl Bindings {
    /// What a symbol is, if that is known.
    pub(crate) fn get(&self, symbol: &str) -> Option<&Value> {
        self.known.get(symbol)
    }

    /// A text with all symbols in it that are known put in.
    pub(crate) fn fill(&self, pattern: &str) -> String {
        let mut filled = String::new();
        let mut rest = pattern;
        while let Some(at) = rest.find('«') {
            let end = rest[at..].find('»').map_or(rest.len(), |end| at + end + 2);
            filled.push_str(&rest[..at]);
            let name = &rest[at..end];
            match self.value(name) {
                Some(Value::String(text)) => filled.push_str(&text),
                Some(other) => filled.push_str(&other.to_string()),
                None => filled.push_str(name),
            }
            rest = &rest[end..];
        }
        filled + rest
    }

    fn value(&self, name: &str) -> Option<Value> {
        if let Some(rest) = name.strip_prefix("«bare:") {
            let id = self.known.get(&format!("«{rest}"))?;
            return Some(Value::from(id.as_str()?.replace('-', "")));
        }
        if let Some(known) = self.known.get(name) {
            return Some(known.clone());
        }
        // Told by the other family only.
        let instant = self
            .known
            .get(&format!("«time:{}", name.strip_prefix("«seconds:")?))?;
        Some(Value::from(format!(
            "{}+00:00",
            instant.as_str()?.get(..19)?
        )))
    }

    /// A text with symbols in the place of what they are here, the longest first.
    pub(crate) fn conceal(&self, text: &str) -> String {
        let texts = self.known.iter();
        let texts = texts.filter_map(|(name, value)| Some((name.clone(), value.as_str()?)));
        let mut known: Vec<_> = texts
            .filter(|(name, value)| value.len() > 8 && !name.starts_with("«time"))
            .flat_map(|(name, value)| [(bare(&name), bare(value)), (name, value.to_owned())])
            .collect();
        known.sort_by_key(|(_, value)| std::cmp::Reverse(value.len()));
        let mut concealed = text.to_owned();
        for (name, value) in known {
            concealed = concealed.replace(&value, &name);
        }
        concealed
    }

    /// Holds an answer against its pattern; the places where they differ.
    pub(crate) fn compare(&mut self, pattern: &Value, actual: &Value) -> Vec<String> {
        let mut faults = Vec::new();
        self.learn(pattern, actual, &mut faults);
        self.differ("", pattern, actual, &mut faults);
        faults
    }

    /// Binds the symbols that stand for themselves.
    fn learn(&mut self, pattern: &Value, actual: &Value, faults: &mut Vec<String>) {
        match (pattern, actual) {
            (Value::String(name), _) if is_symbol(name) => {
                let is_bound = self.known.contains_key(name);
                if !is_bound && name != ANY && !name.starts_with("«bare:") {
                    self.bind(name, actual, faults);
                }
            }
            (Value::Array(pattern), Value::Array(actual)) => {
                for (pattern, actual) in pattern.iter().zip(actual) {
                    self.learn(pattern, actual, faults);
                }
            }
            (Value::Object(pattern), Value::Object(actual)) => {
                for (name, pattern) in pattern {
                    self.learn(pattern, actual.get(name).unwrap_or(&Value::Null), faults);
                }
            }
            _ => {}
        }
    }

    fn bind(&mut self, name: &str, actual: &Value, faults: &mut Vec<String>) {
        let kind = name.trim_start_matches('«').split(':').next().unwrap_or("");
        if !fits(kind, actual) {
            faults.push(format!("{actual} is no {name}"));
            return;
        }
        // Two things may happen at one time, and two things at two URLs may have one tag.
        let scope = match kind {
            "time" | "seconds" => None,
            "etag" => name.rsplit_once(':').map(|(scope, _)| scope.to_owned()),
            kind => Some(kind.to_owned()),
        };
        if let Some(scope) = scope {
            let taken = self.taken.insert((scope, actual.to_string()), name.into());
            if let Some(other) = taken {
                faults.push(format!("{actual} is both {other} and {name}"));
            }
        }
        self.known.insert(name.to_owned(), actual.clone());
        if let Some(rest) = name.strip_prefix("«time:") {
            self.agree(&format!("«seconds:{rest}"), name, faults);
        }
        if let Some(rest) = name.strip_prefix("«seconds:") {
            self.agree(name, &format!("«time:{rest}"), faults);
        }
    }

    /// Both families show one instant, one of them in whole seconds.
    fn agree(&self, seconds: &str, instant: &str, faults: &mut Vec<String>) {
        let text = |name| self.known.get(name).and_then(Value::as_str);
        if let (Some(coarse), Some(fine)) = (text(seconds), text(instant))
            && coarse.get(..19) != fine.get(..19)
        {
            faults.push(format!("{seconds} is {coarse}, but {instant} is {fine}"));
        }
    }

    fn differ(&self, place: &str, pattern: &Value, actual: &Value, faults: &mut Vec<String>) {
        match (pattern, actual) {
            (Value::String(any), _) if any == ANY => {}
            (Value::String(name), _) if is_symbol(name) => {
                if self.value(name).as_ref() != Some(actual) {
                    let known = self.value(name);
                    faults.push(format!("{place}: {actual} is not {name}, {known:?}"));
                }
            }
            (Value::String(text), Value::String(shown)) => {
                let expected = self.fill(text);
                if expected != *shown {
                    faults.push(format!("{place}: {shown:?}, not {expected:?}"));
                }
            }
            (Value::Array(pattern), Value::Array(actual)) => {
                if pattern.len() != actual.len() {
                    let (due, is) = (pattern.len(), actual.len());
                    faults.push(format!("{place}: {is} and not {due} of them"));
                }
                for (at, (pattern, actual)) in pattern.iter().zip(actual).enumerate() {
                    self.differ(&format!("{place}[{at}]"), pattern, actual, faults);
                }
            }
            (Value::Object(pattern), Value::Object(actual)) => {
                let more = !pattern.contains_key(ANY);
                let unknown = actual.keys().filter(|name| !pattern.contains_key(*name));
                for name in unknown.filter(|_| more) {
                    faults.push(format!("{place}.{name} is there"));
                }
                for (name, pattern) in pattern {
                    match actual.get(name) {
                        Some(actual) => {
                            self.differ(&format!("{place}.{name}"), pattern, actual, faults);
                        }
                        None if pattern == ANY => {}
                        None => faults.push(format!("{place}.{name} is missing")),
                    }
                }
            }
            _ if pattern == actual => {}
            _ => faults.push(format!("{place}: {actual}, not {pattern}")),
        }
    }
}

/// Whether a text is one symbol and nothing besides.
fn is_symbol(text: &str) -> bool {
    text.starts_with('«') && text.find('»').is_some_and(|end| end + 2 == text.len())
}

/// Whether something may be what a symbol of that kind stands for.
fn fits(kind: &str, value: &Value) -> bool {
    if kind == "number" {
        return value.as_i64().is_some_and(|number| number > 0);
    }
    let Some(text) = value.as_str() else {
        return false;
    };
    let alphanumeric = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    match kind {
        "id" => {
            let parts: Vec<_> = text.split('-').map(str::len).collect();
            let digits = text
                .bytes()
                .all(|byte| b"0123456789abcdef-".contains(&byte));
            digits && parts == [8, 4, 4, 4, 12]
        }
        "client" => text.len() == 32 && alphanumeric(text),
        "secret" => text.len() >= 43,
        "time" => text.len() == 27 && text.ends_with('Z'),
        "seconds" => text.len() == 25 && text.ends_with("+00:00"),
        "etag" => text.len() > 2 && text.starts_with('"') && text.ends_with('"'),
        _ => !text.is_empty(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ID: &str = "86cb97a9-5e80-4ed7-af13-a170752bb1ea";

    #[test]
    fn a_symbol_is_bound_once_and_holds() {
        let mut bindings = Bindings::default();
        let pattern = json!({"id": "«id:1»", "host": "t-«bare:id:1».x", "any": ANY});
        let host = "t-86cb97a95e804ed7af13a170752bb1ea.x";
        let shown = json!({"id": ID, "host": host, "any": [1]});
        assert_eq!(bindings.compare(&pattern, &shown), [""; 0]);
        assert_eq!(bindings.fill("/a/«id:1»"), format!("/a/{ID}"));
        assert_eq!(bindings.conceal(&format!("no {ID}")), "no «id:1»");
        let other = json!({"id": ID.replace('8', "9"), "host": host, "any": 1});
        assert_eq!(bindings.compare(&pattern, &other).len(), 1);
        assert_eq!(bindings.compare(&json!("«id:2»"), &json!(ID)).len(), 1);
    }

    #[test]
    fn what_is_too_much_or_missing_is_told() {
        let mut bindings = Bindings::default();
        let faults = bindings.compare(&json!({"a": 1, "b": [1, 2]}), &json!({"b": [1], "c": 2}));
        assert_eq!(faults.len(), 3, "{faults:?}");
        assert_eq!(
            bindings.compare(&json!("«time:1»"), &json!("soon")).len(),
            2
        );
    }

    #[test]
    fn both_families_show_one_instant() {
        let mut bindings = Bindings::default();
        let fine = json!("2026-01-01T00:00:00.123456Z");
        assert_eq!(bindings.compare(&json!("«time:1»"), &fine), [""; 0]);
        let off = json!("2026-01-01T00:00:01+00:00");
        assert_eq!(bindings.compare(&json!("«seconds:1»"), &off).len(), 1);
    }
}
