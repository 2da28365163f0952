//! Connections that ask for the same.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use bytes::Bytes;
use etlplus_core::ids::{JobId, Offset};
use tokio::task::JoinHandle;
use uuid::Uuid;

use super::budget::Budget;
use super::connection::{Batch, Connection};
use super::filter::{Filter, Subject};
use super::framing::{Framing, Payload};
use super::outbox::Stretch;

/// Names a group for as long as it has members.
pub(super) type GroupId = u64;

/// Connections with an equal filter and an equal way.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) filter: Filter,
    pub(super) framing: Framing,
    members: Vec<Arc<Connection>>,
    facts: Vec<u8>,
    fact_count: usize,
    /// The first and the last of these facts.
    first: Offset,
    last: Offset,
    samples: Vec<u8>,
    sample_count: usize,
    /// The parts of the snapshot that was made last, and the state of the view that they show.
    pub(super) snapshot: Option<(u64, Arc<[Bytes]>)>,
}

/// All groups, and the way to them from a connection, a filter and a job.
#[derive(Debug, Default)]
pub(super) struct Groups {
    groups: HashMap<GroupId, Group>,
    by_filter: HashMap<(Filter, Framing), GroupId>,
    by_connection: HashMap<Uuid, GroupId>,
    /// Connections that are in no group: they are told what they missed, or have not said yet what they want.
    apart: HashMap<Uuid, Apart>,
    /// Groups that can want any job.
    of_any_job: BTreeSet<GroupId>,
    /// Groups that keep to some jobs, by job: a fact costs as much as there are groups that can want it.
    of_job: HashMap<JobId, BTreeSet<GroupId>>,
    next: GroupId,
}

/// A connection in no group.
#[derive(Debug)]
pub(super) struct Apart {
    pub(super) connection: Arc<Connection>,
    pub(super) filter: Filter,
    /// Tells it what it missed.
    pub(super) replay: Option<JoinHandle<()>>,
}

impl Group {
    /// Adds a fact at its place in the log. Gives how many bytes that took.
    pub(super) fn add_fact(&mut self, payload: &Payload, offset: Offset) -> usize {
        let before = self.facts.len();
        self.framing.add(payload, &mut self.facts);
        if self.fact_count == 0 {
            self.first = offset;
        }
        self.last = offset;
        self.fact_count += 1;
        self.facts.len() - before
    }

    pub(super) fn add_sample(&mut self, payload: &Payload) {
        self.framing.add(payload, &mut self.samples);
        self.sample_count += 1;
    }

    /// Sends what was added since the last time to every member. Gives how many frames that was, over all members.
    pub(super) fn flush(&mut self, budget: &Budget) -> usize {
        if self.facts.is_empty() && self.samples.is_empty() {
            return 0;
        }
        // Whatever was recorded before the first of these facts was told, or is none of the filter's.
        let since = Offset::from_number(self.first.get().saturating_sub(1));
        let batch = Batch {
            facts: budget.count(std::mem::take(&mut self.facts)),
            stretch: Stretch { facts: std::mem::take(&mut self.fact_count), since, upto: self.last },
            samples: budget.count(std::mem::take(&mut self.samples)),
            sample_count: std::mem::take(&mut self.sample_count),
        };
        self.members.iter().map(|member| member.send(&batch)).sum()
    }

    /// Sends the parts of a snapshot of the place `upto` to every member, after all that was sent. All up to `since` was
    /// told before.
    pub(super) fn push_snapshot(&self, parts: &[Bytes], since: Offset, upto: Offset) {
        for member in &self.members {
            member.push_snapshot(parts, since, upto);
        }
    }
}

impl Groups {
    /// The group of an equal filter; a new one where there is none.
    pub(super) fn of(&mut self, filter: Filter, framing: Framing) -> GroupId {
        if let Some(id) = self.by_filter.get(&(filter.clone(), framing)) {
            return *id;
        }
        let id = self.next;
        self.next += 1;
        match filter.jobs() {
            Some(jobs) => jobs.into_iter().for_each(|job| {
                self.of_job.entry(job).or_default().insert(id);
            }),
            None => {
                self.of_any_job.insert(id);
            }
        }
        self.by_filter.insert((filter.clone(), framing), id);
        let group = Group {
            filter,
            framing,
            members: Vec::new(),
            facts: Vec::new(),
            fact_count: 0,
            first: Offset::START,
            last: Offset::START,
            samples: Vec::new(),
            sample_count: 0,
            snapshot: None,
        };
        self.groups.insert(id, group);
        id
    }

    pub(super) fn get(&mut self, id: GroupId) -> &mut Group {
        self.groups.get_mut(&id).expect("an id is used only while its group has members or is being joined")
    }

    pub(super) fn join(&mut self, id: GroupId, connection: Arc<Connection>) {
        self.by_connection.insert(connection.id, id);
        self.get(id).members.push(connection);
    }

    pub(super) fn keep_apart(&mut self, apart: Apart) {
        self.apart.insert(apart.connection.id, apart);
    }

    /// A connection that is in no group.
    pub(super) fn apart(&self, connection: Uuid) -> Option<&Apart> {
        self.apart.get(&connection)
    }

    /// Takes a connection out that is in no group.
    pub(super) fn take_apart(&mut self, connection: Uuid) -> Option<Apart> {
        self.apart.remove(&connection)
    }

