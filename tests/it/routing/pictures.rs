//! Pictures of trees, looked at as a person would: nothing lies on anything else, and every text fits.

use std::path::Path;

use ratatosk::routing::{Profile, Style, draw};

/// The width of a letter of the widest monospaced founts at a height of 12.
const LETTER: f64 = 7.32;

/// A box of the picture, and its lines of text: where they begin, and what they say.
struct Node {
    x: f64,
    y: f64,
    width: f64,
    height: f64,
    texts: Vec<(f64, f64, String)>,
}

/// The number that an attribute of an element has.
fn number(element: &str, attribute: &str) -> Option<f64> {
    let after = element.split(&format!(" {attribute}=\"")).nth(1)?;
    after.split('"').next()?.parse().ok()
}

fn nodes(svg: &str) -> Vec<Node> {
    let mut nodes: Vec<Node> = Vec::new();
    for element in
        svg.split('<').filter(|element| element.starts_with("rect ") || element.starts_with("text "))
    {
        let at = |attribute| number(element, attribute);
        if let (true, Some(x), Some(y)) = (element.starts_with("rect "), at("x"), at("y")) {
            let (width, height) = (at("width").unwrap(), at("height").unwrap());
            nodes.push(Node { x, y, width, height, texts: Vec::new() });
        } else if let Some(node) = nodes.last_mut() {
            let text = element.split('>').nth(1).unwrap();
            let text =
                text.replace("&quot;", "\"").replace("&gt;", ">").replace("&lt;", "<").replace("&amp;", "&");
            node.texts.push((at("x").unwrap(), at("y").unwrap(), text));
        }
    }
    nodes
}

/// Letters, those of East Asia twice.
fn letters(text: &str) -> f64 {
    text.chars().map(|c| if c < '\u{1100}' { 1.0 } else { 2.0 }).sum()
}

fn stands_well(source: &str) {
    let svg = draw(&Profile::compile(source).unwrap(), None, Style::Svg);
    let (width, height) = (number(&svg, "width").unwrap(), number(&svg, "height").unwrap());
    assert!(width < 1_900.0, "{width} is no page's width");
    let nodes = nodes(&svg);
    assert!(nodes.len() > 2, "{svg}");
    for (at, node) in nodes.iter().enumerate() {
        let (right, bottom) = (node.x + node.width, node.y + node.height);
        assert!(right < width && bottom < height && !node.texts.is_empty());
        for (x, y, text) in &node.texts {
            assert!(*x > node.x && x + letters(text) * LETTER < right, "{text} juts out");
            assert!(y - 10.0 > node.y && y + 3.0 < bottom, "{text} stands too high or too low");
        }
        assert!(node.texts.windows(2).all(|pair| pair[1].1 - pair[0].1 > 12.0), "lines lie on lines");
        for other in &nodes[at + 1..] {
            let beside = right <= other.x || other.x + other.width <= node.x;
            let below = bottom <= other.y || other.y + other.height <= node.y;
            assert!(beside || below, "{:?} lies on {:?}", node.texts, other.texts);
        }
    }
}

#[test]
fn no_box_lies_on_another_and_every_text_fits() {
    for directory in ["routing-trees", "routing-trees/examples"] {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join(directory);
        for file in std::fs::read_dir(directory).unwrap().map(|file| file.unwrap().path()) {
            if file.extension().is_some_and(|extension| extension == "tree") {
                stands_well(&std::fs::read_to_string(file).unwrap());
            }
        }
    }
    let long = "x".repeat(60);
    stands_well(&format!(
        "profile \"長 <&>\" {{\nincoming {{\n\
         caller in \"長い名前のグループです長い名前のグループです\" -> refuse \"{long} <{long}>\"\n\
         caller {long}@south.test or @b.test or number \"+1900*\" -> clients for 20s else try voicemail else busy\n\
         otherwise -> busy\n}}\noutgoing {{\notherwise -> send\n}}\n}}"
    ));
}
