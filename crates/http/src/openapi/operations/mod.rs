//! What is said of each operation, family by family.

mod clients;
mod feed;
mod management;
mod oauth;
mod public;
mod system;
mod webhooks;

use super::described::Described;

/// Every operation that the document describes.
pub(super) fn all() -> Vec<&'static Described> {
    let families: [&[Described]; 7] = [
        management::ALL,
        clients::ALL,
        feed::ALL,
        webhooks::ALL,
        oauth::ALL,
        system::ALL,
        public::ALL,
    ];
    families.into_iter().flatten().collect()
}
