//! Parses `.proto` files into descriptors, with the built-in compiler or with the user's `protoc`.

mod quick;

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{self, Command};
use std::sync::atomic::{AtomicUsize, Ordering};

use protox::Compiler;
use protox::file::{ChainFileResolver, GoogleFileResolver, IncludeFileResolver};

use crate::descriptors::names_of_set;
use crate::error::Error;

/// Output of a compiler.
pub(crate) struct Parsed {
    /// Encoded `google.protobuf.FileDescriptorSet` with all imports.
    pub(crate) descriptor_set: Vec<u8>,
    /// The files that were read, if they are known.
    pub(crate) paths: Vec<PathBuf>,
}

/// Parses the files and their imports. All files are tried, so that one run shows the errors of all of them.
///
/// With `exact`, the source positions of options are correct too. Generated code does not need them.
pub(crate) fn built_in(
    protos: &[impl AsRef<Path>],
    includes: &[impl AsRef<Path>],
    exact: bool,
    progress: Option<fn(usize, usize)>,
) -> Result<Parsed, Error> {
    let mut tell = |done: usize| {
        if let Some(progress) = progress {
            progress(done, protos.len());
        }
    };
    if !exact {
        if let Some(parsed) = quick::parse(resolver(includes), protos, &mut tell) {
            return Ok(parsed);
        }
    }
    let mut compiler = Compiler::with_file_resolver(resolver(includes));
    compiler.include_imports(true).include_source_info(true);
    let mut errors = Vec::new();
    for (index, proto) in protos.iter().enumerate() {
        tell(index);
        if let Err(error) = compiler.open_file(proto) {
            // `Debug` has the position, which `Display` lacks. Two files may report the same error in a common
            // import.
            let mut text = format!("{error:?}");
            if text.ends_with("found 'edition'") {
                text.push_str(
                    "\n  help: the built-in compiler reads `syntax = \"proto2\"` and `syntax = \"proto3\"`; compile a file \
                     with an edition by protoc: name one with `Config::protoc(\"protoc\")`, run protoc with the plugin \
                     `protoc-gen-rs`, or pass the output of `protoc --include_imports --include_source_info -o FILE` to \
                     `Config::compile_descriptor_set`",
                );
            }
            if !errors.contains(&text) {
                errors.push(text);
            }
        }
    }
    if !errors.is_empty() {
        return Err(Error::Parse(errors));
    }
    let paths = compiler.files().filter_map(|file| file.path());
    Ok(Parsed {
        paths: paths.map(Path::to_owned).collect(),
        descriptor_set: compiler.encode_file_descriptor_set(),
    })
}

/// Looks up files: the well-known types first, then the include directories.
fn resolver(includes: &[impl AsRef<Path>]) -> ChainFileResolver {
    let mut resolver = ChainFileResolver::new();
    // The built-in types come first so that they win over copies in an include directory. Messages of the copies
    // would not be generated.
    resolver.add(GoogleFileResolver::new());
    for include in includes {
        resolver.add(IncludeFileResolver::new(include.as_ref().to_owned()));
    }
    resolver
}

/// Compiles the files with `protoc`.
pub(crate) fn protoc(
    protoc: &Path,
    protos: &[impl AsRef<Path>],
    includes: &[impl AsRef<Path>],
) -> Result<Parsed, Error> {
    let output = env::temp_dir().join(format!("stubwright-{}-{}", process::id(), unique()));
    let mut command = Command::new(protoc);
    command.args(["--include_imports", "--include_source_info"]);
    command.arg(option("--descriptor_set_out=", &output));
    for include in includes {
        command.arg(option("--proto_path=", include.as_ref()));
    }
    // The paths are made unambiguous so that protoc takes none for an option.
    command.args(protos.iter().map(|proto| {
        let proto = proto.as_ref();
        if proto.to_string_lossy().starts_with('-') {
            Path::new(".").join(proto)
        } else {
            proto.to_owned()
        }
    }));
    let ran = command.output().map_err(|error| Error::io(protoc, error))?;
    if !ran.status.success() {
        let said = String::from_utf8_lossy(&ran.stderr);
        let mut errors: Vec<String> = said.lines().map(str::to_owned).collect();
        if errors.is_empty() {
            errors.push(format!("{} failed: {}", protoc.display(), ran.status));
        }
        return Err(Error::Parse(errors));
    }
    let descriptor_set = fs::read(&output).map_err(|error| Error::io(&output, error))?;
    fs::remove_file(&output).map_err(|error| Error::io(&output, error))?;
    let paths = names_of_set(&descriptor_set)?
        .iter()
        .filter_map(|name| {
            let mut paths = includes.iter().map(|include| include.as_ref().join(name));
            paths.find(|path| path.exists())
        })
        .collect();
    Ok(Parsed {
        descriptor_set,
        paths,
    })
}

/// Returns a number that is unique in this process.
fn unique() -> usize {
    static RUNS: AtomicUsize = AtomicUsize::new(0);
    RUNS.fetch_add(1, Ordering::Relaxed)
}

fn option(name: &str, value: &Path) -> OsString {
    let mut option = OsString::from(name);
    option.push(value);
    option
}
