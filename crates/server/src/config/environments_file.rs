//! The file that says which environments the first start makes.

use std::{collections::BTreeSet, fmt};

use tenantry_domain::{
    environment::{AuthorizationServerDomain, DeploymentModel},
    error::{Fault, FaultKind},
    id::{EnvironmentId, RegionId},
    json::{Object, Value},
    name::Name,
    subdomain::DomainName,
    usecase::environments::{CreateEnvironment, RegionChoice},
};

/// Reads a JSON array of environments in the shape in which the management API shows
/// them. Ids may be left out, and so may what has a default there; everything else
/// that is not known is an error, because nobody would notice a misspelt member
/// before the environments are in use. An environment's region is written out, or is
/// `{"id":…}` of one that was written out before it.
///
/// The error tells every fault, each with its place: `[1].region.name is required`.
pub(super) fn parse(
    bytes: &[u8],
    default_host: &AuthorizationServerDomain,
) -> Result<Vec<CreateEnvironment>, EnvironmentsFault> {
    let root = Value::parse(bytes).map_err(|fault| EnvironmentsFault::Json(fault.to_string()))?;
    let items = root.as_array().ok_or(EnvironmentsFault::NotAnArray)?;
    if items.is_empty() {
        return Err(EnvironmentsFault::Empty);
    }
    let mut faults = Vec::new();
    let mut environments = Vec::new();
    for (index, item) in items.into_iter().enumerate() {
        let mut reader = Reader::new(format!("[{index}]"), &mut faults);
        let environment = match item.as_object() {
            Some(object) => read_environment(&mut reader, &object, default_host),
            None => reader.refuse("", FaultKind::NotAnObject),
        };
        environments.extend(environment.map(|environment| (index, environment)));
    }
    find_clashes(&environments, &mut faults);
    if faults.is_empty() {
        Ok(environments.into_iter().map(|(_, made)| made).collect())
    } else {
        Err(EnvironmentsFault::Faults(faults))
    }
}

/// What is wrong with the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum EnvironmentsFault {
    /// It is no JSON, or none that is safe to read.
    Json(String),
    /// It holds something else than an array.
    NotAnArray,
    /// It holds no environment.
    Empty,
    /// Members of its elements are wrong.
    Faults(Vec<Fault>),
}

impl fmt::Display for EnvironmentsFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Json(fault) => write!(f, "must hold JSON, but {fault}"),
            Self::NotAnArray => f.write_str("must hold a JSON array of environments"),
            Self::Empty => f.write_str("must hold one environment or more"),
            Self::Faults(faults) => {
                for (index, fault) in faults.iter().enumerate() {
                    f.write_str(if index == 0 { "is wrong: " } else { "; " })?;
                    write!(f, "{fault}")?;
                }
                Ok(())
            }
        }
    }
}

/// Reads members, and keeps what is wrong with them.
struct Reader<'a> {
    place: String,
    faults: &'a mut Vec<Fault>,
}

impl<'a> Reader<'a> {
    fn new(place: String, faults: &'a mut Vec<Fault>) -> Self {
        Self { place, faults }
    }

    fn refuse<T>(&mut self, member: &str, kind: impl Into<FaultKind>) -> Option<T> {
        let dot = if member.is_empty() { "" } else { "." };
        let member = format!("{}{dot}{member}", self.place);
        self.faults.push(Fault::new(member, kind));
        None
    }

    fn refuse_unknown(&mut self, object: &Object<'_>, known: &[&str]) {
        for (name, _) in object.iter().filter(|(name, _)| !known.contains(name)) {
            self.refuse::<()>(name, FaultKind::Unknown);
        }
    }

