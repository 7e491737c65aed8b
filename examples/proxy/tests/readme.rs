//! Runs the commands of the README, with the programs of the example `route_guide` on both sides of the proxy.

use std::path::{Path, PathBuf};
use std::process::Command;

#[path = "../../../tests/support/readme.rs"]
mod readme;

#[test]
fn the_readme_runs() {
    let proxy = Path::new(env!("CARGO_BIN_EXE_proxy"));
    let server = program("route_guide-server", proxy);
    let client = program("route_guide-client", proxy);
    let binaries = [
        ("proxy", env!("CARGO_BIN_EXE_proxy")),
        ("route_guide-server", server.to_str().unwrap()),
        ("route_guide-client", client.to_str().unwrap()),
    ];
    readme::run(include_str!("../README.md"), &binaries, &[]);
}

/// Returns the path of a program of the example `route_guide`, beside the proxy's.
///
/// A test run of the workspace has built it. A test run of the proxy alone has not, because cargo builds no programs
/// of other packages for a test.
fn program(name: &str, proxy: &Path) -> PathBuf {
    let directory = proxy.parent().unwrap();
    let path = directory.join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    if !path.exists() {
        let mut build = Command::new(env!("CARGO"));
        build.args(["build", "--package", "route_guide", "--bin", name]);
        if directory.ends_with("release") {
            build.arg("--release");
        }
        build.arg("--target-dir").arg(directory.parent().unwrap());
        assert!(build.status().unwrap().success(), "{name} was not built");
    }
    path
}
