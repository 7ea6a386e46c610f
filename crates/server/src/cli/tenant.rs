//! `tenantry tenant`.

use clap::{Args, Subcommand};
use serde::Serialize;
use serde_json::value::RawValue;
use tenantry_auth::credentials;
use tenantry_domain::{
    data::TenantData,
    environment::{Environment, EnvironmentAccess},
    error::{Error, Thing},
    host::HostName,
    id::{EnvironmentId, TenantId},
    name::{Name, NamePrefix},
    page::{Cursor, Limit, PageRequest},
    port::{Snapshot, Store, StoreError, read, write},
    subdomain::Label,
    tenant::{Precondition, Tenant, TenantHead, TenantStatus},
    usecase::{
        Context,
        tenants::{self, CreateTenant, CreatedTenant, PatchTenant, TenantPage, TenantQuery},
    },
    view::TenantView,
};

use super::{
    output::{OutputArgs, columns},
    secret::SecretArgs,
};
use crate::{config::Settings, failure::Failure, world::World};

/// What can be done with tenants.
#[derive(Debug, Subcommand)]
pub(crate) enum TenantCommand {
    /// Make a tenant with a first client of its own, whose secret is shown this once
    #[command(after_help = "\
Examples:
  tenantry tenant create my-tenant --name 'My Tenant' --output json
  tenantry tenant create my-tenant --environment fa605282-0223-4ae0-831d-af368bc39a55 \\
      --data '{\"plan\":\"gold\"}' --secret-file my-tenant.json")]
    Create(Box<Create>),
    /// List tenants, oldest first
    List(List),
    /// Show a tenant with its data
    Show(Named),
    /// Suspend a tenant: its clients get no tokens, and those they have are refused at once
    Suspend(Named),
    /// Take a suspension back
    Resume(Named),
    /// Delete a tenant for good, with its data and its clients
    Delete(Named),
}

/// Names a tenant.
#[derive(Debug, Args)]
pub(crate) struct Named {
    /// Its id, or the host name that it is reached under
    #[arg(value_name = "ID|HOST")]
    tenant: String,
    #[command(flatten)]
    output: OutputArgs,
}

/// Asks for a tenant.
#[derive(Debug, Args)]
pub(crate) struct Create {
    /// The first label of its host name
    #[arg(value_name = "SUBDOMAIN", value_parser = Label::parse)]
    label: Label,
    /// Its name, for people; the subdomain where it is not given
    #[arg(long, value_parser = Name::parse)]
    name: Option<Name>,
    /// The environment that it lives in; the default one where it is not given
    #[arg(long, value_name = "ID", value_parser = EnvironmentId::parse)]
    environment: Option<EnvironmentId>,
    /// What is kept with it: a JSON object
    #[arg(long, value_name = "JSON", value_parser = TenantData::parse)]
    data: Option<TenantData>,
    #[command(flatten)]
    secret: SecretArgs,
}

/// Asks for a page of tenants.
#[derive(Debug, Args)]
pub(crate) struct List {
    /// Only those of one environment
    #[arg(long, value_name = "ID", value_parser = EnvironmentId::parse)]
    environment: Option<EnvironmentId>,
    /// Only those that are active, or suspended
    #[arg(long, value_name = "STATUS", value_parser = status)]
    status: Option<TenantStatus>,
    /// Only those whose names begin so, in any letter case
    #[arg(long, value_name = "BEGINNING", value_parser = NamePrefix::parse)]
    name: Option<NamePrefix>,
    /// How many at the most: 1 to 1000
    #[arg(long, value_name = "N", default_value = "100", value_parser = Limit::parse)]
    limit: Limit,
    /// Those behind another page, by the place that it has ended with
    #[arg(long, value_name = "CURSOR", value_parser = Cursor::decode)]
    after: Option<Cursor>,
    #[command(flatten)]
    output: OutputArgs,
}

fn status(text: &str) -> Result<TenantStatus, String> {
    text.parse()
        .map_err(|error: tenantry_domain::tenant::UnknownTenantStatus| error.to_string())
}

