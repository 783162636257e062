//! Between the processors, which know sockets, and the handlers, which know Kafka: requests go
//! one way through one bounded queue, and what the sockets are to do goes the other way, to the
//! processor that has the connection (Kafka: `RequestChannel`).

use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded};

use super::call::{Output, RawRequest};
use crate::io::{AcceptedSocket, ConnId, ListeningSocket, Waker};
use crate::sync::Mutex;

/// What a handler finds.
#[derive(Debug)]
pub enum Work {
    /// A request.
    Request(RawRequest),
    /// The next deadline may be another one.
    LookAgain,
    /// The handler's end.
    Stop,
}

/// What a processor is told.
#[derive(Debug)]
pub enum Command {
    /// What the cluster wants of a socket.
    Output(Output),
    /// A client that another processor accepted.
    Adopt(ConnId, i32, AcceptedSocket),
    /// Begin to accept clients of this broker.
    Serve(i32, ListeningSocket),
    /// Accept no more clients of this broker, and say so when its listener is closed.
    StopServing(i32, Sender<()>),
    /// The processor's end.
    Stop,
}

/// The way to one processor.
pub struct Mailbox {
    commands: Mutex<Vec<Command>>,
    waker: Arc<Waker>,
}

impl Mailbox {
    /// A mailbox whose owner is woken by this.
    pub fn new(waker: Arc<Waker>) -> Mailbox {
        Mailbox { commands: Mutex::default(), waker }
    }

    /// Tells the processor something.
    pub fn tell(&self, command: Command) {
        self.commands.lock().push(command);
        self.waker.wake();
    }

    /// What it was told.
    pub fn take(&self) -> Vec<Command> {
        std::mem::take(&mut self.commands.lock())
    }
}

/// The two ways.
pub struct RequestChannel {
    sender: Sender<Work>,
    receiver: Receiver<Work>,
    mailboxes: Vec<Mailbox>,
}

impl RequestChannel {
    /// A channel with room for this many requests.
    pub fn new(capacity: usize, mailboxes: Vec<Mailbox>) -> RequestChannel {
        let (sender, receiver) = bounded(capacity.max(1));
        RequestChannel { sender, receiver, mailboxes }
    }

    /// Queues a request; waits where there is no room.
    pub fn send(&self, request: RawRequest) {
        // The receiver lives as long as this channel.
        let _ = self.sender.send(Work::Request(request));
    }

    /// Lets a handler look at the deadlines again. Where the queue is full, they will anyway.
    pub fn look_again(&self) {
        let _ = self.sender.try_send(Work::LookAgain);
    }

    /// Ends one handler.
    pub fn stop_one(&self) {
        let _ = self.sender.send(Work::Stop);
    }

    /// The next work; `None` if there is none within `timeout` (`None`: no limit).
    pub fn receive(&self, timeout: Option<Duration>) -> Option<Work> {
        match timeout {
            None => self.receiver.recv().ok(),
            Some(timeout) => self.receiver.recv_timeout(timeout).ok(),
        }
    }

    /// The processor of a connection: they take turns, in the order in which clients connect.
    pub fn processor_of(&self, conn: ConnId) -> usize {
        (conn.0 % self.mailboxes.len() as u64) as usize
    }

    /// The mailbox of a processor.
    pub fn mailbox(&self, processor: usize) -> &Mailbox {
        &self.mailboxes[processor]
    }

    /// Tells every processor.
    pub fn tell_all(&self, command: impl Fn() -> Command) {
        self.mailboxes.iter().for_each(|mailbox| mailbox.tell(command()));
    }

    /// Takes what the cluster wants of its sockets to the processors that have them.
    pub fn dispatch(&self, outputs: Vec<Output>) {
        for output in outputs {
            match output {
                Output::Answer { conn, .. }
                | Output::NoAnswer { conn }
                | Output::Ignore { conn }
                | Output::Close { conn, .. } => {
                    self.mailbox(self.processor_of(conn)).tell(Command::Output(output));
                }
                Output::CloseAll { broker } => {
                    self.tell_all(|| Command::Output(Output::CloseAll { broker }));
                }
                Output::Freeze { broker, frozen } => {
                    self.tell_all(|| Command::Output(Output::Freeze { broker, frozen }));
                }
            }
        }
    }
}
