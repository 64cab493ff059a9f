//! What a conversation says by itself: notices, in words.

use super::{Names, duration, plain, quoted, somebody};
use comity_wire::Address;
use comity_wire::limits::CONVERSATION_DEVICES_MAX;

/// What a notice says.
pub(super) fn notice(names: &Names, code: &str, who: &str) -> String {
    if let Some((what, of)) = code.split_once(':') {
        return notice_about(names, what, of.trim(), who);
    }
    match code {
        "device_added" => device_added(who),
        "device_removed" => device_removed(who),
        "device_recovered" => "your account was recovered with its phrase, on a new device: if that was not you, take it out (the list of your devices shows it) and make a new phrase".to_owned(),
        "owner_added" => "one more device of yours may change your device list: if neither you nor a device of yours made it one, take it out (the list of your devices shows it) and make a new recovery phrase".to_owned(),
        "owner_removed" => "one of your devices may no longer change your device list, which shows who still may".to_owned(),
        "number_moved" => {
            "this number now belongs to someone else: look up their new one, or compare safety numbers, before you write on".to_owned()
        }
        "account_gone" => format!("{who} deleted the account: this conversation has ended"),
        "number_lost" => "your number now belongs to another account: people find you by it no more".to_owned(),
        "gap" => "some messages may be missing here: this device did not get them in time. What others still give of them is put here".to_owned(),
        "healing" => "this conversation is being repaired".to_owned(),
        "healed" => "this conversation was repaired".to_owned(),
        "history_differs" => "someone saw other messages here than you did: the server may have dropped or changed some".to_owned(),
        "again_contradicted" => format!("{who} and someone else both say that one message here was theirs: one of them does not tell the truth"),
        "rolled_back" => "the server lost or hid the newest messages of this conversation: it went back to an earlier state".to_owned(),
        "rewritten" => "the server has something else now in the place of what it gave this device: it went back to an earlier state, or tells two stories".to_owned(),
        "withheld" => "the server keeps back messages of this conversation: nothing after them is shown".to_owned(),
        "removed_you" if who == "you" => "this device is no longer in the conversation".to_owned(),
        "removed_you" => format!("{who} removed you: what is said from now on you do not see"),
        "no_room" => format!("there is no room here for all of your devices: a conversation has at most {CONVERSATION_DEVICES_MAX}. A missing one comes in when somebody has left"),
        "group_created" => format!("{who} made this group"),
        "left" => format!("{who} left"),
        "joined_by_link" => format!("{who} joined by the invitation link"),
        "link_made" => format!("{who} made an invitation link"),
        "link_revoked" => format!("{who} revoked the invitation link"),
        "description" => format!("{who} changed the description"),
        "photo" => format!("{who} changed the picture"),
        "now_description" => "the description is another one now".to_owned(),
        "now_photo" => "the picture is another one now".to_owned(),
        other => plain(other),
    }
}

/// Of a notice with something behind its colon.
fn notice_about(names: &Names, what: &str, of: &str, who: &str) -> String {
    let whom = || match of.parse::<Address>() {
        Ok(address) => somebody(names, &address),
        Err(_) => plain(of),
    };
    match what {
        "added" => format!("{who} added {}", whom()),
        "added_many" => format!("{who} added {} people", plain(of)),
        "removed" => format!("{who} removed {}", whom()),
        "admin" => format!("{who} made {} an admin", whom()),
        "member" if whom() == who => no_admin(who),
        "member" => format!("{who} took the rights of an admin from {}", whom()),
        "permissions" => format!("{who} changed what members may do"),
        "name" => format!("{who} named this group {}", quoted(of)),
        "timer" => match of.parse() {
            Ok(0) | Err(_) => format!("{who} set messages to stay"),
            Ok(seconds) => format!("{who} set messages to vanish after {}", duration(seconds)),
        },
        "now_name" => format!("this group is called {} now", quoted(of)),
        "now_timer" => match of.parse() {
            Ok(0) | Err(_) => "messages stay now".to_owned(),
            Ok(seconds) => format!("messages vanish after {} now", duration(seconds)),
        },
        "refused" => format!(
            "the server changed this conversation against its rules ({}): nothing more is sent or read here",
            plain(of)
        ),
        _ => plain(of),
    }
}

/// Somebody, or "you", uses a new device.
pub(super) fn device_added(who: &str) -> String {
    match who {
        "you" => "you use a new device".to_owned(),
        _ => format!("{who} uses a new device"),
    }
}

/// Somebody, or "you", has a device less.
pub(super) fn device_removed(who: &str) -> String {
    match who {
        "you" => "you no longer use one of your devices".to_owned(),
        _ => format!("{who} no longer uses one of their devices"),
    }
}

fn no_admin(who: &str) -> String {
    match who {
        "you" => "you are no longer an admin".to_owned(),
        _ => format!("{who} is no longer an admin"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use comity_wire::AccountId;

    #[test]
    fn each_notice_that_is_documented_has_words() {
        let own = Address::new("a.example".parse().unwrap(), AccountId::new([7; 16]));
        let codes = super::super::tests::documented("Notices").concat();
        assert!(codes.len() > 35, "{codes:?}");
        for code in codes {
            let what = match code.as_str() {
                "commit_refused" => "refused: why".to_owned(),
                "added:" | "removed:" | "admin:" | "member:" => format!("{code}{own}"),
                code if code.ends_with(':') => format!("{code}60"),
                code => code.to_owned(),
            };
            let words = notice(&Names::new(), &what, "Bob");
            assert!(
                words.split(' ').count() > 1 && !words.contains('_'),
                "{code}: {words}"
            );
        }
    }

    #[test]
    fn what_one_did_oneself_is_said_to_oneself() {
        let own = Address::new("a.example".parse().unwrap(), AccountId::new([7; 16]));
        let names = Names::from([(own.clone(), "you".to_owned())]);
        let of = |code: &str, who: &str| notice(&names, code, who);
        assert_eq!(of("device_added", "you"), "you use a new device");
        assert_eq!(of("device_added", "Bob"), "Bob uses a new device");
        assert_eq!(
            of("device_removed", "you"),
            "you no longer use one of your devices"
        );
        assert_eq!(
            of(&format!("member:{own}"), "you"),
            "you are no longer an admin"
        );
        assert_eq!(
            of(&format!("member:{own}"), "Bob"),
            "Bob took the rights of an admin from you"
        );
    }
}
