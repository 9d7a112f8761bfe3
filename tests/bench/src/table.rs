//! The rows as a table for people.

use std::fmt::Write as _;

use crate::row::Row;

/// The table, its columns aligned.
pub(crate) fn of(rows: &[Row]) -> String {
    let head = ["what", "measured", "floor", "× floor", "target", ""].map(str::to_owned);
    let lines: Vec<[String; 6]> = std::iter::once(head).chain(rows.iter().map(cells)).collect();
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..6).map(width).collect();
    let mut text = String::new();
    for line in &lines {
        let mut padded = String::new();
        for (cell, width) in line.iter().zip(&widths) {
            let _ = write!(padded, "{cell:width$}  ");
        }
        let _ = writeln!(text, "{}", padded.trim_end());
    }
    text
}

fn cells(row: &Row) -> [String; 6] {
    let sample = |sample: &crate::sample::Sample| {
        let [median, min, max] =
            [sample.median(), sample.min(), sample.max()].map(|figure| row.unit.text(figure));
        if min == max { median } else { format!("{median} ({min} to {max})") }
    };
    let targets: Vec<_> = row.targets.iter().map(|target| target.text(row.unit)).collect();
    let verdict = match (row.targets.is_empty(), row.is_met()) {
        (true, _) => "",
        (false, true) => "ok",
        (false, false) => "missed",
    };
    [
        row.name.to_owned(),
        sample(&row.ours),
        row.floor.as_ref().map(|(name, floor)| format!("{name}: {}", sample(floor))).unwrap_or_default(),
        row.ratio().map(|ratio| format!("{ratio:.2}")).unwrap_or_default(),
        targets.join(", "),
        verdict.to_owned(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::row::{Target, Unit};
    use crate::sample::Sample;

    #[test]
    fn columns_are_aligned_and_verdicts_given() {
        let row =
            |name, figure| Row::new(name, Unit::Seconds, Sample::new(vec![figure])).target(Target::Most(1.0));
        let text = of(&[row("quick", 0.5), row("a slow one", 2.0)]);
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines[1], "quick       0.50 s                    ≤ 1.00 s  ok");
        assert_eq!(lines[2], "a slow one  2.00 s                    ≤ 1.00 s  missed");
    }
}
