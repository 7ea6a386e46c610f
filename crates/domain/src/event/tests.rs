use std::collections::BTreeSet;

use super::*;

#[test]
fn the_references_names_are_the_references() {
    let ends = ["START", "SUCCESS", "FAIL"];
    for (name, text) in [
        (
            EventName::EnvironmentRetrieveList,
            "ENVIRONMENT_RETRIEVE_LIST",
        ),
        (EventName::TenantRetrieveList, "TENANT_RETRIEVE_LIST"),
        (EventName::TenantCreate, "TENANT_CREATE"),
        (EventName::TenantRetrieve, "TENANT_RETRIEVE"),
        (EventName::TenantDelete, "TENANT_DELETE"),
        (
            EventName::TenantClientRetrieveList,
            "TENANT_CLIENT_RETRIEVE_LIST",
        ),
    ] {
        for (phase, end) in EventPhase::ALL.into_iter().zip(ends) {
            let kind = EventType { name, phase };
            assert_eq!(kind.to_string(), format!("{text}_{end}"));
        }
    }
}

#[test]
fn types_and_categories_round_trip() {
    let mut texts = BTreeSet::new();
    for &name in EventName::ALL {
        for phase in EventPhase::ALL {
            let kind = EventType { name, phase };
            assert_eq!(kind.to_string().parse(), Ok(kind));
            assert!(texts.insert(kind.to_string()), "{kind} stands there twice");
        }
    }
    for category in EventCategory::ALL {
        assert_eq!(category.as_str().parse(), Ok(category));
    }
    for bad in [
        "",
        "_START",
        "TENANT_CREATE",
        "TENANT_CREATE_",
        "TENANT_CREATE_START ",
        "tenant_create_start",
        "TENANT_CREATE_START_START",
    ] {
        assert_eq!(bad.parse::<EventType>(), Err(UnknownEventType), "{bad:?}");
    }
    assert_eq!("Tenant".parse::<EventCategory>(), Err(UnknownEventCategory));
}

#[test]
fn every_category_has_operations() {
    for category in EventCategory::ALL {
        let mut names = EventName::ALL.iter();
        assert!(
            names.any(|name| name.category() == category),
            "{category:?}"
        );
    }
}

#[test]
fn what_was_not_refused_is_a_success() {
    for status in [200, 201, 204, 304, 399] {
        assert_eq!(EventPhase::of_status(status), EventPhase::Success);
    }
    for status in [400, 401, 404, 409, 412, 499, 500, 503] {
        assert_eq!(EventPhase::of_status(status), EventPhase::Fail);
    }
}
