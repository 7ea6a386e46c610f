//! `tenantry environment`.

use std::fmt::Display;

use clap::{Args, Subcommand};
use serde::Serialize;
use tenantry_domain::{
    environment::{AuthorizationServerDomain, DeploymentModel, Environment, EnvironmentAccess},
    error::Error,
    id::{EnvironmentId, RegionId},
    name::Name,
    page::{Limit, PageRequest},
    port::{Store, read, write},
    subdomain::DomainName,
    usecase::environments::{self, CreateEnvironment, RegionChoice},
    view::EnvironmentView,
};

use super::output::{OutputArgs, columns};
use crate::{config::Settings, failure::Failure, startup::Prepared};

/// What can be done with environments.
#[derive(Debug, Subcommand)]
pub(crate) enum EnvironmentCommand {
    /// Make an environment
    #[command(after_help = "\
Example:
  tenantry environment create --name Sydney --domain syd.example.com --region AU01 \\
      --region-display-name 'Sydney, Australia'")]
    Create(Box<Create>),
    /// List all environments; the default one has an asterisk
    List(#[command(flatten)] OutputArgs),
    /// Make one the default: where tenants of the system API go
    Default {
        /// Its id
        #[arg(value_parser = EnvironmentId::parse)]
        id: EnvironmentId,
        #[command(flatten)]
        output: OutputArgs,
    },
}

/// Asks for an environment.
#[derive(Debug, Args)]
pub(crate) struct Create {
    /// Its name, for people
    #[arg(long, value_parser = Name::parse)]
    name: Name,
    /// The domain it is known by
    #[arg(long, value_parser = DomainName::parse)]
    domain: DomainName,
    /// The region it lies in, by its short name; a new one is made
    #[arg(long, value_name = "NAME", value_parser = Name::parse)]
    region: Name,
    /// A new region's name for people; its short name where it is not given
    #[arg(long, value_name = "NAME", value_parser = Name::parse)]
    region_display_name: Option<Name>,
    /// A new region's id; generated where it is not given
    #[arg(long, value_name = "ID", value_parser = RegionId::parse)]
    region_id: Option<RegionId>,
    /// The domain directly below which its tenants' hosts live; --domain where it is not given
    #[arg(long, value_name = "DOMAIN", value_parser = DomainName::parse)]
    tenant_domain: Option<DomainName>,
    /// The host that issues tokens for it; the public URL's where it is not given
    #[arg(long, value_name = "HOST", value_parser = AuthorizationServerDomain::parse)]
    authorization_server_domain: Option<AuthorizationServerDomain>,
    /// Who shares it: public or private
    #[arg(long, value_name = "MODEL", default_value = "public")]
    deployment_model: DeploymentModelArg,
    /// Its id; generated where it is not given
    #[arg(long, value_parser = EnvironmentId::parse)]
    id: Option<EnvironmentId>,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Clone, Copy, Debug)]
struct DeploymentModelArg(DeploymentModel);

impl std::str::FromStr for DeploymentModelArg {
    type Err = <DeploymentModel as std::str::FromStr>::Err;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

impl EnvironmentCommand {
    /// Does it.
    pub(crate) fn run(self, settings: &Settings) -> Result<(), Failure> {
        let prepared = super::prepare(settings)?;
        let store: &dyn Store = &*prepared.database;
        match self {
            Self::Create(create) => {
                let output = create.output;
                let environment = create.run(&prepared, settings)?;
                show_one(output, store, &environment, "Made")
            }
            Self::List(output) => {
                let environments = all(store)?;
                let default = default(store)?;
                let views: Vec<_> = environments
                    .iter()
                    .map(|environment| Shown::new(environment, default))
                    .collect();
                output.show(&views, |views| to_table(&environments, views))
            }
            Self::Default { id, output } => {
                write(store, |unit| environments::set_default(unit, id)).map_err(refused)?;
                let environment = read(store, |unit| {
                    environments::get(unit, &EnvironmentAccess::All, id)
                })
                .map_err(refused)?;
                show_one(output, store, &environment, "The default is now")
            }
        }
    }
}

impl Create {
    fn run(self, prepared: &Prepared, settings: &Settings) -> Result<Environment, Failure> {
        let command = CreateEnvironment {
            id: self.id,
            name: self.name,
            domain: self.domain,
            tenant_domain: self.tenant_domain,
            authorization_server_domain: self
                .authorization_server_domain
                .unwrap_or_else(|| settings.bootstrap.authorization_server_domain.clone()),
            deployment_model: self.deployment_model.0,
            region: RegionChoice::Named {
                id: self.region_id,
                display_name: self
                    .region_display_name
                    .unwrap_or_else(|| self.region.clone()),
                name: self.region,
            },
        };
        let context = prepared.world.context(settings);
        write(&*prepared.database, |unit| {
            environments::create(unit, &context, command)
        })
        .map_err(refused)
    }
}

/// An environment as the management API shows it, and whether it is the default.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown<'a> {
    #[serde(flatten)]
    environment: EnvironmentView<'a>,
    is_default: bool,
}

impl<'a> Shown<'a> {
    fn new(environment: &'a Environment, default: Option<EnvironmentId>) -> Self {
        Self {
            environment: environment.into(),
            is_default: default == Some(environment.id),
        }
    }
}

fn show_one(
    output: OutputArgs,
    store: &dyn Store,
    environment: &Environment,
    what: impl Display,
) -> Result<(), Failure> {
    let shown = Shown::new(environment, default(store)?);
    output.show(&shown, |_| {
        let host = environment.tenant_domain.to_suffix();
        format!(
            "{what}: {} ({}, tenants below {host})",
            environment.id, environment.name
        )
    })
}

fn to_table(environments: &[Environment], views: &[Shown<'_>]) -> String {
    let row = |(environment, view): (&Environment, &Shown<'_>)| {
        let mark = if view.is_default { "*" } else { "" };
        vec![
            mark.to_owned(),
            environment.id.to_string(),
            environment.name.to_string(),
            environment.tenant_domain.to_suffix(),
            environment.region.name.to_string(),
        ]
    };
    let rows: Vec<_> = environments.iter().zip(views).map(row).collect();
    columns(&[" ", "ID", "NAME", "TENANTS BELOW", "REGION"], &rows)
}

fn all(store: &dyn Store) -> Result<Vec<Environment>, Failure> {
    read(store, |unit| {
        let mut environments = Vec::new();
        let mut after = None;
        loop {
            let request = PageRequest {
                limit: Limit::MAX,
                after,
            };
            let page = environments::list(unit, &EnvironmentAccess::All, request)?;
            environments.extend(page.items);
            after = page.next;
            if after.is_none() {
                return Ok(environments);
            }
        }
    })
    .map_err(refused)
}

fn default(store: &dyn Store) -> Result<Option<EnvironmentId>, Failure> {
    read(store, |unit| {
        let default = unit.environments().default()?;
        Ok(default.map(|environment| environment.id))
    })
    .map_err(refused)
}

#[expect(clippy::needless_pass_by_value, reason = "it is given to `map_err`")]
fn refused(error: Error) -> Failure {
    Failure::of_use_case(&error)
}
