//! `tenantry client`.

use clap::{Args, Subcommand};
use serde::Serialize;
use tenantry_auth::credentials;
use tenantry_domain::{
    client::{Client, ClientId, ClientOwner, ClientStatus},
    clock::Timestamp,
    environment::EnvironmentAccess,
    error::{Error, Thing},
    id::EnvironmentId,
    name::Name,
    page::{Limit, PageRequest},
    port::{Store, read, write},
    rotation::{InvalidOverlap, Overlap},
    scope::ManagementScope,
    usecase::{
        Context,
        clients::{self, CreateManagementClient},
        management::{self, ManagementError},
        secrets::RotateSecret,
    },
};

use super::{
    output::{OutputArgs, columns},
    secret::{Delivery, SecretArgs},
};
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
    /// List all clients of the management API, oldest first
    List(#[command(flatten)] OutputArgs),
    /// Disable a client: it gets no tokens, and those it has are good for nothing
    Disable(Named),
    /// Let a disabled client be used again
    Enable(Named),
    /// Make a new secret for a client; the one before it stays good for a while
    #[command(after_help = "\
Examples:
  tenantry client rotate suC7IhmDIawnlqBlEOuIqBWoqppcdI5X
  tenantry client rotate suC7IhmDIawnlqBlEOuIqBWoqppcdI5X --overlap 0 --secret-file ci.json")]
    Rotate(Rotate),
    /// Delete a client; its tokens are good for nothing at once
    Delete(Named),
}

/// Names a client.
#[derive(Debug, Args)]
pub(crate) struct Named {
    /// The id it authenticates with
    #[arg(value_name = "ID", value_parser = ClientId::parse)]
    id: ClientId,
    /// Even if it is the last active one, without which nobody can use the management API
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    output: OutputArgs,
}

/// Asks for a new secret.
#[derive(Debug, Args)]
pub(crate) struct Rotate {
    /// The id it authenticates with
    #[arg(value_name = "ID", value_parser = ClientId::parse)]
    id: ClientId,
    /// How long the secret before the new one stays good: 0 to 604800
    #[arg(long, value_name = "SECONDS", default_value = "86400", value_parser = overlap)]
    overlap: Overlap,
    #[command(flatten)]
    secret: SecretArgs,
}

fn overlap(text: &str) -> Result<Overlap, String> {
    let seconds = text.parse().map_err(|_| InvalidOverlap.to_string())?;
    Overlap::new(seconds).map_err(|error| error.to_string())
}

/// Asks for a client.
#[derive(Debug, Args)]
pub(crate) struct Create {
    /// Its name, for people
    #[arg(long, value_parser = Name::parse)]
    name: Name,
    /// What it may do, such as tenants:read; everything where it is not given
    #[arg(long = "scope", value_name = "SCOPE", num_args = 1.., value_delimiter = ' ',
        value_parser = scope)]
    scopes: Vec<ManagementScope>,
    /// An environment that it is bound to; it is bound to none where it is not given
    #[arg(long = "environment", value_name = "ID", num_args = 1..,
        value_parser = EnvironmentId::parse)]
    environments: Vec<EnvironmentId>,
    #[command(flatten)]
    secret: SecretArgs,
}

fn scope(text: &str) -> Result<ManagementScope, String> {
    text.parse().map_err(|_| {
        let all = ManagementScope::ALL.map(ManagementScope::as_str);
        format!(
            "no scope of the management API; there are {}",
            all.join(", ")
        )
    })
}

impl ClientCommand {
    /// Does it.
    pub(crate) fn run(self, settings: &Settings) -> Result<(), Failure> {
        let prepared = super::prepare(settings)?;
        let store: &dyn Store = &*prepared.database;
        let context = prepared.world.context(settings);
        let (active, disabled) = (ClientStatus::Active, ClientStatus::Disabled);
        let set = |named: &Named, status| {
            write(store, |unit| {
                management::set_status(unit, &context, &named.id, status, named.force)
            })
        };
        match self {
            Self::Create(create) => {
                let secret = create.secret.clone();
                let (made, delivery) = create.run(store, settings, &prepared.world, &secret)?;
                delivery.finish(&made, Made::to_text)
            }
            Self::List(output) => {
                let clients = all(store)?;
                let shown: Vec<_> = clients.iter().map(Shown::from).collect();
                output.show(&shown, |clients| to_table(clients))
            }
            Self::Disable(named) => named.show(set(&named, disabled), "Disabled"),
            Self::Enable(named) => named.show(set(&named, active), "Enabled"),
            Self::Delete(named) => {
                let deleted = write(store, |unit| {
                    management::delete(unit, &context, &named.id, named.force)
                });
                named.show(deleted, "Deleted")
            }
            Self::Rotate(rotate) => rotate.run(store, &context, &prepared.world),
        }
    }
}

