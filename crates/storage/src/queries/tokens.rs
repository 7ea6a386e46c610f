//! Revoked tokens.

use diesel::{
    BoolExpressionMethods, ExpressionMethods, JoinOnDsl, NullableExpressionMethods, QueryDsl,
    RunQueryDsl, SelectableHelper,
    dsl::{exists, not},
    select,
};
use tenantry_domain::{
    client::{ClientId, KnownClient},
    clock::Timestamp,
    port::{ClientQueries, StoreError, TokenQueries, TokenRepository},
    token::RevokedToken,
};

use super::{Session, clients};
use crate::{schema::revoked_tokens, types::DbTime};

impl TokenQueries for Session {
    fn is_revoked(&mut self, id: &str, kid: &str) -> Result<bool, StoreError> {
        let token = (id.to_owned(), kid.to_owned());
        let is_revoked = self.remembered(
            |memo| &mut memo.tokens,
            &token,
            |conn| {
                let key = RevokedToken::all_of_key(kid);
                let either = revoked_tokens::id.eq(id).or(revoked_tokens::id.eq(&key));
                let found =
                    select(exists(revoked_tokens::table.filter(either))).get_result(conn)?;
                Ok(Some(found))
            },
        )?;
        Ok(is_revoked.unwrap_or_default())
    }

    fn client_of(
        &mut self,
        client: &ClientId,
        id: &str,
        kid: &str,
    ) -> Result<Option<KnownClient>, StoreError> {
        if self.link.memo.if_open().is_some() {
            // It knows both, as a rule.
            let is_revoked = self.is_revoked(id, kid)?;
            return if is_revoked {
                Ok(None)
            } else {
                self.known(client)
            };
        }
        let key = RevokedToken::all_of_key(kid);
        self.run(|conn| {
            let either = revoked_tokens::id.eq(id).or(revoked_tokens::id.eq(&key));
            let is_good = not(exists(revoked_tokens::table.filter(either)));
            clients::known(clients::rows!(client).filter(is_good).load(conn)?)
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
