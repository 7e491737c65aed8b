//! Decides the Rust names of all messages, enums, fields, oneofs and enum values, before anything is lowered.
//!
//! Different proto names can be the same in Rust, and more things share a scope in Rust: the module of a package and
//! the module of a message, nested types and oneofs, the fields of a struct and the methods that prost derives for
//! them. Names that are taken are numbered (see `names`).

use std::collections::{BTreeMap, BTreeSet, HashMap};

use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{
    DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorProto,
};

use crate::fields::{
    Syntax, has_inner_types, in_oneof, is_map_entry, is_optional, map_entry, members,
};
use crate::names::{self, Scope};

/// Names of all types, by their proto names with a leading dot.
#[derive(Debug, Default)]
pub(crate) struct Symbols {
    messages: HashMap<String, MessageNames>,
    enums: HashMap<String, EnumNames>,
    modules: BTreeMap<Vec<String>, BTreeSet<String>>,
}

#[derive(Debug, Default)]
pub(crate) struct MessageNames {
    /// The modules around the struct, from the outermost.
    pub(crate) modules: Vec<String>,
    pub(crate) name: String,
    /// The name of the view, if the message has one.
    pub(crate) view: Option<String>,
    /// The module beside the struct for the types declared inside the message.
    pub(crate) module: String,
    /// Names of fields, and of variants for members of oneofs, in the order of the descriptor.
    pub(crate) fields: Vec<String>,
    /// The field and the enum of each oneof, in the order of the descriptor.
    pub(crate) oneofs: Vec<OneofNames>,
    /// The field for what the schema does not have, if there is one.
    pub(crate) unknown_fields: String,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct OneofNames {
    pub(crate) field: String,
    pub(crate) name: String,
    /// The enum in the view of the message. Empty if the message has no view.
    pub(crate) view: String,
}

#[derive(Debug, Default)]
pub(crate) struct EnumNames {
    pub(crate) modules: Vec<String>,
    pub(crate) name: String,
    /// Variants in the order of the descriptor's values. An alias has the variant of the first value with its number.
    pub(crate) variants: Vec<String>,
    /// Variants by the names of their values.
    pub(crate) by_value: HashMap<String, String>,
}

impl Symbols {
    /// Decides all names. Types for which `is_extern` returns true have none. Messages for which `has_view` returns true have
    /// views.
    pub(crate) fn new(
        files: &[FileDescriptorProto],
        retain_enum_prefix: bool,
        is_extern: impl Fn(&str) -> bool,
        has_view: impl Fn(&str) -> bool,
    ) -> Self {
        let modules = by_module(files);
        let mut namer = Namer {
            symbols: Self::default(),
            retain_enum_prefix,
            is_extern: &is_extern,
            has_view: &has_view,
        };
        for (module, files) in &modules {
            let mut scope = Scope::default();
            // Packages choose their modules before messages do. All files of a package use its module, but only one
            // file uses the module of a message.
            let below = modules.keys().filter(|below| below.starts_with(module));
            for name in below.filter_map(|below| below.get(module.len())) {
                scope.take(name);
            }
            let mut types = Vec::new();
            for file in files {
                let prefix = match file.package() {
                    "" => String::new(),
                    package => format!(".{package}"),
                };
                let syntax = Syntax::of(file);
                types.extend(declared(
                    &prefix,
                    syntax,
                    &file.message_type,
                    &file.enum_type,
                ));
            }
            let names = namer.scope(&mut scope, module, types);
            namer.symbols.modules.insert(module.clone(), names);
        }
        namer.symbols
    }

    /// Returns the names of a generated message.
    pub(crate) fn message(&self, proto_type: &str) -> Option<&MessageNames> {
        self.messages.get(proto_type)
    }

    /// Returns the names of a generated enum.
    pub(crate) fn enumeration(&self, proto_type: &str) -> Option<&EnumNames> {
        self.enums.get(proto_type)
    }

