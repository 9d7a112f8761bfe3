//! The floor under `oneiric check`: reads a manifest with the YAML parser and keeps nothing.

use saphyr_parser::Parser;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args_os().nth(1).ok_or("usage: bare-parser MANIFEST")?;
    let text = std::fs::read_to_string(path)?;
    for event in Parser::new_from_str(&text) {
        std::hint::black_box(event?);
    }
    Ok(())
}
