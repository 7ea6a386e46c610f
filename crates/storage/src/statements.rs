//! What Diesel has no words for, or none that let a statement stay prepared.
//!
//! - A condition that is made with `sql()` is parsed and planned by the database at each use.
//! - So is, on SQLite, any statement whose `LIMIT` is a bare value: SQLite looks at the
//!   value when it plans, and plans anew when another one is bound, even the same one. That is what
//!   `first()` and `limit()` make, so one row is got by `get_result` where there is one at
//!   the most, and a part of many by [`Part::top`].

use diesel::{
    QueryResult,
    backend::Backend,
    expression::{AppearsOnTable, Expression, SelectableExpression, ValidGrouping, is_aggregate},
    query_builder::{AstPass, Query, QueryFragment, QueryId},
    query_dsl::RunQueryDsl,
    serialize::ToSql,
    sql_types::{BigInt, Bool, HasSqlType},
};

use crate::types::{DbTime, DbUuid, SqlTimestamp, SqlUuid};

/// A condition without values.
pub(crate) struct Words(pub(crate) &'static str);

/// Two columns that are compared with an instant and an id as one value: `words` is all that
/// stands before the values.
pub(crate) struct Compared {
    pub(crate) words: &'static str,
    pub(crate) with: (DbTime, DbUuid),
}

impl<DB: Backend> QueryFragment<DB> for Words {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        out.push_sql(self.0);
        Ok(())
    }
}

impl<DB> QueryFragment<DB> for Compared
where
    DB: Backend + HasSqlType<SqlTimestamp> + HasSqlType<SqlUuid>,
    DbTime: ToSql<SqlTimestamp, DB>,
    DbUuid: ToSql<SqlUuid, DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        let (instant, id) = &self.with;
        out.push_sql(self.words);
        out.push_bind_param::<SqlTimestamp, _>(instant)?;
        out.push_sql(", ");
        out.push_bind_param::<SqlUuid, _>(id)?;
        out.push_sql(")");
        Ok(())
    }
}

/// They stand in any statement on the tables that they name. A statement is known by its text,
/// since theirs is not told by their types.
macro_rules! condition {
    ($($type:ty),*) => {
        $(
            impl QueryId for $type {
                type QueryId = ();

                const HAS_STATIC_QUERY_ID: bool = false;
            }

            impl Expression for $type {
                type SqlType = Bool;
            }

            impl<GB> ValidGrouping<GB> for $type {
                type IsAggregate = is_aggregate::Never;
            }

            impl<QS> AppearsOnTable<QS> for $type {}

            impl<QS> SelectableExpression<QS> for $type {}
        )*
    };
}

condition!(Words, Compared);

/// A part of what a query finds.
pub(crate) struct Top<Q> {
    query: Q,
    rows: i64,
    skip: i64,
}

/// Takes a part of what a query finds.
pub(crate) trait Part: Sized {
    /// The first rows.
    fn top(self, rows: i64) -> Top<Self> {
        self.top_behind(0, rows)
    }

    /// The first rows behind those that are to be skipped.
    fn top_behind(self, skip: i64, rows: i64) -> Top<Self> {
        Top {
            query: self,
            rows,
            skip,
        }
    }
}

impl<Q: Query> Part for Q {}

impl<Q: QueryId> QueryId for Top<Q> {
    type QueryId = Top<Q::QueryId>;

    const HAS_STATIC_QUERY_ID: bool = Q::HAS_STATIC_QUERY_ID;
}

impl<Q: Query> Query for Top<Q> {
    type SqlType = Q::SqlType;
}

impl<Q, C> RunQueryDsl<C> for Top<Q> {}

impl<DB, Q> QueryFragment<DB> for Top<Q>
where
    DB: Backend + HasSqlType<BigInt>,
    Q: QueryFragment<DB>,
    i64: ToSql<BigInt, DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        self.query.walk_ast(out.reborrow())?;
        // As a sum it is no bare value.
        out.push_sql(" LIMIT (0 + ");
        out.push_bind_param::<BigInt, _>(&self.rows)?;
        out.push_sql(") OFFSET ");
        out.push_bind_param::<BigInt, _>(&self.skip)
    }
}