    /// Returns the module of a generated type, and its name in the module.
    pub(crate) fn place(&self, proto_type: &str) -> Option<(&[String], &str)> {
        let message = self.messages.get(proto_type);
        let enumeration = self.enums.get(proto_type);
        message
            .map(|names| (names.modules.as_slice(), names.name.as_str()))
            .or_else(|| enumeration.map(|names| (names.modules.as_slice(), names.name.as_str())))
    }

    /// Returns the names of the messages and enums at the top level of a module.
    pub(crate) fn types(&self, module: &[String]) -> BTreeSet<String> {
        self.modules.get(module).cloned().unwrap_or_default()
    }
}

/// Groups files by their Rust module. Two packages can share one: `fooBar` and `foo_bar`.
pub(crate) fn by_module(
    files: &[FileDescriptorProto],
) -> BTreeMap<Vec<String>, Vec<&FileDescriptorProto>> {
    let mut modules: BTreeMap<Vec<String>, Vec<&FileDescriptorProto>> = BTreeMap::new();
    for file in files {
        let module = names::modules(file.package());
        modules.entry(module).or_default().push(file);
    }
    modules
}

/// A type in the scope whose names are decided.
struct Declared<'a> {
    /// Full name with a leading dot.
    full_name: String,
    proto_name: &'a str,
    syntax: Syntax,
    kind: Kind<'a>,
}

#[derive(Clone, Copy)]
enum Kind<'a> {
    Message(&'a DescriptorProto),
    Enum(&'a EnumDescriptorProto),
}

fn declared<'a>(
    scope: &str,
    syntax: Syntax,
    messages: &'a [DescriptorProto],
    enums: &'a [EnumDescriptorProto],
) -> Vec<Declared<'a>> {
    let messages = messages.iter().filter(|message| !is_map_entry(message));
    let messages = messages.map(|message| (message.name(), Kind::Message(message)));
    let enums = enums.iter();
    let enums = enums.map(|enumeration| (enumeration.name(), Kind::Enum(enumeration)));
    messages
        .chain(enums)
        .map(|(proto_name, kind)| Declared {
            full_name: format!("{scope}.{proto_name}"),
            proto_name,
            syntax,
            kind,
        })
        .collect()
}

struct Namer<'a> {
    symbols: Symbols,
    retain_enum_prefix: bool,
    is_extern: &'a dyn Fn(&str) -> bool,
    has_view: &'a dyn Fn(&str) -> bool,
}

