//! Every parser of the domain, given what is nearly right: texts of the corpus, mangled.
//!
//! What is taken must mean one thing only: written out again it is read as the same, and where there is
//! another parser of the same grammar, it agrees. Nothing may panic. A failure is kept beside the test in
//! `*.proptest-regressions` and tried first from then on; a text that has found something belongs to the
//! corpus. Longer: `cargo xtask fuzz`, or `PROPTEST_CASES=1000000 cargo test --workspace --test fuzz`.

mod mangle;

use std::net::IpAddr;

use proptest::prelude::*;
use tenantry_domain::{
    clock::Timestamp,
    data::TenantData,
    event::parse_instant,
    feed::{Begin, Sequence, Wait},
    host::{HostName, Subdomain},
    id::parse_uuid,
    idempotency::IdempotencyKey,
    json::{JsonFaultKind, Value},
    name::{Name, NamePrefix},
    page::{Cursor, Limit, NumberedPage},
    record::Second,
    scope::{ScopeSet, ScopeToken},
    subdomain::{DomainName, Label},
    webhook::{TargetHost, TargetPolicy, WebhookSecret, WebhookUrl, is_public},
};

use self::mangle::mangled;

const JSON: &str = include_str!("corpus/json.txt");
const HOSTS: &str = include_str!("corpus/hosts.txt");
const CURSORS: &str = include_str!("corpus/cursors.txt");
const INSTANTS: &str = include_str!("corpus/instants.txt");
const NUMBERS: &str = include_str!("corpus/numbers.txt");
const WORDS: &str = include_str!("corpus/words.txt");
const URLS: &str = include_str!("corpus/urls.txt");

