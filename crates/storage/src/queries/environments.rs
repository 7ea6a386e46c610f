//! Environments and regions.

use std::collections::BTreeSet;

use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, RunQueryDsl, SelectableHelper};
use tenantry_domain::{
    environment::{Environment, EnvironmentAccess, Region},
    id::{EnvironmentId, RegionId},
    name::Name,
    page::{Cursor, Page, PageRequest},
    port::{EnvironmentQueries, EnvironmentRepository, StoreError, VersionedWrite},
    subdomain::DomainName,
    version::Version,
};

use super::{Conn, Session, limit_of, row_value, start_of};
use crate::{
    error::{Corrupt, Failure},
    rows::{EnvironmentRow, RegionRow, Row},
    schema::{environments, regions},
    statements::Part,
    types::{DbTime, DbUuid},
};

type FullRow = (EnvironmentRow, RegionRow);

/// The environments with their regions.
macro_rules! with_region {
    () => {
        environments::table
            .inner_join(regions::table)
            .select((EnvironmentRow::as_select(), RegionRow::as_select()))
    };
}

impl EnvironmentQueries for Session {
    fn page(
        &mut self,
        access: &EnvironmentAccess,
        request: PageRequest,
    ) -> Result<Page<Environment>, StoreError> {
        self.run(|conn| {
            let rows = match access {
                EnvironmentAccess::All => page_of_all(conn, request)?,
                EnvironmentAccess::Only(ids) => page_of_some(conn, ids, request)?,
            };
            Ok(Page::new(all_into_domain(rows)?, |one| Cursor {
                created_at: one.created_at,
                id: one.id.as_uuid(),
            }))
        })
    }

    fn by_id(&mut self, id: EnvironmentId) -> Result<Option<Environment>, StoreError> {
        self.remembered(
            |memo| &mut memo.environments,
            &id,
            |conn| {
                let row = with_region!()
                    .filter(environments::id.eq(DbUuid::from(id)))
                    .get_result(conn)
                    .optional()?;
                Ok(row.map(into_domain).transpose()?)
            },
        )
    }

    fn by_ids(&mut self, ids: &BTreeSet<EnvironmentId>) -> Result<Vec<Environment>, StoreError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        // One is what a page of tenants has as a rule, and its statement stays prepared.
        if let (1, Some(&id)) = (ids.len(), ids.first()) {
            return Ok(self.by_id(id)?.into_iter().collect());
        }
        self.run(|conn| {
            let rows = with_region!()
                .filter(environments::id.eq_any(ids.iter().map(|&id| DbUuid::from(id))))
                .order((environments::created_at, environments::id))
                .load(conn)?;
            Ok(all_into_domain(rows)?)
        })
    }

    fn by_domain(&mut self, domain: &DomainName) -> Result<Option<Environment>, StoreError> {
        self.run(|conn| {
            let row = with_region!()
                .filter(environments::domain.eq(domain.as_str()))
                .get_result(conn)
                .optional()?;
            Ok(row.map(into_domain).transpose()?)
        })
    }

    fn by_tenant_domain(&mut self, domain: &DomainName) -> Result<Option<Environment>, StoreError> {
        self.remembered(
            |memo| &mut memo.domains,
            domain,
            |conn| {
                let row = with_region!()
                    .filter(environments::tenant_domain.eq(domain.as_str()))
                    .get_result(conn)
                    .optional()?;
                Ok(row.map(into_domain).transpose()?)
            },
        )
    }

    fn default(&mut self) -> Result<Option<Environment>, StoreError> {
        self.run(|conn| {
            let row = with_region!()
                .filter(environments::is_default)
                .get_result(conn)
                .optional()?;
            Ok(row.map(into_domain).transpose()?)
        })
    }

    fn region_by_id(&mut self, id: RegionId) -> Result<Option<Region>, StoreError> {
        self.run(|conn| {
            let row = regions::table
                .filter(regions::id.eq(DbUuid::from(id)))
                .select(RegionRow::as_select())
                .get_result(conn)
                .optional()?;
            Ok(row.map(RegionRow::into_domain).transpose()?)
        })
    }

    fn region_by_name(&mut self, name: &Name) -> Result<Option<Region>, StoreError> {
        self.run(|conn| {
            let row = regions::table
                .filter(regions::name.eq(name.as_str()))
                .select(RegionRow::as_select())
                .get_result(conn)
                .optional()?;
            Ok(row.map(RegionRow::into_domain).transpose()?)
        })
    }
}

