//! The protoc plugin of stubwright: a request on stdin, a response on stdout.
//!
//! `protoc --rs_out=DIR` and `python -m grpc_tools.protoc --rs_out=DIR` find it on the `PATH` by its name.

use std::io::{self, Read, Write};
use std::process::ExitCode;

use stubwright_codegen::plugin;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args_os()
        .skip(1)
        .map(|argument| argument.to_string_lossy().into_owned())
        .collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments.as_slice() {
        [] => answer(),
        ["--version" | "-V"] => print(&format!("protoc-gen-rs {}\n", env!("CARGO_PKG_VERSION"))),
        ["--help" | "-h"] => print(&help()),
        _ => {
            eprint!(
                "protoc-gen-rs: unknown arguments: {}\n\n{}",
                arguments.join(" "),
                help()
            );
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("protoc-gen-rs: {error}");
            ExitCode::FAILURE
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

fn print(text: &str) -> io::Result<()> {
    io::stdout().lock().write_all(text.as_bytes())
}

fn help() -> String {
    format!(
        "Generates Rust for gRPC services, for the stubwright runtime. protoc runs it:\n\
         \n\
         \x20   protoc --rs_out=DIR [--rs_opt=PARAMETER,...] FILE.proto...\n\
         \n\
         DIR gets one file per package and mod.rs, which ties them together.\n\
         \n\
         Parameters are key=value; a list is the same key again, a comma in a value is escaped with a backslash:\n\
         \n\
         \x20   {}\n\
         \n\
         Options: --help, --version\n",
        plugin::parameters().replace(", ", "\n    ")
    )
}
