//! A picture for a browser: boxes and the lines between them, on one page.

use std::fmt::Write as _;

use super::layout::{ALLEY, HEAD, LINE, Layout, MARGIN, PAD, Placed};
use super::picture::{Kind, Picture};

const LIT: &str = "#b91c1c";
const DIM: &str = "#9ca3af";

pub(super) fn put(picture: &Picture) -> String {
    let layout = Layout::of(picture);
    let zone = picture.zone.as_ref().map(|zone| format!(", zone {zone}")).unwrap_or_default();
    let title = escaped(&format!("profile \"{}\"{zone}", picture.name));
    let hint = "from the top: the first condition that holds decides";
    let letters = (title.chars().count() + hint.len()) * 8;
    let (width, height) = (layout.width.max(letters + 2 * MARGIN), layout.height);
    let mut page = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {width} {height}\" font-family=\"DejaVu Sans Mono, monospace\" font-size=\"12\">\n\
         <title>{title}</title>\n<rect width=\"{width}\" height=\"{height}\" fill=\"#ffffff\"/>\n\
         <text x=\"{MARGIN}\" y=\"{}\"><tspan font-weight=\"bold\">{title}</tspan> <tspan fill=\"#6b7280\">{hint}</tspan></text>\n",
        HEAD - LINE
    );
    // Lit lines are drawn last, so that none lies on them.
    let edges = |lit| layout.nodes.iter().filter(move |node| node.is_lit == lit);
    for node in edges(false).chain(edges(true)) {
        edge(&mut page, &layout, node);
    }
    for node in &layout.nodes {
        put_node(&mut page, node);
    }
    page.push_str("</svg>\n");
    page
}

/// The line from the node before: out, down the alley, and in.
fn edge(page: &mut String, layout: &Layout, node: &Placed) {
    let Some(from) = node.from.and_then(|from| layout.nodes.get(from)) else { return };
    let (x, y) = (from.x + from.width, from.y + LINE / 2 + PAD / 2);
    let (turn, to_x, to_y) = (node.x - ALLEY / 2, node.x, node.y + LINE / 2 + PAD / 2);
    let (stroke, width) = if node.is_lit { (LIT, 3) } else { (DIM, 1) };
    // Writing to a String does not fail.
    let _ = writeln!(
        page,
        "<path d=\"M{x} {y}H{turn}V{to_y}H{to_x}\" fill=\"none\" stroke=\"{stroke}\" stroke-width=\"{width}\"/>"
    );
}

fn put_node(page: &mut String, node: &Placed) {
    let Placed { x, y, width, height, .. } = node;
    let (fill, round) = match node.kind {
        Kind::Tree => ("#e5e7eb", 12),
        Kind::Condition => ("#eff6ff", 8),
        Kind::Action => ("#fef3c7", 0),
        Kind::Outcome => ("#ffffff", 8),
    };
    let (stroke, thick) = if node.is_lit { (LIT, 3) } else { (DIM, 1) };
    let _ = writeln!(
        page,
        "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" rx=\"{round}\" fill=\"{fill}\" \
         stroke=\"{stroke}\" stroke-width=\"{thick}\"/>"
    );
    for (at, line) in node.lines.iter().enumerate() {
        let (text_x, text_y) = (x + PAD, y + PAD / 2 + at * LINE + 12);
        let _ = writeln!(page, "<text x=\"{text_x}\" y=\"{text_y}\">{}</text>", escaped(line));
    }
}

/// A text that XML takes for text; what it can hold in no way is left to a replacement.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\u{fffe}' | '\u{ffff}' => safe.push('\u{fffd}'),
            c if c.is_control() => safe.push('\u{fffd}'),
            c => safe.push(c),
        }
    }
    safe
}