impl Named {
    fn show(&self, result: Result<Client, ManagementError>, what: &str) -> Result<(), Failure> {
        let client = result.map_err(|error| match error {
            ManagementError::Last => Failure::command(
                "it is the last active client, without which nobody can use the management API; \
                 --force does it",
            ),
            ManagementError::Other(error) => refused(&error),
        })?;
        self.output.show(&Shown::from(&client), |client| {
            format!("{what}: {} ({})", client.client_id, client.name)
        })
    }
}

impl Rotate {
    fn run(self, store: &dyn Store, context: &Context, world: &World) -> Result<(), Failure> {
        let minted = credentials::mint_secret(&*world.entropy, &world.hasher);
        let command = RotateSecret {
            hash: minted.hash,
            overlap: self.overlap,
        };
        // The unit is committed only when the file is written, and that says until when the
        // secret before the new one is good.
        let mut unit = store.begin().map_err(|error| Failure::of_store(&error))?;
        let end = management::rotate(&mut *unit, context, &self.id, command)
            .map_err(|error| refused(&error))?;
        let made = Rotated {
            client_id: self.id.to_string(),
            client_secret: minted.secret.expose().to_owned(),
            previous_secret_expires_at: end.to_rfc3339_millis(),
        };
        let mut delivery = self.secret.prepare(&made, &*world.entropy)?;
        unit.commit().map_err(|error| {
            delivery.counts_if_unknown(&error);
            Failure::of_store(&error)
        })?;
        delivery.finish(&made, Rotated::to_text)
    }
}

fn refused(error: &Error) -> Failure {
    match error {
        Error::Missing(Thing::Client) => {
            Failure::command("there is no such management client; see `tenantry client list`")
        }
        other => Failure::of_use_case(other),
    }
}

fn all(store: &dyn Store) -> Result<Vec<Client>, Failure> {
    read(store, |unit| {
        let mut clients = Vec::new();
        let mut after = None;
        loop {
            let request = PageRequest {
                limit: Limit::MAX,
                after,
            };
            let page = management::list(unit, request)?;
            clients.extend(page.items);
            after = page.next;
            if after.is_none() {
                return Ok(clients);
            }
        }
    })
    .map_err(|error: Error| Failure::of_use_case(&error))
}

impl Create {
    fn run(
        self,
        store: &dyn Store,
        settings: &Settings,
        world: &World,
        secret: &SecretArgs,
    ) -> Result<(Made, Delivery), Failure> {
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
        let mut delivery = secret.prepare(&made, &*world.entropy)?;
        write(store, |unit| {
            clients::create_management(unit, &context, command).map(|_| ())
        })
        .map_err(|error: Error| {
            if let Error::Store(error) = &error {
                delivery.counts_if_unknown(error);
            }
            Failure::of_use_case(&error)
        })?;
        Ok((made, delivery))
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Made {
    client_id: String,
    client_secret: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Rotated {
    client_id: String,
    client_secret: String,
    previous_secret_expires_at: String,
}

impl Rotated {
    fn to_text(&self) -> String {
        format!(
            "client id      {}\nclient secret  {}\n\nThe secret before it is good until {}. \
             The new one is not shown again.",
            self.client_id, self.client_secret, self.previous_secret_expires_at
        )
    }
}

/// A client as it is listed.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    client_id: String,
    name: String,
    status: &'static str,
    scopes: Vec<String>,
    /// The environments that it is bound to, if it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    environments: Option<Vec<String>>,
    created_at: String,
    last_used_at: Option<String>,
}

impl From<&Client> for Shown {
    fn from(client: &Client) -> Self {
        let environments = match &client.owner {
            ClientOwner::Operator(EnvironmentAccess::Only(ids)) => {
                Some(ids.iter().map(ToString::to_string).collect())
            }
            ClientOwner::Operator(EnvironmentAccess::All) | ClientOwner::Tenant(_) => None,
        };
        Self {
            client_id: client.id.to_string(),
            name: client.name.to_string(),
            status: client.status.as_str(),
            scopes: client.scopes.iter().map(ToString::to_string).collect(),
            environments,
            created_at: client.created_at.to_rfc3339_millis(),
            last_used_at: client.last_used_at.map(Timestamp::to_rfc3339_millis),
        }
    }
}

fn to_table(clients: &[Shown]) -> String {
    let row = |client: &Shown| {
        let bound = client.environments.as_ref().map(Vec::len);
        vec![
            client.client_id.clone(),
            client.name.clone(),
            client.status.to_owned(),
            client.last_used_at.clone().unwrap_or_default(),
            bound.map_or_else(|| "all".to_owned(), |count| count.to_string()),
            client.scopes.join(" "),
        ]
    };
    let rows: Vec<_> = clients.iter().map(row).collect();
    let head = [
        "ID",
        "NAME",
        "STATUS",
        "LAST USED",
        "ENVIRONMENTS",
        "SCOPES",
    ];
    columns(&head, &rows)
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
    use tenantry_domain::scope::ScopeSet;

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
        let run = |create: Create| {
            let secret = create.secret.clone();
            let made = create.run(store, &settings, &prepared.world, &secret)?;
            Ok::<_, Failure>(made.0)
        };
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
