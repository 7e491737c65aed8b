//! The graph of messages that contain each other, and the properties of Rust types that depend on it.
//!
//! A field is boxed if its type contains the field's own message through fields that are not repeated. Both messages
//! are then in one strongly connected component.
//!
//! Tarjan's algorithm finds components from the innermost outwards, so that the properties of inner messages are
//! known first when `Copy` and `Eq` are decided. It has an explicit stack, because a chain of messages can be long.
//! The time is linear in the number of fields.

use std::collections::HashMap;

use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{DescriptorProto, FieldDescriptorProto, FileDescriptorProto};

/// Properties of one message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Traits {
    pub(crate) copy: bool,
    /// `Eq` and `Hash`.
    pub(crate) eq: bool,
}

pub(crate) struct Graph {
    nodes: HashMap<String, usize>,
    components: Vec<usize>,
    traits: Vec<Traits>,
}

/// Options that affect the graph and are not in the descriptors.
pub(crate) trait Rules {
    /// Returns whether the type is the user's own. Its properties are unknown.
    fn is_foreign(&self, proto_type: &str) -> bool;
    /// Returns whether the message has a field for those that the schema does not have.
    fn keeps_unknown_fields(&self, proto_type: &str) -> bool;
    /// Returns whether the user asked for the field to be boxed.
    fn is_boxed(
        &self,
        full_name: &str,
        message: &DescriptorProto,
        field: &FieldDescriptorProto,
    ) -> bool;
}

impl Graph {
    pub(crate) fn new(files: &[FileDescriptorProto], rules: &impl Rules) -> Self {
        let mut messages = Vec::new();
        for file in files {
            let scope = match file.package() {
                "" => String::new(),
                package => format!(".{package}"),
            };
            add(&mut messages, &scope, &file.message_type);
        }
        let nodes: HashMap<String, usize> = messages
            .iter()
            .enumerate()
            .map(|(index, (name, _))| (name.clone(), index))
            .collect();
        let edges: Vec<Vec<usize>> = messages
            .iter()
            .map(|(_, message)| {
                let contained = message.field.iter().filter(|field| contains(field));
                contained
                    .filter_map(|field| nodes.get(field.type_name()).copied())
                    .collect()
            })
            .collect();
        let (components, order) = components(&edges);
        let mut graph = Self {
            nodes,
            components,
            traits: vec![Traits::default(); messages.len()],
        };
        for index in order {
            if let Some((name, message)) = messages.get(index) {
                let traits = if rules.is_foreign(name) {
                    Traits::default()
                } else {
                    let fields = graph.of_fields(name, message, message.field.iter(), rules);
                    Traits {
                        copy: fields.copy && !rules.keeps_unknown_fields(name),
                        ..fields
                    }
                };
                if let Some(slot) = graph.traits.get_mut(index) {
                    *slot = traits;
                }
            }
        }
        graph
    }

    /// Returns the properties that all of these fields have. The message's name has a leading dot.
    pub(crate) fn of_fields<'f>(
        &self,
        full_name: &str,
        message: &DescriptorProto,
        fields: impl Iterator<Item = &'f FieldDescriptorProto>,
        rules: &impl Rules,
    ) -> Traits {
        let all = Traits {
            copy: true,
            eq: true,
        };
        fields.fold(all, |all, field| {
            let field = self.of_field(full_name, message, field, rules);
            Traits {
                copy: all.copy && field.copy,
                eq: all.eq && field.eq,
            }
        })
    }

    fn of_field(
        &self,
        full_name: &str,
        message: &DescriptorProto,
        field: &FieldDescriptorProto,
        rules: &impl Rules,
    ) -> Traits {
        let repeated = field.label() == Label::Repeated;
        match field.r#type() {
            Type::Message if repeated || self.is_recursive(full_name, field) => Traits::default(),
            Type::Message => {
                let inner = self.of_message(field.type_name());
                Traits {
                    copy: inner.copy && !rules.is_boxed(full_name, message, field),
                    eq: inner.eq,
                }
            }
            Type::Group => Traits::default(),
            Type::Float | Type::Double => Traits {
                copy: !repeated,
                eq: false,
            },
            Type::String | Type::Bytes => Traits {
                copy: false,
                eq: true,
            },
            _ => Traits {
                copy: !repeated,
                eq: true,
            },
        }
    }

    /// Returns the properties of a message, whose name has a leading dot.
    pub(crate) fn of_message(&self, name: &str) -> Traits {
        let index = self.nodes.get(name).copied();
        index
            .and_then(|index| self.traits.get(index).copied())
            .unwrap_or_default()
    }

    /// Returns whether a field of `message` would make the message contain itself.
    pub(crate) fn is_recursive(&self, message: &str, field: &FieldDescriptorProto) -> bool {
        let component = |name: &str| {
            let index = self.nodes.get(name).copied();
            index.and_then(|index| self.components.get(index).copied())
        };
        contains(field)
            && component(message).is_some_and(|own| Some(own) == component(field.type_name()))
    }
}

