//! Revoked tokens.

use diesel::{
    BoolExpressionMethods, ExpressionMethods, QueryDsl, RunQueryDsl, dsl::exists, select,
};
use tenantry_domain::{
    clock::Timestamp,
    port::{StoreError, TokenQueries, TokenRepository},
    token::RevokedToken,
};

use super::Session;
use crate::{schema::revoked_tokens, types::DbTime};

impl TokenQueries for Session {
    fn is_revoked(&mut self, id: &str, kid: &str) -> Result<bool, StoreError> {
        let key = RevokedToken::all_of_key(kid);
        self.run(|conn| {
            let either = revoked_tokens::id.eq(id).or(revoked_tokens::id.eq(&key));
            Ok(select(exists(revoked_tokens::table.filter(either))).get_result(conn)?)
        })
    }

    fn is_key_revoked(&mut self, kid: &str) -> Result<bool, StoreError> {
        let key = RevokedToken::all_of_key(kid);
        self.run(|conn| Ok(select(exists(revoked_tokens::table.find(&key))).get_result(conn)?))
    }
}

impl TokenRepository for Session {
    fn revoke(&mut self, token: &RevokedToken) -> Result<(), StoreError> {
        self.run(|conn| {
            diesel::insert_into(revoked_tokens::table)
                .values((
                    revoked_tokens::id.eq(&token.id),
                    revoked_tokens::expires_at.eq(DbTime(token.expires_at)),
                ))
                .on_conflict_do_nothing()
                .execute(conn)?;
            Ok(())
        })
    }

    fn forget_expired(&mut self, now: Timestamp) -> Result<(), StoreError> {
        self.run(|conn| {
            let expired = revoked_tokens::expires_at.lt(DbTime(now));
            diesel::delete(revoked_tokens::table.filter(expired)).execute(conn)?;
            Ok(())
        })
    }
}