    /// A member that may be left out or null: the outer `None` is a fault.
    #[expect(clippy::option_option, reason = "absent and faulty are two things")]
    fn optional<T, E: Into<FaultKind>>(
        &mut self,
        object: &Object<'_>,
        member: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<Option<T>> {
        let Some(value) = object.get(member).filter(|value| value.text() != "null") else {
            return Some(None);
        };
        let Some(text) = value.as_str() else {
            return self.refuse(member, FaultKind::NotAString);
        };
        match parse(&text) {
            Ok(parsed) => Some(Some(parsed)),
            Err(fault) => self.refuse(member, fault),
        }
    }

    fn required<T, E: Into<FaultKind>>(
        &mut self,
        object: &Object<'_>,
        member: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        match self.optional(object, member, parse)? {
            Some(parsed) => Some(parsed),
            None => self.refuse(member, FaultKind::Required),
        }
    }
}

fn read_environment(
    reader: &mut Reader<'_>,
    object: &Object<'_>,
    default_host: &AuthorizationServerDomain,
) -> Option<CreateEnvironment> {
    const KNOWN: [&str; 7] = [
        "id",
        "name",
        "domain",
        "tenantDomain",
        "authorizationServerDomain",
        "deploymentModel",
        "region",
    ];
    reader.refuse_unknown(object, &KNOWN);
    // Every member is looked at before the first fault ends it.
    let id = reader.optional(object, "id", EnvironmentId::parse);
    let name = reader.required(object, "name", Name::parse);
    let domain = reader.required(object, "domain", DomainName::parse);
    let tenant_domain = reader.optional(object, "tenantDomain", DomainName::parse);
    let host = reader.optional(
        object,
        "authorizationServerDomain",
        AuthorizationServerDomain::parse,
    );
    let model = reader.optional(object, "deploymentModel", str::parse::<DeploymentModel>);
    let region = read_region(reader, object);
    Some(CreateEnvironment {
        id: id?,
        name: name?,
        domain: domain?,
        tenant_domain: tenant_domain?,
        authorization_server_domain: host?.unwrap_or_else(|| default_host.clone()),
        deployment_model: model?.unwrap_or_default(),
        region: region?,
    })
}

fn read_region(reader: &mut Reader<'_>, environment: &Object<'_>) -> Option<RegionChoice> {
    let Some(value) = environment.get("region").filter(|v| v.text() != "null") else {
        return reader.refuse("region", FaultKind::Required);
    };
    let Some(object) = value.as_object() else {
        return reader.refuse("region", FaultKind::NotAnObject);
    };
    let mut reader = Reader::new(format!("{}.region", reader.place), reader.faults);
    reader.refuse_unknown(&object, &["id", "name", "displayName"]);
    let id = reader.optional(&object, "id", RegionId::parse);
    let is_reference = object.get("name").is_none() && object.get("displayName").is_none();
    if let (true, Some(id)) = (is_reference, id?) {
        return Some(RegionChoice::Existing(id));
    }
    let name = reader.required(&object, "name", Name::parse);
    let display_name = reader.required(&object, "displayName", Name::parse);
    Some(RegionChoice::Named {
        id: id?,
        name: name?,
        display_name: display_name?,
    })
}

/// Finds what the database would refuse, or would silently take for the same thing.
fn find_clashes(environments: &[(usize, CreateEnvironment)], faults: &mut Vec<Fault>) {
    let mut ids = BTreeSet::new();
    let mut domains = BTreeSet::new();
    let mut tenant_domains = BTreeSet::new();
    let mut regions: Vec<(&Name, &Name, Option<RegionId>)> = Vec::new();
    for (index, environment) in environments {
        let mut refuse = |member: &str, kind| {
            faults.push(Fault::new(format!("[{index}].{member}"), kind));
        };
        if environment.id.is_some_and(|id| !ids.insert(id)) {
            refuse("id", FaultKind::AlreadyUsed);
        }
        if !domains.insert(&environment.domain) {
            refuse("domain", FaultKind::DomainTaken);
        }
        let tenant_domain = environment.tenant_domain.as_ref();
        if !tenant_domains.insert(tenant_domain.unwrap_or(&environment.domain)) {
            refuse("tenantDomain", FaultKind::DomainTaken);
        }
        match &environment.region {
            RegionChoice::Existing(id) => {
                if !regions.iter().any(|&(_, _, known)| known == Some(*id)) {
                    refuse("region.id", FaultKind::NoSuchRegion);
                }
            }
            RegionChoice::Named {
                id,
                name,
                display_name,
            } => match regions.iter().find(|&&(known, _, _)| known == name) {
                Some(&(_, known, _)) if known != display_name => {
                    refuse("region.name", FaultKind::AlreadyUsed);
                }
                Some(&(_, _, known)) if id.is_some() && known != *id => {
                    refuse("region.name", FaultKind::AlreadyUsed);
                }
                Some(_) => {}
                None if id.is_some() && regions.iter().any(|&(_, _, known)| known == *id) => {
                    refuse("region.id", FaultKind::AlreadyUsed);
                }
                None => regions.push((name, display_name, *id)),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REFERENCE: &str = r#"[{"id":"fa605282-0223-4ae0-831d-af368bc39a55",
        "name":"MATTR Public Sydney, Australia","domain":".mattr.global",
        "tenantDomain":"vii.mattr.global","authorizationServerDomain":"manage.auth.auth0.com",
        "deploymentModel":"public","region":{"id":"70bb433a-f0ec-4297-ad76-3b09c71311f3",
        "name":"AU01","displayName":"Sydney, Australia"}}]"#;

    fn read(text: &str) -> Result<Vec<CreateEnvironment>, EnvironmentsFault> {
        let host = AuthorizationServerDomain::parse("auth.example").unwrap();
        parse(text.as_bytes(), &host)
    }

    fn faults(text: &str) -> String {
        read(text).unwrap_err().to_string()
    }

    #[test]
    fn takes_the_reference_s_own_environment() {
        let made = read(REFERENCE).unwrap();
        assert_eq!(
            made,
            [tenantry_domain::testing::create_reference_environment()]
        );
    }

    #[test]
    fn fills_in_what_has_a_default() {
        let made = read(
            r#"[{"name":"A","domain":"a.example","id":null,
                "region":{"name":"EU","displayName":"Europe"}}]"#,
        )
        .unwrap();
        assert_eq!(made[0].id, None);
        assert_eq!(made[0].tenant_domain, None);
        assert_eq!(made[0].authorization_server_domain.as_str(), "auth.example");
        assert_eq!(made[0].deployment_model, DeploymentModel::Public);
    }