fn add<'m>(
    messages: &mut Vec<(String, &'m DescriptorProto)>,
    scope: &str,
    of: &'m [DescriptorProto],
) {
    for message in of {
        let name = format!("{scope}.{}", message.name());
        add(messages, &name, &message.nested_type);
        messages.push((name, message));
    }
}

/// Returns whether the field holds a message by value.
fn contains(field: &FieldDescriptorProto) -> bool {
    matches!(field.r#type(), Type::Message | Type::Group) && field.label() != Label::Repeated
}

/// Returns the component of each node, and the nodes in topological order: each node after those that it contains.
fn components(edges: &[Vec<usize>]) -> (Vec<usize>, Vec<usize>) {
    const UNSEEN: usize = usize::MAX;
    let mut search = Search {
        index: vec![UNSEEN; edges.len()],
        low: vec![UNSEEN; edges.len()],
        component: vec![UNSEEN; edges.len()],
        open: Vec::new(),
        order: Vec::with_capacity(edges.len()),
        next: 0,
        count: 0,
    };
    for root in 0..edges.len() {
        if search.index[root] == UNSEEN {
            search.from(root, edges, UNSEEN);
        }
    }
    (search.component, search.order)
}

/// State of Tarjan's search. All vectors have an entry for each node, and edges lead only to nodes, so no index is
/// out of bounds.
struct Search {
    index: Vec<usize>,
    low: Vec<usize>,
    component: Vec<usize>,
    open: Vec<usize>,
    order: Vec<usize>,
    next: usize,
    count: usize,
}

impl Search {
    fn from(&mut self, root: usize, edges: &[Vec<usize>], unseen: usize) {
        let mut stack = vec![(root, 0)];
        self.enter(root);
        while let Some((node, edge)) = stack.pop() {
            match edges[node].get(edge) {
                Some(&inner) => {
                    stack.push((node, edge + 1));
                    if self.index[inner] == unseen {
                        self.enter(inner);
                        stack.push((inner, 0));
                    } else if self.component[inner] == unseen {
                        self.low[node] = self.low[node].min(self.index[inner]);
                    }
                }
                None => {
                    if self.low[node] == self.index[node] {
                        self.close(node);
                    }
                    if let Some((outer, _)) = stack.last() {
                        self.low[*outer] = self.low[*outer].min(self.low[node]);
                    }
                }
            }
        }
    }

    fn enter(&mut self, node: usize) {
        self.index[node] = self.next;
        self.low[node] = self.next;
        self.next += 1;
        self.open.push(node);
    }

    /// Closes a component: `node` and all nodes that were opened after it.
    fn close(&mut self, node: usize) {
        while let Some(member) = self.open.pop() {
            self.component[member] = self.count;
            self.order.push(member);
            if member == node {
                break;
            }
        }
        self.count += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn components_come_from_the_innermost_outwards() {
        // 0 -> 1 -> 2 -> 1, 2 -> 3, 4 alone.
        let edges = [vec![1], vec![2], vec![1, 3], vec![], vec![]];
        let (components, order) = components(&edges);
        assert_eq!(components[1], components[2]);
        for other in [0, 3, 4] {
            assert_ne!(components[other], components[1]);
        }
        let place = |node: usize| order.iter().position(|other| *other == node);
        assert!(place(3) < place(2) && place(2) < place(0));
        assert_eq!(order.len(), edges.len());
    }

    /// Naive algorithms would take 2^60 steps through the diamonds, and 100,000 nested calls for the chain.
    #[test]
    fn long_chains_and_diamonds_take_linear_time() {
        let edges: Vec<Vec<usize>> = (0..100_000_usize)
            .map(|n| (n + 1..=n + 2).filter(|inner| *inner < 100_000).collect())
            .collect();
        let (components, order) = components(&edges);
        assert_eq!(order.len(), 100_000);
        assert_eq!(components[99_999], 0);
    }
}
