//! `tenantry dev`: what developers of Tenantry need. It is not shown in the help.

use std::num::NonZeroU64;

use clap::Subcommand;
use serde::Serialize;
use tenantry_domain::{
    data::TenantData,
    environment::{Environment, EnvironmentAccess},
    error::Error,
    name::Name,
    page::{Limit, PageRequest},
    port::{Entropy, Store, read, write},
    subdomain::Label,
    usecase::{
        bulk::{self, LoadTenant},
        environments,
    },
};

use super::{output::OutputArgs, progress::Progress};
use crate::{config::Settings, failure::Failure};

/// How many tenants are made in one unit: so many that its commit costs little, and so few
/// that a running server waits for it only for a moment.
const BATCH: u64 = 10_000;

/// What developers can do.
#[derive(Debug, Subcommand)]
pub(crate) enum DevCommand {
    /// Fill the database with made-up tenants, without clients
    Seed {
        /// How many
        #[arg(long, value_name = "N")]
        tenants: NonZeroU64,
        #[command(flatten)]
        output: OutputArgs,
    },
}

impl DevCommand {
    /// Does it.
    pub(crate) fn run(self, settings: &Settings) -> Result<(), Failure> {
        let Self::Seed { tenants, output } = self;
        let prepared = super::prepare(settings)?;
        let context = prepared.world.context(settings);
        let store: &dyn Store = &*prepared.database;
        let environments = some_environments(store)?;
        let mut imagination = Imagination::new(&*context.entropy);
        let mut progress = Progress::new("tenants", Some(tenants.get()));
        // Each unit fills one environment, and all get their turn.
        for environment in environments.iter().cycle() {
            let count = BATCH.min(tenants.get() - progress.done());
            let commands = (0..count)
                .map(|_| imagination.tenant())
                .collect::<Option<Vec<_>>>()
                .ok_or_else(|| Failure::command("a made-up tenant is not a valid one"))?;
            write(store, |unit| {
                bulk::load(unit, &context, environment, commands)
            })
            .map_err(|error: Error| Failure::of_use_case(&error))?;
            progress.advance(count);
            if progress.done() == tenants.get() {
                break;
            }
        }
        let seeded = Seeded {
            tenants: progress.done(),
        };
        output.show(&seeded, |seeded| format!("made {} tenants", seeded.tenants))
    }
}

#[derive(Serialize)]
struct Seeded {
    tenants: u64,
}

/// The oldest environments; a bootstrapped database has one at least.
fn some_environments(store: &dyn Store) -> Result<Vec<Environment>, Failure> {
    let request = PageRequest {
        limit: Limit::MAX,
        after: None,
    };
    let page = read(store, |unit| {
        environments::list(unit, &EnvironmentAccess::All, request)
    })
    .map_err(|error: Error| Failure::of_use_case(&error))?;
    if page.items.is_empty() {
        return Err(Failure::command("there is no environment"));
    }
    Ok(page.items)
}

const ADJECTIVES: [&str; 16] = [
    "amber", "bright", "civic", "coastal", "copper", "eastern", "golden", "granite", "harbour",
    "little", "lunar", "northern", "pacific", "quiet", "silver", "united",
];
const NOUNS: [&str; 16] = [
    "analytics",
    "bakery",
    "bank",
    "capital",
    "clinic",
    "college",
    "dental",
    "energy",
    "foods",
    "insurance",
    "library",
    "logistics",
    "media",
    "robotics",
    "studio",
    "transit",
];
const PLANS: [&str; 4] = ["free", "team", "business", "enterprise"];
const COUNTRIES: [&str; 8] = ["AU", "BR", "CA", "DE", "FR", "JP", "NZ", "US"];

/// Makes tenants up.
struct Imagination {
    state: u64,
    serial: u64,
}

impl Imagination {
    fn new(entropy: &dyn Entropy) -> Self {
        let mut seed = [0; 8];
        entropy.fill(&mut seed);
        let mut new = Self {
            state: u64::from_le_bytes(seed),
            serial: 0,
        };
        new.serial = new.number();
        new
    }

    /// The next number of a sequence (`SplitMix64`) that is as good as random, and quick.
    fn number(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.state ^ (self.state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn one_of<'a>(&mut self, words: &[&'a str]) -> &'a str {
        let count = u64::try_from(words.len()).unwrap_or(1);
        let place = usize::try_from(self.number() % count).unwrap_or_default();
        words.get(place).copied().unwrap_or_default()
    }

    /// One like those that operators have. Its label ends in one of 48 bits of numbers that
    /// rise from a random one, so that seeding twice meets no label again. Random ones would have a
    /// database read and write a page of its index for each.
    fn tenant(&mut self) -> Option<LoadTenant> {
        let (adjective, noun) = (self.one_of(&ADJECTIVES), self.one_of(&NOUNS));
        self.serial = self.serial.wrapping_add(1);
        let label = format!("{adjective}-{noun}-{:012x}", self.serial & 0xFFFF_FFFF_FFFF);
        let data = format!(
            r#"{{"plan":"{}","seats":{},"country":"{}","billing":{{"email":"accounts@{label}.example","reference":"{:016x}"}},"features":["sso","audit"]}}"#,
            self.one_of(&PLANS),
            1 + self.number() % 500,
            self.one_of(&COUNTRIES),
            self.number(),
        );
        Some(LoadTenant {
            name: Name::parse(&format!("{} {}", capitalised(adjective), capitalised(noun))).ok()?,
            label: Label::parse(&label).ok()?,
            data: TenantData::parse(&data).ok()?,
        })
    }
}

fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    letters
        .next()
        .map(|first| first.to_uppercase().chain(letters).collect())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use tenantry_domain::{
        page::NumberedPage,
        port::Snapshot,
        record::{RecordPage, RecordQuery},
        usecase::tenants,
    };

    use super::*;
    use crate::{config, startup};

    #[test]
    fn fills_a_database_and_fills_it_again() {
        let directory = tempfile::tempdir().unwrap();
        let data_dir = ("DATA_DIR", directory.path().to_str().unwrap());
        let settings = config::tests::settings(directory.path(), &[data_dir]).unwrap();
        for _ in 0..2 {
            let seed = ["--tenants", "2345"];
            let command = parsed(&seed);
            command.run(&settings).unwrap();
        }
        let prepared = startup::prepare(&settings).unwrap();
        let database = &*prepared.database;
        let RecordPage {
            tenants: last,
            total,
        } = read(database, |unit: &mut dyn Snapshot| {
            let query = RecordQuery {
                page: NumberedPage::parse(Some("5"), Some("1000")).unwrap(),
                ..RecordQuery::default()
            };
            tenants::records(unit, &query)
        })
        .unwrap();
        assert_eq!((last.len(), total), (690, 4690));
        assert!(last.is_sorted_by(|a, b| a.created_at < b.created_at));
        assert_ne!(last[0].data(), last[1].data());
        assert_eq!(database.miscounted().unwrap(), 0);
    }

    fn parsed(arguments: &[&str]) -> DevCommand {
        use clap::Parser;

        #[derive(Parser)]
        #[command(no_binary_name = true)]
        struct Parsed {
            #[command(subcommand)]
            command: DevCommand,
        }
        Parsed::try_parse_from([&["seed"], arguments].concat())
            .unwrap()
            .command
    }
}
