//! How SQLite finds what it is asked for.

use super::*;

/// Every statement that `work` sends, without its values.
fn statements(conn: &mut super::super::Conn) -> Arc<Mutex<Vec<String>>> {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    conn.set_instrumentation(move |event: InstrumentationEvent<'_>| {
        if let InstrumentationEvent::StartQuery { query, .. } = event {
            let text = query.to_string();
            let text = text.split(" -- binds:").next().unwrap_or_default();
            log.lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(text.to_owned());
        }
    });
    seen
}

fn read_everything(unit: &mut dyn Snapshot) {
    let page = PageRequest::default();
    let environment = example::environment();
    let both = EnvironmentAccess::Only([environment.id].into());
    for access in [&EnvironmentAccess::All, &both] {
        unit.tenants()
            .page(access, &TenantFilter::default(), page)
            .unwrap();
    }
    let prefix = || Some(NamePrefix::parse("My").unwrap());
    for filter in [
        TenantFilter {
            status: Some(TenantStatus::Suspended),
            ..TenantFilter::default()
        },
        TenantFilter {
            status: Some(TenantStatus::Active),
            ..TenantFilter::default()
        },
        TenantFilter {
            name: prefix(),
            status: Some(TenantStatus::Suspended),
            ..TenantFilter::default()
        },
        TenantFilter {
            label: Some(example::tenant().label.clone()),
            environment_id: Some(environment.id),
            name: prefix(),
            ..TenantFilter::default()
        },
    ] {
        for access in [&EnvironmentAccess::All, &both] {
            unit.tenants().page(access, &filter, page).unwrap();
        }
    }
    unit.tenants().any_in(environment.id).unwrap();
    let label = &example::tenant().label;
    unit.tenants().by_label(environment.id, label).unwrap();
    unit.answers().by_id(AnswerId([1; 32])).unwrap();
    unit.environments().by_domain(&environment.domain).unwrap();
    unit.environments()
        .by_tenant_domain(&environment.tenant_domain)
        .unwrap();
    unit.environments()
        .page(&EnvironmentAccess::All, page)
        .unwrap();
    unit.environments().by_id(environment.id).unwrap();
    unit.environments().default().unwrap();
    unit.environments()
        .region_by_name(&environment.region.name)
        .unwrap();
    unit.tenants().by_id(example::tenant().id).unwrap();
    let query = RecordQuery::default();
    unit.tenants().record_page(&query).unwrap();
    let by_name = RecordFilter {
        numbers: Some([TenantNumber::new(1)].into()),
        ids: Some([example::tenant().id].into()),
        ..RecordFilter::default()
    };
    for filter in [
        by_name.clone(),
        RecordFilter {
            numbers: None,
            ..by_name
        },
    ] {
        let query = RecordQuery {
            filter,
            ..RecordQuery::total_only()
        };
        unit.tenants().record_page(&query).unwrap();
    }
    let client = example::known_tenant_client().client;
    unit.clients().known(&client.id).unwrap();
    unit.clients()
        .page_of_tenant(TenantNumber::new(1), page)
        .unwrap();
    unit.clients().any_of_operator().unwrap();
}

fn write_everything(unit: &mut dyn UnitOfWork) {
    let tenant = example::tenant();
    let _ = unit.tenants().update(&tenant, tenant.version).unwrap();
    let _ = unit
        .tenants()
        .delete(tenant.number, tenant.version)
        .unwrap();
    unit.environments()
        .set_default(example::environment().id)
        .unwrap();
}

#[test]
fn every_query_finds_its_rows_by_an_index() {
    let directory = tempfile::tempdir().unwrap();
    let backend = migrated(&directory);
    seed(&backend);
    let client = example::known_tenant_client();
    let mut unit = backend.begin().unwrap();
    unit.tenants().insert(&new_tenant("{}")).unwrap();
    unit.clients()
        .insert(&client.client, &client.secrets[0])
        .unwrap();
    unit.commit().unwrap();

    let read = statements(&mut backend.link(&backend.readers).unwrap().conn);
    read_everything(&mut *backend.snapshot().unwrap());
    let written = statements(&mut backend.link(&backend.writer).unwrap().conn);
    write_everything(&mut *backend.begin().unwrap());

    let mut seen = read.lock().unwrap().clone();
    seen.extend(written.lock().unwrap().iter().cloned());
    let path = at(&directory);
    let other = open(&path, &options(&path)).unwrap();
    let mut link = other.link(&other.writer).unwrap();
    let mut explained = 0;
    for statement in seen {
        if !["SELECT", "UPDATE", "DELETE"]
            .iter()
            .any(|verb| statement.starts_with(verb))
        {
            continue;
        }
        // The whole of the index that holds the default environment is at most one row.
        let plan = plan_of(&mut link.conn, &statement)
            .replace("SCAN environments USING INDEX environments_default", "")
            .replace("SCAN CONSTANT ROW", "");
        // Walking through an index, or the table itself, in the order of a page is what
        // a page is; sorting is not. A total of all walks through all.
        let pages = statement.contains("ORDER BY `tenants`.`number`")
            || statement == "SELECT COUNT(*) FROM `tenants`"
            || plan.contains("SCAN json_each VIRTUAL TABLE");
        assert!(pages || !plan.contains("SCAN"), "{statement}\n{plan}");
        // What is found by name has to be sorted: no index has it in order.
        let by_name = statement.contains(super::super::ops::BY_NAME);
        assert!(!by_name || plan.contains("tenants_by_name"), "{plan}");
        assert!(
            by_name || !plan.contains("TEMP B-TREE"),
            "{statement}\n{plan}"
        );
        let suspended = statement.contains("status = 'suspended'");
        assert!(
            by_name || !suspended || plan.contains("suspended_in_order"),
            "{statement}\n{plan}"
        );
        assert!(!plan.contains("MATERIALIZE"), "{statement}\n{plan}");
        explained += 1;
    }
    assert!(explained >= 17, "{explained}");
}

fn plan_of(conn: &mut super::super::Conn, statement: &str) -> String {
    #[derive(QueryableByName)]
    struct Step {
        #[diesel(sql_type = Text)]
        detail: String,
    }
    let steps: Vec<Step> = sql_query(format!("EXPLAIN QUERY PLAN {statement}"))
        .load(conn)
        .unwrap();
    let lines: Vec<_> = steps.into_iter().map(|step| step.detail).collect();
    lines.join("\n")
}

#[test]
fn every_foreign_key_has_an_index() {
    let directory = tempfile::tempdir().unwrap();
    let backend = migrated(&directory);
    let mut link = backend.link(&backend.writer).unwrap();
    let bare = "SELECT t.name || '.' || f.\"from\" AS text
         FROM sqlite_schema t JOIN pragma_foreign_key_list(t.name) f
         WHERE t.type = 'table' AND NOT EXISTS (
             SELECT 1 FROM pragma_index_list(t.name) i JOIN pragma_index_info(i.name) c
             WHERE c.seqno = 0 AND c.name = f.\"from\" AND i.partial = 0)";
    let bare: Vec<Line> = sql_query(bare).load(&mut link.conn).unwrap();
    let names: Vec<_> = bare.into_iter().map(|line| line.text).collect();
    assert_eq!(names, Vec::<String>::new(), "deleting would scan for these");
    let keys = "SELECT count(*) AS number FROM sqlite_schema t
         JOIN pragma_foreign_key_list(t.name) f WHERE t.type = 'table'";
    let keys = sql_query(keys)
        .get_result::<Number>(&mut link.conn)
        .unwrap();
    assert_eq!(keys.number, 8, "the query above sees them");
}
