//! OAuth 2.0 machine clients, their secrets, and whether they may be used.

use std::{fmt, ops::Deref, str::FromStr};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use secrecy::{ExposeSecret, SecretString};
use thiserror::Error;

use crate::{
    clock::Timestamp,
    environment::EnvironmentAccess,
    id::{ClientKey, SecretId, TenantId, TenantNumber},
    name::Name,
    port::Entropy,
    scope::{ScopeSet, ScopeToken},
    tenant::TenantStatus,
};

/// A machine that gets tokens by the client credentials grant (RFC 6749 §4.4).
///
/// It can be read like the [`ClientRecord`] it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client(ClientRecord);

/// A client's fields, as a store keeps them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientRecord {
    /// Its place in the order of pages.
    pub key: ClientKey,
    /// The `client_id` it authenticates with.
    pub id: ClientId,
    /// Whose it is.
    pub owner: ClientOwner,
    /// Its name, for people.
    pub name: Name,
    /// Whether it may be used.
    pub status: ClientStatus,
    /// What it may ask for.
    pub scopes: ScopeSet,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last used ([`uses`](crate::uses)), as far as that is known.
    pub last_used_at: Option<Timestamp>,
}

impl Client {
    /// Takes back the fields that a store has kept.
    pub fn from_record(record: ClientRecord) -> Self {
        Self(record)
    }

    /// Changes it. Whoever it belongs to and what it is known by stay.
    #[must_use]
    pub fn change(self, change: ClientChange) -> Self {
        let Self(mut record) = self;
        record.name = change.name.unwrap_or(record.name);
        record.status = change.status.unwrap_or(record.status);
        record.scopes = change.scopes.unwrap_or(record.scopes);
        Self(record)
    }
}

impl Deref for Client {
    type Target = ClientRecord;

    fn deref(&self) -> &ClientRecord {
        &self.0
    }
}

/// What a change of a client sets; what is `None` stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientChange {
    /// A new name.
    pub name: Option<Name>,
    /// A new status.
    pub status: Option<ClientStatus>,
    /// New scopes, in place of all of the old.
    pub scopes: Option<ScopeSet>,
}

/// Whose a client is, and so which API its tokens open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientOwner {
    /// A tenant client: it speaks for one tenant to that tenant's services.
    Tenant(TenantNumber),
    /// A management client: the operator's, for the management API, bound to some
    /// environments or free of all of them.
    Operator(EnvironmentAccess),
}

/// Whether a client may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientStatus {
    /// It gets tokens.
    Active,
    /// It gets none, and those it has are not active.
    Disabled,
}

/// A text that names no [`ClientStatus`].
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("must be `active` or `disabled`")]
pub struct UnknownClientStatus;

impl ClientStatus {
    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Disabled => "disabled",
        }
    }
}

impl FromStr for ClientStatus {
    type Err = UnknownClientStatus;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "active" => Ok(Self::Active),
            "disabled" => Ok(Self::Disabled),
            _ => Err(UnknownClientStatus),
        }
    }
}

/// A client together with all that decides whether it may be used.
#[derive(Clone, Debug)]
pub struct KnownClient {
    /// The client.
    pub client: Client,
    /// Its secrets, expired ones among them.
    pub secrets: Vec<SecretRecord>,
    /// The tenant it belongs to; `None` for a management client.
    pub tenant: Option<OwningTenant>,
}

/// What a client's standing takes from the tenant that it belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwningTenant {
    /// Which tenant.
    pub id: TenantId,
    /// Whether it may be used.
    pub status: TenantStatus,
    /// Its whole host name.
    pub host: String,
}

/// Why a client may not be used. Callers are not told which it is.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum ClientRefusal {
    /// The client is disabled.
    #[error("the client is disabled")]
    Disabled,
    /// The tenant that it belongs to is suspended.
    #[error("the client's tenant is suspended")]
    TenantSuspended,
}

impl KnownClient {
    /// Whether this client may have a token, or use one. This is the one place where
    /// that is decided, at issue, at use and at introspection alike.
    pub fn standing(&self) -> Result<(), ClientRefusal> {
        if self.client.status == ClientStatus::Disabled {
            return Err(ClientRefusal::Disabled);
        }
        match &self.tenant {
            Some(tenant) if tenant.status == TenantStatus::Suspended => {
                Err(ClientRefusal::TenantSuspended)
            }
            _ => Ok(()),
        }
    }

