//! Emits which features of the runtime messages need by the types of their fields.

use crate::map_type::MapType;
use crate::model::{Field, Message, Package, Shape, Value};

/// The features that are needed.
#[derive(Default)]
struct Needs {
    shared_strings: bool,
    fast_maps: bool,
}

/// Returns a line for each feature that the messages of a package need. It does not compile without the feature.
pub(super) fn needs(package: &Package) -> String {
    let mut needs = Needs::default();
    for message in &package.messages {
        needs.add(message);
    }
    let mut lines = String::new();
    if needs.shared_strings {
        lines.push_str("::stubwright::generated_shared_strings!();\n");
    }
    if needs.fast_maps {
        lines.push_str("::stubwright::generated_fast_maps!();\n");
    }
    lines
}

impl Needs {
    fn add(&mut self, message: &Message) {
        let members = message.oneofs.iter().flat_map(|oneof| &oneof.members);
        for Field { shape, value, .. } in message.fields.iter().chain(members) {
            self.shared_strings |= is_shared(value);
            if let Shape::Map { key, kind } = shape {
                self.shared_strings |= is_shared(key);
                self.fast_maps |= *kind == MapType::FastMap;
            }
        }
        for nested in &message.messages {
            self.add(nested);
        }
    }
}

fn is_shared(value: &Value) -> bool {
    matches!(value, Value::String { shared: true })
}
