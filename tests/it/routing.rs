//! The tree language from outside: decisions, diagnostics, the canonical form.

use ratatosk::routing::format;

#[test]
fn first() {
    for file in ["default", "examples/screening", "examples/together", "examples/office-phone"] {
        let source = std::fs::read_to_string(format!("routing-trees/{file}.tree")).unwrap();
        match ratatosk::routing::Profile::compile(&source) {
            Ok(_) => {}
            Err(f) => panic!("{}", f.in_file(file).render(false)),
        }
        println!("{}", format(&source).unwrap());
    }
}
