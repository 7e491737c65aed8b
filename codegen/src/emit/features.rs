//! Emits which features of the runtime messages need by the types of their fields.

use crate::map_type::MapType;
use crate::model::{Field, Message, Package, Shape};

/// The features that are needed.
#[derive(Default)]
struct Needs {
    fast_maps: bool,
}

/// Returns a line for each feature that the messages of a package need. It does not compile without the feature.
pub(super) fn needs(package: &Package) -> String {
    let mut needs = Needs::default();
    for message in &package.messages {
        needs.add(message);
    }
    let mut lines = String::new();
    if needs.fast_maps {
        lines.push_str("::stubwright::generated_fast_maps!();\n");
    }
    lines
}

impl Needs {
    fn add(&mut self, message: &Message) {
        for Field { shape, .. } in &message.fields {
            if let Shape::Map { kind, .. } = shape {
                self.fast_maps |= *kind == MapType::FastMap;
            }
        }
        for nested in &message.messages {
            self.add(nested);
        }
    }
}