impl TenantCommand {
    /// Does it.
    pub(crate) fn run(self, settings: &Settings) -> Result<(), Failure> {
        let prepared = super::prepare(settings)?;
        let store: &dyn Store = &*prepared.database;
        let context = prepared.world.context(settings);
        match self {
            Self::Create(create) => create.run(store, &context, &prepared.world),
            Self::List(list) => list.run(store),
            Self::Show(named) => named.show(store),
            Self::Suspend(named) => {
                named.set(store, &context, TenantStatus::Suspended, "Suspended")
            }
            Self::Resume(named) => named.set(store, &context, TenantStatus::Active, "Resumed"),
            Self::Delete(named) => named.delete(store, &context),
        }
    }
}

/// A tenant as the management API shows it.
#[derive(Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    tenant: TenantView<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'a RawValue>,
}

/// A new tenant with its client, as the management API shows them.
#[derive(Serialize)]
struct Made<'a> {
    #[serde(flatten)]
    tenant: TenantView<'a>,
    client: MadeClient<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct MadeClient<'a> {
    client_id: &'a str,
    client_secret: &'a str,
}

/// A page, as the management API shows it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Listed<'a> {
    data: Vec<TenantView<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

impl Create {
    fn run(self, store: &dyn Store, context: &Context, world: &World) -> Result<(), Failure> {
        let environment_id = match self.environment {
            Some(id) => id,
            None => default(store)?,
        };
        let credentials = credentials::mint(&*world.entropy, &world.hasher);
        let secret = credentials.secret.clone();
        let command = CreateTenant {
            environment_id,
            label: self.label,
            name: self.name,
            data: self.data.unwrap_or_default(),
            credentials,
        };
        // The unit is committed only when the secret is where it was asked for.
        let mut unit = store.begin().map_err(|error| Failure::of_store(&error))?;
        let CreatedTenant {
            tenant,
            environment,
            client,
        } = tenants::create(&mut *unit, context, &EnvironmentAccess::All, command)
            .map_err(|error| Failure::of_use_case(&error))?;
        let made = Made {
            tenant: TenantView::new(&tenant, &environment),
            client: MadeClient {
                client_id: client.id.as_str(),
                client_secret: secret.expose(),
            },
        };
        let mut delivery = self.secret.prepare(&made, &*world.entropy)?;
        unit.commit().map_err(|error| {
            delivery.counts_if_unknown(&error);
            Failure::of_store(&error)
        })?;
        delivery.finish(&made, |made| {
            format!(
                "Made: {} ({})\nclient id:      {}\nclient secret:  {}",
                tenant.id,
                environment.host(&tenant.label),
                made.client.client_id,
                made.client.client_secret,
            )
        })
    }
}

fn default(store: &dyn Store) -> Result<EnvironmentId, Failure> {
    let default = read(store, |unit: &mut dyn Snapshot| {
        unit.environments().default()
    });
    let default = default.map_err(|error: StoreError| Failure::of_store(&error))?;
    default.map(|environment| environment.id).ok_or_else(|| {
        Failure::command("no environment is the default; name one with --environment")
    })
}

impl List {
    fn run(self, store: &dyn Store) -> Result<(), Failure> {
        let query = TenantQuery {
            environment_id: self.environment,
            subdomain: None,
            status: self.status,
            name: self.name,
        };
        let request = PageRequest {
            limit: self.limit,
            after: self.after,
        };
        let page = read(store, |unit| {
            tenants::list(unit, &EnvironmentAccess::All, query, request)
        })
        .map_err(|error: Error| Failure::of_use_case(&error))?;
        let is_full = page.tenants.len() == usize::from(self.limit.get());
        let listed = Listed {
            data: views(&page),
            next_cursor: page.next.map(|next| next.encode()),
        };
        self.output.show(&listed, |listed| {
            let table = to_table(&page);
            match &listed.next_cursor {
                Some(next) if is_full => format!("{table}\nThere may be more: --after {next}"),
                _ => table,
            }
        })
    }
}

fn with_environments(page: &TenantPage) -> impl Iterator<Item = (&TenantHead, &Environment)> {
    page.tenants.iter().filter_map(|tenant| {
        let environment = page.environments.get(&tenant.environment_id)?;
        Some((tenant, environment))
    })
}

fn views(page: &TenantPage) -> Vec<TenantView<'_>> {
    with_environments(page)
        .map(|(tenant, environment)| TenantView::new(tenant, environment))
        .collect()
}

