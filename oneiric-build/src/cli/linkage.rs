//! Proof that a program is static: nothing has to be found or loaded for it to start.

use std::fmt;

use object::Endianness;
use object::elf::{DT_NEEDED, FileHeader32, FileHeader64};
use object::read::elf::{Dyn as _, ElfFile, FileHeader, ProgramHeader as _};

/// What an ELF file asks the system for before it can run.
#[derive(Debug, Default, Eq, PartialEq)]
pub(crate) struct Needs {
    /// The dynamic linker.
    pub(crate) interpreter: Option<String>,
    /// Shared libraries.
    pub(crate) libraries: Vec<String>,
}

impl Needs {
    /// Whether it asks for nothing.
    pub(crate) fn is_nothing(&self) -> bool {
        self.interpreter.is_none() && self.libraries.is_empty()
    }
}

/// What `file` needs, or `None` if it is no ELF file.
pub(crate) fn needs(file: &[u8]) -> anyhow::Result<Option<Needs>> {
    match object::FileKind::parse(file) {
        Ok(object::FileKind::Elf32) => of::<FileHeader32<Endianness>>(file).map(Some),
        Ok(object::FileKind::Elf64) => of::<FileHeader64<Endianness>>(file).map(Some),
        _ => Ok(None),
    }
}

impl fmt::Display for Needs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.interpreter.iter().chain(&self.libraries).map(String::as_str).collect();
        f.write_str(&names.join(", "))
    }
}

fn of<Elf: FileHeader<Endian = Endianness>>(bytes: &[u8]) -> anyhow::Result<Needs> {
    let file = ElfFile::<Elf>::parse(bytes)?;
    let endian = file.endian();
    let mut needs = Needs::default();
    for segment in file.elf_program_headers() {
        if let Some(path) = segment.interpreter(endian, bytes)? {
            needs.interpreter = Some(String::from_utf8_lossy(path).into_owned());
        }
        // What is loaded is what the segment says; the section only has the names.
        let entries = segment.dynamic(endian, bytes)?.unwrap_or_default();
        let needed = entries.iter().filter(|entry| entry.d_tag(endian) == DT_NEEDED).count();
        if needed > 0 {
            let table = file.elf_dynamic_table()?;
            let names = table
                .iter()
                .filter(|entry| entry.tag == DT_NEEDED)
                .filter_map(|entry| table.string(entry).ok());
            needs.libraries = names.map(|name| String::from_utf8_lossy(name).into_owned()).collect();
            needs.libraries.resize(needed, "a library without a name".to_owned());
        }
    }
    Ok(needs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    fn what_a_dynamic_program_needs_is_seen() {
        let this = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        let needs = needs(&this).unwrap().unwrap();
        assert!(needs.interpreter.as_ref().is_some_and(|path| path.contains("ld-linux")), "{needs:?}");
        assert!(needs.libraries.iter().any(|name| name == "libc.so.6"), "{needs:?}");
        assert!(!needs.is_nothing());
    }

    #[test]
    fn other_files_say_nothing() {
        assert_eq!(needs(b"#!/bin/sh\n").unwrap(), None);
    }
}
