//! Signing keys.

use diesel::{ExpressionMethods, QueryDsl, RunQueryDsl, SelectableHelper};
use tenantry_domain::{
    key::SealedKey,
    port::{KeyQueries, KeyRepository, StoreError},
};

use super::Session;
use crate::{rows::KeyRow, schema::signing_keys, types::DbTime};

impl KeyQueries for Session {
    fn all(&mut self) -> Result<Vec<SealedKey>, StoreError> {
        self.run(|conn| {
            let rows = signing_keys::table
                .select(KeyRow::as_select())
                .order((signing_keys::created_at, signing_keys::kid))
                .load(conn)?;
            Ok(rows
                .into_iter()
                .map(KeyRow::into_domain)
                .collect::<Result<_, _>>()?)
        })
    }
}

impl KeyRepository for Session {
    fn insert(&mut self, key: &SealedKey) -> Result<(), StoreError> {
        self.run(|conn| {
            diesel::insert_into(signing_keys::table)
                .values((
                    signing_keys::kid.eq(&key.kid),
                    signing_keys::algorithm.eq(key.algorithm.as_str()),
                    signing_keys::sealed.eq(&key.sealed),
                    signing_keys::public_jwk.eq(&key.public_jwk),
                    signing_keys::created_at.eq(DbTime(key.created_at)),
                    signing_keys::signs_from.eq(DbTime(key.signs_from)),
                    signing_keys::expires_at.eq(key.expires_at.map(DbTime)),
                    signing_keys::token_ttl.eq(stored_ttl(key)),
                ))
                .execute(conn)?;
            Ok(())
        })
    }

    fn update(&mut self, key: &SealedKey) -> Result<bool, StoreError> {
        self.run(|conn| {
            let updated = diesel::update(signing_keys::table.find(&key.kid))
                .set((
                    signing_keys::sealed.eq(&key.sealed),
                    signing_keys::signs_from.eq(DbTime(key.signs_from)),
                    signing_keys::expires_at.eq(key.expires_at.map(DbTime)),
                    signing_keys::token_ttl.eq(stored_ttl(key)),
                ))
                .execute(conn)?;
            Ok(updated > 0)
        })
    }

    fn delete(&mut self, kid: &str) -> Result<(), StoreError> {
        self.run(|conn| {
            diesel::delete(signing_keys::table.find(kid)).execute(conn)?;
            Ok(())
        })
    }
}

/// The column counts to 2³¹; no setting allows as much as that.
fn stored_ttl(key: &SealedKey) -> i32 {
    i32::try_from(key.token_ttl).unwrap_or(i32::MAX)
}