proptest! {
    /// What is taken, an independent parser takes; what is refused, it refuses too, or the reason is one
    /// that RFC 8259 leaves to us.
    #[test]
    fn json(bytes in mangled(JSON)) {
        let theirs = serde_json::from_slice::<&serde_json::value::RawValue>(&bytes);
        match Value::parse(&bytes) {
            Ok(value) => {
                prop_assert!(theirs.is_ok(), "{theirs:?}");
                let compact = value.to_compact();
                let again = Value::parse(compact.as_bytes()).map(Value::to_compact);
                prop_assert_eq!(again.as_deref(), Ok(compact.as_str()));
            }
            Err(fault) => {
                use JsonFaultKind::{Depth, Duplicate, LoneSurrogate, Nul};
                let ours = matches!(fault.kind, Depth | Duplicate(_) | LoneSurrogate | Nul);
                prop_assert!(ours || theirs.is_err(), "{fault:?}");
            }
        }
    }

    /// A merge patch gives what the pseudo code of RFC 7396 §2 gives.
    #[test]
    fn merge_patch(target in mangled(JSON), patch in mangled(JSON)) {
        let theirs = |bytes: &[u8]| serde_json::from_slice::<serde_json::Value>(bytes);
        if let (Ok(ours), Ok(patch_of_ours)) = (Value::parse(&target), Value::parse(&patch))
            && let (Ok(mut expected), Ok(patch)) = (theirs(&target), theirs(&patch))
        {
            merge(&mut expected, &patch);
            let merged = ours.merge_patched(patch_of_ours);
            let merged: serde_json::Value = serde_json::from_str(&merged).unwrap();
            prop_assert_eq!(merged, expected);
        }
    }

    /// Data that is taken is kept as it is, and is an object.
    #[test]
    fn data(text in mangled(JSON)) {
        if let Ok(text) = std::str::from_utf8(&text) && let Ok(data) = TenantData::parse(text) {
            let is_object = data.as_str().starts_with('{') && data.as_str().ends_with('}');
            prop_assert!(is_object, "{data:?}");
            prop_assert_eq!(TenantData::parse(data.as_str()).ok(), Some(data));
        }
    }

    #[test]
    fn cursor(text in mangled(CURSORS)) {
        if let Ok(text) = std::str::from_utf8(&text) && let Ok(cursor) = Cursor::decode(text) {
            prop_assert_eq!(Cursor::decode(&cursor.encode()), Ok(cursor));
        }
    }

    /// A host that is taken is a DNS name in lower case, and taking it again changes nothing.
    #[test]
    fn host(text in mangled(HOSTS)) {
        let Ok(text) = std::str::from_utf8(&text) else { return Ok(()) };
        if let Ok(host) = HostName::parse(text) {
            prop_assert!(!host.as_str().is_empty() && host.as_str().len() <= 253, "{host:?}");
            prop_assert!(host.as_str().bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase()));
            let port = host.as_str().contains(':');
            prop_assert!(!port && !host.as_str().ends_with('.'), "{host:?}");
            let again = HostName::parse(host.as_str());
            prop_assert_eq!(again.as_ref().map(HostName::as_str), Ok(host.as_str()));
        }
        let _ = Subdomain::parse(text);
    }

    /// A label or a domain that is taken is one by RFC 1035 §2.3.1 and RFC 5891 §4.2.3.1.
    #[test]
    fn domain(text in mangled(HOSTS)) {
        let Ok(text) = std::str::from_utf8(&text) else { return Ok(()) };
        let is_label = |text: &str| {
            let allowed = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
            (1..=63).contains(&text.len()) && text.bytes().all(allowed)
                && !text.starts_with('-') && !text.ends_with('-')
        };
        if Label::parse(text).is_ok() {
            prop_assert!(is_label(text) && text.get(2..4) != Some("--"), "{text:?}");
        }
        if let Ok(domain) = DomainName::parse(text) {
            prop_assert!(domain.as_str().split('.').all(is_label), "{domain:?}");
            prop_assert!(domain.as_str().len() <= 253);
            prop_assert_eq!(DomainName::parse(domain.as_str()), Ok(domain));
        }
    }

    #[test]
    fn instant(text in mangled(INSTANTS)) {
        let Ok(text) = std::str::from_utf8(&text) else { return Ok(()) };
        if let Ok(instant) = Timestamp::parse(text) {
            prop_assert_eq!(Timestamp::parse(&instant.to_rfc3339()), Ok(instant));
        }
        // What a filter takes is a date or a date-time.
        for taken in [Second::parse(text).is_ok(), parse_instant(text).is_ok()] {
            let has_form = text.len() >= 10 && text.as_bytes()[4] == b'-' && text.as_bytes()[7] == b'-';
            prop_assert!(!taken || has_form, "{text:?}");
        }
    }

    /// A number is read as digits and nothing else, and never as another one.
    #[test]
    fn number(text in mangled(NUMBERS)) {
        let Ok(text) = std::str::from_utf8(&text) else { return Ok(()) };
        let is_plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        prop_assert!(is_plain || Limit::parse(text).is_err(), "{text:?}");
        prop_assert!(is_plain || Sequence::parse(text).is_err(), "{text:?}");
        prop_assert!(is_plain || Wait::parse(text).is_err(), "{text:?}");
        let paged = NumberedPage::parse(Some(text), Some(text)).is_ok();
        prop_assert!(is_plain || !paged, "{text:?}");
        let began = Begin::parse(text).is_ok();
        prop_assert!(is_plain || !began || text == "latest", "{text:?}");
    }

    #[test]
    fn word(text in mangled(WORDS)) {
        let key = IdempotencyKey::parse(&text);
        let visible = text.iter().all(u8::is_ascii_graphic) && (1..=255).contains(&text.len());
        prop_assert_eq!(key.is_ok(), visible);
        let Ok(text) = std::str::from_utf8(&text) else { return Ok(()) };
        if let Ok(id) = parse_uuid(text) {
            prop_assert_eq!(id.hyphenated().to_string(), text.to_ascii_lowercase());
        }
        if let Ok(token) = ScopeToken::parse(text) {
            prop_assert!(!token.as_str().contains([' ', '"', '\\']), "{token:?}");
        }
        if let Ok(scopes) = ScopeSet::parse(text) {
            prop_assert!(scopes.iter().all(|scope| ScopeToken::parse(scope.as_str()).is_ok()));
        }
        if let Ok(name) = Name::parse(text) {
            prop_assert_eq!(name.as_str(), text.trim());
            prop_assert!((1..=255).contains(&name.as_str().chars().count()));
            prop_assert!(!name.as_str().contains('\0'));
        }
        if let Ok(prefix) = NamePrefix::parse(text) && let Some(end) = prefix.end() {
            prop_assert!(prefix.start() < end.as_str());
        }
        let _ = WebhookSecret::parse(text);
    }

    /// No URL that is taken leads to an address that is not public, however it is spelt.
    #[test]
    fn url(text in mangled(URLS)) {
        let Ok(text) = std::str::from_utf8(&text) else { return Ok(()) };
        let Ok(url) = WebhookUrl::parse(text) else { return Ok(()) };
        if url.check(TargetPolicy::default()).is_err() { return Ok(()) }
        prop_assert!(url.as_url().scheme() == "https" && url.as_url().password().is_none());
        let address = match url.host() {
            TargetHost::Address(address) => Some(address),
            TargetHost::Name(name) => name.trim_matches(['[', ']']).parse::<IpAddr>().ok(),
        };
        prop_assert!(address.is_none_or(is_public), "{address:?}");
    }
}

fn merge(target: &mut serde_json::Value, patch: &serde_json::Value) {
    let serde_json::Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = serde_json::Value::Object(serde_json::Map::new());
    }
    let Some(target) = target.as_object_mut() else {
        return;
    };
    for (name, value) in patch {
        if value.is_null() {
            target.remove(name);
        } else {
            let member = target.entry(name.clone());
            merge(member.or_insert(serde_json::Value::Null), value);
        }
    }
}
