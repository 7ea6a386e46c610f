//! All that a database holds, row by row, to be carried to another one.
//!
//! What is carried is what can't be had again: not the counts of tenants, which the other
//! database counts itself, and neither analytic events nor kept answers, which are forgotten anyhow.

mod lines;
mod values;

use std::{error::Error as StdError, io};

use serde::{Deserialize, Serialize};
use tenantry_domain::{key::SealedKey, port::StoreError, server_secret::ServerSecret};
use thiserror::Error;

pub(crate) use self::lines::{
    AccountLine, ChangeLine, ClientEnvironmentLine, ClientLine, ClientSecretLine, DeliveryLine,
    EnvironmentLine, KeyLine, NumbersLine, RegionLine, RevokedTokenLine, ServerSecretLine,
    TenantLine, WebhookLine, WebhookSecretLine,
};
use crate::{error::Corrupt, migrate::MigrateError};

/// One row, or what belongs together of several. On the wire it is a JSON object of one member, whose
/// name is its [kind](Kind).
///
/// It prints nothing of what is in it: hashes and sealed secrets may be.
#[derive(Deserialize, Serialize)]
#[serde(transparent)]
pub struct Record(pub(crate) Line);

/// Makes the kinds of records: in the order in which they are carried, where whatever is referred
/// to comes first.
macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident($line:ident) = $word:literal,)+) => {
        /// What a record is of. The order is that in which records are carried.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Kind {
            $($(#[$doc])* $kind,)+
        }

        impl Kind {
            /// All of them, in their order.
            pub const ALL: &[Self] = &[$(Self::$kind,)+];

            /// Its name on the wire.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$kind => $word,)+
                }
            }
        }

        #[derive(Deserialize, Serialize)]
        pub(crate) enum Line {
            $(#[serde(rename = $word)] $kind($line),)+
        }

        impl Record {
            /// What it is of.
            pub fn kind(&self) -> Kind {
                match &self.0 {
                    $(Line::$kind(_) => Kind::$kind,)+
                }
            }

            /// Whether everything in it is such that this program could have written it; what
            /// is wrong otherwise.
            pub fn check(&self) -> Result<(), InvalidRecord> {
                let checked = match &self.0 {
                    $(Line::$kind(line) => line.check(),)+
                };
                checked.map_err(|Corrupt(text)| InvalidRecord(text))
            }
        }
    };
}

kinds! {
    /// A signing key, sealed under the master key.
    SigningKey(KeyLine) = "signingKey",
    /// A secret of the servers, sealed under the master key.
    ServerSecret(ServerSecretLine) = "serverSecret",
    /// The last numbers that were given out.
    Numbers(NumbersLine) = "numbers",
    /// A region.
    Region(RegionLine) = "region",
    /// An environment.
    Environment(EnvironmentLine) = "environment",
    /// A tenant with its data.
    Tenant(TenantLine) = "tenant",
    /// A client.
    Client(ClientLine) = "client",
    /// An environment that a client is bound to.
    ClientEnvironment(ClientEnvironmentLine) = "clientEnvironment",
    /// A client's secret: its hash.
    ClientSecret(ClientSecretLine) = "clientSecret",
    /// A system account, with its password's hash.
    SystemAccount(AccountLine) = "systemAccount",
    /// A token that was given back.
    RevokedToken(RevokedTokenLine) = "revokedToken",
    /// A webhook and how far the telling has come.
    Webhook(WebhookLine) = "webhook",
    /// A webhook's secret, sealed.
    WebhookSecret(WebhookSecretLine) = "webhookSecret",
    /// What a webhook was sent, or is to be.
    Delivery(DeliveryLine) = "delivery",
    /// A change of the feed.
    Change(ChangeLine) = "change",
}

impl Record {
    /// The signing key in it, if it is one.
    pub fn signing_key(&self) -> Option<SealedKey> {
        match &self.0 {
            Line::SigningKey(line) => line.to_domain().ok(),
            _ => None,
        }
    }

    /// The servers' secret in it, if it is one.
    pub fn server_secret(&self) -> Option<ServerSecret> {
        match &self.0 {
            Line::ServerSecret(line) => Some(line.to_domain()),
            _ => None,
        }
    }

    /// About how much memory it takes, in bytes.
    pub(crate) fn weight(&self) -> usize {
        const ROW: usize = 512;
        ROW + match &self.0 {
            Line::Tenant(line) => line.data.len(),
            Line::Change(line) => line.subject.len(),
            _ => 0,
        }
    }
}

impl std::fmt::Debug for Record {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Record").field(&self.kind()).finish()
    }
}

/// What is wrong with a record.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{0}")]
pub struct InvalidRecord(String);

/// Why nothing was carried, or not all of it. What was to be filled is as it was before.
#[derive(Debug, Error)]
pub enum TransferError {
    /// Whoever takes the records has failed to.
    #[error("what was read could not be written")]
    Sink(#[source] io::Error),
    /// Whoever gives the records has failed to; it says what is wrong.
    #[error("{0}")]
    Source(Box<dyn StdError + Send + Sync>),
    /// The database that is to be filled holds something already.
    #[error("the database is not empty: it holds {0}")]
    NotEmpty(&'static str),
    /// The database refuses one of these records, counted from 1, or the rows do not agree with each other.
    #[error("the database refuses what it was given")]
    Refused {
        /// The first of the records that were handed over together.
        first: u64,
        /// The last of them.
        last: u64,
        /// Why.
        #[source]
        cause: StoreError,
    },
    /// The database failed.
    #[error("the database failed")]
    Store(#[source] StoreError),
    /// The database failed outside of any statement.
    #[error("the database can't be used for it")]
    Migrate(#[from] MigrateError),
}

impl From<diesel::result::Error> for TransferError {
    fn from(error: diesel::result::Error) -> Self {
        Self::Store(crate::error::store_error(error))
    }
}

/// Takes records, one after the other.
pub type Sink<'a> = dyn FnMut(Record) -> io::Result<()> + 'a;

/// Gives records, one after the other; `None` behind the last one.
pub type Source<'a> = dyn FnMut() -> Result<Option<Record>, Box<dyn StdError + Send + Sync>> + 'a;
