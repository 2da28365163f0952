//! What is looked at each second: who is slow, who is gone, whose token is over, and what there is to measure.

use super::Hub;
use crate::live::framing::Framing;
use crate::live::outbox::Phase;

impl Hub {
    /// Closes who is slow or may watch no more, and forgets who is gone.
    pub(super) fn sweep(&mut self) {
        let queue = self.monitoring().websocket.message_queue_size;
        let mut gone = Vec::new();
        let mut measured = Measured::default();
        for (member, _) in self.groups.members() {
            member.close_if_slow(queue);
            if let Err(fault) = self.book.check(&member.principal()) {
                member.close(fault.close_code());
            }
            let mut outbox = member.outbox();
            let (sent, conflated) = outbox.unmeasured();
            measured.sent += sent;
            measured.conflated += conflated;
            if outbox.phase != Phase::Open {
                gone.push(member.id);
                continue;
            }
            let lag = self.told.get().saturating_sub(outbox.position(self.told).get());
            measured.lag = measured.lag.max(lag);
            match member.framing() {
                Framing::WebSocket => measured.websockets += 1,
                Framing::Sse => measured.streams += 1,
            }
        }
        measured.tell();
        for connection in gone {
            self.groups.leave(connection);
            self.groups.take_apart(connection);
        }
        // A snapshot that nobody may ask for again would keep its memory.
        let version = self.version;
        for group in self.groups.iter_mut() {
            group.snapshot.take_if(|(made, _)| *made != version);
        }
    }
}

#[derive(Default)]
struct Measured {
    websockets: u32,
    streams: u32,
    sent: u64,
    conflated: u64,
    lag: u64,
}

impl Measured {
    fn tell(&self) {
        metrics::gauge!("etlplus_connections", "kind" => "websocket").set(self.websockets);
        metrics::gauge!("etlplus_connections", "kind" => "sse").set(self.streams);
        metrics::gauge!("etlplus_live_lag_facts").set(self.lag as f64);
        metrics::counter!("etlplus_bytes_sent_total").increment(self.sent);
        metrics::counter!("etlplus_samples_conflated_total").increment(self.conflated);
    }
}
