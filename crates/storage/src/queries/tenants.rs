//! Tenants.

use diesel::{
    ExpressionMethods, OptionalExtension, QueryDsl, RunQueryDsl, SelectableHelper, dsl::exists,
    select,
};
use tenantry_domain::{
    environment::EnvironmentAccess,
    id::{EnvironmentId, TenantId, TenantNumber},
    page::{Cursor, NumberedPage, Page, PageRequest},
    port::{StoreError, TenantQueries, TenantRepository, VersionedWrite},
    subdomain::Label,
    tenant::{NewTenant, Tenant, TenantFilter, TenantHead, TenantStatus},
    version::Version,
};

use super::{Conn, Session, tenant_pages};
use crate::{
    error::{Corrupt, Failure},
    rows::{Row, TenantRow},
    schema::tenants,
    types::{DbTime, DbUuid},
};

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
                .first(conn)
                .optional()?;
            Ok(row.map(into_domain).transpose()?)
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
                .first(conn)
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

    fn numbered_page(&mut self, page: NumberedPage) -> Result<Vec<Tenant>, StoreError> {
        self.run(|conn| {
            let rows = tenants::table
                .select((TenantRow::as_select(), tenants::data))
                .order(tenants::number)
                .limit(page.size().into())
                .offset(page.offset())
                .load(conn)?;
            Ok(rows
                .into_iter()
                .map(into_domain)
                .collect::<Result<_, _>>()?)
        })
    }

    fn count(&mut self) -> Result<u64, StoreError> {
        self.run(|conn| {
            let count: i64 = tenants::table.count().get_result(conn)?;
            Ok(count.unsigned_abs())
        })
    }
}

impl TenantRepository for Session {
    fn insert(&mut self, tenant: &NewTenant) -> Result<TenantNumber, StoreError> {
        self.run(|conn| {
            let number = diesel::insert_into(tenants::table)
                .values((
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
                ))
                .returning(tenants::number)
                .get_result(conn)?;
            Ok(TenantNumber::new(number))
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
        .first::<i32>(conn)
        .optional()?;
    Ok(match stored {
        Some(version) => VersionedWrite::Stale(
            Row("tenant", number.get()).field("version", Version::new(version.into()))?,
        ),
        None => VersionedWrite::Missing,
    })
}

fn into_domain((row, data): (TenantRow, String)) -> Result<Tenant, Corrupt> {
    row.with_data(data)
}
