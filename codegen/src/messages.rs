//! Messages and enums, by prost-build.
//!
//! prost-build writes the code; the doc comments are ours. It would copy the comments of the proto in a form that rustdoc may
//! run as tests, and leave out the items that have none. So every element gets a comment that is only a mark, and
//! the mark is replaced in what prost-build returns.

use std::collections::BTreeMap;

use prost_build::Module;
use prost_types::source_code_info::Location;
use prost_types::{DescriptorProto, EnumDescriptorProto, FileDescriptorProto, SourceCodeInfo};

use crate::config::Config;
use crate::error::Error;
use crate::resolve::{PROST, PROST_TYPES};
use crate::source::{Source, children, full_name, number};

/// The comment that stands for a doc comment. It is followed by a number.
const MARK: &str = "stubwright-codegen:doc ";

/// The code of the messages and enums of each file, by the name of the file. Files without any are left out.
pub(crate) fn messages(
    files: &[FileDescriptorProto],
    config: &Config,
) -> Result<BTreeMap<String, String>, Error> {
    let mut docs = Vec::new();
    // prost-build puts files of one package together under one key. A key of their own keeps them apart, so that the
    // order of the input does not matter and imports can be left out.
    let mut names = BTreeMap::new();
    let mut requests = Vec::with_capacity(files.len());
    for (index, file) in files.iter().enumerate() {
        let module = Module::from_parts([format!("file{index}")]);
        names.insert(module.clone(), file.name().to_owned());
        requests.push((module, marked(file, &mut docs)));
    }
    let generated = prost_config(config)
        .generate(requests)
        .map_err(|error| Error::Messages(error.to_string()))?;
    let mut texts = BTreeMap::new();
    for (module, text) in generated {
        if let Some(name) = names.remove(&module) {
            texts.insert(name, documented(&text, &docs));
        }
    }
    Ok(texts)
}

fn prost_config(config: &Config) -> prost_build::Config {
    let mut prost = prost_build::Config::new();
    prost
        .prost_path(PROST)
        .prost_types_path(PROST_TYPES)
        .bytes(&config.bytes)
        .btree_map(&config.btree_map)
        .skip_debug(&config.skip_debug)
        .disable_comments(&config.disable_comments);
    for (proto, rust) in &config.extern_path {
        prost.extern_path(proto, rust);
    }
    for (path, attribute) in &config.type_attribute {
        prost.type_attribute(path, attribute);
    }
    for (path, attribute) in &config.message_attribute {
        prost.message_attribute(path, attribute);
    }
    for (path, attribute) in &config.enum_attribute {
        prost.enum_attribute(path, attribute);
    }
    for (path, attribute) in &config.field_attribute {
        prost.field_attribute(path, attribute);
    }
    for path in &config.boxed {
        prost.boxed(path);
    }
    for (path, domain) in &config.type_name_domain {
        prost.type_name_domain([path], domain);
    }
    if config.enable_type_names {
        prost.enable_type_names();
    }
    if config.retain_enum_prefix {
        prost.retain_enum_prefix();
    }
    if config.compile_well_known_types {
        prost.compile_well_known_types();
    }
    prost
}

/// The file with a mark as the comment of each element.
fn marked(file: &FileDescriptorProto, docs: &mut Vec<Vec<String>>) -> FileDescriptorProto {
    let mut marker = Marker {
        source: Source::new(file),
        locations: Vec::new(),
        docs,
    };
    let package = file.package();
    for (path, message) in children(&[], number::FILE_MESSAGE, &file.message_type) {
        marker.message(&path, package, message);
    }
    for (path, enumeration) in children(&[], number::FILE_ENUM, &file.enum_type) {
        marker.enumeration(&path, package, enumeration);
    }
    let location = marker.locations;
    FileDescriptorProto {
        source_code_info: Some(SourceCodeInfo { location }),
        service: Vec::new(),
        ..file.clone()
    }
}

struct Marker<'a> {
    source: Source<'a>,
    locations: Vec<Location>,
    docs: &'a mut Vec<Vec<String>>,
}

impl Marker<'_> {
    fn message(&mut self, path: &[i32], scope: &str, message: &DescriptorProto) {
        let name = full_name(scope, message.name());
        self.mark(path, format!("Message `{name}`."));
        for (path, field) in children(path, number::MESSAGE_FIELD, &message.field) {
            let text = format!("Field `{}`, number {}.", field.name(), field.number());
            self.mark(&path, text);
        }
        for (path, oneof) in children(path, number::MESSAGE_ONEOF, &message.oneof_decl) {
            self.mark(&path, format!("Oneof `{}` of `{name}`.", oneof.name()));
        }
        for (path, nested) in children(path, number::MESSAGE_NESTED, &message.nested_type) {
            self.message(&path, &name, nested);
        }
        for (path, nested) in children(path, number::MESSAGE_ENUM, &message.enum_type) {
            self.enumeration(&path, &name, nested);
        }
    }

    fn enumeration(&mut self, path: &[i32], scope: &str, enumeration: &EnumDescriptorProto) {
        let name = full_name(scope, enumeration.name());
        self.mark(path, format!("Enum `{name}`."));
        for (path, value) in children(path, number::ENUM_VALUE, &enumeration.value) {
            self.mark(&path, format!("Value `{}`.", value.name()));
        }
    }

    /// The comment of the proto, or `otherwise`.
    fn mark(&mut self, path: &[i32], otherwise: String) {
        let mut docs = self.source.docs(path);
        if docs.is_empty() {
            docs.push(otherwise);
        }
        self.locations.push(Location {
            path: path.to_vec(),
            leading_comments: Some(format!(" {MARK}{}", self.docs.len())),
            ..Location::default()
        });
        self.docs.push(docs);
    }
}

/// Puts the doc comments where their marks are.
fn documented(text: &str, docs: &[Vec<String>]) -> String {
    let mut out = String::with_capacity(text.len() * 2);
    for line in text.lines() {
        let lines = line
            .trim_start()
            .strip_prefix("/// ")
            .and_then(|comment| comment.strip_prefix(MARK))
            .and_then(|number| docs.get(number.parse::<usize>().ok()?));
        match lines {
            Some(lines) => {
                for line in lines {
                    out.push_str("/// ");
                    out.push_str(line);
                    out.push('\n');
                }
            }
            None => {
                out.push_str(line);
                out.push('\n');
            }
        }
    }
    out
}
