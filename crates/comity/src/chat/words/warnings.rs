//! What was noticed and is said beside a conversation, in words.
//!
//! Always holds: who is at fault is named only where it is known. What a server and a member could
//! both have done is said of neither alone.

/// What a warning says, by its code.
pub(super) fn warning(code: &str) -> &str {
    match code {
        "manifest_rollback" => {
            "the server gave an old device list of someone; the newer one is kept"
        }
        "manifest_fork" => {
            "the server gave a second, different device list of someone; it is refused"
        }
        "manifest_too_far" => {
            "the server gave a device list whose number no account comes to; the known one is kept"
        }
        "manifest_invalid" | "manifest_of_another" => {
            "the server gave a device list that is not that person's; it is refused"
        }
        "device_recovered" => {
            "a new device was added to your account with its recovery phrase: if that was not you, take it out and make a new phrase"
        }
        "owner_added" => {
            "one more device of yours may change your device list: if neither you nor a device of yours made it one, take it out and make a new recovery phrase"
        }
        "owner_removed" => {
            "one of your devices may no longer change your device list: if neither you nor a device of yours did that, somebody has your recovery phrase: make a new one"
        }
        "key_package_invalid" => {
            "the server gave keys that are not that person's; they are refused"
        }
        "key_package_expired" => {
            "the server gave keys that are out of date, or this device's clock is wrong: others are asked for"
        }
        "commit_refused" => {
            "the server accepted a change of a conversation that breaks its rules; it is refused"
        }
        "history_differs" => {
            "someone saw other messages here than you did: the server may have dropped or changed some"
        }
        "again_contradicted" => {
            "two people say that one message of a conversation was theirs: one of them does not tell the truth"
        }
        "fork_suspected" => {
            "the server may have told you and others two different stories; the conversation is being repaired"
        }
        "server_went_back" => {
            "the server went back to an earlier state; everything is compared anew"
        }
        "rolled_back" => "the server lost or hid the newest messages of a conversation",
        "rewritten" => {
            "the server has something else now in the place of what it gave this device: it went back to an earlier state, or tells two stories"
        }
        "withheld" => "the server keeps back messages of a conversation",
        "entry_unreadable" => {
            "a message can not be read: it was changed, repeated, or is not meant for this device"
        }
        "welcome_swapped" => {
            "the server led to another conversation than it said; it is not entered"
        }
        "welcome_unusable" => "the server gave an invitation that this device can not use",
        "rejoin_failed" => {
            "the server gave a state of a conversation that does not hold; it is not entered"
        }
        "file_damaged" => "a file is not what its sender sent: it is refused",
        "server_confused" => "the server answered something else than was asked",
        "link_key_swapped" => {
            "the server gave another key than the new device showed; nothing was linked"
        }
        "gap" => "messages of a conversation are missing: the server no longer has them",
        "was_away" => "this device was away too long and joins a conversation anew",
        "was_restored" => "this store is an older copy of itself: the conversation is joined anew",
        "details_older" => {
            "an older name, picture or timer was given again, by the server or by a member with a changed program; the newer one is kept"
        }
        "details_refused" => "somebody changed a name, picture or timer who may not; it is refused",
        "introduction_forged" => "a request was not from whom the server said; it is dropped",
        "contents_repeated" => "the server gave something a second time; it is not shown again",
        "mark_invalid" => {
            "the server, or somebody here, says up to where someone has read, and it does not hold: it is not shown"
        }
        "franking_invalid" => {
            "somebody sent a message that could not be reported, as no honest program does: it is not shown"
        }
        "proposal_refused" => {
            "the server proposed to change who is in a conversation, and may not: it is not followed"
        }
        "author_revoked" => "a message of a device that its person had taken out is not shown",
        "amendment_refused" => {
            "somebody tried to change a message that is not theirs, or too late; it stays as it was"
        }
        "commit_failed" => "a change of a conversation could not be made; it is tried again",
        "entry_unknown" => "something in a conversation needs a newer program: it is not shown",
        "inbox_malformed" => "the server gave this device something that can not be read",
        "history_malformed" => "a piece of history can not be read: it is left out",
        "history_refused" => {
            "somebody gave history where it is not wanted, or not to be expected: it is left out"
        }
        "introduction_malformed" | "introduction_unreadable" | "request_malformed" => {
            "a request can not be read: it is dropped"
        }
        "profile_unreadable" => {
            "the server gave a name and picture that are not of who they should be: they are not shown"
        }
        "promotion_invalid" => {
            "the key that came to make this device an owner is not the account's: it is refused"
        }
        "root_differs_between_devices" => {
            "your devices know different keys of one person: compare safety numbers with them"
        }
        "store_used_elsewhere" => "a copy of this store was used: the conversation is joined anew",
        "wrong_app" => "the server at this address is another app: it is not used",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::documented;
    use super::warning;
    use std::collections::BTreeMap;

    #[test]
    fn each_warning_that_is_documented_has_words_of_its_own() {
        let rows = documented("Warnings");
        assert!(rows.iter().flatten().count() > 40, "{rows:?}");
        let mut said: BTreeMap<&str, (usize, &str)> = BTreeMap::new();
        for (row, codes) in rows.iter().enumerate() {
            for code in codes {
                let words = warning(code);
                assert!(words.contains(' '), "no words for {code}");
                // What says the same means the same, and is documented as one.
                let (of, first) = *said.entry(words).or_insert((row, code));
                assert_eq!(of, row, "{code} is said as {first} is");
            }
        }
    }
}
