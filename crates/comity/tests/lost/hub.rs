//! The server on the layer.

use super::Fault;
use crate::support::{PATIENCE, PROGRAM, World};
use comity_faults::{Layer, Names};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// A world whose server runs on the layer.
pub struct Hub {
    world: World,
    pub layer: Layer,
    fault: Fault,
}

impl Hub {
    /// A server that began on the layer, with an empty folder.
    pub fn start(fault: Fault) -> Self {
        Self::start_on(fault, |layer| layer)
    }

    /// The same, with something done to the layer.
    pub fn start_on(fault: Fault, with: impl FnOnce(Layer) -> Layer) -> Self {
        let mut world = World::start();
        world.kill9();
        std::fs::remove_dir_all(world.data()).unwrap();
        let layer = Layer::new(&world.data(), &world.folder().join("layers/server")).unwrap();
        let layer = with(layer);
        for (name, value) in layer.environment() {
            world.environment(name, value.to_str().unwrap());
        }
        world.restart();
        Self {
            world,
            layer,
            fault,
        }
    }

    pub fn world(&self) -> &World {
        &self.world
    }

    pub fn world_mut(&mut self) -> &mut World {
        &mut self.world
    }

    /// Kills at a call to the disk, or at once; then starts it again.
    pub fn strike(&mut self, at_call: Option<u64>, seed: u64) {
        self.layer.kill_in(at_call).unwrap();
        let started = Instant::now();
        while at_call.is_some() && !self.is_dead() && started.elapsed() < Duration::from_secs(3) {
            std::thread::sleep(Duration::from_millis(2));
        }
        self.world.kill9();
        self.after_death(seed);
        // The way up can be cut short too.
        if seed.is_multiple_of(3) {
            self.layer.kill_in(Some(1 + seed % 30)).unwrap();
            self.start_and_die();
            self.after_death(seed.wrapping_add(1));
        }
        self.world.restart();
        assert!(started.elapsed() < PATIENCE);
    }

    /// Starts it, to be killed at the call that was chosen, or soon.
    fn start_and_die(&self) {
        let mut command = Command::new(PROGRAM);
        command.args(["serve", "--config"]).arg(self.world.config());
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let mut child = self.layer.around(&mut command).spawn().unwrap();
        let end = Instant::now() + Duration::from_millis(500);
        while child.try_wait().unwrap().is_none() && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(2));
        }
        let _ = child.kill();
        child.wait().unwrap();
    }

    fn after_death(&self, seed: u64) {
        match self.fault {
            Fault::Kill => self.layer.forget().unwrap(),
            Fault::PowerLoss => {
                let lost = self.layer.power_loss(seed, Names::Strict).unwrap();
                eprintln!("  the server: {lost:?}");
            }
        }
    }

    /// Ended, and not yet reaped.
    fn is_dead(&self) -> bool {
        let about = std::fs::read_to_string(format!("/proc/{}/stat", self.world.pid()));
        about.is_ok_and(|about| about.contains(") Z "))
    }
}
