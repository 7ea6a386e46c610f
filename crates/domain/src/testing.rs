//! For tests: a clock that is set by hand, chance that repeats itself, examples and
//! strategies for property tests.
#![expect(
    clippy::missing_panics_doc,
    reason = "the examples here are well-formed"
)]

use std::sync::{
    Arc,
    atomic::{AtomicI64, AtomicU64, Ordering},
};

use proptest::prelude::*;
use uuid::Uuid;

use crate::{
    change::Origin,
    client::{
        Client, ClientId, ClientOwner, ClientRecord, ClientSecret, ClientStatus, KnownClient,
        OwningTenant, SecretHash, SecretRecord,
    },
    clock::{Clock, Timestamp},
    data::TenantData,
    environment::{
        AuthorizationServerDomain, DeploymentModel, Environment, EnvironmentRecord, Region,
    },
    id::{ClientKey, EnvironmentId, RegionId, SecretId, TenantId, TenantNumber, WebhookId},
    key::{SealedKey, SigningAlgorithm},
    name::Name,
    page::Cursor,
    port::Entropy,
    scope::ScopeSet,
    subdomain::{DomainName, Label, ReservedLabels},
    tenant::{NewTenant, Tenant, TenantChange, TenantStatus},
    usecase::{
        Context,
        clients::NewCredentials,
        environments::{CreateEnvironment, RegionChoice},
    },
    version::Version,
    webhook::{Webhook, WebhookFilter, WebhookRecord, WebhookState, WebhookUrl},
};

/// A clock that shows what it is set to, and goes one microsecond on at each look.
#[derive(Debug)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// A clock that starts at that instant.
    pub fn at(start: Timestamp) -> Self {
        Self(AtomicI64::new(start.unix_micros()))
    }

    /// Sets it, forward or back.
    pub fn set(&self, instant: Timestamp) {
        self.0.store(instant.unix_micros(), Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_micros(self.0.fetch_add(1, Ordering::SeqCst))
            .expect("a test's clock stays within the calendar")
    }
}

/// Bytes that differ from call to call and are the same in each run.
#[derive(Debug, Default)]
pub struct CountingEntropy(AtomicU64);

impl Entropy for CountingEntropy {
    fn fill(&self, buffer: &mut [u8]) {
        // SplitMix64: short, and every bit of the counter reaches every byte.
        let mut state = self
            .0
            .fetch_add(1, Ordering::SeqCst)
            .wrapping_mul(0x9E37_79B9_7F4A_7C15);
        for chunk in buffer.chunks_mut(8) {
            state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
            let mut bits = state;
            bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            chunk.copy_from_slice(&(bits ^ (bits >> 31)).to_le_bytes()[..chunk.len()]);
        }
    }
}

/// Parses a date-time that a test has written down.
///
/// # Panics
/// Where it is none.
pub fn instant(text: &str) -> Timestamp {
    Timestamp::parse(text).expect("the test's date-time is well-formed")
}

/// A context whose clock starts at the given instant.
pub fn context_at(start: Timestamp) -> Context {
    Context {
        clock: Arc::new(ManualClock::at(start)),
        entropy: Arc::new(CountingEntropy::default()),
        reserved: Arc::new(ReservedLabels::default()),
        origin: Origin::CLI,
    }
}

/// A context whose clock starts at the beginning of 2026.
pub fn context() -> Context {
    context_at(instant("2026-01-01T00:00:00Z"))
}

/// Credentials whose hash is good for nothing but telling them apart.
pub fn credentials(context: &Context) -> NewCredentials {
    let secret = ClientSecret::generate(&*context.entropy);
    NewCredentials {
        client_id: ClientId::generate(&*context.entropy),
        hash: SecretHash::new(format!("not a hash of {}", &secret.expose()[..4])),
        secret,
    }
}

fn name(text: &str) -> Name {
    Name::parse(text).expect("the example's name is well-formed")
}

fn domain(text: &str) -> DomainName {
    DomainName::parse(text).expect("the example's domain is well-formed")
}

/// The command that makes the management reference's own environment.
pub fn create_reference_environment() -> CreateEnvironment {
    let environment = environment();
    CreateEnvironment {
        id: Some(environment.id),
        name: environment.name.clone(),
        domain: environment.domain.clone(),
        tenant_domain: Some(environment.tenant_domain.clone()),
        authorization_server_domain: environment.authorization_server_domain.clone(),
        deployment_model: environment.deployment_model,
        region: RegionChoice::Named {
            id: Some(environment.region.id),
            name: environment.region.name.clone(),
            display_name: environment.region.display_name.clone(),
        },
    }
}

/// The command that makes another environment, `<label>.example`, in region `EU01`.
pub fn create_environment(label: &str) -> CreateEnvironment {
    CreateEnvironment {
        id: None,
        name: name(label),
        domain: domain(&format!("{label}.example")),
        tenant_domain: None,
        authorization_server_domain: AuthorizationServerDomain::parse("auth.example")
            .expect("the example's host is well-formed"),
        deployment_model: DeploymentModel::Private,
        region: RegionChoice::Named {
            id: None,
            name: name("EU01"),
            display_name: name("Frankfurt, Germany"),
        },
    }
}