impl EnvironmentRepository for Session {
    fn insert_region(&mut self, region: &Region) -> Result<(), StoreError> {
        self.run(|conn| {
            diesel::insert_into(regions::table)
                .values((
                    regions::id.eq(DbUuid::from(region.id)),
                    regions::name.eq(region.name.as_str()),
                    regions::display_name.eq(region.display_name.as_str()),
                ))
                .execute(conn)?;
            Ok(())
        })
    }

    fn insert(&mut self, environment: &Environment) -> Result<(), StoreError> {
        self.run(|conn| {
            let host = environment.authorization_server_domain.as_str();
            diesel::insert_into(environments::table)
                .values((
                    environments::id.eq(DbUuid::from(environment.id)),
                    environments::name.eq(environment.name.as_str()),
                    environments::domain.eq(environment.domain.as_str()),
                    environments::tenant_domain.eq(environment.tenant_domain.as_str()),
                    environments::authorization_server_domain.eq(host),
                    environments::deployment_model.eq(environment.deployment_model.as_str()),
                    environments::region_id.eq(DbUuid::from(environment.region.id)),
                    environments::is_default.eq(false),
                    environments::version.eq(environment.version.get()),
                    environments::created_at.eq(DbTime(environment.created_at)),
                    environments::updated_at.eq(DbTime(environment.updated_at)),
                ))
                .execute(conn)?;
            Ok(())
        })
    }

    fn update(
        &mut self,
        environment: &Environment,
        read: Version,
    ) -> Result<VersionedWrite, StoreError> {
        self.run(|conn| {
            let changed = diesel::update(environments::table)
                .filter(environments::id.eq(DbUuid::from(environment.id)))
                .filter(environments::version.eq(read.get()))
                .set((
                    environments::name.eq(environment.name.as_str()),
                    environments::domain.eq(environment.domain.as_str()),
                    environments::tenant_domain.eq(environment.tenant_domain.as_str()),
                    environments::version.eq(environment.version.get()),
                    environments::updated_at.eq(DbTime(environment.updated_at)),
                ))
                .execute(conn)?;
            outcome(conn, changed, environment.id)
        })
    }

    fn delete(&mut self, id: EnvironmentId, read: Version) -> Result<VersionedWrite, StoreError> {
        self.run(|conn| {
            let deleted = diesel::delete(environments::table)
                .filter(environments::id.eq(DbUuid::from(id)))
                .filter(environments::version.eq(read.get()))
                .execute(conn)?;
            outcome(conn, deleted, id)
        })
    }

    fn set_default(&mut self, id: EnvironmentId) -> Result<bool, StoreError> {
        self.run(|conn| {
            let id = DbUuid::from(id);
            let there: i64 = environments::table.find(id).count().get_result(conn)?;
            if there == 0 {
                return Ok(false);
            }
            // The old one first: at no moment may there be two.
            diesel::update(environments::table.filter(environments::is_default))
                .set(environments::is_default.eq(false))
                .execute(conn)?;
            diesel::update(environments::table.find(id))
                .set(environments::is_default.eq(true))
                .execute(conn)?;
            Ok(true)
        })
    }
}

/// What became of a write that named a version.
fn outcome(conn: &mut Conn, written: usize, id: EnvironmentId) -> Result<VersionedWrite, Failure> {
    if written > 0 {
        return Ok(VersionedWrite::Done);
    }
    let stored = environments::table
        .find(DbUuid::from(id))
        .select(environments::version)
        .get_result::<i32>(conn)
        .optional()?;
    Ok(match stored {
        Some(version) => VersionedWrite::Stale(
            Row("environment", id).field("version", Version::new(version.into()))?,
        ),
        None => VersionedWrite::Missing,
    })
}

fn page_of_all(conn: &mut Conn, request: PageRequest) -> Result<Vec<FullRow>, Failure> {
    Ok(with_region!()
        .filter(row_value!(
            "(environments.created_at, environments.id)",
            ">",
            start_of(request)
        ))
        .order((environments::created_at, environments::id))
        .top(limit_of(request))
        .load(conn)?)
}

fn page_of_some(
    conn: &mut Conn,
    ids: &BTreeSet<EnvironmentId>,
    request: PageRequest,
) -> Result<Vec<FullRow>, Failure> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    Ok(with_region!()
        .filter(environments::id.eq_any(ids.iter().map(|&id| DbUuid::from(id))))
        .filter(row_value!(
            "(environments.created_at, environments.id)",
            ">",
            start_of(request)
        ))
        .order((environments::created_at, environments::id))
        .top(limit_of(request))
        .load(conn)?)
}

fn into_domain((environment, region): FullRow) -> Result<Environment, Corrupt> {
    environment.into_domain(region)
}

fn all_into_domain(rows: Vec<FullRow>) -> Result<Vec<Environment>, Corrupt> {
    rows.into_iter().map(into_domain).collect()
}
