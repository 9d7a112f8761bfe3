//! Columns that stand under each other.

/// Rows of text under headings.
pub(super) struct Table<const N: usize> {
    rows: Vec<[String; N]>,
}

impl<const N: usize> Table<N> {
    pub(super) fn new(headings: [&str; N]) -> Self {
        Self { rows: vec![headings.map(str::to_owned)] }
    }

    pub(super) fn row(&mut self, row: [String; N]) {
        self.rows.push(row);
    }

    /// The lines, each after `indent`. The last column is as wide as it likes.
    pub(super) fn text(&self, indent: &str) -> String {
        let width =
            |column: usize| self.rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let widths: [usize; N] = std::array::from_fn(width);
        let mut text = String::new();
        for row in &self.rows {
            let start = text.len();
            text.push_str(indent);
            for (cell, width) in row.iter().zip(widths) {
                let padding = width - cell.chars().count() + 2;
                text.push_str(cell);
                text.extend(std::iter::repeat_n(' ', padding));
            }
            text.truncate(start + text[start..].trim_end().len());
            text.push('\n');
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_lines_have_no_blank_ends() {
        let mut table = Table::new(["NODE", "TIME"]);
        table.row(["payment".to_owned(), "3 ms".to_owned()]);
        table.row(["ä".to_owned(), String::new()]);
        assert_eq!(table.text(" "), " NODE     TIME\n payment  3 ms\n ä\n");
    }
}
