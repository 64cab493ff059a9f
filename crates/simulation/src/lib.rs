//! Whole worlds in one process: the real server and real clients under virtual time, on disks that
//! lose power, over a network that fails by the dice, with a place for malice in between.
//!
//! Always holds: chance comes from the seed, time stands still until somebody waits for it, and
//! the server's and the clients' decisions and SQL are the ones that ship. A world runs on one
//! thread; worlds on several threads do not see each other. Deliberately absent: TLS, the
//! terminal client, the operating system's disks (the tests of `comity` have those).
//!
//! A story:
//!
//! ```
//! use comity_simulation::World;
//!
//! # fn main() -> anyhow::Result<()> {
//! let mut world = World::calm(1)?;
//! let alice = world.sign_up("Alice")?;
//! let bob = world.sign_up("Bob")?;
//! world.befriend(alice, bob)?;
//! world.say(bob, alice, "Did you find the score?")?;
//! world.settle()?;
//! assert!(world.chat(alice, bob)?.contains("Bob: Did you find the score?"));
//! # Ok(())
//! # }
//! ```

pub mod clock;
mod device;
mod dice;
mod disk;
mod family;
mod hub;
mod lane;
pub mod lies;
mod malice;
mod network;
pub mod oracle;
mod pace;
mod pages;
mod remains;
mod screen;
mod single;
pub mod story;
mod system;
mod transfers;
mod vfs;
pub mod wild;
mod world;

pub use comity_wire::planted;
pub use dice::Dice;
pub use disk::{Disk, Down};
pub use malice::{Answer, Ask, Asked, Honest, Malice};
pub use network::Faults;
pub use pace::{Pace, processor_time};
pub use screen::line;
pub use single::work_on_all_cores;
pub use world::{Standing, Who, World};
