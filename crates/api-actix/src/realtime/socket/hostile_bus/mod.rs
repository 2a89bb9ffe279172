//! Sockets of two instances learn every change once and in order, although the bus between the store and the
//! hubs loses, repeats, delays and reorders what it carries.
//!
//! `SIMULATION_SEEDS=10000 cargo test -p api-actix hostile_bus` runs that many seeds, `SIMULATION_SEED=7` one.

mod device;
mod world;

use std::thread;

use tokio::runtime::Builder;

use self::world::World;

const USUAL_SEEDS: u64 = 300;
const STEPS: u64 = 120;

#[test]
fn sockets_miss_nothing_and_repeat_nothing_whatever_the_bus_does() {
    let setting = |name| std::env::var(name).ok().map(|value| value.parse::<u64>().expect("a number"));
    let seeds = match setting("SIMULATION_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..setting("SIMULATION_SEEDS").unwrap_or(USUAL_SEEDS),
    };
    // Nothing here waits for time to pass, but frames are sent with a time limit.
    let runtime = Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime");
    let _entered = runtime.enter();
    let mut repaired = 0;
    for seed in seeds {
        let named = OnPanic(seed);
        let mut world = World::new(seed);
        for _ in 0..STEPS {
            world.step();
        }
        world.settle();
        repaired += world.resyncs();
        drop(named);
    }
    println!("{repaired} times a device had to sync from the beginning");
}

/// Names the seed of a failure.
struct OnPanic(u64);

impl Drop for OnPanic {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("failed with SIMULATION_SEED={}", self.0);
        }
    }
}
