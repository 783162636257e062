//! A broker that does what a test tells it: real sockets, hand-written bytes, one fixed version of
//! each API (ApiVersions 4, Metadata 4, InitProducerId 0, Produce 3). It stores nothing.

#![allow(dead_code)] // Each test binary uses a part.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

pub const PRODUCE: i16 = 0;
pub const METADATA: i16 = 3;
pub const API_VERSIONS: i16 = 18;
pub const INIT_PRODUCER_ID: i16 = 22;

/// Produce answers of our own for (topic, partition, error, base offset).
pub type Answered = Vec<(String, Vec<(i32, i16, i64)>)>;

/// What a listener does with its connections.
#[derive(Clone)]
pub enum Role {
    /// Speaks Kafka, with these deviations.
    Kafka(Arc<Behaviour>),
    /// Anything else: this runs on each connection's thread.
    Foreign(fn(TcpStream)),
}

/// Gets the API and the good frame with its length; false ends the connection.
pub type Hostile = Arc<dyn Fn(i16, Vec<u8>, &mut TcpStream) -> bool + Send + Sync>;

/// How a Kafka broker deviates. The default is a good broker with one partition per topic.
#[derive(Default)]
pub struct Behaviour {
    /// The error of every batch; 0 for none. May change on the way.
    pub produce_error: AtomicU32,
    /// Answers nothing on a connection from the first request of this API on.
    pub mute: Mutex<Option<i16>>,
    /// Added to the correlation ids of all answers but those to ApiVersions.
    pub correlation_shift: AtomicU32,
    /// Error of every topic in the metadata.
    pub topic_error: AtomicU32,
    /// Topics have no leader.
    pub leaderless: AtomicBool,
    /// Changes produce answers before they are written.
    pub bend: Mutex<Option<fn(&mut Answered)>>,
    /// Writes what it likes instead of the answer.
    pub hostile: Mutex<Option<Hostile>>,
    /// The requests that came, by API.
    pub seen: Mutex<HashMap<i16, usize>>,
    offsets: Mutex<HashMap<(String, i32), i64>>,
}

/// A listener on an address of its own; it ends when dropped, with all its connections.
pub struct FakeBroker {
    pub address: SocketAddr,
    stop: Arc<AtomicBool>,
    open: Arc<Mutex<Vec<TcpStream>>>,
    acceptor: Option<JoinHandle<()>>,
}

/// A free address, on a loopback IP that no other test uses: so nobody takes it in between.
pub fn free_address() -> SocketAddr {
    static LAST: AtomicU32 = AtomicU32::new(0);
    let number = LAST.fetch_add(1, Ordering::Relaxed);
    let process = std::process::id();
    let ip =
        Ipv4Addr::new(127, 1 + (process % 250) as u8, (number / 250) as u8, (number % 250) as u8);
    TcpListener::bind((ip, 0)).unwrap().local_addr().unwrap()
}

impl FakeBroker {
    /// A good broker, which the test bends through what is returned beside it.
    pub fn kafka() -> (FakeBroker, Arc<Behaviour>) {
        let behaviour = Arc::new(Behaviour::default());
        (FakeBroker::at(free_address(), Role::Kafka(behaviour.clone())), behaviour)
    }

    /// A listener at this address.
    pub fn at(address: SocketAddr, role: Role) -> FakeBroker {
        let listener = TcpListener::bind(address).unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let open: Arc<Mutex<Vec<TcpStream>>> = Arc::default();
        let (stopped, streams) = (stop.clone(), open.clone());
        let acceptor = std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if stopped.load(Ordering::SeqCst) {
                    return;
                }
                let role = role.clone();
                streams.lock().unwrap().push(stream.try_clone().unwrap());
                std::thread::spawn(move || {
                    // The other handle in `streams` would keep the connection open.
                    let end = stream.try_clone();
                    match role {
                        Role::Foreign(serve) => serve(stream),
                        Role::Kafka(behaviour) => serve_kafka(stream, address, &behaviour),
                    }
                    let _ = end.map(|end| end.shutdown(Shutdown::Both));
                });
            }
        });
        FakeBroker { address, stop, open, acceptor: Some(acceptor) }
    }

    /// As `bootstrap.servers` wants it.
    pub fn bootstrap(&self) -> String {
        self.address.to_string()
    }
}

impl Drop for FakeBroker {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        // Ends the acceptor's wait.
        let _ = TcpStream::connect(self.address);
        if let Some(acceptor) = self.acceptor.take() {
            let _ = acceptor.join();
        }
        for stream in self.open.lock().unwrap().drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

impl Behaviour {
    /// The number of records that were taken.
    pub fn taken(&self) -> i64 {
        self.offsets.lock().unwrap().values().sum()
    }

