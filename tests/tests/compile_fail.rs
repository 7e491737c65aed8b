//! What must not compile: the four shapes of methods, pinned. The servicer in `compile_fail/passes.rs` has them right, and is a
//! part of this program.
//!
//! What the compiler says is its own and changes with it, so the texts in the `.stderr` files are compared only when
//! `STUBWRIGHT_EXACT_ERRORS` is `1`, which is for one compiler. For all others it is enough that a case does not compile.

use std::path::Path;
use std::process::Command;
use std::{env, fs};

use stubwright::Server;
use stubwright_tests::all_required::required::add_required_servicer_to_server;

#[path = "compile_fail/passes.rs"]
mod passes;

const CASES: &str = "tests/compile_fail";
/// Where the child process finds its cases.
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
        compile_whatever_is_said();
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

/// Where any text will do, copies of the cases have theirs written anew. trybuild takes that order from the environment only,
/// so a process of its own gets it.
fn compile_whatever_is_said() {
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