    /// The secrets that are good at that instant.
    pub fn secrets_at(&self, now: Timestamp) -> impl Iterator<Item = &SecretRecord> {
        self.secrets
            .iter()
            .filter(move |secret| secret.is_good_at(now))
    }

    /// What a token of its grants now: what the token was given, less what the client has
    /// lost since.
    pub fn granted(&self, claimed: &str) -> ScopeSet {
        let is_claimed = |scope: &&ScopeToken| claimed.split(' ').any(|one| one == scope.as_str());
        let scopes = self.client.scopes.iter();
        scopes.filter(is_claimed).cloned().collect()
    }

    /// The audience of its tokens: the public URL for a management client, the
    /// tenant's own origin for a tenant client.
    pub fn audience(&self, public_url: &str) -> String {
        match &self.tenant {
            Some(tenant) => format!("https://{}", tenant.host),
            None => public_url.to_owned(),
        }
    }
}

/// One of a client's secrets, as a store keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretRecord {
    /// Its id.
    pub id: SecretId,
    /// What it is checked against.
    pub hash: SecretHash,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when on it is not good any more; `None` while it is the current one.
    pub expires_at: Option<Timestamp>,
    /// When it was last used, as far as that is known.
    pub last_used_at: Option<Timestamp>,
}

impl SecretRecord {
    /// Whether it is good at that instant.
    pub fn is_good_at(&self, now: Timestamp) -> bool {
        self.expires_at.is_none_or(|end| now < end)
    }
}

/// A `client_id`: 1 to 128 of the characters that RFC 3986 §2.3 leaves unreserved.
///
/// Generated ones are 32 letters and digits. The characters survive form encoding
/// and HTTP Basic unchanged, whether a client percent-encodes or not.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientId(String);

/// A text that is no [`ClientId`].
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("must be 1 to 128 letters, digits or any of - . _ ~")]
pub struct InvalidClientId;

impl ClientId {
    /// How long a generated one is, in characters.
    const GENERATED_LENGTH: usize = 32;
    /// The longest one, in characters.
    pub const MAX_LENGTH: usize = 128;

