//! The protoc plugin of stubwright, which is also a standalone compiler.
//!
//! Without arguments, it reads a request from stdin and writes a response to stdout. `protoc --rs_out=DIR` and `python
//! -m grpc_tools.protoc --rs_out=DIR` find it on the `PATH` by its name.

mod diff;
mod excerpt;
mod generate;
mod modules;
mod progress;

use std::fmt;
use std::io::{self, Read, Write};
use std::path::Path;
use std::process::ExitCode;

use stubwright_codegen::plugin;

use generate::Generate;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args_os()
        .skip(1)
        .map(|argument| argument.to_string_lossy().into_owned())
        .collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments.as_slice() {
        [] => answer().map_err(Failure::Stream),
        ["--version" | "-V"] => print(&format!("protoc-gen-rs {}\n", env!("CARGO_PKG_VERSION"))),
        ["--help" | "-h"] => print(&help()),
        ["generate", arguments @ ..] => {
            Generate::parse(arguments).and_then(|generate| generate.run())
        }
        ["modules", directory] => modules::write(Path::new(directory)),
        _ => Err(Failure::Usage(format!(
            "unknown arguments: {}",
            arguments.join(" ")
        ))),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{failure}");
            match failure {
                Failure::Usage(_) => ExitCode::from(2),
                _ => ExitCode::FAILURE,
            }
        }
    }
}

/// The reason why a command failed.
pub enum Failure {
    /// The arguments are invalid. The exit status is 2, and 1 for all other failures.
    Usage(String),
    /// The protos or the parameters have these faults.
    Faults(Vec<String>),
    /// `--check` has found files that are not up to date, each with a description.
    Stale(Vec<String>),
    /// A file cannot be read or written.
    File(String),
    /// stdin or stdout cannot be used.
    Stream(io::Error),
}

impl Failure {
    fn file(path: &Path, error: &io::Error) -> Self {
        Self::File(format!("{}: {error}", path.display()))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(text) => write!(f, "protoc-gen-rs: {text}\n\n{}", help()),
            Self::Faults(faults) => f.write_str(&faults.join("\n")),
            Self::Stale(files) => write!(
                f,
                "{}\nprotoc-gen-rs: what is generated has changed; generate again without --check",
                files.join("\n")
            ),
            Self::File(text) => write!(f, "protoc-gen-rs: {text}"),
            Self::Stream(error) => write!(f, "protoc-gen-rs: {error}"),
        }
    }
}

fn answer() -> io::Result<()> {
    let mut request = Vec::new();
    io::stdin().lock().read_to_end(&mut request)?;
    let response = plugin::run(&request);
    let mut out = io::stdout().lock();
    out.write_all(&response)?;
    out.flush()
}

fn print(text: &str) -> Result<(), Failure> {
    let written = io::stdout().lock().write_all(text.as_bytes());
    written.map_err(Failure::Stream)
}

fn help() -> String {
    format!(
        "Generates Rust for gRPC services, for the stubwright runtime.\n\
         \n\
         As a plugin, run by protoc or buf:\n\
         \n\
         \x20   protoc --rs_out=DIR [--rs_opt=PARAMETER,...] FILE.proto...\n\
         \n\
         By itself, without protoc:\n\
         \n\
         \x20   protoc-gen-rs generate [-I DIR]... --out DIR [--opt PARAMETER,...] [--check] FILE.proto...\n\
         \n\
         \x20     -I, --proto_path DIR       where imports are looked up; the working directory by default\n\
         \x20     --out DIR                  where the files go\n\
         \x20     --check                    write nothing: show what would change, and fail if anything would\n\
         \x20     --protoc PATH              have this protoc read the files, which editions need\n\
         \x20     --descriptor_set_in FILE   instead of .proto files: what `protoc --include_imports -o FILE` or `buf build` wrote\n\
         \n\
         @FILE in place of a .proto file stands for the files that FILE names, one on each line.\n\
         \n\
         DIR gets one file per package and mod.rs, which ties them together. Where several runs write into one\n\
         DIR, as buf does for each directory of protos, use module_tree=false and then\n\
         \n\
         \x20   protoc-gen-rs modules DIR\n\
         \n\
         Parameters are key=value; a list is the same key again, a comma in a value is escaped with a backslash:\n\
         \n\
         \x20   {}\n\
         \n\
         Options: --help, --version\n",
        plugin::parameters().replace(", ", "\n    ")
    )
}
