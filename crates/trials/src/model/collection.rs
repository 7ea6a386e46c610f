//! Pages of the system API's collection, which depend on when a server did what.

use serde_json::{Value, json};

use super::{
    pattern::{ANY, Bindings, in_seconds},
    state::Tenant,
};

/// What a page is asked of, and how.
#[derive(Clone, Debug)]
pub(crate) struct Collection {
    /// Those that pass every filter that needs no clock, in the order of their making.
    pub(crate) tenants: Vec<Tenant>,
    /// A bound of `createdAt`, and the symbol of its instant.
    pub(crate) created: Option<(Bound, String)>,
    /// What to sort by, and whether backwards.
    pub(crate) order: Option<(Order, bool)>,
    pub(crate) page: usize,
    pub(crate) limit: usize,
    /// Whether it is JSON-LD.
    pub(crate) linked: bool,
}

/// How a bound cuts.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Bound {
    After,
    Before,
    StrictlyAfter,
    StrictlyBefore,
}

/// What records are sorted by.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Order {
    Number,
    Created,
    Updated,
}

impl Default for Collection {
    fn default() -> Self {
        Self {
            tenants: Vec::new(),
            created: None,
            order: None,
            page: 1,
            limit: 10,
            linked: false,
        }
    }
}

impl Collection {
    /// What a server with this clock has to show; none where it has not told all of that.
    pub(crate) fn resolve(&self, bindings: &Bindings) -> Option<Value> {
        let mut found = Vec::new();
        for tenant in &self.tenants {
            let created = seconds(bindings, &tenant.created)?;
            found.push((tenant, created));
        }
        if let Some((bound, instant)) = &self.created {
            let instant = seconds(bindings, instant)?;
            found.retain(|(_, created)| match bound {
                Bound::After => *created >= instant,
                Bound::Before => *created <= instant,
                Bound::StrictlyAfter => *created > instant,
                Bound::StrictlyBefore => *created < instant,
            });
        }
        if let Some((order, descending)) = self.order {
            // By exact instants, finer than they are shown, and so by what came first.
            found.sort_by_key(|(tenant, _)| match order {
                Order::Number | Order::Created => tenant.place,
                Order::Updated => tenant.touched,
            });
            if descending {
                found.reverse();
            }
        }
        let total = found.len();
        let page = found.into_iter().skip((self.page - 1) * self.limit);
        let page = page.take(self.limit).map(|(tenant, _)| tenant);
        if !self.linked {
            return Some(page.map(Tenant::record).collect());
        }
        let members: Vec<_> = page.map(Tenant::member).collect();
        Some(json!({
            "@context": "/contexts/system/Tenant",
            "@id": "/system/tenants",
            "@type": "hydra:Collection",
            "hydra:member": members,
            "hydra:totalItems": total,
            "hydra:view": ANY,
            "hydra:search": ANY,
        }))
    }
}

/// An instant down to its second, from whichever family has told it.
fn seconds(bindings: &Bindings, symbol: &str) -> Option<String> {
    let coarse = in_seconds(symbol);
    let fine = coarse.replacen("«seconds:", "«time:", 1);
    let told = bindings.get(&coarse).or_else(|| bindings.get(&fine))?;
    Some(told.as_str()?.get(..19)?.to_owned())
}
