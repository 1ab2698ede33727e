//! Every test that the guide's page `tested_clients` names exists, so it runs in CI.

use std::{fs, path::Path};

#[test]
fn every_test_that_the_table_of_clients_names_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(root.join("src/guide/tested_clients.md")).unwrap();
    let (_, table) = page.split_once("# Clients in Rust").unwrap();
    let mut named = 0;
    for row in table.lines().filter(|line| line.starts_with("| ")).skip(1) {
        let quoted = row.split('`').skip(1).step_by(2);
        let mut tests = quoted.filter(|quoted| quoted.contains(".rs::")).peekable();
        assert!(tests.peek().is_some(), "no test in: {row}");
        for test in tests {
            let (file, name) = test.split_once("::").expect(test);
            let path = root.join("tests/integration").join(file);
            let source = fs::read_to_string(&path).expect(file);
            let is_test = |attribute: &str| {
                source.contains(&format!("#[{attribute}]\nasync fn {name}("))
                    || source.contains(&format!("#[{attribute}]\nfn {name}("))
            };
            let attributes = ["test", "tokio::test", "tokio::test(start_paused = true)"];
            assert!(attributes.into_iter().any(is_test), "{file} has no {name}");
            named += 1;
        }
    }
    assert!(named >= 20, "only {named} tests are named");
}
