//! Answers that are kept for a repeat.

use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, RunQueryDsl};
use tenantry_domain::{
    clock::Timestamp,
    idempotency::{AnswerId, Fingerprint, KeptAnswer},
    port::{AnswerQueries, AnswerRepository, StoreError},
};

use super::Session;
use crate::{error::Corrupt, schema::kept_answers, statements::Part, types::DbTime};

impl AnswerQueries for Session {
    fn by_id(&mut self, id: AnswerId) -> Result<Option<KeptAnswer>, StoreError> {
        self.run(|conn| {
            let row: Option<(Vec<u8>, Vec<u8>, DbTime)> = kept_answers::table
                .find(id.0.as_slice())
                .select((
                    kept_answers::fingerprint,
                    kept_answers::sealed,
                    kept_answers::expires_at,
                ))
                .get_result(conn)
                .optional()?;
            let Some((fingerprint, sealed, DbTime(expires_at))) = row else {
                return Ok(None);
            };
            let fingerprint = fingerprint
                .try_into()
                .map_err(|_| Corrupt("fingerprint of a kept answer has another length".into()))?;
            Ok(Some(KeptAnswer {
                id,
                fingerprint: Fingerprint(fingerprint),
                sealed,
                expires_at,
            }))
        })
    }
}

impl AnswerRepository for Session {
    fn keep(&mut self, answer: &KeptAnswer) -> Result<(), StoreError> {
        self.run(|conn| {
            diesel::delete(kept_answers::table.find(answer.id.0.as_slice())).execute(conn)?;
            diesel::insert_into(kept_answers::table)
                .values((
                    kept_answers::id.eq(answer.id.0.as_slice()),
                    kept_answers::fingerprint.eq(answer.fingerprint.0.as_slice()),
                    kept_answers::sealed.eq(&answer.sealed),
                    kept_answers::expires_at.eq(DbTime(answer.expires_at)),
                ))
                .execute(conn)?;
            Ok(())
        })
    }

    fn forget_expired(&mut self, now: Timestamp, at_most: u32) -> Result<(), StoreError> {
        self.run(|conn| {
            let expired: Vec<Vec<u8>> = kept_answers::table
                .filter(kept_answers::expires_at.le(DbTime(now)))
                .order(kept_answers::expires_at)
                .select(kept_answers::id)
                .top(at_most.into())
                .load(conn)?;
            if !expired.is_empty() {
                let expired = kept_answers::table.filter(kept_answers::id.eq_any(expired));
                diesel::delete(expired).execute(conn)?;
            }
            Ok(())
        })
    }
}
