//! How many tenants there are below a number, and which one is the n-th, without reading
//! those that lie before it.
//!
//! Migration `0002_tenant_counts` describes the table and keeps it: three levels of blocks of
//! numbers, each with the tenants in it, up to the open block. The tenants from there on, some
//! 128 at the most, are counted when they are asked for. Whoever looks for the n-th tenant adds up
//! the largest blocks, then the 32 blocks within the one that it falls into, then the 32 within
//! one of those, and skips what is left of 128 numbers. `docs/adr/0008` says what else was
//! considered.
//!
//! A rank is the number of tenants that lie before.

use std::ops::Range;

use diesel::{
    Connection, ExpressionMethods, OptionalExtension, QueryDsl, QueryResult, QueryableByName,
    RunQueryDsl,
    connection::SimpleConnection,
    query_builder::{AstPass, Query, QueryFragment, QueryId},
    sql_query,
    sql_types::{BigInt, Integer},
};

use super::{Conn, ops};
use crate::{
    migrate::MigrateError,
    schema::{tenant_counts, tenants},
    statements::Part,
    types::DbTime,
};

type Db = <Conn as Connection>::Backend;

/// The level of the largest blocks.
const TOP: i32 = 2;
/// The level of the one row that names the open block.
const OPEN: i32 = 3;
/// How many bits of a number don't matter to its block of level 0.
const BLOCK_BITS: i64 = 7;
/// How many bits of a block don't matter to its block of the next level.
const FAN_BITS: i64 = 5;

/// The largest blocks, and what is not in any.
pub(super) struct Counts {
    /// Each with the tenants in it, in order.
    top: Vec<Block>,
    /// The first number that is not counted.
    open: i64,
    /// How many tenants there are from there on.
    rest: i64,
}

/// Where a page begins: behind the next `skip` tenants from number `from` on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) from: i64,
    pub(super) skip: i64,
}

/// A block and how many tenants are in it.
type Block = (i64, i64);

/// The rows of the upper levels, and in place of the count in the row of the open block that of
/// the tenants from it on.
#[derive(QueryId)]
struct Upper;

impl Query for Upper {
    type SqlType = (Integer, BigInt, BigInt);
}

impl RunQueryDsl<Conn> for Upper {}

impl QueryFragment<Db> for Upper {
    // By hand, because Diesel prepares a text of SQL anew each time.
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Db>) -> QueryResult<()> {
        out.push_sql(
            "SELECT level, block, CASE WHEN level = 3 \
             THEN (SELECT count(*) FROM tenants WHERE number >= tenant_counts.block << 7) \
             ELSE tenants END FROM tenant_counts WHERE level >= 2 ORDER BY level, block",
        );
        Ok(())
    }
}

impl Counts {
    /// Reads them, in one statement.
    pub(super) fn load(conn: &mut Conn) -> QueryResult<Self> {
        let mut counts = Self {
            top: Vec::new(),
            open: 0,
            rest: 0,
        };
        for (level, block, tenants) in Upper.load::<(i32, i64, i64)>(conn)? {
            if level == OPEN {
                counts.open = block << BLOCK_BITS;
                counts.rest = tenants;
            } else {
                counts.top.push((block, tenants));
            }
        }
        Ok(counts)
    }

    /// How many tenants there are.
    pub(super) fn total(&self) -> i64 {
        self.counted() + self.rest
    }

    /// How many are in blocks.
    fn counted(&self) -> i64 {
        sum(&self.top)
    }

    /// Where the tenant of that rank is; `None` behind the last one.
    pub(super) fn place(&self, conn: &mut Conn, rank: i64) -> QueryResult<Option<Place>> {
        if rank >= self.total() {
            return Ok(None);
        }
        let from_start = Place {
            from: 0,
            skip: rank,
        };
        // The first page of all needs no block.
        if rank == 0 {
            return Ok(Some(from_start));
        }
        let Some((mut block, mut skip)) = find(&self.top, rank) else {
            return Ok(Some(Place {
                from: self.open,
                skip: rank - self.counted(),
            }));
        };
        for level in (0..TOP).rev() {
            let blocks = within(conn, level, children(block))?;
            let Some(found) = find(&blocks, skip) else {
                // The counts contradict each other, which a check finds. All the same the answer
                // is right for the larger block.
                return Ok(Some(Place {
                    from: block << bits(level + 1),
                    skip,
                }));
            };
            (block, skip) = found;
        }
        Ok(Some(Place {
            from: block << BLOCK_BITS,
            skip,
        }))
    }

    /// How many tenants have a number below that one.
    pub(super) fn rank(&self, conn: &mut Conn, number: i64) -> QueryResult<i64> {
        if number >= self.open {
            return Ok(self.counted() + between(conn, self.open..number)?);
        }
        let mut rank = sum(self
            .top
            .iter()
            .take_while(|(block, _)| *block < number >> bits(TOP)));
        for level in (0..TOP).rev() {
            let first = children(number >> bits(level + 1)).start;
            rank += sum(&within(conn, level, first..number >> bits(level))?);
        }
        let block = number >> BLOCK_BITS;
        Ok(rank + between(conn, block << BLOCK_BITS..number)?)
    }

