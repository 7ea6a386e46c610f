//! Host names: a tenant's label, the domains below which tenants live, and both together.

use std::{collections::BTreeSet, fmt};

use thiserror::Error;

/// A tenant's subdomain: one DNS label.
///
/// 1 to 63 of `a`–`z`, `0`–`9` and `-`, no hyphen first or last (RFC 1035 §2.3.1,
/// RFC 1123 §2.1), none in both third and fourth place (RFC 5891 §4.2.3.1: those
/// are reserved for encodings such as `xn--`).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Label(String);

/// What is wrong with a label.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum LabelFault {
    /// No character at all.
    #[error("must not be empty")]
    Empty,
    /// More than [`Label::MAX_LENGTH`] characters.
    #[error("must be at most 63 characters long")]
    TooLong,
    /// Something else than lower-case letters, digits and hyphens.
    #[error("may only contain lower case letters (a-z), digits (0-9) and hyphens")]
    Characters,
    /// A hyphen in first or last place.
    #[error("must not start or end with a hyphen")]
    HyphenAtEnd,
    /// Hyphens in third and fourth place.
    #[error("must not have hyphens in both third and fourth place")]
    HyphensInThirdAndFourth,
    /// On the list of names that are kept for the operator.
    #[error("is reserved")]
    Reserved,
}

impl Label {
    /// The longest label, in characters.
    pub const MAX_LENGTH: usize = 63;

    /// Checks the form. Whether a label is reserved is for [`ReservedLabels::check`].
    pub fn parse(text: &str) -> Result<Self, LabelFault> {
        if text.is_empty() {
            return Err(LabelFault::Empty);
        }
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if !text.bytes().all(allowed) {
            return Err(LabelFault::Characters);
        }
        if text.len() > Self::MAX_LENGTH {
            return Err(LabelFault::TooLong);
        }
        if text.starts_with('-') || text.ends_with('-') {
            return Err(LabelFault::HyphenAtEnd);
        }
        if text.get(2..4) == Some("--") {
            return Err(LabelFault::HyphensInThirdAndFourth);
        }
        Ok(Self(text.to_owned()))
    }

    /// The label of a tenant that was made without one: `t-` and the 32 hexadecimal
    /// digits of its id.
    pub fn derived_from(id: crate::id::TenantId) -> Self {
        Self(format!("t-{}", id.as_uuid().simple()))
    }

    /// The label.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Labels that no tenant may take, because hosts of that name mean the operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReservedLabels(BTreeSet<String>);

impl ReservedLabels {
    /// What is reserved unless the operator says otherwise.
    pub const DEFAULT: [&'static str; 36] = [
        "account",
        "admin",
        "administrator",
        "api",
        "app",
        "assets",
        "auth",
        "autoconfig",
        "autodiscover",
        "billing",
        "blog",
        "cdn",
        "console",
        "dashboard",
        "dns",
        "docs",
        "ftp",
        "help",
        "imap",
        "internal",
        "login",
        "mail",
        "manage",
        "management",
        "oauth",
        "pop",
        "root",
        "smtp",
        "sso",
        "static",
        "status",
        "support",
        "system",
        "tenantry",
        "webmail",
        "www",
    ];

    /// Takes the operator's own list; an entry that is no label is handed back.
    pub fn new<'a>(labels: impl IntoIterator<Item = &'a str>) -> Result<Self, &'a str> {
        labels
            .into_iter()
            .map(|text| Label::parse(text).map(|label| label.0).map_err(|_| text))
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// Refuses a reserved label.
    pub fn check(&self, label: &Label) -> Result<(), LabelFault> {
        if self.0.contains(label.as_str()) {
            Err(LabelFault::Reserved)
        } else {
            Ok(())
        }
    }
}

impl Default for ReservedLabels {
    fn default() -> Self {
        Self(
            Self::DEFAULT
                .iter()
                .map(|&label| label.to_owned())
                .collect(),
        )
    }
}

/// A lower-case DNS name of one or more labels, without a dot at either end.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DomainName(String);

/// What is wrong with a domain name.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum DomainFault {
    /// No label at all.
    #[error("must not be empty")]
    Empty,
    /// More than [`DomainName::MAX_LENGTH`] characters.
    #[error("must be at most 189 characters long, so that a tenant's label fits before it")]
    TooLong,
    /// One of its labels is not a lower-case DNS label.
    #[error("must be a lower case DNS name such as tenants.example.com")]
    Label,
}

impl DomainName {
    /// The longest domain below which tenants can live, in characters: a host name
    /// has at most 253 (RFC 1035 §2.3.4), of which a label and its dot take 64.
    pub const MAX_LENGTH: usize = 253 - 64;

    /// Checks the form; one leading dot, the reference's way to write a suffix, is
    /// dropped.
    pub fn parse(text: &str) -> Result<Self, DomainFault> {
        let name = text.strip_prefix('.').unwrap_or(text);
        if name.is_empty() {
            return Err(DomainFault::Empty);
        }
        if name.len() > Self::MAX_LENGTH {
            return Err(DomainFault::TooLong);
        }
        let is_label = |label: &str| match Label::parse(label) {
            // Internationalised names are written in their encoded form.
            Ok(_) | Err(LabelFault::HyphensInThirdAndFourth) => true,
            Err(_) => false,
        };
        if name.split('.').all(is_label) {
            Ok(Self(name.to_owned()))
        } else {
            Err(DomainFault::Label)
        }
    }

