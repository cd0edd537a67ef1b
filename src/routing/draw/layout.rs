//! Where the nodes of a picture stand: a column for each step, a row for each way through the tree.
//!
//! What follows a node stands to its right, the first at its own height and the others below, so that
//! the page is read from the top as the tree is. A column is as wide as its widest node.

use super::picture::{Kind, Node, Picture};

/// What a letter takes: those of every monospaced fount are narrower than 0.61 of their height, 12.
pub(super) const LETTER: usize = 8;
pub(super) const LINE: usize = 16;
/// Between the rim of a node and its text.
pub(super) const PAD: usize = 8;
/// Between columns, where the lines run.
pub(super) const ALLEY: usize = 32;
const ROW_GAP: usize = 8;
pub(super) const MARGIN: usize = 16;
/// Above the trees, for the name of the profile.
pub(super) const HEAD: usize = 40;
/// Letters of a line; a longer text takes several.
const LETTERS: usize = 32;

/// A node in its place; lengths are pixels.
pub(super) struct Placed {
    pub(super) kind: Kind,
    pub(super) lines: Vec<String>,
    pub(super) is_lit: bool,
    pub(super) x: usize,
    pub(super) y: usize,
    pub(super) width: usize,
    pub(super) height: usize,
    /// The node before it, by its place in the list.
    pub(super) from: Option<usize>,
    column: usize,
}

/// All nodes in their places, and the size of the page.
pub(super) struct Layout {
    pub(super) nodes: Vec<Placed>,
    pub(super) width: usize,
    pub(super) height: usize,
}

impl Layout {
    pub(super) fn of(picture: &Picture) -> Self {
        let mut layout = Self { nodes: Vec::new(), width: 0, height: HEAD };
        for tree in &picture.trees {
            layout.height = layout.place(tree, None, 0, layout.height) + ROW_GAP;
        }
        layout.columns();
        layout.height += MARGIN;
        layout
    }

    /// Places a node at a height, and what follows it; where the room that they take ends.
    fn place(&mut self, node: &Node, from: Option<usize>, column: usize, y: usize) -> usize {
        let lines = broken(&node.text);
        let letters = lines.iter().map(|line| width(line)).max().unwrap_or(0);
        let height = lines.len() * LINE + PAD;
        let at = self.nodes.len();
        self.nodes.push(Placed {
            kind: node.kind,
            is_lit: node.is_lit,
            x: 0,
            y,
            width: letters * LETTER + 2 * PAD,
            height,
            lines,
            from,
            column,
        });
        let mut end = y;
        for next in &node.next {
            end = self.place(next, Some(at), column + 1, end);
        }
        end.max(y + height + ROW_GAP)
    }

    /// Gives every column its place.
    fn columns(&mut self) {
        let mut widths: Vec<usize> = Vec::new();
        for node in &self.nodes {
            if widths.len() <= node.column {
                widths.resize(node.column + 1, 0);
            }
            if let Some(width) = widths.get_mut(node.column) {
                *width = node.width.max(*width);
            }
        }
        let mut starts = vec![MARGIN];
        let mut end = MARGIN;
        for width in widths {
            end += width + ALLEY;
            starts.push(end);
        }
        for node in &mut self.nodes {
            node.x = starts.get(node.column).copied().unwrap_or(MARGIN);
        }
        self.width = end - ALLEY + MARGIN;
    }
}

/// A text in lines, broken between words where that can be.
fn broken(text: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let last = lines.last().map_or(0, |line| width(line));
        if last > 0 && last + 1 + width(word) > LETTERS {
            lines.push(String::new());
        } else if last > 0 {
            push(&mut lines, ' ');
        }
        for letter in word.chars() {
            if lines.last().is_some_and(|line| width(line) >= LETTERS) {
                lines.push(String::new());
            }
            push(&mut lines, letter);
        }
    }
    lines
}

fn push(lines: &mut [String], letter: char) {
    if let Some(line) = lines.last_mut() {
        line.push(letter);
    }
}

/// How many letters wide a text is; those of East Asia, and pictures, count twice.
fn width(text: &str) -> usize {
    text.chars().map(|c| if c < '\u{1100}' { 1 } else { 2 }).sum()
}
