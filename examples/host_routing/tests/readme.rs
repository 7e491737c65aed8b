//! What the README shows, with a real nginx. It is skipped, and says so, where there is none.

#[path = "../../../tests/support/readme.rs"]
mod readme;

use std::process::Command;

#[test]
fn the_readme_runs() {
    let runs = |program| Command::new(program).arg("-v").output();
    if let (Err(error), Err(_)) = (runs("nginx"), runs("/usr/sbin/nginx")) {
        eprintln!("skipped: nginx cannot be run ({error}); Debian has it as nginx-light");
        return;
    }
    let binaries = [("host_routing", env!("CARGO_BIN_EXE_host_routing"))];
    readme::run(include_str!("../README.md"), &binaries, &[]);
}
