//! The program of a manifest that a build script has compiled. It has the command line of one that `oneiric build` makes.

use std::process::ExitCode;

include!(concat!(env!("OUT_DIR"), "/service.rs"));

fn main() -> ExitCode {
    app().main()
}
