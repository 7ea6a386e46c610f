//! Tenants.

use std::collections::{BTreeMap, BTreeSet};

use diesel::{
    ExpressionMethods, OptionalExtension, QueryDsl, RunQueryDsl, SelectableHelper, dsl::exists,
    select,
};
use tenantry_domain::{
    environment::{Environment, EnvironmentAccess},
    id::{EnvironmentId, TenantId, TenantNumber},
    page::{Cursor, Page, PageRequest},
    port::{EnvironmentQueries, StoreError, TenantQueries, TenantRepository, VersionedWrite},
    record::{RecordPage, RecordQuery},
    subdomain::Label,
    tenant::{NewTenant, Tenant, TenantFilter, TenantHead, TenantStatus},
    version::Version,
};

use super::{Conn, ROWS, Session, ops, records, tenant_pages};
use crate::{
    error::{Corrupt, Failure},
    rows::{EnvironmentRow, RegionRow, Row, TenantRow},
    schema::{environments, regions, tenants},
    statements::Part,
    types::{DbTime, DbUuid},
};

/// The columns of a new tenant's row.
macro_rules! values {
    ($tenant:expr) => {{
        let tenant: &NewTenant = $tenant;
        (
            tenants::id.eq(DbUuid::from(tenant.id)),
            tenants::environment_id.eq(DbUuid::from(tenant.environment_id)),
            tenants::label.eq(tenant.label.as_str()),
            tenants::name.eq(tenant.name.as_str()),
            tenants::name_folded.eq(tenant.name.folded()),
            tenants::status.eq(TenantStatus::Active.as_str()),
            tenants::version.eq(tenant.version.get()),
            tenants::created_at.eq(DbTime(tenant.created_at)),
            tenants::updated_at.eq(DbTime(tenant.created_at)),
            tenants::data.eq(tenant.data.as_str()),
        )
    }};
}

impl TenantQueries for Session {
    fn page(
        &mut self,
        access: &EnvironmentAccess,
        filter: &TenantFilter,
        request: PageRequest,
    ) -> Result<Page<TenantHead>, StoreError> {
        self.run(|conn| {
            let rows = tenant_pages::load(conn, access, filter, request)?;
            let heads = rows
                .into_iter()
                .map(TenantRow::into_domain)
                .collect::<Result<_, _>>()?;
            Ok(Page::new(heads, |head: &TenantHead| Cursor {
                created_at: head.created_at,
                id: head.id.as_uuid(),
            }))
        })
    }

    fn by_id(&mut self, id: TenantId) -> Result<Option<Tenant>, StoreError> {
        self.run(|conn| {
            let row = tenants::table
                .filter(tenants::id.eq(DbUuid::from(id)))
                .select((TenantRow::as_select(), tenants::data))
                .get_result(conn)
                .optional()?;
            Ok(row.map(into_domain).transpose()?)
        })
    }

    fn with_environment(
        &mut self,
        id: TenantId,
    ) -> Result<Option<(Tenant, Environment)>, StoreError> {
        if self.link.memo.if_open().is_some() {
            // It knows the environment, as a rule.
            let Some(tenant) = TenantQueries::by_id(self, id)? else {
                return Ok(None);
            };
            let environment = EnvironmentQueries::by_id(self, tenant.environment_id)?;
            let environment = environment
                .ok_or_else(|| StoreError::Corrupt(format!("tenant {id} has no environment")))?;
            return Ok(Some((tenant, environment)));
        }
        self.run(|conn| {
            let found: Option<(TenantRow, String, EnvironmentRow, RegionRow)> = tenants::table
                .inner_join(environments::table.inner_join(regions::table))
                .filter(tenants::id.eq(DbUuid::from(id)))
                .select((
                    TenantRow::as_select(),
                    tenants::data,
                    EnvironmentRow::as_select(),
                    RegionRow::as_select(),
                ))
                .get_result(conn)
                .optional()?;
            let Some((tenant, data, environment, region)) = found else {
                return Ok(None);
            };
            Ok(Some((
                tenant.with_data(data)?,
                environment.into_domain(region)?,
            )))
        })
    }

    fn environments_of(
        &mut self,
        ids: &BTreeSet<TenantId>,
    ) -> Result<BTreeMap<TenantId, EnvironmentId>, StoreError> {
        self.run(|conn| {
            let ids: Vec<_> = ids.iter().copied().map(DbUuid::from).collect();
            let found: Vec<(DbUuid, DbUuid)> = tenants::table
                .filter(ops::id_among(&ids))
                .select((tenants::id, tenants::environment_id))
                .load(conn)?;
            let found = found.into_iter();
            Ok(found.map(|(id, of)| (id.into(), of.into())).collect())
        })
    }

