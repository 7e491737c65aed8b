//! The descriptors of the messages that this process uses.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{PoisonError, RwLock};

use prost::Message;
use prost_reflect::{DescriptorPool, MessageDescriptor};
use prost_types::FileDescriptorSet;

use crate::base::Descriptors;

/// Returns the descriptor of a message of generated code.
///
/// # Panics
/// Panics if the module's files don't contain the message.
pub fn descriptor_of(module: &'static Descriptors, name: &str) -> MessageDescriptor {
    pool_of(module)
        .get_message_by_name(name)
        .unwrap_or_else(|| panic!("generated code has no descriptor of {name}"))
}

/// The files of each module with everything that they import, by the addresses of the modules.
///
/// A pool that is extended is another pool, whose descriptors are not equal to those from before. And two modules may declare the same
/// message in files with different names, or have different files with the same name, for example of two versions of a crate. So no
/// two modules share a pool, and no pool is ever changed.
static POOLS: RwLock<BTreeMap<usize, DescriptorPool>> = RwLock::new(BTreeMap::new());

fn pool_of(module: &'static Descriptors) -> DescriptorPool {
    let address = address(module);
    let pools = POOLS.read().unwrap_or_else(PoisonError::into_inner);
    if let Some(pool) = pools.get(&address) {
        return pool.clone();
    }
    drop(pools);
    let mut pools = POOLS.write().unwrap_or_else(PoisonError::into_inner);
    pools.entry(address).or_insert_with(|| pool(module)).clone()
}

/// Creates the pool of a module's files and everything that they import.
fn pool(module: &'static Descriptors) -> DescriptorPool {
    let mut seen = BTreeSet::new();
    let mut left = vec![module];
    let mut files = BTreeMap::new();
    while let Some(module) = left.pop() {
        if seen.insert(address(module)) {
            // The generator has encoded the set, so this cannot fail.
            let set = FileDescriptorSet::decode(module.set).unwrap_or_default();
            files.extend(
                set.file
                    .into_iter()
                    .map(|file| (file.name().to_owned(), file)),
            );
            left.extend(module.imports);
        }
    }
    // The generator has checked the files together, so this cannot fail either.
    let mut pool = DescriptorPool::new();
    let _ = pool.add_file_descriptor_protos(files.into_values());
    pool
}

fn address(module: &'static Descriptors) -> usize {
    std::ptr::from_ref(module).addr()
}
