//! The descriptors of the messages that this process uses.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{LazyLock, PoisonError, RwLock};

use prost::Message;
use prost_reflect::{DescriptorPool, MessageDescriptor};
use prost_types::{FileDescriptorProto, FileDescriptorSet};

use crate::base::Descriptors;

/// Returns the descriptor of a message of generated code.
///
/// # Panics
/// Panics if the module's files don't contain the message.
pub fn descriptor_of(module: &'static Descriptors, name: &str) -> MessageDescriptor {
    let known = POOLS
        .read()
        .unwrap_or_else(PoisonError::into_inner)
        .message(module, name);
    known
        .or_else(|| {
            let mut pools = POOLS.write().unwrap_or_else(PoisonError::into_inner);
            pools.add(module);
            pools.message(module, name)
        })
        .unwrap_or_else(|| panic!("generated code has no descriptor of {name}"))
}

static POOLS: LazyLock<RwLock<Pools>> = LazyLock::new(RwLock::default);

/// The files of all modules in one pool, so that the message in an `Any` is found in any module.
#[derive(Default)]
struct Pools {
    shared: DescriptorPool,
    /// The modules whose files are in `shared`, by their addresses.
    modules: BTreeSet<usize>,
    /// Modules with a file that differs from another module's file with the same name, for example from two versions of a
    /// crate.
    alone: BTreeMap<usize, DescriptorPool>,
}

impl Pools {
    fn message(&self, module: &'static Descriptors, name: &str) -> Option<MessageDescriptor> {
        let address = address(module);
        let pool = match self.alone.get(&address) {
            Some(pool) => pool,
            None if self.modules.contains(&address) => &self.shared,
            None => return None,
        };
        pool.get_message_by_name(name)
    }

    fn add(&mut self, module: &'static Descriptors) {
        let files = files(module);
        let is_other = |file: &FileDescriptorProto| {
            let known = self.shared.get_file_by_name(file.name());
            known.is_some_and(|known| known.file_descriptor_proto() != file)
        };
        if files.iter().any(is_other) {
            let mut pool = DescriptorPool::new();
            if pool.add_file_descriptor_protos(files).is_ok() {
                self.alone.insert(address(module), pool);
            }
        } else if self.shared.add_file_descriptor_protos(files).is_ok() {
            self.modules.insert(address(module));
        }
    }
}

/// Returns the files of a module and everything that they import.
fn files(module: &'static Descriptors) -> Vec<FileDescriptorProto> {
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
    files.into_values().collect()
}

fn address(module: &'static Descriptors) -> usize {
    std::ptr::from_ref(module).addr()
}