impl Namer<'_> {
    /// Names the types of one scope and their content. Returns the names of the types.
    fn scope(
        &mut self,
        scope: &mut Scope,
        modules: &[String],
        mut types: Vec<Declared<'_>>,
    ) -> BTreeSet<String> {
        types.retain(|declared| !(self.is_extern)(&declared.full_name));
        let wanted: Vec<(&str, String)> = types
            .iter()
            .map(|declared| (declared.proto_name, names::upper_camel(declared.proto_name)))
            .collect();
        let names = scope.types(&wanted);
        let viewed = types
            .iter()
            .zip(&names)
            .filter(|(declared, _)| (self.has_view)(&declared.full_name));
        let wanted: Vec<(&str, String)> = viewed
            .map(|(declared, name)| (declared.proto_name, names::view(name)))
            .collect();
        let views = scope.types(&wanted);
        let mut next_view = views.iter();
        let wanted: Vec<(&str, String)> = types
            .iter()
            .filter(|declared| matches!(declared.kind, Kind::Message(m) if has_inner_types(m)))
            .map(|declared| (declared.proto_name, names::snake(declared.proto_name)))
            .collect();
        let mut inner_modules = scope.snakes(&wanted).into_iter();
        for (declared, name) in types.iter().zip(&names) {
            match declared.kind {
                Kind::Message(message) => {
                    let module = if has_inner_types(message) {
                        inner_modules.next()
                    } else {
                        None
                    };
                    let module = module.unwrap_or_default();
                    let mut names = self.message(modules, name, module, declared, message);
                    let full_name = declared.full_name.clone();
                    if (self.has_view)(&full_name) {
                        names.view = next_view.next().cloned();
                    }
                    self.symbols.messages.insert(full_name, names);
                }
                Kind::Enum(enumeration) => {
                    let names = self.enumeration(modules, name, enumeration);
                    self.symbols.enums.insert(declared.full_name.clone(), names);
                }
            }
        }
        names.into_iter().chain(views).collect()
    }

    fn message(
        &mut self,
        modules: &[String],
        name: &str,
        module: String,
        declared: &Declared<'_>,
        message: &DescriptorProto,
    ) -> MessageNames {
        let full_name = &declared.full_name;
        let syntax = declared.syntax;
        let inside: Vec<String> = modules.iter().chain([&module]).cloned().collect();
        let mut scope = Scope::default();
        let types = self::declared(full_name, syntax, &message.nested_type, &message.enum_type);
        let taken = self.scope(&mut scope, &inside, types);
        // The enums of oneofs share a scope with nested types and yield to them, with a suffix as in prost-build.
        let wanted: Vec<(&str, String)> = message
            .oneof_decl
            .iter()
            .map(|oneof| (oneof.name(), names::upper_camel(oneof.name())))
            .map(|(proto_name, name)| {
                let suffix = if taken.contains(&name) { "OneOf" } else { "" };
                (proto_name, name + suffix)
            })
            .collect();
        let oneofs = scope.types(&wanted);
        let views = if (self.has_view)(full_name) {
            let wanted: Vec<(&str, String)> = message
                .oneof_decl
                .iter()
                .zip(&oneofs)
                .map(|(oneof, name)| (oneof.name(), names::view(name)))
                .collect();
            scope.types(&wanted)
        } else {
            vec![String::new(); oneofs.len()]
        };
        let (fields, oneof_fields, unknown_fields) = fields(message, full_name, syntax);
        MessageNames {
            modules: modules.to_vec(),
            name: name.to_owned(),
            view: None,
            module,
            fields,
            oneofs: oneof_fields
                .into_iter()
                .zip(oneofs)
                .zip(views)
                .map(|((field, name), view)| OneofNames { field, name, view })
                .collect(),
            unknown_fields,
        }
    }

    fn enumeration(
        &self,
        modules: &[String],
        name: &str,
        enumeration: &EnumDescriptorProto,
    ) -> EnumNames {
        // The prefix is the enum's name in the proto, even if the enum is renamed in Rust.
        let prefix = names::upper_camel(enumeration.name());
        let mut first = BTreeMap::new();
        for (index, value) in enumeration.value.iter().enumerate() {
            first.entry(value.number()).or_insert(index);
        }
        let canonical: BTreeSet<usize> = first.values().copied().collect();
        let wanted: Vec<(&str, String)> = canonical
            .iter()
            .filter_map(|index| enumeration.value.get(*index))
            .map(|value| {
                let wanted = names::variant(&prefix, value.name(), self.retain_enum_prefix);
                (value.name(), wanted)
            })
            .collect();
        let distinct: BTreeMap<usize, String> = canonical
            .into_iter()
            .zip(Scope::default().types(&wanted))
            .collect();
        let variants: Vec<String> = enumeration
            .value
            .iter()
            .filter_map(|value| distinct.get(first.get(&value.number())?).cloned())
            .collect();
        let by_value = enumeration
            .value
            .iter()
            .zip(&variants)
            .map(|(value, variant)| (value.name().to_owned(), variant.clone()))
            .collect();
        EnumNames {
            modules: modules.to_vec(),
            name: name.to_owned(),
            variants,
            by_value,
        }
    }
}