    /// The name without a leading dot.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name with a leading dot, the management API's way to show a domain.
    pub fn to_suffix(&self) -> String {
        format!(".{}", self.0)
    }

    /// The whole host name of a tenant below this domain.
    pub fn host(&self, label: &Label) -> String {
        format!("{label}.{}", self.0)
    }
}

impl fmt::Display for DomainName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn labels_of_the_reference_and_the_edges() {
        for good in [
            "my-tenant",
            "a",
            "0",
            "a-b",
            "a--",
            "ab-c--d",
            &"a".repeat(63),
        ] {
            let trimmed = good.trim_end_matches('-');
            assert!(Label::parse(trimmed).is_ok(), "{trimmed:?}");
        }
        let cases = [
            ("", LabelFault::Empty),
            ("-a", LabelFault::HyphenAtEnd),
            ("a-", LabelFault::HyphenAtEnd),
            ("-", LabelFault::HyphenAtEnd),
            ("xn--mnchen-3ya", LabelFault::HyphensInThirdAndFourth),
            ("ab--c", LabelFault::HyphensInThirdAndFourth),
            ("My Tenant!", LabelFault::Characters),
            ("UPPER", LabelFault::Characters),
            ("a.b", LabelFault::Characters),
            ("a_b", LabelFault::Characters),
            ("münchen", LabelFault::Characters),
            ("a\0", LabelFault::Characters),
            ("а", LabelFault::Characters), // CYRILLIC SMALL LETTER A looks like the Latin one.
        ];
        for (text, fault) in cases {
            assert_eq!(Label::parse(text), Err(fault), "{text:?}");
        }
        assert_eq!(Label::parse(&"a".repeat(64)), Err(LabelFault::TooLong));
    }

    #[test]
    fn reserved_labels_are_the_operators() {
        let reserved = ReservedLabels::default();
        for name in ["www", "api", "admin", "auth", "manage", "system"] {
            assert_eq!(
                reserved.check(&Label::parse(name).unwrap()),
                Err(LabelFault::Reserved)
            );
        }
        assert_eq!(reserved.check(&Label::parse("my-tenant").unwrap()), Ok(()));
        let own = ReservedLabels::new(["internal"]).unwrap();
        assert_eq!(own.check(&Label::parse("www").unwrap()), Ok(()));
        assert_eq!(ReservedLabels::new(["ok", "Not OK"]), Err("Not OK"));
        for label in ReservedLabels::DEFAULT {
            assert!(Label::parse(label).is_ok(), "{label}");
        }
    }

    #[test]
    fn domains_are_lower_case_names() {
        assert_eq!(
            DomainName::parse(".mattr.global").unwrap().as_str(),
            "mattr.global"
        );
        assert_eq!(
            DomainName::parse("mattr.global").unwrap().to_suffix(),
            ".mattr.global"
        );
        assert!(DomainName::parse("xn--mnchen-3ya.de").is_ok());
        assert!(DomainName::parse("localhost").is_ok());
        for bad in [
            "a..b",
            "a.b.",
            "..a",
            "Upper.example",
            "a b.example",
            "_dmarc.example",
            "a/b",
        ] {
            assert_eq!(DomainName::parse(bad), Err(DomainFault::Label), "{bad:?}");
        }
        assert_eq!(DomainName::parse(""), Err(DomainFault::Empty));
        assert_eq!(DomainName::parse("."), Err(DomainFault::Empty));
        let long = format!("{}.example", "a.".repeat(91));
        assert_eq!(DomainName::parse(&long), Err(DomainFault::TooLong));
    }

    proptest! {
        // An independent statement of the rule, as a regular expression would have it.
        #[test]
        fn a_label_is_what_the_standards_say(text in "[a-c0-1A.-]{0,66}") {
            let bytes = text.as_bytes();
            let expected = (1..=63).contains(&bytes.len())
                && bytes.iter().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'))
                && bytes[0] != b'-'
                && bytes[bytes.len() - 1] != b'-'
                && !(bytes.len() >= 4 && bytes[2] == b'-' && bytes[3] == b'-');
            prop_assert_eq!(Label::parse(&text).is_ok(), expected);
        }

        #[test]
        fn no_text_makes_the_parsers_panic(text in any::<String>()) {
            let _ = Label::parse(&text);
            let _ = DomainName::parse(&text);
        }

        #[test]
        fn every_host_is_a_legal_host_name(label in crate::testing::labels(), domain in crate::testing::domains()) {
            prop_assert!(domain.host(&label).len() <= 253);
        }

        #[test]
        fn a_derived_label_is_a_label(id in crate::testing::tenant_ids()) {
            let label = Label::derived_from(id);
            prop_assert_eq!(Label::parse(label.as_str()), Ok(label.clone()));
            prop_assert_eq!(ReservedLabels::default().check(&label), Ok(()));
        }
    }
}