    #[test]
    fn tells_every_fault_with_its_place() {
        let text = faults(
            r#"[{"name":"","domain":"A.example","region":{"name":1},"colour":"red"},
                7,
                {"name":"B","domain":"b.example","deploymentModel":"secret"}]"#,
        );
        assert_eq!(
            text,
            "is wrong: [0].colour is not known here; [0].name must not be empty; \
             [0].domain must be a lower case DNS name such as tenants.example.com; \
             [0].region.name must be a string; [0].region.displayName is required; \
             [1] must be an object; \
             [2].deploymentModel must be `public` or `private`; [2].region is required"
        );
    }

    #[test]
    fn refuses_what_is_no_array_of_environments() {
        assert!(
            faults("{").starts_with("must hold JSON, but "),
            "{}",
            faults("{")
        );
        assert_eq!(faults("{}"), "must hold a JSON array of environments");
        assert_eq!(faults("[]"), "must hold one environment or more");
        let twice = r#"[{"name":"A","name":"B"}]"#;
        assert!(
            faults(twice).starts_with("must hold JSON"),
            "{}",
            faults(twice)
        );
    }

    #[test]
    fn refuses_what_would_clash() {
        let item = |id: &str, domain: &str, region: &str| {
            format!(r#"{{"id":{id},"name":"E","domain":"{domain}","region":{region}}}"#)
        };
        let file = |items: &[String]| format!("[{}]", items.join(","));
        let id = r#""fa605282-0223-4ae0-831d-af368bc39a55""#;
        let region_id = "70bb433a-f0ec-4297-ad76-3b09c71311f3";
        let named = r#"{"name":"R","displayName":"Region"}"#;
        let with_id = format!(r#"{{"id":"{region_id}","name":"R","displayName":"Region"}}"#);
        let by_id = format!(r#"{{"id":"{region_id}"}}"#);

        let same = file(&[item(id, "a.example", named), item(id, "a.example", named)]);
        assert_eq!(
            faults(&same),
            "is wrong: [1].id is already used; \
             [1].domain is already the domain of another environment; \
             [1].tenantDomain is already the domain of another environment"
        );
        let other_region = file(&[
            item("null", "a.example", named),
            item("null", "b.example", r#"{"name":"R","displayName":"Other"}"#),
        ]);
        assert_eq!(
            faults(&other_region),
            "is wrong: [1].region.name is already used"
        );
        let late_id = file(&[
            item("null", "a.example", named),
            item("null", "b.example", &with_id),
        ]);
        assert_eq!(
            faults(&late_id),
            "is wrong: [1].region.name is already used"
        );
        let unknown = file(&[item("null", "a.example", &by_id)]);
        assert_eq!(faults(&unknown), "is wrong: [0].region.id names no region");

        let shared = file(&[
            item("null", "a.example", &with_id),
            item("null", "b.example", &by_id),
            item("null", "c.example", named),
        ]);
        assert_eq!(read(&shared).map(|made| made.len()), Ok(3));
    }
}
