//! The plugin of `protoc`, as a function from an encoded request to an encoded response.

use std::collections::BTreeSet;

use prost::Message as _;
use prost_types::compiler::code_generator_response::{Feature, File};
use prost_types::compiler::{CodeGeneratorRequest, CodeGeneratorResponse};

use crate::descriptors::Descriptors;
use crate::editions;
use crate::error::Error;
use crate::generate::generate;
use crate::parameters;
use crate::tree::Inclusion;

/// File name of the module tree.
const TREE: &str = "mod.rs";

/// Answers an encoded `google.protobuf.compiler.CodeGeneratorRequest` with an encoded `CodeGeneratorResponse`.
///
/// The response has a file for each package, and the module tree `mod.rs`. If the request, its parameters or its
/// protos have a fault, the field `error` of the response describes it.
pub fn run(request: &[u8]) -> Vec<u8> {
    let mut response = respond(request).unwrap_or_else(|error| CodeGeneratorResponse {
        error: Some(error.to_string()),
        ..CodeGeneratorResponse::default()
    });
    // Without these flags, protoc sends neither files with proto3 optional fields nor files with an edition.
    response.supported_features = Some(Feature::Proto3Optional as u64 | SUPPORTS_EDITIONS);
    let mut bytes = response.encode_to_vec();
    bytes.extend(Editions::KNOWN.encode_to_vec());
    bytes
}

/// `FEATURE_SUPPORTS_EDITIONS`, which `prost-types` lacks.
const SUPPORTS_EDITIONS: u64 = 2;

/// Fields of `CodeGeneratorResponse` that `prost-types` lacks. They are encoded as a message of their own, because
/// concatenated messages are merged when they are decoded.
#[derive(Clone, PartialEq, prost::Message)]
struct Editions {
    #[prost(int32, optional, tag = "3")]
    minimum: Option<i32>,
    #[prost(int32, optional, tag = "4")]
    maximum: Option<i32>,
}

impl Editions {
    const KNOWN: Self = Self {
        minimum: Some(editions::MINIMUM),
        maximum: Some(editions::MAXIMUM),
    };
}

/// Returns the names of the plugin's parameters, separated by commas.
pub fn parameters() -> String {
    parameters::known()
}

fn respond(request: &[u8]) -> Result<CodeGeneratorResponse, Error> {
    let damaged = |error| Error::Descriptors(format!("the request is damaged: {error}"));
    let bytes = request;
    let request = CodeGeneratorRequest::decode(bytes).map_err(damaged)?;
    let config = parameters::parse(request.parameter())?;
    let wanted: BTreeSet<String> = request.file_to_generate.into_iter().collect();
    if let Some(missing) = wanted
        .iter()
        .find(|name| request.proto_file.iter().all(|file| file.name() != *name))
    {
        return Err(Error::Descriptors(format!(
            "the request has no descriptor of `{missing}`"
        )));
    }
    let descriptors = Descriptors::of_request(request.proto_file, bytes).map_err(damaged)?;
    let generated = generate(descriptors, Some(&wanted), TREE, &config)?;
    let tree = generated.tree(Inclusion::Beside);
    let mut file: Vec<File> = generated
        .texts
        .into_iter()
        .map(|(name, text)| self::file(name, text))
        .collect();
    if config.module_tree && !file.is_empty() {
        file.push(self::file(TREE.to_owned(), tree));
    }
    Ok(CodeGeneratorResponse {
        file,
        ..CodeGeneratorResponse::default()
    })
}

fn file(name: String, content: String) -> File {
    File {
        name: Some(name),
        content: Some(content),
        ..File::default()
    }
}
