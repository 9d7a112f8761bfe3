//! How large a program is.

use std::path::Path;

use super::Group;
use crate::programs::Programs;
use crate::row::{Row, Target, Unit};
use crate::sample::Sample;

pub(super) const GROUP: Group = Group { name: "size", about: "the size of a program", rounds: 1, measure };

fn measure(programs: &Programs, _rounds: usize) -> anyhow::Result<Vec<Row>> {
    #[expect(clippy::cast_precision_loss, reason = "a program has fewer than 2^52 bytes")]
    let size = |program: &Path| -> anyhow::Result<Sample> {
        Ok(Sample::new(vec![std::fs::metadata(program)?.len() as f64]))
    };
    Ok(vec![
        Row::new("size of a program", Unit::Bytes, size(&programs.three)?)
            .beside("bare hyper", size(&programs.server)?)
            .target(Target::Most(3e6)),
    ])
}
