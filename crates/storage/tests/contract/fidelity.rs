//! What comes back is what went in, to the digit.

use tenantry_domain::{
    clock::Timestamp,
    data::TenantData,
    tenant::{NewTenant, TenantChange},
    testing::instant,
};
use tenantry_storage::testing::TestDatabase;

use crate::make::{at, by_id, data, environments, insert, name, tenant_in, write};

pub(crate) fn data_keeps_order_and_digits(db: &TestDatabase) {
    environments(&**db, &[1]);
    let large = format!(
        "{{\"large\":\"{}\"}}",
        "x".repeat(TenantData::MAX_LENGTH - 12)
    );
    assert_eq!(large.len(), TenantData::MAX_LENGTH);
    let texts = [
        r"{}",
        r#"{"z":1,"a":2,"m":{"y":[],"b":{}},"B":null}"#,
        r#"{"n":123456789012345678901234567890}"#,
        r#"{"n":-0.10,"e":1e400,"E":1E-400,"f":1.0}"#,
        r#"{"esc":"\u00e9\/\ud83c\udf0f\n","raw":"é🌏","":false}"#,
        r#"{"9":1,"10":2,"1":3}"#,
        large.as_str(),
    ];
    for (n, text) in (1..).zip(texts) {
        let new = NewTenant {
            data: data(text),
            ..tenant_in(1, n)
        };
        let tenant = insert(&**db, new);
        assert_eq!(by_id(&**db, tenant.id).unwrap().data().as_str(), text);
        // And on the way of an update.
        let change = TenantChange {
            data: Some(data(
                &format!("{{\"in\":{text}}}")[..].replace(&large, "{}"),
            )),
            ..TenantChange::default()
        };
        let changed = tenant.clone().change(change, at(500)).unwrap();
        let _ = write(&**db, |unit| {
            unit.tenants().update(&changed, tenant.version)
        });
        assert_eq!(by_id(&**db, tenant.id).unwrap().data(), changed.data());
    }
}

pub(crate) fn text_and_instants_come_back_exactly(db: &TestDatabase) {
    environments(&**db, &[1]);
    let cases: [(&str, Timestamp); 6] = [
        ("plain", instant("0000-01-01T00:00:00.000001Z")),
        (
            "Ünïcödé 🌏 \u{202e}",
            instant("9999-12-31T23:59:59.999999Z"),
        ),
        (
            "'; DROP TABLE tenants; --",
            instant("1969-12-31T23:59:59.999999Z"),
        ),
        ("\u{1}\u{7f}\\%_\"", instant("1970-01-01T00:00:00Z")),
        ("e\u{301}", instant("2026-06-30T23:59:59.123456Z")),
        ("é", instant("2026-06-30T23:59:59.123457Z")),
    ];
    for (n, (text, created_at)) in (1..).zip(cases) {
        let new = NewTenant {
            name: name(text),
            created_at,
            ..tenant_in(1, n)
        };
        let tenant = insert(&**db, new);
        assert_eq!(by_id(&**db, tenant.id), Some(tenant));
    }
}
