//! Decides which messages have views, and which views borrow.
//!
//! A view holds views of the messages in it. So the messages that a chosen message contains, directly or not, have views too. A
//! message without texts and bytes, in it or in those messages, is its own view.

use std::collections::{HashMap, HashSet};

use prost_types::field_descriptor_proto::Type;
use prost_types::{DescriptorProto, FileDescriptorProto};

/// The messages with views, by their proto names with a leading dot.
#[derive(Debug, Default)]
pub(crate) struct Views {
    /// Whether the view of a message borrows.
    borrows: HashMap<String, bool>,
}

/// What is known of messages beside their descriptors.
pub(crate) trait Rules {
    /// Returns whether the user chose the message.
    fn is_chosen(&self, proto_type: &str) -> bool;
    /// Returns whether the type is external, so that it has no view here.
    fn is_extern(&self, proto_type: &str) -> bool;
    /// Returns what a view has in the place of an external type, if it borrows.
    fn wrapper(&self, proto_type: &str) -> Option<&'static str>;
}

impl Views {
    pub(crate) fn new(files: &[FileDescriptorProto], rules: &impl Rules) -> Self {
        let mut nodes = Vec::new();
        for file in files {
            let scope = match file.package() {
                "" => String::new(),
                package => format!(".{package}"),
            };
            add(&mut nodes, &scope, &file.message_type, rules);
        }
        let chosen = nodes.iter().filter(|node| rules.is_chosen(&node.name));
        let contained: HashMap<&str, &[&str]> = nodes
            .iter()
            .map(|node| (node.name.as_str(), node.contains.as_slice()))
            .collect();
        let selected = reachable(chosen.map(|node| node.name.as_str()), &contained);
        let mut containers: HashMap<&str, Vec<&str>> = HashMap::new();
        for node in &nodes {
            for inner in &node.contains {
                containers.entry(inner).or_default().push(&node.name);
            }
        }
        let borrowing = nodes.iter().filter(|node| node.borrows);
        let borrowing = reachable(borrowing.map(|node| node.name.as_str()), &containers);
        let selected = selected.into_iter();
        Self {
            borrows: selected
                .map(|name| (name.to_owned(), borrowing.contains(name)))
                .collect(),
        }
    }

    /// Returns whether the view of a message borrows, or `None` if the message has no view.
    pub(crate) fn borrows(&self, proto_type: &str) -> Option<bool> {
        self.borrows.get(proto_type).copied()
    }
}

/// A message, or the entry of a map.
struct Node<'a> {
    name: String,
    /// Set if it has a text or bytes of its own.
    borrows: bool,
    contains: Vec<&'a str>,
}

fn add<'a>(
    nodes: &mut Vec<Node<'a>>,
    scope: &str,
    messages: &'a [DescriptorProto],
    rules: &impl Rules,
) {
    for message in messages {
        let name = format!("{scope}.{}", message.name());
        add(nodes, &name, &message.nested_type, rules);
        if rules.is_extern(&name) {
            continue;
        }
        let fields = message.field.iter();
        nodes.push(Node {
            borrows: fields.clone().any(|field| match field.r#type() {
                Type::String | Type::Bytes => true,
                Type::Message => rules.wrapper(field.type_name()).is_some(),
                _ => false,
            }),
            contains: fields
                .filter(|field| matches!(field.r#type(), Type::Message | Type::Group))
                .map(|field| field.type_name())
                .collect(),
            name,
        });
    }
}

/// Returns the names that can be reached in a graph, if the graph has them.
fn reachable<'a, L: AsRef<[&'a str]>>(
    roots: impl Iterator<Item = &'a str>,
    graph: &HashMap<&'a str, L>,
) -> HashSet<&'a str> {
    let mut open: Vec<&str> = roots.collect();
    let mut found = HashSet::new();
    while let Some(name) = open.pop() {
        if found.insert(name) {
            let next = graph.get(name).into_iter();
            open.extend(next.flat_map(AsRef::as_ref));
        }
    }
    found
}
