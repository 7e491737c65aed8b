//! `generate-stubwright OUT ROOT LIST`: generates code for the files below ROOT that are listed in LIST, one per
//! line.

use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [out, root, list] = arguments.as_slice() else {
        return Err("usage: generate-stubwright OUT ROOT LIST".into());
    };
    let list = std::fs::read_to_string(list)?;
    let protos: Vec<&str> = list.lines().collect();
    stubwright_codegen::Config::new()
        .out_dir(out)
        .compile_protos(&protos, &[root])?;
    Ok(())
}
