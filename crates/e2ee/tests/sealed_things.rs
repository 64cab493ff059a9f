//! Stories of what is sealed outside of groups: files, introductions, links, recovery, reports.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod common;

use comity_content::proto::{
    self as said, HistoryArchive, Introduction, LinkGrant, Profile, Report, ReportedMessage,
};
use comity_content::{Content, Message as _};
use comity_e2ee::attachment::{
    CHUNK_BYTES, CiphertextHash, Decryptor, Encryptor, FileError, FileKey, sealed_size,
};
use comity_e2ee::introduction::IntroductionError;
use comity_e2ee::link::{LinkCode, LinkError};
use comity_e2ee::{HpkeKeys, archive, envelope, introduction, link, profile, recovery, report};
use comity_membership::introduction_key;
use comity_wire::Address;
use common::{Phone, manifest_of, random};

fn text(text: &str) -> Content {
    Content {
        message_id: vec![7; 16],
        body: Some(said::content::Body::Text(said::Text { text: text.into() })),
        ..Content::default()
    }
}

fn address(phone: &Phone) -> said::Address {
    said::Address {
        app: phone.address.app.to_string(),
        account: phone.address.account.to_vec(),
    }
}

struct File {
    key: FileKey,
    size: u64,
    chunks: Vec<Vec<u8>>,
    blake3: [u8; 32],
}

fn seal_file(plaintext: &[u8], seed: u8) -> File {
    let key = FileKey::generate(&mut random(seed));
    let size = plaintext.len() as u64;
    let encryptor = Encryptor::new(&key, size).unwrap();
    let mut hash = CiphertextHash::new();
    let chunks: Vec<_> = (0..encryptor.layout().chunks())
        .map(|index| {
            let (offset, length) = encryptor.layout().plaintext(index);
            let sealed = encryptor
                .chunk(index, &plaintext[offset as usize..][..length])
                .unwrap();
            hash.update(&sealed);
            sealed
        })
        .collect();
    let total: usize = chunks.iter().map(Vec::len).sum();
    assert_eq!(total as u64, sealed_size(size));
    File {
        key,
        size,
        chunks,
        blake3: hash.finish(),
    }
}

fn open_file(file: &File, chunks: &[Vec<u8>]) -> Result<Vec<u8>, FileError> {
    let mut decryptor = Decryptor::new(&file.key, file.size, sealed_size(file.size), &file.blake3)?;
    let mut out = Vec::new();
    for chunk in chunks {
        out.extend(decryptor.chunk(chunk)?);
    }
    decryptor.finish()?;
    Ok(out)
}

fn bytes(length: usize) -> Vec<u8> {
    (0..length).map(|n| (n % 251) as u8).collect()
}

#[test]
fn files_of_every_awkward_size_come_back() {
    for length in [
        0,
        1,
        15,
        16,
        1000,
        CHUNK_BYTES - 1,
        CHUNK_BYTES,
        CHUNK_BYTES + 1,
        5 * CHUNK_BYTES + 77,
    ] {
        let plaintext = bytes(length);
        let file = seal_file(&plaintext, 1);
        assert_eq!(
            open_file(&file, &file.chunks).unwrap(),
            plaintext,
            "{length} bytes"
        );
        assert!(sealed_size(length as u64) <= length as u64 * 112 / 100 + 64 * 16 + 16);
    }
}

