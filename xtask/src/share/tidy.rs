//! What no compiler holds: sizes, headers, words that must not be in the tree, links.
//!
//! Always holds: reads the files that git tracks or would track. Deliberately absent: taste.

use super::{Count, findings, links};
use crate::project::Project;
use anyhow::Result;

const RUST_LINES_MAX: usize = 800;

/// Words that must not stand in Rust, and why. Put together, so that this file passes.
const FORBIDDEN_IN_RUST: &[(&str, &str)] = &[
    (concat!("todo", "!("), "unfinished"),
    (concat!("unimpl", "emented!("), "unfinished"),
    (concat!("//! Place", "holder"), "unfinished"),
    (concat!("#[ig", "nore"), "a test runs or is deleted"),
];

/// Words that must not stand in any text.
const FORBIDDEN: &[(&str, &str)] = &[
    (concat!("/ro", "ot/"), "a path of one machine"),
    (concat!("/wo", "rk/"), "a path of one machine"),
    (concat!("/Use", "rs/"), "a path of one machine"),
    (concat!("it.sk", "ip("), "a test runs or is deleted"),
    (concat!("test.sk", "ip("), "a test runs or is deleted"),
    (concat!("describe.sk", "ip("), "a test runs or is deleted"),
];

/// Reads the whole tree.
pub(crate) fn run(project: &Project) -> Result<Count> {
    let listed = project.read(project.command("git").args([
        "ls-files",
        "--cached",
        "--others",
        "--exclude-standard",
        "-z",
    ]))?;
    let files: Vec<&str> = listed.split('\0').filter(|name| !name.is_empty()).collect();
    let mut found = Vec::new();
    let mut read = 0;
    for name in &files {
        let path = project.root().join(name);
        // Not there: deleted, not yet committed. Not text: pictures, fuzz corpora.
        let Ok(text) = std::fs::read_to_string(&path) else {
            continue;
        };
        read += 1;
        if name.starts_with("fuzz/corpus/") || *name == "Cargo.lock" {
            continue;
        }
        if has_extension(name, "rs") {
            rust(name, &text, &mut found);
        }
        if has_extension(name, "md") {
            links::check(&path, name, &text, &mut found);
        }
        words(name, &text, FORBIDDEN, &mut found);
        if name.ends_with("nextest.toml")
            && text
                .lines()
                .any(|l| l.starts_with("retries") && !l.ends_with("= 0"))
        {
            found.push(format!("{name}: tests are not run twice until they pass"));
        }
    }
    Ok(findings(read, &found))
}

fn has_extension(name: &str, extension: &str) -> bool {
    std::path::Path::new(name)
        .extension()
        .is_some_and(|e| e == extension)
}

fn rust(name: &str, text: &str, found: &mut Vec<String>) {
    let generated = text.starts_with("// Generated");
    let lines = text.lines().count();
    if lines > RUST_LINES_MAX && !generated {
        found.push(format!(
            "{name}: {lines} lines; more than {RUST_LINES_MAX} ask for a seam"
        ));
    }
    let first = text
        .lines()
        .find(|l| !l.is_empty() && (!l.starts_with("//") || l.starts_with("//!")));
    if !first.is_some_and(|line| line.starts_with("//!")) {
        found.push(format!(
            "{name}: begins without a `//!` that says what it is for"
        ));
    }
    words(name, text, FORBIDDEN_IN_RUST, found);
}

fn words(name: &str, text: &str, forbidden: &[(&str, &str)], found: &mut Vec<String>) {
    for (number, line) in text.lines().enumerate() {
        for (word, why) in forbidden {
            if line.contains(word) {
                found.push(format!("{name}:{}: `{word}`: {why}", number + 1));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{FORBIDDEN_IN_RUST, rust};

    fn found(text: &str) -> Vec<String> {
        let mut found = Vec::new();
        rust("a.rs", text, &mut found);
        found
    }

    #[test]
    fn each_kind_of_untidiness_is_found() {
        assert_eq!(found("//! Fine.\nfn f() {}\n"), Vec::<String>::new());
        assert_eq!(found("// Generated.\n//! Fine.\n"), Vec::<String>::new());
        assert_eq!(found("fn f() {}\n").len(), 1);
        assert_eq!(found(&format!("//! Long.\n{}", "\n".repeat(800))).len(), 1);
        for (word, _) in FORBIDDEN_IN_RUST {
            assert!(!found(&format!("//! Fine.\n{word}\n")).is_empty(), "{word}");
        }
    }
}