    fn by_label(
        &mut self,
        environment: EnvironmentId,
        label: &Label,
    ) -> Result<Option<Tenant>, StoreError> {
        self.run(|conn| {
            let row = tenants::table
                .filter(tenants::environment_id.eq(DbUuid::from(environment)))
                .filter(tenants::label.eq(label.as_str()))
                .select((TenantRow::as_select(), tenants::data))
                .get_result(conn)
                .optional()?;
            Ok(row.map(into_domain).transpose()?)
        })
    }

    fn any_in(&mut self, environment: EnvironmentId) -> Result<bool, StoreError> {
        self.run(|conn| {
            let there =
                tenants::table.filter(tenants::environment_id.eq(DbUuid::from(environment)));
            Ok(select(exists(there)).get_result(conn)?)
        })
    }

    fn has_label(&mut self, environment: EnvironmentId, label: &Label) -> Result<bool, StoreError> {
        self.run(|conn| {
            let taken = tenants::table
                .filter(tenants::environment_id.eq(DbUuid::from(environment)))
                .filter(tenants::label.eq(label.as_str()));
            Ok(select(exists(taken)).get_result(conn)?)
        })
    }

    fn record_page(&mut self, query: &RecordQuery) -> Result<RecordPage, StoreError> {
        self.run(|conn| records::page(conn, query))
    }
}

impl TenantRepository for Session {
    fn insert(&mut self, tenant: &NewTenant) -> Result<TenantNumber, StoreError> {
        self.run(|conn| {
            let number = diesel::insert_into(tenants::table)
                .values(values!(tenant))
                .returning(tenants::number)
                .get_result(conn)?;
            Ok(TenantNumber::new(number))
        })
    }

    fn insert_all(&mut self, all: &[NewTenant]) -> Result<Vec<TenantNumber>, StoreError> {
        self.run(|conn| {
            let mut numbers = Vec::with_capacity(all.len());
            for some in all.chunks(ROWS) {
                let rows: Vec<_> = some.iter().map(|tenant| values!(tenant)).collect();
                let made = diesel::insert_into(tenants::table)
                    .values(rows)
                    .execute(conn)?;
                // They have the highest numbers, since this unit alone writes.
                let mut last: Vec<i64> = tenants::table
                    .select(tenants::number)
                    .order(tenants::number.desc())
                    .top(i64::try_from(made).unwrap_or(i64::MAX))
                    .load(conn)?;
                last.reverse();
                numbers.extend(last.into_iter().map(TenantNumber::new));
            }
            Ok(numbers)
        })
    }

    /// A tenant never changes its number, environment, label and time of creation, so
    /// those are not written.
    fn update(&mut self, tenant: &Tenant, read: Version) -> Result<VersionedWrite, StoreError> {
        self.run(|conn| {
            let changed = diesel::update(tenants::table)
                .filter(tenants::number.eq(tenant.number.get()))
                .filter(tenants::version.eq(read.get()))
                .set((
                    tenants::id.eq(DbUuid::from(tenant.id)),
                    tenants::name.eq(tenant.name.as_str()),
                    tenants::name_folded.eq(tenant.name.folded()),
                    tenants::status.eq(tenant.status.as_str()),
                    tenants::version.eq(tenant.version.get()),
                    tenants::updated_at.eq(DbTime(tenant.updated_at)),
                    tenants::data.eq(tenant.data().as_str()),
                ))
                .execute(conn)?;
            outcome(conn, changed, tenant.number)
        })
    }

    fn delete(
        &mut self,
        number: TenantNumber,
        read: Version,
    ) -> Result<VersionedWrite, StoreError> {
        self.run(|conn| {
            let deleted = diesel::delete(tenants::table)
                .filter(tenants::number.eq(number.get()))
                .filter(tenants::version.eq(read.get()))
                .execute(conn)?;
            outcome(conn, deleted, number)
        })
    }
}

/// What became of a write that named a version.
fn outcome(
    conn: &mut Conn,
    written: usize,
    number: TenantNumber,
) -> Result<VersionedWrite, Failure> {
    if written > 0 {
        return Ok(VersionedWrite::Done);
    }
    let stored = tenants::table
        .find(number.get())
        .select(tenants::version)
        .get_result::<i32>(conn)
        .optional()?;
    Ok(match stored {
        Some(version) => VersionedWrite::Stale(
            Row("tenant", number.get()).field("version", Version::new(version.into()))?,
        ),
        None => VersionedWrite::Missing,
    })
}

pub(super) fn into_domain((row, data): (TenantRow, String)) -> Result<Tenant, Corrupt> {
    row.with_data(data)
}
