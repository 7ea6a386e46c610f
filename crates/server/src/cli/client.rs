//! `tenantry client`.

use clap::{Args, Subcommand};
use serde::Serialize;
use tenantry_auth::credentials;
use tenantry_domain::{
    environment::EnvironmentAccess,
    error::Error,
    id::EnvironmentId,
    name::Name,
    port::{Store, write},
    scope::ManagementScope,
    usecase::clients::{self, CreateManagementClient},
};

use super::output::OutputArgs;
use crate::{config::Settings, failure::Failure, world::World};

/// What can be done with management clients.
#[derive(Debug, Subcommand)]
pub(crate) enum ClientCommand {
    /// Make a client of the management API; its secret is shown this once
    #[command(after_help = "\
Examples:
  tenantry client create --name ci --scope tenants:read tenants:write
  tenantry client create --name sydney --environment 0198c0de-0000-7000-8000-000000000001")]
    Create(Create),
}

/// Asks for a client.
#[derive(Debug, Args)]
pub(crate) struct Create {
    /// Its name, for people
    #[arg(long, value_parser = Name::parse)]
    name: Name,
    /// What it may do, such as tenants:read; everything where it is not given
    #[arg(long = "scope", value_name = "SCOPE", num_args = 1.., value_delimiter = ' ')]
    scopes: Vec<ManagementScope>,
    /// An environment that it is bound to; it is bound to none where it is not given
    #[arg(long = "environment", value_name = "ID", num_args = 1..,
        value_parser = EnvironmentId::parse)]
    environments: Vec<EnvironmentId>,
    #[command(flatten)]
    output: OutputArgs,
}

impl ClientCommand {
    /// Does it.
    pub(crate) fn run(self, settings: &Settings) -> Result<(), Failure> {
        let Self::Create(create) = self;
        let prepared = super::prepare(settings)?;
        let output = create.output;
        let made = create.run(&*prepared.database, settings, &prepared.world)?;
        output.show(&made, Made::to_text)
    }
}

impl Create {
    fn run(self, store: &dyn Store, settings: &Settings, world: &World) -> Result<Made, Failure> {
        let credentials = credentials::mint(&*world.entropy, &world.hasher);
        let made = Made {
            client_id: credentials.client_id.as_str().to_owned(),
            client_secret: credentials.secret.expose().to_owned(),
        };
        let command = CreateManagementClient {
            credentials,
            name: self.name,
            scopes: if self.scopes.is_empty() {
                ManagementScope::ALL.to_vec()
            } else {
                self.scopes
            },
            access: if self.environments.is_empty() {
                EnvironmentAccess::All
            } else {
                EnvironmentAccess::Only(self.environments.into_iter().collect())
            },
        };
        let context = world.context(settings);
        write(store, |unit| {
            clients::create_management(unit, &context, command).map(|_| ())
        })
        .map_err(|error: Error| Failure::of_use_case(&error))?;
        Ok(made)
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Made {
    client_id: String,
    client_secret: String,
}

impl Made {
    fn to_text(&self) -> String {
        format!(
            "client id      {}\nclient secret  {}\n\nThe secret is not shown again.",
            self.client_id, self.client_secret
        )
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use tenantry_domain::{
        client::{ClientId, ClientOwner},
        port::read,
        scope::ScopeSet,
    };

    use super::*;
    use crate::{config, startup};

    #[derive(Parser)]
    #[command(no_binary_name = true)]
    struct Parsed {
        #[command(flatten)]
        create: Create,
    }

    fn create(arguments: &[&str]) -> Create {
        let arguments = [&["--name", "ci"], arguments].concat();
        Parsed::try_parse_from(arguments).unwrap().create
    }

    #[test]
    fn makes_a_client_with_its_scopes_and_its_bounds() {
        let directory = tempfile::tempdir().unwrap();
        let data_dir = ("DATA_DIR", directory.path().to_str().unwrap());
        let settings = config::tests::settings(directory.path(), &[data_dir]).unwrap();
        let prepared = startup::prepare(&settings).unwrap();
        let store: &dyn Store = &*prepared.database;
        let run = |create: Create| create.run(store, &settings, &prepared.world);
        let known = |id: &str| {
            let id = ClientId::parse(id).unwrap();
            read(store, |unit| unit.clients().known(&id))
                .unwrap()
                .unwrap()
        };

        let free = run(create(&[])).unwrap();
        let client = known(&free.client_id).client;
        assert_eq!(client.scopes, ScopeSet::all_management());
        assert_eq!(client.owner, ClientOwner::Operator(EnvironmentAccess::All));

        let local = read(store, |unit| unit.environments().default())
            .unwrap()
            .unwrap();
        let id = local.id.to_string();
        let bound = [
            "--scope",
            "tenants:read",
            "tenants:write",
            "--environment",
            &id,
        ];
        let bound = run(create(&bound)).unwrap();
        let client = known(&bound.client_id).client;
        let scopes = [ManagementScope::TenantsRead, ManagementScope::TenantsWrite];
        assert_eq!(client.scopes, scopes.into_iter().collect());
        let access = EnvironmentAccess::Only([local.id].into());
        assert_eq!(client.owner, ClientOwner::Operator(access));

        let unknown = ["--environment", "fa605282-0223-4ae0-831d-af368bc39a55"];
        let failure = run(create(&unknown)).err().unwrap();
        assert_eq!(failure.status(), 1);
        assert!(failure.to_string().contains("fa605282"), "{failure}");
    }

    #[test]
    fn shows_the_credentials_for_machines_and_for_people() {
        let made = Made {
            client_id: "id".to_owned(),
            client_secret: "secret".to_owned(),
        };
        let json = serde_json::to_string(&made).unwrap();
        assert_eq!(json, r#"{"clientId":"id","clientSecret":"secret"}"#);
        let text = made.to_text();
        assert!(
            text.starts_with("client id      id\nclient secret  secret\n"),
            "{text}"
        );
    }
}
