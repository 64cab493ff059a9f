//! Links between the documents: each leads to a file, and to a heading in it when it names one.
//!
//! Always holds: code blocks are not read. Deliberately absent: links out of the tree; a test
//! does not depend on other people's servers.

use std::path::Path;

/// Adds a line to `found` for each dead link of the document `text` at `path`.
pub(crate) fn check(path: &Path, name: &str, text: &str, found: &mut Vec<String>) {
    for target in targets(text) {
        if target.contains("://") || target.starts_with("mailto:") {
            continue;
        }
        let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
        let file = if file.is_empty() {
            path.to_path_buf()
        } else {
            path.parent().unwrap_or(path).join(file)
        };
        if !file.exists() {
            found.push(format!("{name}: the link to {target} leads nowhere"));
        } else if !anchor.is_empty() {
            let text = std::fs::read_to_string(&file).unwrap_or_default();
            if !prose(&text).any(|line| heading(line).is_some_and(|id| id == anchor)) {
                found.push(format!(
                    "{name}: the link to {target} names a heading that is not there"
                ));
            }
        }
    }
}

/// The lines outside of fenced code.
fn prose(text: &str) -> impl Iterator<Item = &str> {
    let mut code = false;
    text.lines().filter(move |line| {
        if line.trim_start().starts_with("```") {
            code = !code;
            return false;
        }
        !code
    })
}

fn targets(text: &str) -> Vec<&str> {
    prose(text)
        .flat_map(|line| line.split("](").skip(1))
        .filter_map(|rest| rest.split_once(')').map(|(target, _)| target))
        .collect()
}

/// The anchor that readers of Markdown make for a heading.
fn heading(line: &str) -> Option<String> {
    let title = line
        .strip_prefix('#')?
        .trim_start_matches('#')
        .strip_prefix(' ')?;
    let kept = title
        .trim()
        .chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    Some(
        kept.map(|c| {
            if c == ' ' {
                '-'
            } else {
                c.to_ascii_lowercase()
            }
        })
        .collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::{heading, targets};

    #[test]
    fn links_are_read_outside_of_code_only() {
        assert_eq!(
            targets("see [a](b.md#c) and [d](e)\n```\n[f](g)\n```\n"),
            ["b.md#c", "e"]
        );
    }

    #[test]
    fn a_heading_has_its_usual_anchor() {
        assert_eq!(
            heading("## What it's for: `wire`").as_deref(),
            Some("what-its-for-wire")
        );
        assert_eq!(heading("#hash"), None);
    }
}
