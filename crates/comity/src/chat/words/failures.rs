//! What did not come of what was asked for, in words before why.

use comity_wire::ErrorCode;

/// What did not come of a step that the app or the core refused, in words before why.
pub(crate) fn not_done(act: &str) -> &'static str {
    match act {
        "create" => "the group was not made",
        "add_members" => "nobody was added",
        "remove_member" => "nobody was taken out",
        "set_role" => "who is an admin stays as it was",
        "set_permissions" => "what members may do stays as it was",
        "set_group_details" | "details" => "what was set of the conversation stays as it was",
        "make_invitation" => "the invitation link stays as it was",
        "join_by_invitation" => "you did not join",
        "leave" => "you did not leave",
        "send" | "introduce" => "not sent",
        "report" => "not reported",
        "link" => "not linked",
        "approve_link" => "the device was not let in",
        "history" => "a part of the history was not given to your other device",
        "profile" | "photo" => "your profile stays as it was",
        "registration_lock" => "the registration lock stays as it was",
        "recovery" => "no new phrase was made",
        "number" => "your number stays as it was",
        "device_removed" => "the device was not taken out",
        "device_promoted" => "the device was not made an owner",
        "block" => "not blocked",
        "reconcile" | "rejoin" => "a conversation could not be brought up to date",
        "sign_in" | "connect" => "not connected",
        _ => "something that was asked for was not done",
    }
}

/// Why a sign-in was refused. Whom the app never heard of is told what that comes from, and what is
/// left to do.
pub(crate) fn sign_in(code: &str, message: &str) -> String {
    let unknown = code == ErrorCode::Unauthenticated.as_str() && message.contains("unknown device");
    let words = if unknown {
        "the app does not know this device: it was put back to a state from before this device was signed up or linked. What is here stays readable, and nothing goes out from here any more. Link anew from another device of yours, or sign up anew, with another --store"
    } else {
        message
    };
    words.to_owned()
}
