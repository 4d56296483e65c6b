//! Timers of root contexts.

use std::time::Duration;

use crate::clock::nanoseconds;
use crate::event::Event;
use crate::worker::{Timer, Worker};

impl Worker {
    pub(super) fn set_timer(&mut self, vm: u64, root: u32, period: Duration) {
        self.timer_generation += 1;
        let generation = self.timer_generation;
        if period.is_zero() {
            self.timers.remove(&(vm, root));
            return;
        }
        self.timers.insert((vm, root), Timer { period, generation });
        self.schedule_tick(vm, root, generation, period);
    }

    pub(crate) fn drop_timer(&mut self, vm: u64, root: u32) {
        self.timers.remove(&(vm, root));
    }

    fn schedule_tick(&mut self, vm: u64, root: u32, generation: u64, period: Duration) {
        let at = self.host.clock.now().saturating_add(nanoseconds(period));
        self.queue.push(at, Event::Tick { vm, root, generation });
    }

    pub(super) fn tick(&mut self, vm: u64, root: u32, generation: u64) {
        let is_current = |timer: &&Timer| timer.generation == generation;
        if self.timers.get(&(vm, root)).filter(is_current).is_none() {
            return;
        }
        self.enter(vm, |vm, host| {
            vm.call(host, root, "proxy_on_tick", |exports| &exports.tick, root);
        });
        let again = self.timers.get(&(vm, root)).filter(is_current).map(|timer| timer.period);
        match again {
            Some(period) if !self.is_failed(vm) => self.schedule_tick(vm, root, generation, period),
            _ => {}
        }
    }
}
