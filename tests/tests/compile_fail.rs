//! Servicers with wrong method signatures must not compile. `compile_fail/passes.rs` has the four right ones, and is
//! compiled with this program.
//!
//! The compiler's messages change between versions. The `.stderr` files are compared only if
//! `STUBWRIGHT_EXACT_ERRORS` is `1`, which is meant for one version. For other versions, a case only has to fail.

use std::path::Path;
use std::process::Command;
use std::{env, fs};

use stubwright::Server;
use stubwright_tests::all_required::required::add_required_servicer_to_server;

#[path = "compile_fail/passes.rs"]
mod passes;

const CASES: &str = "tests/compile_fail";
/// Environment variable with the directory of the cases, for the child process.
const COPIES: &str = "STUBWRIGHT_COMPILE_FAIL_COPIES";

#[test]
fn the_right_shapes_compile() {
    add_required_servicer_to_server(passes::Servicer(2.0), &mut Server::new());
}

#[test]
fn other_shapes_do_not_compile() {
    if let Some(copies) = env::var_os(COPIES) {
        compile(Path::new(&copies));
    } else if env::var_os("STUBWRIGHT_EXACT_ERRORS").is_some_and(|value| value == "1") {
        compile(Path::new(CASES));
    } else {
        compile_with_any_message();
    }
}

fn compile(cases: &Path) {
    let tests = trybuild::TestCases::new();
    for case in fs::read_dir(cases).unwrap() {
        let case = case.unwrap().path();
        let is_code = case.extension().is_some_and(|extension| extension == "rs");
        if is_code && !case.ends_with("passes.rs") {
            tests.compile_fail(case);
        }
    }
}

/// Accepts any message: runs copies of the cases and overwrites their `.stderr` files.
///
/// trybuild reads this option only from the environment, so it runs in a process of its own.
fn compile_with_any_message() {
    let copies = Path::new(env!("CARGO_TARGET_TMPDIR")).join("compile_fail");
    fs::create_dir_all(&copies).unwrap();
    for old in fs::read_dir(&copies).unwrap() {
        fs::remove_file(old.unwrap().path()).unwrap();
    }
    for case in fs::read_dir(CASES).unwrap() {
        let case = case.unwrap();
        fs::copy(case.path(), copies.join(case.file_name())).unwrap();
    }
    let status = Command::new(env::current_exe().unwrap())
        .args(["--exact", "other_shapes_do_not_compile", "--nocapture"])
        .env(COPIES, &copies)
        .env("TRYBUILD", "overwrite")
        .status()
        .unwrap();
    assert!(status.success(), "see above");
}