    /// How many tenants were made before that instant: times of creation rise with the numbers.
    pub(super) fn rank_of(&self, conn: &mut Conn, instant: DbTime) -> QueryResult<i64> {
        let first = tenants::table
            .filter(tenants::created_at.ge(instant))
            .order((tenants::created_at, tenants::id))
            .select(tenants::number)
            .top(1)
            .get_result(conn)
            .optional()?;
        match first {
            Some(number) => self.rank(conn, number),
            None => Ok(self.total()),
        }
    }
}

/// How many bits of a number don't matter to its block of that level.
fn bits(level: i32) -> i64 {
    BLOCK_BITS + FAN_BITS * i64::from(level)
}

/// The blocks that a block of the next level holds.
fn children(block: i64) -> Range<i64> {
    block << FAN_BITS..(block + 1) << FAN_BITS
}

fn sum<'a>(blocks: impl IntoIterator<Item = &'a Block>) -> i64 {
    blocks.into_iter().map(|(_, tenants)| tenants).sum()
}

/// The block in which the tenant of that rank is, and its rank in there.
fn find(blocks: &[Block], mut rank: i64) -> Option<(i64, i64)> {
    for &(block, tenants) in blocks {
        if rank < tenants {
            return Some((block, rank));
        }
        rank -= tenants;
    }
    None
}

fn within(conn: &mut Conn, level: i32, blocks: Range<i64>) -> QueryResult<Vec<Block>> {
    tenant_counts::table
        .filter(tenant_counts::level.eq(level))
        .filter(tenant_counts::block.ge(blocks.start))
        .filter(tenant_counts::block.lt(blocks.end))
        .order(tenant_counts::block)
        .select((tenant_counts::block, tenant_counts::tenants))
        .load(conn)
}

fn between(conn: &mut Conn, numbers: Range<i64>) -> QueryResult<i64> {
    tenants::table
        .filter(tenants::number.ge(numbers.start))
        .filter(tenants::number.lt(numbers.end))
        .count()
        .get_result(conn)
}

#[derive(QueryableByName)]
struct Wrong {
    #[diesel(sql_type = BigInt)]
    wrong: i64,
}

/// How many blocks are counted wrong. Reads all tenants.
pub(in super::super) fn miscounted(conn: &mut Conn) -> QueryResult<u64> {
    let statement = "
        WITH counted AS (
            SELECT number >> 7 AS block, count(*) AS tenants FROM tenants
            WHERE number < (SELECT block << 7 FROM tenant_counts WHERE level = 3) GROUP BY number >> 7
        ), compared AS (
            SELECT level, block, tenants FROM tenant_counts WHERE level < 3
            UNION ALL SELECT 0, block, -tenants FROM counted
            UNION ALL SELECT 1, block >> 5, -tenants FROM counted
            UNION ALL SELECT 2, block >> 10, -tenants FROM counted
        ), wrong AS (
            SELECT level FROM compared GROUP BY level, block HAVING sum(tenants) <> 0
        )
        -- Without the row of the open block nothing is counted.
        SELECT count(*) + (SELECT 1 - count(*) FROM tenant_counts WHERE level = 3) AS wrong FROM wrong";
    let Wrong { wrong } = sql_query(statement).get_result(conn)?;
    Ok(wrong.unsigned_abs())
}

/// Counts all tenants anew where any block is counted wrong; gives how many were.
pub(in super::super) fn recount(conn: &mut Conn) -> Result<u64, MigrateError> {
    ops::exclusively(conn, |conn| {
        let wrong = miscounted(conn)?;
        if wrong > 0 {
            count_anew(conn)?;
        }
        Ok::<_, MigrateError>(wrong)
    })
}

/// Counts all tenants anew.
pub(super) fn count_anew(conn: &mut Conn) -> QueryResult<()> {
    conn.batch_execute(
        "DELETE FROM tenant_counts;
                 INSERT INTO tenant_counts (level, block, tenants)
                     SELECT 3, coalesce(max(number), 0) >> 7, 0 FROM tenants;
                 INSERT INTO tenant_counts (level, block, tenants)
                     SELECT 0, number >> 7, count(*) FROM tenants
                     WHERE number < (SELECT block << 7 FROM tenant_counts WHERE level = 3)
                     GROUP BY number >> 7;
                 INSERT INTO tenant_counts (level, block, tenants)
                     SELECT 1, block >> 5, sum(tenants) FROM tenant_counts WHERE level = 0
                     GROUP BY block >> 5;
                 INSERT INTO tenant_counts (level, block, tenants)
                     SELECT 2, block >> 5, sum(tenants) FROM tenant_counts WHERE level = 1
                     GROUP BY block >> 5;",
    )
}
