//! The table of HTTP acts that the OpenAPI document is made from.

use utoipa::openapi::path::HttpMethod;

/// One act.
pub(crate) struct Act {
    pub(crate) method: HttpMethod,
    pub(crate) path: &'static str,
    pub(crate) name: &'static str,
    pub(crate) what: &'static str,
    pub(crate) signed: bool,
    pub(crate) body: Option<&'static str>,
    pub(crate) answer: Option<&'static str>,
}

const fn act(
    method: HttpMethod,
    path: &'static str,
    name: &'static str,
    what: &'static str,
) -> Act {
    Act {
        method,
        path,
        name,
        what,
        signed: true,
        body: None,
        answer: None,
    }
}

impl Act {
    const fn open(mut self) -> Self {
        self.signed = false;
        self
    }

    const fn takes(mut self, body: &'static str) -> Self {
        self.body = Some(body);
        self
    }

    const fn gives(mut self, answer: &'static str) -> Self {
        self.answer = Some(answer);
        self
    }
}

/// Bytes that are not JSON.
pub(crate) const OCTETS: &str = "octets";

use HttpMethod::{Delete, Get, Patch, Post, Put};

/// All acts.
pub(crate) const ACTS: &[Act] = &[
    act(Get, "/v1/app", "app", "What runs here.")
        .open()
        .gives("AppInfo"),
    act(
        Get,
        "/v1/connect",
        "connect",
        "The WebSocket of a device (docs/protocol.md).",
    )
    .open(),
    act(
        Post,
        "/v1/registrations",
        "start_registration",
        "Asks for a code to a number.",
    )
    .open()
    .takes("StartRegistration")
    .gives("RegistrationStarted"),
    act(
        Post,
        "/v1/registrations/{registration}/code",
        "check_code",
        "Proves the number.",
    )
    .open()
    .takes("CheckCode")
    .gives("CodeChecked"),
    act(
        Post,
        "/v1/accounts",
        "create_account",
        "Creates an account, recovers the one there is, or takes the number over.",
    )
    .open()
    .takes("CreateAccount")
    .gives("AccountCreated"),
    act(
        Get,
        "/v1/accounts/{account}",
        "account",
        "An account's manifest and introduction keys.",
    )
    .open()
    .gives("Found"),
    act(
        Get,
        "/v1/accounts/{account}/profile",
        "profile",
        "An account's sealed profile.",
    )
    .open()
    .gives("ProfileOf"),
    act(Get, "/v1/me", "me", "The own account.").gives("Me"),
    act(Delete, "/v1/me", "delete_me", "Deletes the own account."),
    act(
        Get,
        "/v1/me/conversations",
        "my_conversations",
        "Conversations of the own account.",
    )
    .gives("MyConversations"),
    act(
        Put,
        "/v1/me/manifest",
        "put_manifest",
        "The next device list.",
    )
    .takes("PutManifest"),
    act(Put, "/v1/me/profile", "put_profile", "The sealed profile.").takes("PutProfile"),
    act(
        Put,
        "/v1/me/registration-lock",
        "put_registration_lock",
        "Sets or removes the lock.",
    )
    .takes("PutRegistrationLock"),
    act(
        Put,
        "/v1/me/recovery",
        "put_recovery",
        "Sets or removes the recovery box.",
    )
    .takes("PutRecovery"),
    act(Put, "/v1/me/number", "put_number", "Changes the number.").takes("PutNumber"),
    act(
        Put,
        "/v1/me/introduction-key",
        "put_introduction_key",
        "The device's introduction key.",
    )
    .takes("PutIntroductionKey"),
    act(
        Post,
        "/v1/me/key-packages",
        "post_key_packages",
        "Leaves key packages for others.",
    )
    .takes("PostKeyPackages")
    .gives("KeyPackagesKept"),
    act(
        Put,
        "/v1/me/blocks",
        "put_block",
        "Blocks an address or lets it back.",
    )
    .takes("PutBlock"),
    act(
        Post,
        "/v1/directory/lookup",
        "lookup",
        "Finds the account of a number.",
    )
    .takes("Lookup")
    .gives("Found"),
    act(
        Post,
        "/v1/key-packages/fetch",
        "fetch_key_packages",
        "One key package for each device of an account.",
    )
    .takes("FetchKeyPackages")
    .gives("KeyPackagesFetched"),
    act(
        Post,
        "/v1/introductions",
        "post_introduction",
        "Asks to talk.",
    )
    .takes("PostIntroduction")
    .gives("IntroductionPosted"),
    act(
        Put,
        "/v1/links/{id}/offer",
        "put_link_offer",
        "A new device offers itself.",
    )
    .open()
    .takes("LinkOfferBody"),
    act(Get, "/v1/links/{id}/offer", "link_offer", "The offer.")
        .open()
        .gives("LinkOfferBody"),
    act(
        Put,
        "/v1/links/{id}/grant",
        "put_link_grant",
        "An owner device grants it.",
    )
    .takes("LinkGrantBody"),
    act(Get, "/v1/links/{id}/grant", "link_grant", "The grant.")
        .open()
        .gives("LinkGrantBody"),
    act(Post, "/v1/blobs", "start_blob", "Starts an upload.")
        .takes("StartBlob")
        .gives("BlobStarted"),
    act(
        Patch,
        "/v1/blobs/{blob}",
        "upload_piece",
        "The next bytes; header upload-offset.",
    )
    .takes(OCTETS)
    .gives("BlobOffset"),
    act(Get, "/v1/blobs/{blob}", "blob", "The bytes; header Range.")
        .open()
        .gives(OCTETS),
    act(
        Get,
        "/v1/blobs/{blob}/upload",
        "upload",
        "How far an upload is.",
    )
    .gives("BlobOffset"),
    act(
        Post,
        "/v1/blobs/{blob}/renew",
        "renew_blob",
        "Renews the lease.",
    ),
    act(
        Post,
        "/v1/reports",
        "post_report",
        "Reports to the operator, sealed.",
    )
    .takes("PostReport"),
];
