//! What is generated for TypeScript says something of every question and every view.
#![allow(clippy::unwrap_used)]

use comity_client_web::boundary::typescript;

/// The names in the union that `export type NAME = … ;` is, and the keys of `interface TABLE`.
fn names(text: &str, of: &str, table: &str) -> (Vec<String>, Vec<String>) {
    let start = text.find(&format!("export type {of} =")).unwrap();
    // To the empty line after it, without what is said of its parts.
    let union: String = text[start..]
        .split("\n\n")
        .next()
        .unwrap()
        .lines()
        .filter(|line| !line.starts_with("/**") && !line.starts_with(" *"))
        .collect();
    // Names of the union's members are the texts in quotes at its outermost level.
    let (mut depth, mut members, mut rest) = (0_i32, Vec::new(), union.as_str());
    while let Some(at) = rest.find(['"', '{', '}']) {
        match &rest[at..=at] {
            "{" => depth += 1,
            "}" => depth -= 1,
            _ => {
                let name = &rest[at + 1..];
                let end = name.find('"').unwrap();
                if depth <= 1 {
                    members.push(name[..end].to_owned());
                }
                rest = &name[end + 1..];
                continue;
            }
        }
        rest = &rest[at + 1..];
    }
    let start = text.find(&format!("interface {table} {{")).unwrap();
    let keys = text[start..]
        .lines()
        .skip(1)
        .take_while(|line| *line != "}")
        .map(|line| line.trim().split(':').next().unwrap().to_owned())
        .collect();
    (members, keys)
}

#[test]
fn the_types_that_the_screens_are_checked_against_are_fresh() {
    let kept = include_str!("../../../web/src/core/types.ts");
    let fresh = typescript::file();
    let stale = kept
        .lines()
        .zip(fresh.lines())
        .find(|(kept, fresh)| kept != fresh);
    assert_eq!(stale, None, "run `cargo xtask codegen`");
    assert_eq!(kept, fresh, "run `cargo xtask codegen`");
}

#[test]
fn every_question_has_a_type_of_its_answer_and_every_view_one_of_what_it_shows() {
    let text = typescript::file();
    for (of, table) in [("Ask", "Answers"), ("View", "Views")] {
        let (mut members, mut keys) = names(&text, of, table);
        members.sort();
        keys.sort();
        assert!(members.len() > 5, "{members:?}");
        assert_eq!(members, keys, "{of}");
    }
}
