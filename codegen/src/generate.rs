//! The pipeline from descriptors to texts, as a pure function.

use std::collections::{BTreeMap, BTreeSet};

use prost_types::FileDescriptorProto;

use crate::check;
use crate::config::Config;
use crate::descriptors::{Descriptors, Raw};
use crate::emit;
use crate::error::Error;
use crate::forms;
use crate::graph::Graph;
use crate::lower::lower;
use crate::model::Package;
use crate::names;
use crate::render;
use crate::resolve::Resolver;
use crate::tree::{self, Inclusion, Leaf};

/// Generated files, one per package.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Generated {
    /// Generated files by module.
    pub(crate) modules: BTreeMap<Vec<String>, Leaf>,
    /// Text of each generated file, by name.
    pub(crate) texts: BTreeMap<String, String>,
}

impl Generated {
    /// Returns the text of the module tree over all files.
    pub(crate) fn tree(&self, inclusion: Inclusion) -> String {
        tree::tree(&self.modules, inclusion)
    }
}

/// Generates code for the files named in `wanted`, or for all files if it is `None`. The other files serve only to
/// resolve types.
///
/// `tree_name` is the name of the module tree's file.
pub(crate) fn generate(
    descriptors: Descriptors,
    wanted: Option<&BTreeSet<String>>,
    tree_name: &str,
    config: &Config,
) -> Result<Generated, Error> {
    config.check()?;
    let Descriptors { mut files, raw } = descriptors;
    files.sort_by(|a, b| a.name().cmp(b.name()));
    for file in &mut files {
        // An empty package name means no package.
        file.package.take_if(|package| package.is_empty());
        file.syntax.take_if(|syntax| syntax.is_empty());
    }
    check::check(&files)?;
    let lowered = config.reflect.then(|| Raw::lowered(&files));
    let resolver = Resolver::new(&files, config);
    forms::check(&files, config, &resolver)?;
    let graph = Graph::new(&files, config);
    let is_wanted =
        |file: &FileDescriptorProto| wanted.is_none_or(|wanted| wanted.contains(file.name()));
    let (files, imported): (Vec<_>, Vec<_>) = files.into_iter().partition(is_wanted);
    let mut packages = lower(&files, &imported, &resolver, &graph, config);
    packages.retain(|_, package| !package.is_empty());
    if config.server && config.descriptors {
        raw.embed(&mut packages);
    }
    if let Some(lowered) = lowered {
        lowered.reflect(&mut packages);
    }
    let mut generated = Generated::default();
    for (module, package) in packages {
        let name = file_name(&module, config, tree_name);
        let text = text(&package, config)?;
        let leaf = Leaf {
            package: package.name,
            file: name.clone(),
        };
        generated.modules.insert(module, leaf);
        generated.texts.insert(name, text);
    }
    Ok(generated)
}

fn text(package: &Package, config: &Config) -> Result<String, Error> {
    let options = emit::Options {
        server: config.server,
        client: config.client,
        blocking: config.blocking,
        all_methods_required: config.all_methods_required,
        server_attributes: &config.server_attribute,
        client_attributes: &config.client_attribute,
    };
    let types = emit::types(package);
    let descriptors = emit::descriptors(package, options);
    emit::services(package, options)
        .and_then(|services| {
            render::file(
                &package.files,
                &package.name,
                &emit::interface(package),
                &types,
                services,
                &descriptors,
            )
        })
        .map_err(|error| Error::Generated(format!("{}: {error}", package.files.join(", "))))
}

/// Returns the name of a package's file: `a.b.rs` for package `a.b`.
///
/// A package with the name of the module tree gets an underscore: `mod_.rs`. No other package can have that name,
/// because only keywords end in an underscore.
fn file_name(module: &[String], config: &Config, tree_name: &str) -> String {
    let segments: Vec<&str> = module.iter().map(|name| names::unraw(name)).collect();
    let stem = match segments.as_slice() {
        [] => config.default_package_filename.clone(),
        segments => segments.join("."),
    };
    if format!("{stem}.rs") == tree_name {
        format!("{stem}_.rs")
    } else {
        format!("{stem}.rs")
    }
}