#[test]
fn a_file_that_was_tampered_with_does_not_open() {
    let file = seal_file(&bytes(3 * CHUNK_BYTES + 100), 1);
    assert_eq!(file.chunks.len(), 4);
    for kept in 0..file.chunks.len() {
        assert_eq!(
            open_file(&file, &file.chunks[..kept]),
            Err(FileError::Truncated),
            "{kept} chunks"
        );
    }
    let mut swapped = file.chunks.clone();
    swapped.swap(0, 1);
    assert_eq!(open_file(&file, &swapped), Err(FileError::Chunk(0)));
    for index in 0..file.chunks.len() {
        let mut flipped = file.chunks.clone();
        flipped[index][5] ^= 1;
        assert_eq!(
            open_file(&file, &flipped),
            Err(FileError::Chunk(index as u64))
        );
    }
    let mut longer = file.chunks.clone();
    longer.push(longer[0].clone());
    assert_eq!(open_file(&file, &longer), Err(FileError::Truncated));
    // A shorter file made of the first chunks does not pass for the whole: the last is flagged.
    let shorter = File {
        size: 2 * CHUNK_BYTES as u64,
        key: file.key.clone(),
        chunks: vec![],
        blake3: file.blake3,
    };
    assert_eq!(
        open_file(&shorter, &file.chunks[..2]),
        Err(FileError::Chunk(1))
    );
}

#[test]
fn a_file_with_another_key_or_another_hash_is_not_the_one_meant() {
    let mut file = seal_file(&bytes(1000), 1);
    let other = seal_file(&bytes(1000), 2);
    assert_eq!(open_file(&file, &other.chunks), Err(FileError::Chunk(0)));
    file.blake3 = other.blake3;
    let chunks = file.chunks.clone();
    assert_eq!(open_file(&file, &chunks), Err(FileError::Hash));
    let sizes = Decryptor::new(&file.key, 1000, 1, &file.blake3);
    assert!(matches!(sizes, Err(FileError::Size)));
}

#[test]
fn a_transfer_goes_on_from_any_chunk() {
    let plaintext = bytes(2 * CHUNK_BYTES + 5);
    let file = seal_file(&plaintext, 1);
    let again = seal_file(&plaintext, 1);
    assert_eq!(
        file.chunks, again.chunks,
        "sealing again gives the same bytes"
    );
    let mut decryptor =
        Decryptor::new(&file.key, file.size, sealed_size(file.size), &file.blake3).unwrap();
    decryptor.skip(&file.chunks[0]).unwrap();
    assert_eq!(
        decryptor.chunk(&file.chunks[1]).unwrap(),
        plaintext[CHUNK_BYTES..2 * CHUNK_BYTES]
    );
    decryptor.chunk(&file.chunks[2]).unwrap();
    decryptor.finish().unwrap();
    assert_eq!(format!("{:?}", file.key), "FileKey(secret)");
}

#[test]
fn an_archive_comes_back_whole_or_not_at_all() {
    let history = HistoryArchive {
        messages: vec![said::ArchivedMessage {
            content: bytes(CHUNK_BYTES),
            ..Default::default()
        }],
        ..HistoryArchive::default()
    };
    let mut sealed = archive::seal(&history, &mut random(1)).unwrap();
    let opened = archive::open(&sealed.sealed, &sealed.key, sealed.size, &sealed.blake3).unwrap();
    assert_eq!(opened, history);
    sealed.sealed.pop();
    assert!(archive::open(&sealed.sealed, &sealed.key, sealed.size, &sealed.blake3).is_err());
}

