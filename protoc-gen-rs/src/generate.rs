//! `protoc-gen-rs generate`: `.proto` files in, Rust files out, without protoc.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use stubwright_codegen::{Config, package_of};

use crate::{Failure, diff, excerpt, progress};

/// The options of `generate`.
#[derive(Default)]
pub struct Generate {
    includes: Vec<PathBuf>,
    out: Option<PathBuf>,
    parameters: Vec<String>,
    protoc: Option<PathBuf>,
    descriptor_set: Option<PathBuf>,
    check: bool,
    protos: Vec<PathBuf>,
}

impl Generate {
    /// Parses the arguments after `generate`.
    pub fn parse(arguments: &[&str]) -> Result<Self, Failure> {
        let mut parsed = Self::default();
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            let (name, joined) = match argument.split_once('=') {
                Some((name, value)) if name.starts_with("--") => (name, Some(value)),
                _ if argument.starts_with("-I") && argument.len() > 2 => ("-I", argument.get(2..)),
                _ => (*argument, None),
            };
            let mut value = || {
                let value = joined.or_else(|| arguments.next().copied());
                value.ok_or_else(|| Failure::Usage(format!("{name} needs a value")))
            };
            match name {
                "-I" | "--proto_path" => parsed.includes.push(value()?.into()),
                "--out" => parsed.out = Some(value()?.into()),
                "--opt" => parsed.parameters.push(value()?.to_owned()),
                "--protoc" => parsed.protoc = Some(value()?.into()),
                "--descriptor_set_in" => parsed.descriptor_set = Some(value()?.into()),
                "--check" => parsed.check = true,
                _ if name.starts_with('-') => {
                    return Err(Failure::Usage(format!("there is no option {name}")));
                }
                _ => match name.strip_prefix('@') {
                    Some(list) => parsed.protos.extend(listed(Path::new(list))?),
                    None => parsed.protos.push(name.into()),
                },
            }
        }
        if parsed.includes.is_empty() {
            parsed.includes.push(".".into());
        }
        match (&parsed.descriptor_set, parsed.protos.is_empty()) {
            (None, true) => Err(Failure::Usage("no .proto files are given".to_owned())),
            (Some(_), false) => Err(Failure::Usage(
                "either .proto files or --descriptor_set_in is given".to_owned(),
            )),
            _ => Ok(parsed),
        }
    }

    /// Generates the files, and writes them or compares them with existing ones.
    pub fn run(&self) -> Result<(), Failure> {
        let out = self.out.as_deref();
        let out = out.ok_or_else(|| Failure::Usage("--out DIR is needed".to_owned()))?;
        let texts = self.texts()?;
        if self.check {
            check(out, &texts)
        } else {
            write(out, &texts)
        }
    }

    fn texts(&self) -> Result<BTreeMap<String, String>, Failure> {
        let failed = |error: stubwright_codegen::Error| {
            let faults = error.faults();
            let shown = faults
                .iter()
                .map(|fault| excerpt::shown(fault, &self.includes));
            Failure::Faults(shown.collect())
        };
        let mut config = Config::from_parameters(&self.parameters.join(","))
            .map_err(failed)?
            .include_file("mod.rs");
        if let Some(protoc) = &self.protoc {
            config = config.protoc(protoc);
        }
        if let Some(path) = &self.descriptor_set {
            let set = fs::read(path).map_err(|error| Failure::file(path, &error))?;
            return config.generate(&set).map_err(failed);
        }
        if let Some(tell) = progress::wanted(self.protos.len()) {
            config = config.progress(tell);
        }
        let texts = config.generate_protos(&self.protos, &self.includes);
        progress::done();
        texts.map_err(failed)
    }
}

/// Reads a list of files, one on each line. It is for more files than a command line can hold.
fn listed(list: &Path) -> Result<Vec<PathBuf>, Failure> {
    let text = fs::read_to_string(list).map_err(|error| Failure::file(list, &error))?;
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    Ok(lines.map(PathBuf::from).collect())
}

fn write(out: &Path, texts: &BTreeMap<String, String>) -> Result<(), Failure> {
    fs::create_dir_all(out).map_err(|error| Failure::file(out, &error))?;
    for (name, text) in texts {
        write_if_changed(&out.join(name), text)?;
    }
    Ok(())
}

/// Writes a file, unless its content stays the same. An unchanged file keeps its modification time, so that cargo does
/// not build it again.
pub fn write_if_changed(path: &Path, text: &str) -> Result<(), Failure> {
    if fs::read(path).is_ok_and(|present| present == text.as_bytes()) {
        return Ok(());
    }
    fs::write(path, text).map_err(|error| Failure::file(path, &error))
}

/// Fails if generating would change anything: if files differ, are missing, or are left over from an earlier run.
fn check(out: &Path, texts: &BTreeMap<String, String>) -> Result<(), Failure> {
    let mut stale = Vec::new();
    for (name, text) in texts {
        let path = out.join(name);
        match read(&path)? {
            Some(present) if present == *text => {}
            Some(present) => stale.push(diff::between(&path, &present, text)),
            None => stale.push(format!("{}: it does not exist", path.display())),
        }
    }
    for (name, text) in present(out)? {
        if !texts.contains_key(&name) && package_of(&text).is_some() {
            let path = out.join(name);
            stale.push(format!("{}: it is not generated any more", path.display()));
        }
    }
    if stale.is_empty() {
        Ok(())
    } else {
        Err(Failure::Stale(stale))
    }
}

fn read(path: &Path) -> Result<Option<String>, Failure> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Failure::file(path, &error)),
    }
}

/// Reads the Rust files in a directory, by their names.
pub fn present(directory: &Path) -> Result<BTreeMap<String, String>, Failure> {
    let failed = |error: io::Error| Failure::file(directory, &error);
    let mut texts = BTreeMap::new();
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(texts),
        Err(error) => return Err(failed(error)),
    };
    for entry in entries {
        let path = entry.map_err(failed)?.path();
        let name = path.file_name().and_then(|name| name.to_str());
        if let Some(name) = name.filter(|name| name.ends_with(".rs")) {
            if let Some(text) = read(&path)? {
                texts.insert(name.to_owned(), text);
            }
        }
    }
    Ok(texts)
}