    /// Takes a connection out of its group, and the group away with its last one.
    pub(super) fn leave(&mut self, connection: Uuid) -> Option<Arc<Connection>> {
        let id = self.by_connection.remove(&connection)?;
        let group = self.get(id);
        let place = group.members.iter().position(|member| member.id == connection)?;
        let member = group.members.swap_remove(place);
        if group.members.is_empty() {
            self.remove(id);
        }
        Some(member)
    }

    fn remove(&mut self, id: GroupId) {
        let Some(group) = self.groups.remove(&id) else { return };
        self.of_any_job.remove(&id);
        for job in group.filter.jobs().unwrap_or_default() {
            if let Some(groups) = self.of_job.get_mut(&job) {
                groups.remove(&id);
                if groups.is_empty() {
                    self.of_job.remove(&job);
                }
            }
        }
        self.by_filter.remove(&(group.filter, group.framing));
    }

    /// The connection of this id.
    pub(super) fn member(&self, connection: Uuid) -> Option<&Arc<Connection>> {
        if let Some(apart) = self.apart.get(&connection) {
            return Some(&apart.connection);
        }
        let group = self.groups.get(self.by_connection.get(&connection)?)?;
        group.members.iter().find(|member| member.id == connection)
    }

    pub(super) fn group_of(&self, connection: Uuid) -> Option<GroupId> {
        self.by_connection.get(&connection).copied()
    }

    /// Gives `act` every group that the message reaches.
    pub(super) fn for_each_of(&mut self, subject: Subject<'_>, mut act: impl FnMut(&mut Group)) {
        let of_job = subject.job.and_then(|job| self.of_job.get(&job));
        for id in self.of_any_job.iter().chain(of_job.into_iter().flatten()) {
            if let Some(group) = self.groups.get_mut(id).filter(|group| group.filter.lets_through(subject)) {
                act(group);
            }
        }
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Group> {
        self.groups.values_mut()
    }

    pub(super) fn ids(&self) -> Vec<GroupId> {
        self.groups.keys().copied().collect()
    }

    /// Every connection with its filter.
    pub(super) fn members(&self) -> impl Iterator<Item = (&Arc<Connection>, &Filter)> {
        let grouped = self.groups.values().flat_map(|group| group.members.iter().map(|member| (member, &group.filter)));
        grouped.chain(self.apart.values().map(|apart| (&apart.connection, &apart.filter)))
    }
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;

    use chrono::Utc;
    use etlplus_api::{Frame, JobLogMessage, LogLevel, ServerMessage};
    use etlplus_core::access::Principal;
    use tokio::net::{TcpListener, TcpStream};

    use super::super::outbox::Phase;
    use super::super::slots::ConnectionCount;
    use super::*;

    async fn pair() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        (listener.accept().await.unwrap().0, client)
    }

    fn payload() -> Payload {
        let line = JobLogMessage {
            job_id: "a".to_owned(),
            pipeline: "orders".to_owned(),
            attempt: 1,
            line: 1,
            timestamp: Utc::now(),
            level: LogLevel::Info,
            step: None,
            message: "x".repeat(10_000),
            fields: Default::default(),
        };
        let (message, timestamp) = (ServerMessage::JobLogMessage(line), Utc::now());
        Payload::of(&Frame { message, timestamp, position: None, id: None })
    }

    #[tokio::test]
    async fn a_client_that_never_reads_holds_bounded_memory_and_gives_it_back() {
        let ((silent, _kept), (served, reader)) = (pair().await, pair().await);
        let (count, budget, payload) = (ConnectionCount::default(), Budget::default(), payload());
        let connection = |socket| {
            let (slot, remote) = (count.take(2).unwrap(), "127.0.0.1:1".parse().unwrap());
            Arc::new(Connection::new(Principal::Local, remote, Utc::now(), Some(socket), slot))
        };
        let (slow, fast) = (connection(silent), connection(served));
        let mut groups = Groups::default();
        let id = groups.of(Filter::default(), Framing::WebSocket);
        groups.join(id, slow.clone());
        groups.join(id, fast.clone());
        let (mut flushed, mut most) = (0, 0);
        let mut received = vec![0; 1 << 20];
        while slow.outbox().phase == Phase::Open {
            let group = groups.get(id);
            for _ in 0..10 {
                flushed += group.add_fact(&payload, Offset::START);
            }
            group.flush(&budget);
            most = most.max(budget.used());
            // The other one reads all that there is.
            while !fast.outbox().is_empty() {
                tokio::select! {
                    readable = reader.readable() => readable.unwrap(),
                    writable = fast.socket().unwrap().writable() => writable.unwrap(),
                }
                match reader.try_read(&mut received) {
                    Ok(_) => {}
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                    Err(error) => panic!("{error}"),
                }
                fast.drain(fast.socket().unwrap()).unwrap();
            }
            assert!(flushed < 100 << 20, "it was never closed");
        }
        assert_eq!(fast.outbox().phase, Phase::Open);
        assert!(most > super::super::bounds::BEHIND_BYTES_MAX, "the fault fired: {most} bytes were held");
        assert_eq!(budget.used(), 0, "all of it is given back");
        assert!(slow.outbox().bytes < 20_000, "the rest of a frame and the close frame are all that waits");
    }
}
