//! Secrets that all servers of the database share.

use diesel::{ExpressionMethods, QueryDsl, RunQueryDsl};
use tenantry_domain::{
    port::{ServerSecretQueries, ServerSecretRepository, StoreError},
    server_secret::ServerSecret,
};

use super::Session;
use crate::schema::server_secrets;

impl ServerSecretQueries for Session {
    fn all(&mut self) -> Result<Vec<ServerSecret>, StoreError> {
        self.run(|conn| {
            let rows: Vec<(String, Vec<u8>)> = server_secrets::table
                .select((server_secrets::name, server_secrets::sealed))
                .order(server_secrets::name)
                .load(conn)?;
            let secrets = rows.into_iter();
            Ok(secrets
                .map(|(name, sealed)| ServerSecret { name, sealed })
                .collect())
        })
    }
}

impl ServerSecretRepository for Session {
    fn insert(&mut self, secret: &ServerSecret) -> Result<(), StoreError> {
        self.run(|conn| {
            diesel::insert_into(server_secrets::table)
                .values((
                    server_secrets::name.eq(&secret.name),
                    server_secrets::sealed.eq(&secret.sealed),
                ))
                .execute(conn)?;
            Ok(())
        })
    }

    fn replace(&mut self, secret: &ServerSecret) -> Result<bool, StoreError> {
        self.run(|conn| {
            let changed = diesel::update(server_secrets::table.find(&secret.name))
                .set(server_secrets::sealed.eq(&secret.sealed))
                .execute(conn)?;
            Ok(changed > 0)
        })
    }
}
