//! What a store on disk must do beyond what every store must.

use tempfile::TempDir;

use super::Sqlite;
use crate::checkpoint::conformance;

conformance::suite!(|| {
    let dir = directory();
    (open(&dir), dir)
});

fn directory() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn open(dir: &TempDir) -> Sqlite {
    Sqlite::open(dir.path()).unwrap()
}
