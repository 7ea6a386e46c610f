//! JSON merge patch (RFC 7396) on texts. What a patch does not touch keeps its digits and
//! its place, which it would not on a tree of values.

use std::collections::HashMap;

use super::{Kind, Value, decode};

impl Value<'_> {
    /// This value after a merge patch, as compact text.
    ///
    /// Members that stay keep their place and the spelling of their names; new ones come
    /// behind them in the patch's order; those that the patch sets to null are gone.
    pub fn merge_patched(self, patch: Value<'_>) -> String {
        let mut out = String::with_capacity(self.0.len() + patch.0.len());
        merge(Some(self), patch, &mut out);
        out
    }
}

/// Writes what the target is after the patch. No deeper than the texts are nested, and
/// those were checked.
fn merge(target: Option<Value<'_>>, patch: Value<'_>, out: &mut String) {
    if patch.kind() != Kind::Object {
        out.push_str(&patch.to_compact());
        return;
    }
    let changes = patch.named_members();
    let mut pending: HashMap<_, _> = changes
        .iter()
        .map(|&(name, change)| (decode(name.0), change))
        .collect();
    let target = target.filter(|target| target.kind() == Kind::Object);
    let mut object = ObjectWriter::begin(out);
    for (name, value) in target.map(Value::named_members).unwrap_or_default() {
        match pending.remove(&decode(name.0)) {
            None => object.member(name, |out| out.push_str(&value.to_compact())),
            Some(change) if change.kind() == Kind::Null => {}
            Some(change) => object.member(name, |out| merge(Some(value), change, out)),
        }
    }
    for (name, change) in changes {
        let is_new = pending.contains_key(&decode(name.0));
        if is_new && change.kind() != Kind::Null {
            object.member(name, |out| merge(None, change, out));
        }
    }
    object.end();
}

/// Puts the commas.
struct ObjectWriter<'a> {
    out: &'a mut String,
    is_empty: bool,
}

impl<'a> ObjectWriter<'a> {
    fn begin(out: &'a mut String) -> Self {
        out.push('{');
        Self {
            out,
            is_empty: true,
        }
    }

    fn member(&mut self, name: Value<'_>, write: impl FnOnce(&mut String)) {
        if !self.is_empty {
            self.out.push(',');
        }
        self.is_empty = false;
        self.out.push_str(name.0);
        self.out.push(':');
        write(self.out);
    }

    fn end(self) {
        self.out.push('}');
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value as Tree;

    use super::super::tests::any_json;
    use super::*;

    fn merged(target: &str, patch: &str) -> String {
        let target = Value::parse(target.as_bytes()).unwrap();
        target.merge_patched(Value::parse(patch.as_bytes()).unwrap())
    }

    #[test]
    fn the_examples_of_the_standard() {
        // RFC 7396, appendix A.
        for (target, patch, result) in [
            (r#"{"a":"b"}"#, r#"{"a":"c"}"#, r#"{"a":"c"}"#),
            (r#"{"a":"b"}"#, r#"{"b":"c"}"#, r#"{"a":"b","b":"c"}"#),
            (r#"{"a":"b"}"#, r#"{"a":null}"#, "{}"),
            (r#"{"a":"b","b":"c"}"#, r#"{"a":null}"#, r#"{"b":"c"}"#),
            (r#"{"a":["b"]}"#, r#"{"a":"c"}"#, r#"{"a":"c"}"#),
            (r#"{"a":"c"}"#, r#"{"a":["b"]}"#, r#"{"a":["b"]}"#),
            (
                r#"{"a":{"b":"c"}}"#,
                r#"{"a":{"b":"d","c":null}}"#,
                r#"{"a":{"b":"d"}}"#,
            ),
            (r#"{"a":[{"b":"c"}]}"#, r#"{"a":[1]}"#, r#"{"a":[1]}"#),
            (r#"["a","b"]"#, r#"["c","d"]"#, r#"["c","d"]"#),
            (r#"{"a":"b"}"#, r#"["c"]"#, r#"["c"]"#),
            (r#"{"a":"foo"}"#, "null", "null"),
            (r#"{"a":"foo"}"#, r#""bar""#, r#""bar""#),
            (r#"{"e":null}"#, r#"{"a":1}"#, r#"{"e":null,"a":1}"#),
            ("[1,2]", r#"{"a":"b","c":null}"#, r#"{"a":"b"}"#),
            ("{}", r#"{"a":{"bb":{"ccc":null}}}"#, r#"{"a":{"bb":{}}}"#),
        ] {
            assert_eq!(merged(target, patch), result, "{target} with {patch}");
        }
    }

    #[test]
    fn what_is_not_touched_keeps_digits_order_and_spelling() {
        let target = r#"{ "z": 1.0, "\u0061": 12345678901234567890123, "m": {"y":1e400, "x":-0} }"#;
        assert_eq!(
            merged(target, r#"{"m":{"n": 0.10 , "y":null},"k":[ 1.50 ]}"#),
            r#"{"z":1.0,"\u0061":12345678901234567890123,"m":{"x":-0,"n":0.10},"k":[1.50]}"#
        );
        // One name, spelled in two ways.
        assert_eq!(
            merged(r#"{"\u0061":1,"b":2}"#, r#"{"a":3}"#),
            r#"{"\u0061":3,"b":2}"#
        );
        assert_eq!(
            merged(r#"{"a":1,"b":2}"#, r#"{"\u0061":null}"#),
            r#"{"b":2}"#
        );
    }

    /// The function of RFC 7396 §2, word for word.
    fn by_the_book(target: Tree, patch: &Tree) -> Tree {
        let Tree::Object(patch) = patch else {
            return patch.clone();
        };
        let mut target = match target {
            Tree::Object(target) => target,
            _ => serde_json::Map::new(),
        };
        for (name, value) in patch {
            if value.is_null() {
                target.remove(name);
            } else {
                let old = target.remove(name).unwrap_or(Tree::Null);
                target.insert(name.clone(), by_the_book(old, value));
            }
        }
        Tree::Object(target)
    }

    proptest! {
        #[test]
        fn does_what_the_standard_says(target in any_json(), patch in any_json()) {
            let text = merged(&target.to_string(), &patch.to_string());
            Value::parse(text.as_bytes()).expect("the result is strict JSON");
            let result: Tree = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(result, by_the_book(target, &patch));
        }

        #[test]
        fn a_patch_with_itself_changes_nothing_more(target in any_json(), patch in any_json()) {
            let once = merged(&target.to_string(), &patch.to_string());
            prop_assert_eq!(merged(&once, &patch.to_string()), once);
        }
    }
}