/// The management reference's own environment.
pub fn environment() -> Environment {
    let created_at = instant("2020-08-25T06:46:09.510Z");
    let id = |text| Uuid::parse_str(text).expect("the example's id is well-formed");
    Environment::from_record(EnvironmentRecord {
        id: EnvironmentId::from_uuid(id("fa605282-0223-4ae0-831d-af368bc39a55")),
        name: name("MATTR Public Sydney, Australia"),
        domain: domain(".mattr.global"),
        tenant_domain: domain("vii.mattr.global"),
        authorization_server_domain: AuthorizationServerDomain::parse("manage.auth.auth0.com")
            .expect("the example's host is well-formed"),
        deployment_model: DeploymentModel::Public,
        region: Region {
            id: RegionId::from_uuid(id("70bb433a-f0ec-4297-ad76-3b09c71311f3")),
            name: name("AU01"),
            display_name: name("Sydney, Australia"),
        },
        version: Version::FIRST,
        created_at,
        updated_at: created_at,
    })
}

/// The management reference's own tenant.
pub fn tenant() -> Tenant {
    let environment = environment();
    NewTenant {
        id: TenantId::parse("86cb97a9-5e80-4ed7-af13-a170752bb1ea")
            .expect("the example's id is well-formed"),
        environment_id: environment.id,
        label: Label::parse("my-tenant").expect("the example's label is well-formed"),
        name: name("My Tenant"),
        data: TenantData::default(),
        version: Version::FIRST,
        created_at: instant("2020-08-25T06:46:09.510Z"),
    }
    .numbered(TenantNumber::new(1))
}

/// An active client of the reference's tenant, with one secret.
pub fn known_tenant_client() -> KnownClient {
    let tenant = tenant();
    let entropy = CountingEntropy::default();
    let created_at = tenant.created_at;
    KnownClient {
        client: Client::from_record(ClientRecord {
            key: ClientKey::generate(created_at, &entropy),
            id: ClientId::generate(&entropy),
            owner: ClientOwner::Tenant(tenant.number),
            name: tenant.name.clone(),
            status: ClientStatus::Active,
            scopes: ScopeSet::default(),
            created_at,
            last_used_at: None,
        }),
        secrets: vec![SecretRecord {
            id: SecretId::generate(created_at, &entropy),
            hash: SecretHash::new("hash".to_owned()),
            created_at,
            expires_at: None,
            last_used_at: None,
        }],
        tenant: Some(OwningTenant {
            id: tenant.id,
            status: TenantStatus::Active,
            host: environment().host(&tenant.label),
        }),
    }
}

/// Labels.
pub fn labels() -> impl Strategy<Value = Label> {
    "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
        .prop_filter_map("hyphens in third and fourth place", |text| {
            Label::parse(&text).ok()
        })
}

/// Domain names.
pub fn domains() -> impl Strategy<Value = DomainName> {
    "[a-z0-9]{1,20}(\\.[a-z0-9]{1,20}){0,8}"
        .prop_filter_map("too long", |text| DomainName::parse(&text).ok())
}

/// Tenants' ids.
pub fn tenant_ids() -> impl Strategy<Value = TenantId> {
    any::<[u8; 16]>().prop_map(|bytes| TenantId::from_uuid(Uuid::from_bytes(bytes)))
}

/// Instants that RFC 3339 can write.
pub fn instants() -> impl Strategy<Value = Timestamp> {
    (-62_135_596_800_000_000_i64..=253_402_300_799_999_999)
        .prop_filter_map("outside of the calendar", Timestamp::from_unix_micros)
}

/// Cursors.
pub fn cursors() -> impl Strategy<Value = Cursor> {
    (instants(), any::<[u8; 16]>()).prop_map(|(created_at, bytes)| Cursor {
        created_at,
        id: Uuid::from_bytes(bytes),
    })
}

/// Changes of a tenant.
pub fn tenant_changes() -> impl Strategy<Value = TenantChange> {
    let names = proptest::option::of("[a-zA-Z][a-zA-Z ]{0,20}");
    let statuses = prop_oneof![Just(TenantStatus::Active), Just(TenantStatus::Suspended)];
    let numbers = proptest::option::of(any::<i32>());
    (
        proptest::option::of(tenant_ids()),
        names,
        numbers,
        proptest::option::of(statuses),
    )
        .prop_map(|(id, text, number, status)| TenantChange {
            id,
            name: text.map(|text| name(&text)),
            data: number.map(|n| TenantData::parse(&format!("{{\"n\":{n}}}")).expect("an object")),
            status,
        })
}

/// A key that signs from when it was made, for tokens of a day. Nothing opens it.
pub fn sealed_key(kid: &str, algorithm: SigningAlgorithm, created_at: Timestamp) -> SealedKey {
    SealedKey {
        kid: kid.to_owned(),
        algorithm,
        sealed: vec![0, 255, 0, 1],
        public_jwk: "{}".to_owned(),
        created_at,
        signs_from: created_at,
        expires_at: None,
        token_ttl: 86_400,
    }
}

/// A webhook of everything.
pub fn webhook() -> Webhook {
    let created_at = instant("2026-01-01T00:00:00Z");
    Webhook::from_record(WebhookRecord {
        id: WebhookId::from_uuid(Uuid::from_u128(9)),
        url: WebhookUrl::parse("https://hooks.example.com/tenants").expect("a good URL"),
        filter: WebhookFilter::default(),
        state: WebhookState::Enabled,
        version: Version::FIRST,
        created_at,
        updated_at: created_at,
    })
}
