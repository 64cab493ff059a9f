//! What `/help` says, by topics that each fit on a small screen, and the commands by name.
//!
//! Always holds: every command stands in a topic, which a test checks.

/// What one needs first.
const FIRST: &str = "\
Type a line to send it; @NAME in it mentions a member, // at its beginning says a /. Each line of a conversation has a number such as :3, which a command may name; without one the newest line that fits is meant.
  /to WHO — talk with a NUMBER, a NAME, a group, or me; /to :3 turns to where line 3 stands
  /list — conversations
  /more — earlier lines
  /search WORDS — find lines that have all words
  /requests — who asks to talk
  /accept WHO, /decline WHO — answer a request
  /quit
  /help messages, /help people, /help groups, /help yourself — the other commands; /help all";

const TOPICS: [(&str, &str); 4] = [
    (
        "messages",
        "\
Messages
  /reply [:3] TEXT — quote a line
  /react [:3] EMOJI — without an EMOJI yours is taken back
  /edit [:3] TEXT — change a line of yours
  /delete [:3] — take a line of yours back from everyone; asks first
  /file PATH [CAPTION] — send a file; a PATH may stand in quotes
  /save [:3] PATH — save a file, or into a folder
  /forward [:3] WHO — say a line again to somebody else
  /info [:3] — who has a line of yours, and who read it
  /timer [8h|off] — after which time messages vanish",
    ),
    (
        "people",
        "\
People
  /contacts — whom you know
  /safety [WHO] — the number to compare with whom you talk with
  /verify [WHO] — you compared it, and it is the same; asks first
  /block [WHO] — what they write to you is shown no more, but what they write in groups; asks first
  /unblock [WHO]
  /pin, /unpin, /unread — whom you talk with, above the others or as unread in /list
  /archive, /unarchive — put them away, or bring them back
  /mute [8h|off], /unmute — no notifications of them, on any device
  /report [:3] REASON — the newest line of others, or line 3, to the operator's moderators; asks first
  /yes, /no — the answer to what was asked; y and n, too",
    ),
    (
        "groups",
        "\
Groups
  /create NAME — make one
  /join LINK — join by an invitation
  /group — who is in it
  /add WHO[, WHO …], /remove WHO — taking somebody out asks first, and makes the link worthless
  /admin WHO, /no-admin WHO
  /name TEXT — what it is called
  /about TEXT — what it is about
  /photo PATH — its picture
  /allow WHAT on|off — what members may do
  /timer [8h|off] — after which time messages vanish
  /link, /unlink — a new invitation link, in the place of one that there is; or none
  /leave — leave it; asks first",
    ),
    (
        "yourself",
        "\
Yourself
  /profile NAME — what you are called
  /about TEXT — a line about you, where you are in no group
  /photo PATH — your picture, where you are in no group
  /devices — your devices
  /approve CODE — let a new device in
  /remove-device NAME — take a device out; asks first
  /recovery-phrase — makes new words that bring the account back; earlier ones are worthless then; asks first
  /lock PASSPHRASE|off — the registration lock
  Another number, or the end of the account: /quit, then PROGRAM chat change-number, or delete-account",
    ),
];

/// Help about a topic, or what one needs first.
pub(super) fn about(topic: &str) -> String {
    let topic = topic.trim_start_matches('/');
    let named = |text: &str| text.replace("PROGRAM", &crate::terminal::program());
    if topic == "all" {
        let all = TOPICS.map(|(_, text)| text);
        return named(&format!("{FIRST}\n{}", all.join("\n")));
    }
    let found = TOPICS.iter().find(|(name, _)| *name == topic);
    named(found.map_or(FIRST, |(_, text)| text))
}

/// All commands, without their slash.
pub(super) fn commands() -> Vec<&'static str> {
    let texts = TOPICS.iter().map(|(_, text)| *text);
    let lines = [FIRST].into_iter().chain(texts).flat_map(str::lines);
    let mut all: Vec<&str> = lines
        .filter(|line| line.starts_with("  /"))
        .flat_map(|line| line.split(" — ").next().unwrap_or_default().split(", "))
        .filter_map(|word| word.trim().strip_prefix('/'))
        .map(|word| word.split([' ', ',']).next().unwrap_or_default())
        .chain(["help"])
        .collect();
    all.sort_unstable();
    all.dedup();
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_topic_fits_on_a_small_screen() {
        for topic in ["", "messages", "people", "groups", "yourself"] {
            let lines = crate::terminal::wrapped(&about(topic), 80);
            assert!(lines.lines().count() < 20, "{topic}: {lines}");
        }
        assert!(about("all").contains("/leave"));
    }

    #[test]
    fn every_command_stands_in_a_topic() {
        let all = commands();
        let known = crate::chat::talk::account::COMMANDS;
        for word in known.iter().chain(crate::chat::talk::groups::COMMANDS) {
            assert!(all.contains(word), "/{word}");
        }
        for word in ["to", "accept", "decline", "quit", "help", "edit", "unlink"] {
            assert!(all.contains(&word), "/{word}: {all:?}");
        }
    }
}
