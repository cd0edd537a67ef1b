//! A table for people, no wider than what it is read on.
//!
//! A column that is short keeps its cells whole; the long ones share what is left, and a cell that is
//! longer than its share loses its middle. Programs read `--json`, which has all of it.

use std::iter;

use comfy_table::{ContentArrangement, Table, presets};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::base::text::is_unseen;

/// What a terminal of old has, and what a pipe is thought to have.
pub(super) const USUAL: usize = 80;
/// Cells up to that are not cut for others: a moment, the name of a call.
const KEPT: usize = 11;
/// No column is narrower.
const LEAST: usize = 4;
/// What stands between two columns.
const BETWEEN: usize = 2;

/// Draws it within so many columns of a terminal.
pub(super) fn draw(headings: &[&str], rows: Vec<Vec<String>>, width: usize) -> String {
    let seen = |cell: String| cell.chars().map(|c| if is_unseen(c) { '\u{fffd}' } else { c }).collect();
    let rows: Vec<Vec<String>> = rows.into_iter().map(|row| row.into_iter().map(seen).collect()).collect();
    let mut widths: Vec<usize> = headings.iter().map(|heading| heading.width()).collect();
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.width());
        }
    }
    fit(&mut widths, (width + 1).saturating_sub(BETWEEN * headings.len()));
    let cut = |cells: Vec<String>| -> Vec<String> {
        cells.into_iter().zip(&widths).map(|(cell, width)| shortened(cell, *width)).collect()
    };
    let mut table = Table::new();
    table.load_preset(presets::UTF8_HORIZONTAL_ONLY).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(cut(headings.iter().map(|heading| (*heading).to_owned()).collect()));
    table.add_rows(rows.into_iter().map(cut));
    for column in table.column_iter_mut() {
        // The other space is where a line would stand.
        column.set_padding((0, 1));
    }
    table.to_string()
}

/// Makes the widest columns narrower, until all of them have room.
fn fit(widths: &mut [usize], room: usize) {
    for least in [KEPT, LEAST] {
        let mut most = widths.iter().copied().max().unwrap_or(0).min(room.max(least));
        let taken = |most: usize| widths.iter().map(|width| (*width).min(most)).sum::<usize>();
        while most > least && taken(most) > room {
            most -= 1;
        }
        for width in widths.iter_mut() {
            *width = (*width).min(most);
        }
    }
}

/// The text within so many columns: its beginning and its end, if it is longer.
fn shortened(text: String, width: usize) -> String {
    if text.width() <= width {
        return text;
    }
    let end = (width - 1) / 2;
    let last = taken(text.chars().rev(), end);
    let first = taken(text.chars(), width - 1 - end);
    first.into_iter().chain(iter::once('…')).chain(last.into_iter().rev()).collect()
}

/// As many of these as have room in so many columns.
fn taken(letters: impl Iterator<Item = char>, width: usize) -> Vec<char> {
    let mut left = width;
    letters
        .take_while(|letter| {
            let rest = left.checked_sub(letter.width().unwrap_or(0));
            left = rest.unwrap_or(0);
            rest.is_some()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_cells_lose_their_middle_and_short_ones_nothing() {
        assert_eq!(shortened("anne@north.test".into(), 15), "anne@north.test");
        assert_eq!(shortened("anne@north.test".into(), 9), "anne…test");
        assert_eq!(shortened("anne@north.test".into(), 4), "an…t");
        assert_eq!(shortened("日本語日本語".into(), 7), "日…語", "no letter is cut in two");
        assert!(shortened("日本語日本語".into(), 7).width() <= 7);
    }

    #[test]
    fn columns_share_what_there_is() {
        let fitted = |widths: &[usize], room| {
            let mut widths = widths.to_vec();
            fit(&mut widths, room);
            widths
        };
        assert_eq!(fitted(&[5, 11, 30], 60), [5, 11, 30], "nothing is cut where there is room");
        assert_eq!(fitted(&[5, 11, 30], 40), [5, 11, 24]);
        assert_eq!(fitted(&[5, 40, 30], 45), [5, 20, 20]);
        assert_eq!(fitted(&[11, 11, 500, 500], 60), [11, 11, 19, 19]);
        assert_eq!(fitted(&[11; 10], 60), [6; 10], "more than there is room for");
    }

    #[test]
    fn every_line_has_room() {
        for columns in 1..=9 {
            let headings = vec!["a heading"; columns];
            let rows = vec![vec!["word ".repeat(50); columns], vec!["日本".repeat(40); columns]];
            for width in [80, 132] {
                let drawn = draw(&headings, rows.clone(), width);
                assert!(drawn.lines().all(|line| line.width() <= width), "{columns} in {width}:\n{drawn}");
            }
        }
    }
}
