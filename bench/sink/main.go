// sink: a null Kafka broker. It answers ApiVersions, Metadata, InitProducerId and Produce at once
// and keeps nothing, so that what a producer itself costs can be measured. Loopback only.
//
// Every topic exists. Record sets are never decoded: the record count is read from the batch header.
// -check also verifies CRC-32C and the idempotent sequence numbers (costs CPU; off when measuring).
// On SIGINT/SIGTERM (or -max-s) it prints one JSON line: what it saw and the CPU time it used.
package main

import (
	"encoding/binary"
	"encoding/json"
	"flag"
	"fmt"
	"hash/crc32"
	"hash/fnv"
	"io"
	"log"
	"net"
	"os"
	"os/signal"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

var (
	listen  = flag.String("listen", "127.0.0.1:9500", "first broker's address; broker i listens on port+i")
	brokers = flag.Int("brokers", 1, "brokers (partition p is led by broker p mod brokers)")
	parts   = flag.Int("partitions", 12, "partitions of every topic")
	latency = flag.Duration("latency", 0, "delay of each Produce response (pipelined), e.g. 2ms")
	check   = flag.Bool("check", false, "verify CRC-32C and sequence numbers")
	maxS    = flag.Int("max-s", 1800, "stop by itself after this many seconds")
	maxVers = flag.Int("max-produce", 13, "highest Produce version offered (3..13)")

	records, batches, requests, bytesIn, crcBad, seqBad, bad, conns atomic.Int64

	castagnoli = crc32.MakeTable(crc32.Castagnoli)
	host       string
	port0      int32
	pids       atomic.Int64

	mu      sync.Mutex
	offsets = map[string][]int64{}            // topic -> next offset per partition
	names   = map[[16]byte]string{}           // topic id -> name
	seqs    = map[string]map[[2]int64]int32{} // topic -> (pid<<16|epoch, partition) -> next sequence
)

type apiRange struct{ key, min, max int16 }

var apis []apiRange

func topicID(name string) (id [16]byte) {
	h := fnv.New128a()
	io.WriteString(h, name)
	copy(id[:], h.Sum(nil))
	id[0] |= 1
	return
}

func topic(name string) []int64 { // under mu
	o, ok := offsets[name]
	if !ok {
		name = strings.Clone(name)
		o = make([]int64, *parts)
		offsets[name] = o
		names[topicID(name)] = name
		seqs[name] = map[[2]int64]int32{}
	}
	return o
}

func metadata(req *kmsg.MetadataRequest) *kmsg.MetadataResponse {
	resp := req.ResponseKind().(*kmsg.MetadataResponse)
	for i := 0; i < *brokers; i++ {
		b := kmsg.NewMetadataResponseBroker()
		b.NodeID, b.Host, b.Port = int32(i+1), host, port0+int32(i)
		resp.Brokers = append(resp.Brokers, b)
	}
	resp.ControllerID = 1
	cluster := "sink"
	resp.ClusterID = &cluster
	mu.Lock()
	defer mu.Unlock()
	var want []string
	if req.Topics == nil || (req.Version == 0 && len(req.Topics) == 0) {
		for n := range offsets {
			want = append(want, n)
		}
	}
	for _, t := range req.Topics {
		if t.Topic != nil {
			want = append(want, *t.Topic)
		} else if n, ok := names[t.TopicID]; ok {
			want = append(want, n)
		}
	}
	for _, n := range want {
		topic(n)
		t := kmsg.NewMetadataResponseTopic()
		n := n
		t.Topic, t.TopicID = &n, topicID(n)
		for p := 0; p < *parts; p++ {
			pt := kmsg.NewMetadataResponseTopicPartition()
			pt.Partition, pt.Leader, pt.LeaderEpoch = int32(p), int32(p%*brokers+1), 0
			pt.Replicas, pt.ISR = []int32{pt.Leader}, []int32{pt.Leader}
			t.Partitions = append(t.Partitions, pt)
		}
		resp.Topics = append(resp.Topics, t)
	}
	return resp
}

// batch looks at each v2 batch header of a record set; returns the number of records.
func batch(name string, part int32, rs []byte) (n int64) {
	for len(rs) >= 61 {
		size := 12 + int(int32(binary.BigEndian.Uint32(rs[8:])))
		if rs[16] != 2 || size < 61 || size > len(rs) {
			bad.Add(1)
			return n
		}
		cnt := int32(binary.BigEndian.Uint32(rs[57:]))
		n += int64(cnt)
		batches.Add(1)
		if *check {
			if crc32.Checksum(rs[21:size], castagnoli) != binary.BigEndian.Uint32(rs[17:]) {
				crcBad.Add(1)
			}
			if pid := int64(binary.BigEndian.Uint64(rs[43:])); pid >= 0 {
				key := [2]int64{pid<<16 | int64(binary.BigEndian.Uint16(rs[51:])), int64(part)}
				seq := int32(binary.BigEndian.Uint32(rs[53:]))
				if next, ok := seqs[name][key]; (ok && next != seq) || (!ok && seq != 0) {
					seqBad.Add(1)
				}
				seqs[name][key] = int32((int64(seq) + int64(cnt)) & 0x7fffffff)
			}
		}
		rs = rs[size:]
	}
	if len(rs) != 0 {
		bad.Add(1)
	}
	return n
}

func produce(req *kmsg.ProduceRequest) *kmsg.ProduceResponse {
	resp := &kmsg.ProduceResponse{Version: req.Version}
	resp.Topics = make([]kmsg.ProduceResponseTopic, len(req.Topics))
	mu.Lock()
	for i := range req.Topics {
		rt, t := &req.Topics[i], &resp.Topics[i]
		name := rt.Topic
		if req.Version >= 13 {
			name = names[rt.TopicID]
		}
		t.Topic, t.TopicID = name, rt.TopicID
		off := topic(name)
		t.Partitions = make([]kmsg.ProduceResponseTopicPartition, len(rt.Partitions))
		for j := range rt.Partitions {
			rp, p := &rt.Partitions[j], &t.Partitions[j]
			p.Default()
			p.Partition = rp.Partition
			if int(rp.Partition) >= len(off) || rp.Partition < 0 {
				p.ErrorCode = 3
				continue
			}
			n := batch(name, rp.Partition, rp.Records)
			p.BaseOffset, p.LogAppendTime, p.LogStartOffset = off[rp.Partition], -1, 0
			off[rp.Partition] += n
			records.Add(n)
		}
	}
	mu.Unlock()
	requests.Add(1)
	return resp
}

func uvarint(b []byte) (uint64, []byte) {
	v, n := binary.Uvarint(b)
	if n <= 0 {
		return 0, nil
	}
	return v, b[n:]
}

// handle answers one request frame (without its size); nil means no answer (acks 0).
func handle(frame, out []byte) ([]byte, bool, error) {
	if len(frame) < 10 {
		return nil, false, io.ErrUnexpectedEOF
	}
	key, version := int16(binary.BigEndian.Uint16(frame)), int16(binary.BigEndian.Uint16(frame[2:]))
	corr := frame[4:8]
	b := frame[10:]
	if n := int16(binary.BigEndian.Uint16(frame[8:])); n > 0 {
		if int(n) > len(b) {
			return nil, false, io.ErrUnexpectedEOF
		}
		b = b[n:]
	}
	var rng *apiRange
	for i := range apis {
		if apis[i].key == key {
			rng = &apis[i]
		}
	}
	if rng == nil {
		return nil, false, fmt.Errorf("api key %d is not served", key)
	}
	out = append(out[:0], 0, 0, 0, 0)
	out = append(out, corr...)
	if version > rng.max || version < rng.min {
		if key != 18 {
			return nil, false, fmt.Errorf("api key %d version %d is not served", key, version)
		}
		version = 0
		resp := apiVersions(0)
		resp.ErrorCode = 35
		out = resp.AppendTo(out)
		binary.BigEndian.PutUint32(out, uint32(len(out)-4))
		return out, false, nil
	}
	if key == 1 || key == 10 {
		return nil, false, fmt.Errorf("api key %d is not served", key)
	}
	req := kmsg.RequestForKey(key)
	req.SetVersion(version)
	if req.IsFlexible() {
		var n, l uint64
		n, b = uvarint(b)
		for ; n > 0; n-- {
			_, b = uvarint(b)
			l, b = uvarint(b)
			if uint64(len(b)) < l {
				return nil, false, io.ErrUnexpectedEOF
			}
			b = b[l:]
		}
	}
	var resp kmsg.Response
	isProduce := false
	switch r := req.(type) {
	case *kmsg.ProduceRequest:
		if err := r.UnsafeReadFrom(b); err != nil {
			return nil, false, err
		}
		resp = produce(r)
		isProduce = true
		if r.Acks == 0 {
			return nil, true, nil
		}
	case *kmsg.MetadataRequest:
		if err := r.ReadFrom(b); err != nil {
			return nil, false, err
		}
		resp = metadata(r)
	case *kmsg.InitProducerIDRequest:
		if err := r.ReadFrom(b); err != nil {
			return nil, false, err
		}
		x := r.ResponseKind().(*kmsg.InitProducerIDResponse)
		x.ProducerID, x.ProducerEpoch = pids.Add(1)+999, 0
		resp = x
	case *kmsg.ApiVersionsRequest:
		resp = apiVersions(version)
	}
	if resp.IsFlexible() && key != 18 {
		out = append(out, 0)
	}
	out = resp.AppendTo(out)
	binary.BigEndian.PutUint32(out, uint32(len(out)-4))
	return out, isProduce, nil
}

func apiVersions(version int16) *kmsg.ApiVersionsResponse {
	resp := kmsg.NewPtrApiVersionsResponse()
	resp.Version = version
	for _, a := range apis {
		k := kmsg.NewApiVersionsResponseApiKey()
		k.ApiKey, k.MinVersion, k.MaxVersion = a.key, a.min, a.max
		resp.ApiKeys = append(resp.ApiKeys, k)
	}
	return resp
}

type delayed struct {
	at time.Time
	b  []byte
}

func serve(c net.Conn) {
	defer c.Close()
	conns.Add(1)
	var late chan delayed
	if *latency > 0 {
		late = make(chan delayed, 4096)
		defer close(late)
		go func() {
			for d := range late {
				time.Sleep(time.Until(d.at))
				c.Write(d.b)
			}
		}()
	}
	buf := make([]byte, 4<<20)
	var out []byte
	r, w := 0, 0
	for {
		n, err := c.Read(buf[w:])
		if err != nil {
			return
		}
		bytesIn.Add(int64(n))
		w += n
		for w-r >= 4 {
			size := int(binary.BigEndian.Uint32(buf[r:]))
			if size > 110<<20 {
				return
			}
			if w-r < 4+size {
				if len(buf)-r < 4+size { // no room for the whole frame here
					if len(buf) < 4+size {
						nb := make([]byte, 2*(4+size))
						copy(nb, buf[r:w])
						buf = nb
					} else {
						copy(buf, buf[r:w])
					}
					r, w = 0, w-r
				}
				break
			}
			o, isProduce, err := handle(buf[r+4:r+4+size], out)
			if err != nil {
				log.Printf("sink: %v: %v", c.RemoteAddr(), err)
				return
			}
			r += 4 + size
			if o == nil {
				continue
			}
			if late != nil {
				at := time.Now()
				if isProduce {
					at = at.Add(*latency)
				}
				late <- delayed{at, append([]byte(nil), o...)}
				continue
			}
			out = o
			if _, err := c.Write(o); err != nil {
				return
			}
		}
		if r == w {
			r, w = 0, 0
		} else if w == len(buf) {
			copy(buf, buf[r:w])
			r, w = 0, w-r
		}
	}
}

func main() {
	flag.Parse()
	// Fetch and FindCoordinator are only announced: librdkafka reads from them that the broker takes
	// message format 2 and lz4. A client that sends one is hung up on.
	apis = []apiRange{{0, 3, int16(*maxVers)}, {1, 4, 17}, {3, 1, 13}, {10, 0, 6}, {18, 0, 4}, {22, 0, 5}}
	h, p, err := net.SplitHostPort(*listen)
	if err != nil || !net.ParseIP(h).IsLoopback() {
		log.Fatal("sink: -listen must be a loopback address:port")
	}
	host = h
	fmt.Sscan(p, &port0)
	for i := 0; i < *brokers; i++ {
		l, err := net.Listen("tcp", fmt.Sprintf("%s:%d", h, int(port0)+i))
		if err != nil {
			log.Fatal(err)
		}
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				go serve(c)
			}
		}()
	}
	sig := make(chan os.Signal, 1)
	signal.Notify(sig, syscall.SIGINT, syscall.SIGTERM)
	select {
	case <-sig:
	case <-time.After(time.Duration(*maxS) * time.Second):
	}
	var ru syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &ru)
	cpu := float64(ru.Utime.Sec+ru.Stime.Sec) + float64(ru.Utime.Usec+ru.Stime.Usec)/1e6
	json.NewEncoder(os.Stdout).Encode(map[string]any{
		"sink_records": records.Load(), "sink_batches": batches.Load(), "sink_requests": requests.Load(),
		"sink_bytes": bytesIn.Load(), "sink_conns": conns.Load(), "sink_cpu_s": cpu, "sink_malformed": bad.Load(),
		"sink_crc_bad": crcBad.Load(), "sink_seq_bad": seqBad.Load(),
	})
}