fn to_table(page: &TenantPage) -> String {
    let row = |(tenant, environment): (&TenantHead, &Environment)| {
        vec![
            tenant.id.to_string(),
            environment.host(&tenant.label),
            tenant.status.as_str().to_owned(),
            tenant.version.get().to_string(),
            tenant.created_at.to_rfc3339_millis(),
            tenant.name.to_string(),
        ]
    };
    let rows: Vec<_> = with_environments(page).map(row).collect();
    columns(
        &["ID", "HOST", "STATUS", "VERSION", "CREATED", "NAME"],
        &rows,
    )
}

impl Named {
    fn find(&self, unit: &mut dyn Snapshot) -> Result<(Tenant, Environment), Error> {
        let all = EnvironmentAccess::All;
        if let Ok(id) = TenantId::parse(&self.tenant) {
            return tenants::get(unit, &all, id);
        }
        let host = HostName::parse(&self.tenant).map_err(|_| Error::Missing(Thing::Tenant))?;
        tenants::resolve(unit, &all, &host)
    }

    fn refused(&self, error: Error) -> Failure {
        match error {
            Error::Missing(Thing::Tenant) => {
                Failure::command("there is no such tenant; see `tenantry tenant list`")
            }
            // Whoever has made `my-tenant` a moment ago asks for `my-tenant`.
            Error::NoSuchDomain(name) if name == self.tenant.to_ascii_lowercase() => {
                Failure::command(&format!(
                    "`{name}` is neither an id nor a whole host name, such as \
                     {name}.example.com; see `tenantry tenant list`"
                ))
            }
            other => Failure::of_use_case(&other),
        }
    }

    fn show(self, store: &dyn Store) -> Result<(), Failure> {
        let (tenant, environment) =
            read(store, |unit| self.find(unit)).map_err(|error| self.refused(error))?;
        let shown = Shown {
            tenant: TenantView::new(&tenant, &environment),
            data: Some(
                serde_json::from_str(tenant.data().as_str())
                    .map_err(|error| Failure::command(&error.to_string()))?,
            ),
        };
        self.output.show(&shown, |_| to_text(&tenant, &environment))
    }

    fn set(
        self,
        store: &dyn Store,
        context: &Context,
        status: TenantStatus,
        what: &str,
    ) -> Result<(), Failure> {
        let (found, _) =
            read(store, |unit| self.find(unit)).map_err(|error| self.refused(error))?;
        let command = PatchTenant {
            status: Some(status),
            ..PatchTenant::default()
        };
        let (tenant, environment) = write(store, |unit| {
            let all = EnvironmentAccess::All;
            tenants::patch(unit, context, &all, found.id, &Precondition::None, command)
        })
        .map_err(|error| self.refused(error))?;
        self.tell(&tenant, &environment, what)
    }

    fn delete(self, store: &dyn Store, context: &Context) -> Result<(), Failure> {
        let (tenant, environment) =
            read(store, |unit| self.find(unit)).map_err(|error| self.refused(error))?;
        // That one and no other, should its host be another's by now.
        let exactly = tenant.id;
        write(store, |unit| {
            let all = EnvironmentAccess::All;
            tenants::delete(unit, context, &all, exactly, &Precondition::None)
        })
        .map_err(|error| self.refused(error))?;
        self.tell(&tenant, &environment, "Deleted")
    }

    fn tell(&self, tenant: &Tenant, environment: &Environment, what: &str) -> Result<(), Failure> {
        let shown = Shown {
            tenant: TenantView::new(tenant, environment),
            data: None,
        };
        let host = environment.host(&tenant.label);
        self.output.show(&shown, |_| {
            format!("{what}: {} ({host}, {})", tenant.id, tenant.name)
        })
    }
}

fn to_text(tenant: &Tenant, environment: &Environment) -> String {
    let lines = [
        ("id", tenant.id.to_string()),
        ("name", tenant.name.to_string()),
        ("host", environment.host(&tenant.label)),
        (
            "environment",
            format!("{} ({})", environment.id, environment.name),
        ),
        ("status", tenant.status.as_str().to_owned()),
        ("version", tenant.version.get().to_string()),
        ("created", tenant.created_at.to_rfc3339_millis()),
        ("updated", tenant.updated_at.to_rfc3339_millis()),
        ("data", tenant.data().as_str().to_owned()),
    ];
    let lines = lines.map(|(name, value)| format!("{name:<12} {value}"));
    lines.join("\n")
}
