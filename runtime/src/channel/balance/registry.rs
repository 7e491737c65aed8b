//! The registered policies.

use std::sync::{PoisonError, RwLock};

use super::policy::PolicyFactory;

static KNOWN: RwLock<Vec<&'static dyn PolicyFactory>> = RwLock::new(Vec::new());

/// Registers a policy by its name. Service configs that are parsed afterwards can select it. The policy replaces another policy
/// with this name.
pub fn register_policy(factory: &'static dyn PolicyFactory) {
    let mut known = KNOWN.write().unwrap_or_else(PoisonError::into_inner);
    known.retain(|other| other.name() != factory.name());
    known.push(factory);
}

/// Registers policies, except those whose names are taken.
pub(crate) fn register_missing(factories: &[&'static dyn PolicyFactory]) {
    let mut known = KNOWN.write().unwrap_or_else(PoisonError::into_inner);
    for factory in factories {
        if !known.iter().any(|other| other.name() == factory.name()) {
            known.push(*factory);
        }
    }
}

/// Returns the policy with a name.
pub(crate) fn policy_factory(name: &str) -> Option<&'static dyn PolicyFactory> {
    let known = KNOWN.read().unwrap_or_else(PoisonError::into_inner);
    known.iter().copied().find(|factory| factory.name() == name)
}

/// Returns the names of all policies, separated by commas.
pub(crate) fn policy_names() -> String {
    let known = KNOWN.read().unwrap_or_else(PoisonError::into_inner);
    let names: Vec<_> = known.iter().map(|factory| factory.name()).collect();
    names.join(", ")
}
