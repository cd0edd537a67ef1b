//! A picture as a graph in the language of Graphviz.

use std::fmt::Write as _;

use super::picture::{Kind, Node, Picture};

const HEAD: &str = "  rankdir=LR;\n  ordering=out;\n  node [fontname=\"monospace\", fontsize=11];\n";

pub(super) fn put(picture: &Picture) -> String {
    let zone = picture.zone.as_ref().map(|zone| format!(", {zone}")).unwrap_or_default();
    let mut graph = Graph { text: String::new(), count: 0 };
    let name = quoted(&picture.name);
    let label = quoted(&format!("{}{zone}", picture.name));
    // Writing to a String does not fail.
    let _ = write!(graph.text, "digraph {name} {{\n  label={label};\n{HEAD}");
    for tree in &picture.trees {
        graph.node(tree);
    }
    graph.text.push_str("}\n");
    graph.text
}

struct Graph {
    text: String,
    count: usize,
}

impl Graph {
    /// Puts down a node and what follows it; its number.
    fn node(&mut self, node: &Node) -> usize {
        let number = self.count;
        self.count += 1;
        let look = match node.kind {
            Kind::Tree => "shape=oval, style=filled, fillcolor=\"#e5e7eb\"",
            Kind::Condition => "shape=box, style=\"rounded,filled\", fillcolor=\"#eff6ff\"",
            Kind::Action => "shape=box, style=filled, fillcolor=\"#fef3c7\"",
            Kind::Outcome => "shape=plaintext",
        };
        let lit = if node.is_lit { ", color=\"#b91c1c\", penwidth=3" } else { "" };
        let _ = writeln!(self.text, "  n{number} [label={}, {look}{lit}];", quoted(&node.text));
        for next in &node.next {
            let lit = if node.is_lit && next.is_lit { " [color=\"#b91c1c\", penwidth=3]" } else { "" };
            let to = self.node(next);
            let _ = writeln!(self.text, "  n{number} -> n{to}{lit};");
        }
        number
    }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}
