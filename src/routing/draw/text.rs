//! A picture as lines of text: a rule a line, what follows it below. A star marks the lit ones.

use super::picture::{Kind, Node, Picture};

pub(super) fn put(picture: &Picture) -> String {
    let zone = picture.zone.as_ref().map(|zone| format!(", zone {zone}")).unwrap_or_default();
    let mut page = Page { lines: vec![format!("profile \"{}\"{zone}", picture.name)], marks: false };
    page.marks = picture.trees.iter().any(|tree| tree.is_lit);
    for tree in &picture.trees {
        page.lines.push(String::new());
        page.line(tree.is_lit, "", &tree.text);
        page.below(&tree.next, "");
    }
    page.lines.push(String::new());
    page.lines.join("\n")
}

struct Page {
    lines: Vec<String>,
    /// Whether there is anything lit.
    marks: bool,
}

impl Page {
    fn below(&mut self, nodes: &[Node], indent: &str) {
        for (at, node) in nodes.iter().enumerate() {
            let is_last = at + 1 == nodes.len();
            let (branch, further) = if is_last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
            // An action stands behind the condition or the outcome that leads to it.
            let (text, next) = match node.next.as_slice() {
                [only] if only.kind == Kind::Action => {
                    (format!("{} ─▶ {}", node.text, only.text), &only.next)
                }
                _ => (node.text.clone(), &node.next),
            };
            self.line(node.is_lit, &format!("{indent}{branch}"), &text);
            self.below(next, &format!("{indent}{further}"));
        }
    }

    fn line(&mut self, is_lit: bool, indent: &str, text: &str) {
        let mark = match (self.marks, is_lit) {
            (false, _) => "",
            (true, false) => "  ",
            (true, true) => "* ",
        };
        self.lines.push(format!("{mark}{indent}{text}"));
    }
}