    /// The number of requests of an API that came.
    pub fn seen(&self, api: i16) -> usize {
        self.seen.lock().unwrap().get(&api).copied().unwrap_or(0)
    }
}

fn serve_kafka(mut stream: TcpStream, address: SocketAddr, behaviour: &Behaviour) {
    while let Some(frame) = read_frame(&mut stream) {
        let mut request = Fields(&frame);
        let (api, _version) = (request.i16(), request.i16());
        let correlation_id = request.i32();
        let _client_id = request.string();
        *behaviour.seen.lock().unwrap().entry(api).or_default() += 1;
        if *behaviour.mute.lock().unwrap() == Some(api) {
            while read_frame(&mut stream).is_some() {}
            return;
        }
        let (body, shift) = match api {
            API_VERSIONS => (api_versions(), 0),
            METADATA => (metadata(&mut request, address, behaviour), 1),
            INIT_PRODUCER_ID => (init_producer_id(), 1),
            PRODUCE => (produce(&mut request, behaviour), 1),
            other => panic!("request of API {other}"),
        };
        let shift = shift * behaviour.correlation_shift.load(Ordering::SeqCst) as i32;
        let mut answer = ((body.len() + 4) as u32).to_be_bytes().to_vec();
        answer.extend((correlation_id + shift).to_be_bytes());
        answer.extend(body);
        let hostile = behaviour.hostile.lock().unwrap().clone();
        if let Some(hostile) = hostile {
            match hostile(api, answer, &mut stream) {
                true => continue,
                false => return,
            }
        }
        if stream.write_all(&answer).is_err() {
            return;
        }
    }
}

fn read_frame(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut length = [0; 4];
    stream.read_exact(&mut length).ok()?;
    let mut frame = vec![0; u32::from_be_bytes(length) as usize];
    stream.read_exact(&mut frame).ok()?;
    Some(frame)
}

/// Version 4, which is flexible: lengths are one more and each structure ends with its tags.
fn api_versions() -> Vec<u8> {
    let apis = [(PRODUCE, 3, 3), (METADATA, 4, 4), (API_VERSIONS, 0, 4), (INIT_PRODUCER_ID, 0, 0)];
    let mut body = vec![0, 0, apis.len() as u8 + 1];
    for (api, min, max) in apis {
        for number in [api, min, max] {
            body.extend(i16::to_be_bytes(number));
        }
        body.push(0);
    }
    body.extend([0; 5]);
    body
}

/// One broker, which is this one, and every topic that is asked for with one partition.
fn metadata(request: &mut Fields<'_>, address: SocketAddr, behaviour: &Behaviour) -> Vec<u8> {
    let topics: Vec<String> = (0..request.i32()).map(|_| request.string()).collect();
    let error = behaviour.topic_error.load(Ordering::SeqCst) as i16;
    let leader = if behaviour.leaderless.load(Ordering::SeqCst) { -1 } else { 1 };
    let mut body = Body::default();
    body.i32(0).i32(1);
    body.i32(1).string(&address.ip().to_string()).i32(address.port().into()).i16(-1);
    body.string("fake").i32(1).i32(topics.len() as i32);
    for topic in topics {
        body.i16(error).string(&topic).bytes(&[0]);
        body.i32(if error == 0 { 1 } else { 0 });
        if error == 0 {
            body.i16(if leader < 0 { 5 } else { 0 }).i32(0).i32(leader);
            body.i32(1).i32(1).i32(1).i32(1);
        }
    }
    body.0
}

fn init_producer_id() -> Vec<u8> {
    let mut body = Body::default();
    body.i32(0).i16(0).i64(4711).i16(0);
    body.0
}

fn produce(request: &mut Fields<'_>, behaviour: &Behaviour) -> Vec<u8> {
    let error = behaviour.produce_error.load(Ordering::SeqCst) as i16;
    let _transactional_id = request.string();
    let (_acks, _timeout) = (request.i16(), request.i32());
    let mut answered: Answered = Vec::new();
    for _ in 0..request.i32() {
        let topic = request.string();
        let mut partitions = Vec::new();
        for _ in 0..request.i32() {
            let partition = request.i32();
            let length = request.i32() as usize;
            let records = request.take(length);
            let count = i32::from_be_bytes(records[57..61].try_into().unwrap());
            let mut offsets = behaviour.offsets.lock().unwrap();
            let next = offsets.entry((topic.clone(), partition)).or_default();
            partitions.push((partition, error, if error == 0 { *next } else { -1 }));
            *next += if error == 0 { i64::from(count) } else { 0 };
        }
        answered.push((topic, partitions));
    }
    if let Some(bend) = *behaviour.bend.lock().unwrap() {
        bend(&mut answered);
    }
    let mut body = Body::default();
    body.i32(answered.len() as i32);
    for (topic, partitions) in answered {
        body.string(&topic).i32(partitions.len() as i32);
        for (partition, error, offset) in partitions {
            body.i32(partition).i16(error).i64(offset).i64(-1);
        }
    }
    body.i32(0);
    body.0
}

/// Reads the fields of a request; the library under test is trusted to send whole ones.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn take(&mut self, length: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(length);
        self.0 = rest;
        taken
    }

    fn i16(&mut self) -> i16 {
        i16::from_be_bytes(self.take(2).try_into().unwrap())
    }

    fn i32(&mut self) -> i32 {
        i32::from_be_bytes(self.take(4).try_into().unwrap())
    }

    /// Null reads as empty.
    fn string(&mut self) -> String {
        let length = usize::try_from(self.i16()).unwrap_or(0);
        String::from_utf8(self.take(length).to_vec()).unwrap()
    }
}

#[derive(Default)]
struct Body(Vec<u8>);

impl Body {
    fn bytes(&mut self, bytes: &[u8]) -> &mut Body {
        self.0.extend(bytes);
        self
    }

    fn i16(&mut self, number: i16) -> &mut Body {
        self.bytes(&number.to_be_bytes())
    }

    fn i32(&mut self, number: i32) -> &mut Body {
        self.bytes(&number.to_be_bytes())
    }

    fn i64(&mut self, number: i64) -> &mut Body {
        self.bytes(&number.to_be_bytes())
    }

    fn string(&mut self, text: &str) -> &mut Body {
        self.i16(text.len() as i16).bytes(text.as_bytes())
    }
}