#[test]
fn an_introduction_reaches_the_device_and_account_that_it_is_for() {
    let (alice, bob, carol) = (Phone::new(1), Phone::new(2), Phone::new(3));
    let of = |phone: &Phone| {
        let made = introduction::make_key(&phone.keys, 1, 2).unwrap();
        let key = introduction_key::verify(&made.signed, &phone.device()).unwrap();
        (made, key)
    };
    let ((bobs, bob_key), (carols, carol_key)) = (of(&bob), of(&carol));
    assert!(introduction_key::verify(&bobs.signed, &carol.device()).is_err());

    let first = text("hello, I am Alice");
    let franked = envelope::frank(&first, &alice.address, &alice.keys.id(), &mut random(9));
    let body = Introduction {
        signed_manifest: manifest_of(&[&alice]).bytes,
        from: Some(address(&alice)),
        first: Some(first.clone()),
        franking_key: franked.franking_key.to_vec(),
        sender_nonce: franked.sender_nonce.to_vec(),
        from_device: alice.keys.id().to_vec(),
        ..Introduction::default()
    };
    let signed = introduction::sign(body, &alice.keys, &bob.address);
    let sealed = introduction::seal(&signed, &bob_key, &bob.address).unwrap();
    let open = |public: &[u8], private: &[u8], own: &Address, header: &[u8]| {
        introduction::open(public, private, &sealed, own, header)
    };
    let opened = open(
        &bobs.public_key,
        &bobs.private_key,
        &bob.address,
        &franked.header,
    )
    .unwrap();
    assert_eq!(opened.first, Some(first));
    assert!(introduction::signature_holds(
        &opened,
        &alice.device(),
        &bob.address
    ));
    // Not to Carol, not by Carol, and not with another device's key.
    assert!(!introduction::signature_holds(
        &opened,
        &alice.device(),
        &carol.address
    ));
    assert!(!introduction::signature_holds(
        &opened,
        &carol.device(),
        &bob.address
    ));
    assert!(
        open(
            &carol_key.public_key,
            &carols.private_key,
            &bob.address,
            &franked.header
        )
        .is_err()
    );
    assert!(
        open(
            &bobs.public_key,
            &bobs.private_key,
            &carol.address,
            &franked.header
        )
        .is_err()
    );
    // A header of another message proves nothing.
    let other = envelope::frank(&text("x"), &alice.address, &alice.keys.id(), &mut random(8));
    let forged = open(
        &bobs.public_key,
        &bobs.private_key,
        &bob.address,
        &other.header,
    );
    assert!(matches!(forged, Err(IntroductionError::Franking(_))));

    let root = introduction::seal_bytes(&bob_key, b"root", b"secret").unwrap();
    let back =
        introduction::open_bytes(&bobs.public_key, &bobs.private_key, b"root", &root).unwrap();
    assert_eq!(back.as_slice(), b"secret");
    assert!(introduction::open_bytes(&bobs.public_key, &bobs.private_key, b"else", &root).is_err());
}

#[test]
fn a_device_is_linked_by_the_code_on_its_screen_and_a_ghost_key_is_refused() {
    let (new, ghost) = (Phone::new(1), Phone::new(2));
    let app = new.address.app.clone();
    let made = link::make_offer(
        &new.keys,
        "my laptop",
        Vec::new(),
        app.clone(),
        &mut random(1),
    )
    .unwrap();
    let shown = made.code.to_string();
    assert!(shown.starts_with("comity-link:"));
    let typed: LinkCode = format!(
        " {} ",
        shown
            .to_lowercase()
            .replace('-', " ")
            .replacen("comity link", "comity-link", 1)
    )
    .parse()
    .unwrap();
    assert_eq!(typed, made.code);
    let mut slipped = shown.clone().into_bytes();
    let last = slipped.len() - 1;
    slipped[last] = if slipped[last] == b'A' { b'B' } else { b'A' };
    assert!(matches!(
        String::from_utf8(slipped).unwrap().parse::<LinkCode>(),
        Err(LinkError::Code)
    ));

    let swapped =
        link::make_offer(&ghost.keys, "my laptop", Vec::new(), app, &mut random(2)).unwrap();
    assert_eq!(
        link::check_offer(&typed, &swapped.offer),
        Err(LinkError::Swapped)
    );
    let checked = link::check_offer(&typed, &made.offer).unwrap();
    assert_eq!(checked.device_name, "my laptop");
    let offer = checked.offer;
    let seen_by_app = [made.offer.as_slice(), typed.rendezvous().as_bytes()].concat();
    for secret in [b"my laptop".as_slice(), &typed.secret] {
        assert!(!seen_by_app.windows(secret.len()).any(|w| w == secret));
    }
    let grant = LinkGrant {
        profile_key: vec![1; 32],
        ..LinkGrant::default()
    };
    let sealed = link::seal_grant(&offer, &grant).unwrap();
    assert_eq!(
        link::open_grant(&made.hpke_private, &new.keys, &sealed).unwrap(),
        grant
    );
    assert!(link::open_grant(&made.hpke_private, &ghost.keys, &sealed).is_err());
    assert!(link::open_grant(&swapped.hpke_private, &new.keys, &sealed).is_err());
}

