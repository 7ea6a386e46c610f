//! Host names as they come from outside, and what they say of a tenant.

use thiserror::Error;

use crate::{
    error::FaultKind,
    subdomain::{DomainFault, DomainName, Label},
};

/// The name of a host: lower case, without port and trailing dot. No tenant need have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostName(String);

/// What is wrong with a host name.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum HostFault {
    /// Nothing but a port or a dot.
    #[error("must not be empty")]
    Empty,
    /// More than [`HostName::MAX_LENGTH`] characters.
    #[error("must be at most 253 characters long")]
    TooLong,
    /// An IPv6 address, a user's name, or something else that is no name.
    #[error("must be a host name, optionally with a port, such as my-tenant.example.com:443")]
    Malformed,
    /// A label that is empty or longer than 63 characters.
    #[error("must have labels of 1 to 63 characters between its dots")]
    Label,
}

impl HostName {
    /// The longest name, in characters (RFC 1035 §2.3.4).
    pub const MAX_LENGTH: usize = 253;

    /// Reads `host[:port]` (RFC 3986 §3.2) in any letter case, with or without a trailing
    /// dot. International names are written in their encoded form.
    pub fn parse(text: &str) -> Result<Self, HostFault> {
        let (name, port) = text.split_once(':').unwrap_or((text, ""));
        let is_port = port.bytes().all(|byte| byte.is_ascii_digit())
            && (port.is_empty() || port.parse::<u16>().is_ok());
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        if !is_port || !name.bytes().all(allowed) {
            return Err(HostFault::Malformed);
        }
        let name = name.strip_suffix('.').unwrap_or(name);
        if name.is_empty() {
            return Err(HostFault::Empty);
        }
        if name.len() > Self::MAX_LENGTH {
            return Err(HostFault::TooLong);
        }
        let is_label = |label: &str| (1..=Label::MAX_LENGTH).contains(&label.len());
        if !name.split('.').all(is_label) {
            return Err(HostFault::Label);
        }
        Ok(Self(name.to_ascii_lowercase()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first label, and what stands behind its dot.
    pub fn split(&self) -> (&str, Option<&str>) {
        match self.0.split_once('.') {
            Some((label, domain)) => (label, Some(domain)),
            None => (&self.0, None),
        }
    }
}

/// By what a list of tenants is narrowed to one subdomain.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Subdomain {
    /// A label; there may be one in each environment.
    Label(Label),
    /// A whole host name.
    Host(Label, DomainName),
}

impl Subdomain {
    /// Reads a label or a whole host name, exactly as tenants show them.
    pub fn parse(text: &str) -> Result<Self, FaultKind> {
        match text.split_once('.') {
            None => Ok(Self::Label(Label::parse(text)?)),
            // Behind the label's own dot there is none.
            Some((_, domain)) if domain.starts_with('.') => Err(DomainFault::Label.into()),
            Some((label, domain)) => {
                Ok(Self::Host(Label::parse(label)?, DomainName::parse(domain)?))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn port_letter_case_and_trailing_dot_do_not_matter() {
        for text in [
            "my-tenant.vii.mattr.global",
            "MY-Tenant.VII.mattr.Global",
            "my-tenant.vii.mattr.global.",
            "my-tenant.vii.mattr.global:443",
            "my-tenant.vii.mattr.global.:65535",
            "my-tenant.vii.mattr.global:",
        ] {
            let host = HostName::parse(text).unwrap();
            assert_eq!(host.as_str(), "my-tenant.vii.mattr.global", "{text}");
            assert_eq!(host.split(), ("my-tenant", Some("vii.mattr.global")));
        }
        assert_eq!(
            HostName::parse("localhost").unwrap().split(),
            ("localhost", None)
        );
        assert!(HostName::parse("_dmarc.example.com").is_ok());
        assert!(
            HostName::parse("192.0.2.1").is_ok(),
            "a name that no tenant has"
        );
    }

    #[test]
    fn what_is_no_host_name() {
        let long_label = format!("{}.example", "a".repeat(64));
        let longest = format!("{}.{}", "a".repeat(61), vec!["b".repeat(63); 3].join("."));
        assert_eq!(longest.len(), 253);
        assert!(HostName::parse(&longest).is_ok());
        let longer = format!("x{longest}");
        let cases = [
            ("", HostFault::Empty),
            (".", HostFault::Empty),
            (":80", HostFault::Empty),
            ("[::1]", HostFault::Malformed),
            ("[::1]:80", HostFault::Malformed),
            ("::1", HostFault::Malformed),
            ("user@example.com", HostFault::Malformed),
            ("user:pass@example.com", HostFault::Malformed),
            ("example.com:port", HostFault::Malformed),
            ("example.com:65536", HostFault::Malformed),
            ("example.com:80:80", HostFault::Malformed),
            ("example.com/path", HostFault::Malformed),
            ("https://example.com", HostFault::Malformed),
            ("a b.example", HostFault::Malformed),
            ("münchen.example", HostFault::Malformed),
            ("nul\0.example", HostFault::Malformed),
            ("a..b", HostFault::Label),
            (".a", HostFault::Label),
            ("a..", HostFault::Label),
            (&long_label, HostFault::Label),
            (&longer, HostFault::TooLong),
        ];
        for (text, fault) in cases {
            assert_eq!(HostName::parse(text), Err(fault), "{text:?}");
        }
    }

    #[test]
    fn a_subdomain_is_a_label_or_a_host() {
        let label = Label::parse("my-tenant").unwrap();
        let domain = DomainName::parse("vii.mattr.global").unwrap();
        assert_eq!(
            Subdomain::parse("my-tenant"),
            Ok(Subdomain::Label(label.clone()))
        );
        assert_eq!(
            Subdomain::parse("my-tenant.vii.mattr.global"),
            Ok(Subdomain::Host(label, domain))
        );
        for bad in [
            "",
            "My-Tenant",
            "a b",
            "-a",
            ".a",
            "a.",
            "a..b",
            "a.B",
            "a:80",
        ] {
            assert!(Subdomain::parse(bad).is_err(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parsers_panic(text in any::<String>()) {
            let _ = HostName::parse(&text);
            let _ = Subdomain::parse(&text);
        }

        #[test]
        fn a_tenants_own_host_leads_back_to_it(
            label in crate::testing::labels(),
            domain in crate::testing::domains(),
        ) {
            let host = HostName::parse(&domain.host(&label)).unwrap();
            prop_assert_eq!(host.split(), (label.as_str(), Some(domain.as_str())));
        }
    }
}
