//! The policies that are known by name.

use std::sync::{PoisonError, RwLock};

use super::policy::PolicyFactory;

static KNOWN: RwLock<Vec<&'static dyn PolicyFactory>> = RwLock::new(Vec::new());

/// Makes a policy known by its name, for service configs that are read from now on. It takes the place of another one of this name.
pub fn register_policy(factory: &'static dyn PolicyFactory) {
    let mut known = KNOWN.write().unwrap_or_else(PoisonError::into_inner);
    known.retain(|other| other.name() != factory.name());
    known.push(factory);
}

/// Makes policies known, unless others have their names.
pub(crate) fn register_missing(factories: &[&'static dyn PolicyFactory]) {
    let mut known = KNOWN.write().unwrap_or_else(PoisonError::into_inner);
    for factory in factories {
        if !known.iter().any(|other| other.name() == factory.name()) {
            known.push(*factory);
        }
    }
}

/// Returns the policy of a name.
pub(crate) fn policy_factory(name: &str) -> Option<&'static dyn PolicyFactory> {
    let known = KNOWN.read().unwrap_or_else(PoisonError::into_inner);
    known.iter().copied().find(|factory| factory.name() == name)
}

/// Lists the names.
pub(crate) fn policy_names() -> String {
    let known = KNOWN.read().unwrap_or_else(PoisonError::into_inner);
    let names: Vec<_> = known.iter().map(|factory| factory.name()).collect();
    names.join(", ")
}
