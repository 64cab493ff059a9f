//! Lies about files.

use crate::screen::screen;
use anyhow::{Context as _, Result};
use comity_client::{Command, What, Whom};
use comity_simulation::World;
use comity_simulation::lies::Answers;
use comity_simulation::story::say;

/// Bytes of a chunk with its tag.
const CHUNK_BYTES: usize = 256 * 1024 + 16;

/// Alice sends Bob a file of three chunks; the server gives him what `change` makes of it.
fn sent(change: impl FnMut(&[u8]) -> Vec<u8> + Send + 'static) -> Result<String> {
    let mut world = World::calm(1)?;
    let alice = world.sign_up("Alice")?;
    let bob = world.sign_up("Bob")?;
    world.befriend(alice, bob)?;
    let bytes: Vec<u8> = (0..600_000_u32).map(|n| (n % 251) as u8).collect();
    world.put_file(alice, "score.txt", &bytes);
    let file = What::File {
        path: "score.txt".into(),
        file_name: "score.txt".into(),
        media_type: "text/plain".into(),
        size: 600_000,
        caption: String::new(),
        look: Box::default(),
    };
    let to = Whom::Person(world.address(bob)?);
    world.act(alice, say(to, file))?;
    world.settle()?;
    world.set_malice(Answers::new("Bob", "/v1/blobs/", change));
    let conversation = world.conversation(bob, alice)?.conversation;
    let items = world.core(bob)?.timeline(conversation, None, 100)?;
    let file = items.iter().rev().find(|item| item.attachment.is_some());
    let message = file.context("a file")?.message;
    world.act(
        bob,
        Command::SaveAttachment {
            conversation,
            message,
            path: "saved.txt".into(),
        },
    )?;
    world.run_for(60_000);
    let saved = world.file(bob, "saved.txt").map(|saved| saved == bytes);
    Ok(format!("{}saved: {saved:?}\n", screen(&world, bob, alice)?))
}

#[test]
fn a_file_comes_as_it_was_sent_or_not_at_all() -> Result<()> {
    let honest = sent(<[u8]>::to_vec)?;
    assert_eq!(
        honest,
        "Alice: Hello, this is Alice.\nAlice: [score.txt · 585 KiB]\nsaved: Some(true)\n"
    );
    let refused = "\
Alice: Hello, this is Alice.
Alice: [score.txt · 585 KiB]
— warning: a file is not what its sender sent: it is refused
saved: None
";
    // Cut after the first chunk, and within the last one.
    assert_eq!(sent(|body| body[..CHUNK_BYTES].to_vec())?, refused);
    assert_eq!(sent(|body| body[..body.len() - 1].to_vec())?, refused);
    // Two chunks in each other's place.
    let swapped = sent(|body| {
        let mut swapped = body.to_vec();
        let (first, rest) = swapped.split_at_mut(CHUNK_BYTES);
        first.swap_with_slice(&mut rest[..CHUNK_BYTES]);
        swapped
    })?;
    assert_eq!(swapped, refused);
    // One bit.
    let flipped = sent(|body| {
        let mut flipped = body.to_vec();
        flipped[300_000] ^= 1;
        flipped
    })?;
    assert_eq!(flipped, refused);
    Ok(())
}