#[test]
fn twelve_words_bring_the_root_back_and_wrong_ones_do_not() {
    let (alice, bob) = (Phone::new(1), Phone::new(2));
    let phrase = recovery::new_phrase(&mut random(3));
    assert_eq!(phrase.split(' ').count(), 12);
    let sealed = recovery::seal_box(
        &phrase,
        &alice.root,
        &[7; 32],
        &alice.address,
        &mut random(4),
    )
    .unwrap();
    let typed = format!("  {}\n", phrase.to_uppercase().replace(' ', "  "));
    let recovery::Recovered { root, profile_key } =
        recovery::open_box(&typed, &sealed, &alice.address).unwrap();
    assert_eq!(profile_key, Some([7; 32]));
    assert_eq!(root.public(), alice.root.public());
    assert!(recovery::open_box(&phrase, &sealed, &bob.address).is_err());
    let other = recovery::new_phrase(&mut random(5));
    assert!(recovery::open_box(&other, &sealed, &alice.address).is_err());
    assert!(recovery::open_box("one two three", &sealed, &alice.address).is_err());
    let proof = recovery::registration_lock_proof("correct horse", &[1; 16]).unwrap();
    assert_eq!(
        *proof,
        *recovery::registration_lock_proof("correct horse", &[1; 16]).unwrap()
    );
    assert_ne!(
        *proof,
        *recovery::registration_lock_proof("correct horse", &[2; 16]).unwrap()
    );
}

#[test]
fn a_profile_opens_for_its_account_only_and_hides_its_length() {
    let (alice, bob) = (Phone::new(1), Phone::new(2));
    let short = Profile {
        name: "A".into(),
        ..Profile::default()
    };
    let long = Profile {
        name: "A".repeat(90),
        about: "about".into(),
        ..Profile::default()
    };
    let seal =
        |body: &Profile| profile::seal(&[1; 32], &alice.address, body, &mut random(1)).unwrap();
    assert_eq!(seal(&short).len(), seal(&long).len());
    assert_eq!(
        profile::open(&[1; 32], &alice.address, &seal(&long)).unwrap(),
        long
    );
    assert!(profile::open(&[1; 32], &bob.address, &seal(&long)).is_err());
    assert!(profile::open(&[2; 32], &alice.address, &seal(&long)).is_err());
}

#[test]
fn a_report_proves_what_was_said_and_nothing_that_was_not() {
    let (alice, bob) = (Phone::new(1), Phone::new(2));
    let operator = HpkeKeys::generate().unwrap();
    let said = envelope::seal(
        &text("something bad"),
        &bob.address,
        &bob.keys.id(),
        &Default::default(),
        [0; 8],
        &mut random(1),
    );
    let message = ReportedMessage {
        content: said.franked.content_bytes.clone(),
        franking_key: said.franked.franking_key.to_vec(),
        sender_nonce: said.franked.sender_nonce.to_vec(),
        header: said.franked.header.clone(),
        author_device: bob.keys.id().to_vec(),
        ..ReportedMessage::default()
    };
    let body = Report {
        reported: Some(address(&bob)),
        messages: vec![message.clone()],
        ..Report::default()
    };
    let sealed = report::seal(&body, &operator.public).unwrap();
    let opened = report::open(&operator.public, &operator.private, &sealed).unwrap();
    let genuine = report::verify(&opened.messages[0], &bob.address).unwrap();
    assert_eq!(genuine.content, text("something bad"));
    assert!(
        report::verify(&message, &alice.address).is_err(),
        "not somebody else's"
    );
    let forged = ReportedMessage {
        content: text("something worse").encode_to_vec(),
        ..message
    };
    assert!(report::verify(&forged, &bob.address).is_err());
    let stranger = HpkeKeys::generate().unwrap();
    assert!(report::open(&operator.public, &stranger.private, &sealed).is_err());
    assert_eq!(format!("{operator:?}"), "HpkeKeys(secret)");
}
