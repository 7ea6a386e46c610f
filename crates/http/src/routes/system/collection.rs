//! The collection: a bare array in JSON, a Hydra collection with its view and its search
//! in JSON-LD (contract §5.1).

use serde::Serialize;
use tenantry_domain::{
    page::NumberedPage,
    record::{Bound, RecordPage},
};

use super::{
    filters,
    representation::{COLLECTION, CONTEXT, Record},
};
use crate::{answer, error::ApiError, negotiate::Representation, query::Query};

/// Writes one page of it.
pub(super) fn write(
    representation: Representation,
    records: &RecordPage,
    page: NumberedPage,
    query: &Query,
) -> Result<String, ApiError> {
    let tenants = records.tenants.iter();
    Ok(match representation {
        Representation::JsonLd => answer::to_json(&Collection {
            context: CONTEXT,
            iri: COLLECTION,
            kind: "hydra:Collection",
            member: tenants.map(Record::json_ld).collect::<Result<_, _>>()?,
            total: records.total,
            view: view(records.total, page, query),
            search: Search::default(),
        }),
        Representation::Json
        | Representation::Text
        | Representation::CloudEvents
        | Representation::EventStream
        | Representation::Asset(_) => {
            let records = tenants.map(Record::json).collect::<Result<Vec<_>, _>>()?;
            answer::to_json(&records)
        }
    })
}

#[derive(Serialize)]
struct Collection<'a> {
    #[serde(rename = "@context")]
    context: &'a str,
    #[serde(rename = "@id")]
    iri: &'a str,
    #[serde(rename = "@type")]
    kind: &'a str,
    #[serde(rename = "hydra:member")]
    member: Vec<Record<'a>>,
    #[serde(rename = "hydra:totalItems")]
    total: u64,
    #[serde(rename = "hydra:view", skip_serializing_if = "Option::is_none")]
    view: Option<View>,
    #[serde(rename = "hydra:search")]
    search: Search,
}

#[derive(Serialize)]
struct View {
    #[serde(rename = "@id")]
    iri: String,
    #[serde(rename = "@type")]
    kind: &'static str,
    #[serde(rename = "hydra:first", skip_serializing_if = "Option::is_none")]
    first: Option<String>,
    #[serde(rename = "hydra:last", skip_serializing_if = "Option::is_none")]
    last: Option<String>,
    #[serde(rename = "hydra:previous", skip_serializing_if = "Option::is_none")]
    previous: Option<String>,
    #[serde(rename = "hydra:next", skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// The place of a page among its neighbours: there when there is more than one page, or
/// when the caller has asked for something in particular.
fn view(total: u64, page: NumberedPage, query: &Query) -> Option<View> {
    let others = query.without(&filters::PAGE);
    let last = page.last(total);
    let many = last > 1;
    if !many && others.is_empty() {
        return None;
    }
    let link = |number: u64| match others.as_str() {
        "" => format!("{COLLECTION}?page={number}"),
        others => format!("{COLLECTION}?{others}&page={number}"),
    };
    let number = page.number();
    let iri = if many {
        link(number)
    } else {
        format!("{COLLECTION}?{others}")
    };
    Some(View {
        iri,
        kind: "hydra:PartialCollectionView",
        first: many.then(|| link(1)),
        last: many.then(|| link(last)),
        previous: (many && number > 1).then(|| link((number - 1).min(last))),
        next: (number < last).then(|| link(number + 1)),
    })
}

/// How the collection can be looked through. The pages are left out, as the original
/// platform does: they are walked by the links of the view.
#[derive(Serialize)]
struct Search {
    #[serde(rename = "@type")]
    kind: &'static str,
    #[serde(rename = "hydra:template")]
    template: String,
    #[serde(rename = "hydra:variableRepresentation")]
    variables: &'static str,
    #[serde(rename = "hydra:mapping")]
    mapping: Vec<Mapping>,
}

#[derive(Serialize)]
struct Mapping {
    #[serde(rename = "@type")]
    kind: &'static str,
    variable: String,
    property: &'static str,
    required: bool,
}

impl Default for Search {
    fn default() -> Self {
        let choices = ["id", "uuid"]
            .into_iter()
            .flat_map(|name| [(name.to_owned(), name), (format!("{name}[]"), name)]);
        let ranges = ["createdAt", "updatedAt"]
            .into_iter()
            .flat_map(|name| Bound::ALL.map(|bound| (format!("{name}[{}]", bound.as_str()), name)));
        let orders = filters::KEYS.map(|(name, _)| (format!("order[{name}]"), name));
        let mapping: Vec<_> = choices
            .chain(ranges)
            .chain(orders)
            .map(|(variable, property)| Mapping {
                kind: "IriTemplateMapping",
                variable,
                property,
                required: false,
            })
            .collect();
        let variables: Vec<_> = mapping.iter().map(|one| one.variable.as_str()).collect();
        Self {
            kind: "hydra:IriTemplate",
            template: format!("{COLLECTION}{{?{}}}", variables.join(",")),
            variables: "BasicRepresentation",
            mapping,
        }
    }
}