    /// Checks the form.
    pub fn parse(text: &str) -> Result<Self, InvalidClientId> {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~');
        if (1..=Self::MAX_LENGTH).contains(&text.len()) && text.bytes().all(allowed) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidClientId)
        }
    }

    /// Draws 32 letters and digits, each equally likely.
    pub fn generate(entropy: &dyn Entropy) -> Self {
        const ALPHABET: &[u8; 62] =
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
        let mut id = String::with_capacity(Self::GENERATED_LENGTH);
        while id.len() < Self::GENERATED_LENGTH {
            let mut bytes = [0_u8; 48];
            entropy.fill(&mut bytes);
            // 248 is the largest multiple of 62 in a byte: above it some would be likelier.
            let fair = bytes.iter().filter(|&&byte| byte < 248);
            let missing = Self::GENERATED_LENGTH - id.len();
            id.extend(
                fair.map(|&byte| char::from(ALPHABET[usize::from(byte % 62)]))
                    .take(missing),
            );
        }
        Self(id)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A client secret in the clear: shown once, wiped from memory, never printed.
#[derive(Clone, Debug)]
pub struct ClientSecret(SecretString);

/// A text that can't be a client secret.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("must be 32 to 1024 visible ASCII characters")]
pub struct InvalidClientSecret;

impl ClientSecret {
    /// The shortest secret that an operator may choose, in characters.
    pub const MIN_LENGTH: usize = 32;
    /// The longest secret, in characters.
    pub const MAX_LENGTH: usize = 1024;

    /// Draws 256 random bits, written in `A`–`Z`, `a`–`z`, `0`–`9`, `-` and `_`.
    pub fn generate(entropy: &dyn Entropy) -> Self {
        let mut bytes = [0_u8; 32];
        entropy.fill(&mut bytes);
        Self(SecretString::from(URL_SAFE_NO_PAD.encode(bytes)))
    }

    /// Takes a secret that an operator has chosen.
    pub fn parse(text: &str) -> Result<Self, InvalidClientSecret> {
        let sane = (Self::MIN_LENGTH..=Self::MAX_LENGTH).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_graphic());
        if sane {
            Ok(Self(SecretString::from(text)))
        } else {
            Err(InvalidClientSecret)
        }
    }

    /// The secret itself.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

/// What a secret or password is checked against: a PHC string, never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretHash(String);

impl SecretHash {
    /// Takes a PHC string.
    pub fn new(phc: String) -> Self {
        Self(phc)
    }

    /// The PHC string.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretHash(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{self, CountingEntropy};

    #[test]
    fn generated_ids_and_secrets_have_their_form() {
        let entropy = CountingEntropy::default();
        for _ in 0..200 {
            let id = ClientId::generate(&entropy);
            assert_eq!(id.as_str().len(), 32);
            assert!(
                id.as_str().bytes().all(|byte| byte.is_ascii_alphanumeric()),
                "{id}"
            );
            let secret = ClientSecret::generate(&entropy);
            assert_eq!(secret.expose().len(), 43, "256 bits in base64url");
            let allowed = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
            assert!(secret.expose().bytes().all(allowed));
        }
        assert_ne!(ClientId::generate(&entropy), ClientId::generate(&entropy));
    }

    #[test]
    fn client_ids_survive_every_encoding() {
        assert!(ClientId::parse("htf792W4p4MedZbnoWAs51EfqUt4d2").is_ok());
        for bad in [
            "",
            "with:colon",
            "with space",
            "plus+",
            "é",
            "a/b",
            &"x".repeat(129),
        ] {
            assert_eq!(ClientId::parse(bad), Err(InvalidClientId), "{bad:?}");
        }
    }

    #[test]
    fn a_chosen_secret_is_long() {
        assert!(ClientSecret::parse(&"x".repeat(32)).is_ok());
        assert!(ClientSecret::parse(&"x".repeat(31)).is_err());
        assert!(ClientSecret::parse(&" ".repeat(40)).is_err());
    }

    #[test]
    fn nothing_secret_is_printed() {
        let secret = ClientSecret::parse(&"s".repeat(40)).unwrap();
        let hash = SecretHash::new("$argon2id$v=19$x".to_owned());
        let shown = format!("{secret:?} {hash:?}");
        assert!(
            !shown.contains("sss") && !shown.contains("argon2"),
            "{shown}"
        );
    }

    #[test]
    fn standing_hangs_on_client_and_tenant() {
        let known = testing::known_tenant_client();
        assert_eq!(known.standing(), Ok(()));

        let mut record = (*known.client).clone();
        record.status = ClientStatus::Disabled;
        let disabled = KnownClient {
            client: Client::from_record(record),
            ..known.clone()
        };
        assert_eq!(disabled.standing(), Err(ClientRefusal::Disabled));

        let mut suspended = known;
        suspended.tenant.as_mut().unwrap().status = TenantStatus::Suspended;
        assert_eq!(suspended.standing(), Err(ClientRefusal::TenantSuspended));
    }

    #[test]
    fn a_change_sets_what_it_names() {
        let client = testing::known_tenant_client().client;
        assert_eq!(client.clone().change(ClientChange::default()), client);
        let changed = client.clone().change(ClientChange {
            status: Some(ClientStatus::Disabled),
            scopes: Some(ScopeSet::parse("a b").unwrap()),
            ..ClientChange::default()
        });
        assert_eq!(changed.status, ClientStatus::Disabled);
        assert_eq!(changed.scopes.to_string(), "a b");
        assert_eq!((&changed.name, &changed.id), (&client.name, &client.id));
        let renamed = ClientChange {
            name: Some(Name::parse("New").unwrap()),
            ..ClientChange::default()
        };
        assert_eq!(client.change(renamed).name.as_str(), "New");
    }

    #[test]
    fn a_token_grants_no_more_than_its_client_has_and_it_was_given() {
        let mut known = testing::known_tenant_client();
        let change = ClientChange {
            scopes: Some(ScopeSet::parse("a b c").unwrap()),
            ..ClientChange::default()
        };
        known.client = known.client.change(change);
        for (claimed, granted) in [
            ("c a", "a c"),
            ("a lost", "a"),
            ("lost", ""),
            ("", ""),
            ("ab", ""),
        ] {
            assert_eq!(known.granted(claimed).to_string(), granted, "{claimed:?}");
        }
    }

    #[test]
    fn a_secret_is_good_until_it_expires() {
        let mut known = testing::known_tenant_client();
        let end = known.secrets[0].created_at.plus_seconds(60);
        known.secrets[0].expires_at = Some(end);
        assert_eq!(known.secrets_at(end.plus_seconds(-1)).count(), 1);
        assert_eq!(known.secrets_at(end).count(), 0);
    }

    #[test]
    fn the_audience_is_the_owners() {
        let mut known = testing::known_tenant_client();
        assert_eq!(
            known.audience("https://t.example"),
            "https://my-tenant.vii.mattr.global"
        );
        known.tenant = None;
        assert_eq!(known.audience("https://t.example"), "https://t.example");
    }
}
