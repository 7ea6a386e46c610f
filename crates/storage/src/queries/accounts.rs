//! System accounts.

use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, RunQueryDsl, SelectableHelper};
use tenantry_domain::{
    account::{SystemAccount, Username},
    client::SecretHash,
    id::SystemAccountId,
    port::{AccountQueries, AccountRepository, StoreError},
};

use super::Session;
use crate::{
    rows::AccountRow,
    schema::system_accounts,
    statements::Part,
    types::{DbTime, DbUuid},
};

impl AccountQueries for Session {
    fn by_username(&mut self, username: &Username) -> Result<Option<SystemAccount>, StoreError> {
        self.remembered(
            |memo| &mut memo.accounts,
            username,
            |conn| {
                let row = system_accounts::table
                    .filter(system_accounts::username.eq(username.as_str()))
                    .select(AccountRow::as_select())
                    .get_result(conn)
                    .optional()?;
                Ok(row.map(AccountRow::into_domain).transpose()?)
            },
        )
    }

    fn any(&mut self) -> Result<bool, StoreError> {
        self.run(|conn| {
            let found = system_accounts::table
                .select(system_accounts::id)
                .top(1)
                .get_result::<DbUuid>(conn)
                .optional()?;
            Ok(found.is_some())
        })
    }

    fn all(&mut self) -> Result<Vec<SystemAccount>, StoreError> {
        self.run(|conn| {
            let rows = system_accounts::table
                .select(AccountRow::as_select())
                .order(system_accounts::username)
                .load(conn)?;
            Ok(rows
                .into_iter()
                .map(AccountRow::into_domain)
                .collect::<Result<_, _>>()?)
        })
    }
}

impl AccountRepository for Session {
    fn insert(&mut self, account: &SystemAccount) -> Result<(), StoreError> {
        self.run(|conn| {
            diesel::insert_into(system_accounts::table)
                .values((
                    system_accounts::id.eq(DbUuid::from(account.id)),
                    system_accounts::username.eq(account.username.as_str()),
                    system_accounts::password_hash.eq(account.password_hash.as_str()),
                    system_accounts::created_at.eq(DbTime(account.created_at)),
                ))
                .execute(conn)?;
            Ok(())
        })
    }

    fn set_password(&mut self, id: SystemAccountId, hash: &SecretHash) -> Result<bool, StoreError> {
        self.run(|conn| {
            let updated = diesel::update(system_accounts::table.find(DbUuid::from(id)))
                .set(system_accounts::password_hash.eq(hash.as_str()))
                .execute(conn)?;
            Ok(updated > 0)
        })
    }

    fn delete(&mut self, id: SystemAccountId) -> Result<bool, StoreError> {
        self.run(|conn| {
            let deleted = diesel::delete(system_accounts::table.find(DbUuid::from(id)));
            Ok(deleted.execute(conn)? > 0)
        })
    }

    fn rehash(
        &mut self,
        id: SystemAccountId,
        old: &SecretHash,
        new: &SecretHash,
    ) -> Result<(), StoreError> {
        self.run(|conn| {
            diesel::update(system_accounts::table)
                .filter(system_accounts::id.eq(DbUuid::from(id)))
                .filter(system_accounts::password_hash.eq(old.as_str()))
                .set(system_accounts::password_hash.eq(new.as_str()))
                .execute(conn)?;
            Ok(())
        })
    }
}