/// Returns the names of the fields (of variants, for members of oneofs), of the fields that hold oneofs, and of the field for what
/// the schema does not have. That field yields to all others.
fn fields(
    message: &DescriptorProto,
    full_name: &str,
    syntax: Syntax,
) -> (Vec<String>, Vec<String>, String) {
    let mut names = vec![String::new(); message.field.len()];
    for oneof in 0..message.oneof_decl.len() {
        let wanted: Vec<(&str, String)> = members(message, oneof)
            .map(|(_, field)| (field.name(), names::upper_camel(field.name())))
            .collect();
        let variants = Scope::default().types(&wanted);
        for ((index, _), variant) in members(message, oneof).zip(variants) {
            if let Some(name) = names.get_mut(index) {
                *name = variant;
            }
        }
    }
    let mut oneofs = vec![String::new(); message.oneof_decl.len()];
    // The fields of the struct: proto name, prefixes of the derived methods, and the slot for the Rust name.
    let mut slots: Vec<(&str, Vec<Accessor>, &mut String)> = Vec::new();
    for (field, slot) in message.field.iter().zip(&mut names) {
        if !in_oneof(field) {
            slots.push((
                field.name(),
                accessors(message, full_name, syntax, field),
                slot,
            ));
        }
    }
    for (index, (oneof, slot)) in message.oneof_decl.iter().zip(&mut oneofs).enumerate() {
        if members(message, index).next().is_some() {
            slots.push((oneof.name(), Vec::new(), slot));
        }
    }
    let wanted: Vec<(&str, String)> = slots
        .iter()
        .map(|(proto_name, ..)| (*proto_name, names::snake(proto_name)))
        .collect();
    let mut scope = StructScope::new(&wanted);
    for index in names::by_precedence(&wanted) {
        if let (Some((_, wanted)), Some((_, accessors, slot))) =
            (wanted.get(index), slots.get_mut(index))
        {
            **slot = scope.claim(wanted, accessors);
        }
    }
    let unknown_fields = scope.claim("unknown_fields", &[]);
    (names, oneofs, unknown_fields)
}

/// Prefix of the name of a derived method. The name of its field follows.
type Accessor = &'static str;

/// Returns the prefixes of the methods that prost derives for a field.
fn accessors(
    message: &DescriptorProto,
    full_name: &str,
    syntax: Syntax,
    field: &FieldDescriptorProto,
) -> Vec<Accessor> {
    if let Some((_, value)) = map_entry(message, full_name, field) {
        return match value.r#type() {
            Type::Enum => vec!["get_", "insert_"],
            _ => Vec::new(),
        };
    }
    match (field.r#type(), field.label()) {
        (Type::Message | Type::Group, _) => Vec::new(),
        (Type::Enum, Label::Repeated) => vec!["", "push_"],
        (Type::Enum, _) => vec!["", "set_"],
        _ if is_optional(field, syntax) => vec![""],
        _ => Vec::new(),
    }
}

/// Fields of a struct, and the methods that prost derives for them.
struct StructScope {
    wanted: BTreeSet<String>,
    fields: BTreeSet<String>,
    methods: BTreeSet<String>,
}

impl StructScope {
    fn new(wanted: &[(&str, String)]) -> Self {
        Self {
            wanted: wanted.iter().map(|(_, wanted)| wanted.clone()).collect(),
            fields: BTreeSet::new(),
            methods: BTreeSet::new(),
        }
    }

    fn claim(&mut self, wanted: &str, accessors: &[Accessor]) -> String {
        let methods = |name: &str| -> Vec<String> {
            let method = |accessor| format!("{accessor}{}", names::unraw(name));
            accessors.iter().map(method).collect()
        };
        let free = |name: &str| {
            let mut methods = methods(name).into_iter();
            !self.fields.contains(name) && methods.all(|method| !self.methods.contains(&method))
        };
        let name = if free(wanted) {
            wanted.to_owned()
        } else {
            (2..)
                .map(|number| names::snake_number(wanted, number))
                .find(|name| free(name) && !self.wanted.contains(name))
                .unwrap_or_default()
        };
        self.methods.extend(methods(&name));
        self.fields.insert(name.clone());
        name
    }
}
