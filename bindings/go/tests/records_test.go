// Records arrive as they were sent, where and in the order that they should.

package tests

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/ottla/ottla-go"
	"github.com/twmb/franz-go/pkg/kgo"
)

func TestArrivesWhole(t *testing.T) {
	both(t, func(e *env) {
		topic, p := e.topic(1), e.producer()
		at := time.UnixMilli(1709251200123)
		e.send(p, &ottla.Record{Topic: topic, Key: []byte("key"), Value: []byte("value"),
			Headers: []ottla.Header{{Name: "from", Value: []byte("Franz")}}, Timestamp: at})
		r := e.read(topic, 1)[0]
		e.want(string(r.Key) == "key" && string(r.Value) == "value" && r.Timestamp.Equal(at),
			"%+v", r)
		e.want(len(r.Headers) == 1 && r.Headers[0].Key == "from" &&
			string(r.Headers[0].Value) == "Franz", "%+v", r.Headers)
	})
}

func TestNullIsNotEmpty(t *testing.T) {
	both(t, func(e *env) {
		topic, p := e.topic(1), e.producer()
		e.send(p, &ottla.Record{Topic: topic})
		e.send(p, &ottla.Record{Topic: topic, Key: []byte{}, Value: []byte{}})
		records := e.read(topic, 2)
		e.want(records[0].Key == nil && records[0].Value == nil, "%#v", records[0])
		e.want(records[1].Key != nil && records[1].Value != nil, "%#v", records[1])
		e.want(len(records[1].Key)+len(records[1].Value) == 0, "%#v", records[1])
	})
}

func TestHeadersMayRepeat(t *testing.T) {
	both(t, func(e *env) {
		topic, p := e.topic(1), e.producer()
		headers := []ottla.Header{{Name: "b", Value: []byte("1")}, {Name: "a", Value: nil},
			{Name: "b", Value: []byte{}}, {Name: "", Value: []byte("2")},
			{Name: "b", Value: []byte("1")}}
		e.send(p, &ottla.Record{Topic: topic, Headers: headers})
		read := e.read(topic, 1)[0].Headers
		e.want(len(read) == len(headers), "%+v", read)
		for i, header := range headers {
			e.want(read[i].Key == header.Name && bytes.Equal(read[i].Value, header.Value) &&
				(read[i].Value == nil) == (header.Value == nil), "header %d: %#v", i, read[i])
		}
	})
}

func TestTimeOfTheSend(t *testing.T) {
	both(t, func(e *env) {
		topic, p := e.topic(1), e.producer()
		before := time.Now().Truncate(time.Millisecond)
		report := e.send(p, &ottla.Record{Topic: topic})
		at, after := e.read(topic, 1)[0].Timestamp, time.Now()
		e.want(!at.Before(before) && !at.After(after), "%v not in %v … %v", at, before, after)
		e.want(report.Time().Equal(at), "reported %v, read %v", report.Time(), at)
	})
}

func TestPartitionOfTheRecord(t *testing.T) {
	both(t, func(e *env) {
		topic, p := e.topic(3), e.producer()
		for number := range int32(3) {
			e.send(p, &ottla.Record{Topic: topic, Key: []byte("same"), Value: []byte{byte(number)},
				Partition: ottla.ToPartition(number)})
		}
		for _, r := range e.read(topic, 3) {
			e.want(r.Partition == int32(r.Value[0]), "%d is in %d", r.Value[0], r.Partition)
		}
	})
}

func TestPartitionOfTheKey(t *testing.T) {
	both(t, func(e *env) {
		topic, p := e.topic(7), e.producer()
		for i := range 100 {
			record := ottla.Record{Topic: topic, Key: fmt.Appendf(nil, "key-%d", i)}
			e.must(p.Send(e.ctx, &record, nil))
		}
		e.must(p.Flush(e.ctx))
		// That client's partitioner chooses as Java does, too.
		java := kgo.StickyKeyPartitioner(nil).ForTopic(topic)
		for _, r := range e.read(topic, 100) {
			want := java.Partition(&kgo.Record{Key: r.Key}, 7)
			e.want(int(r.Partition) == want, "%s is in %d, Java: %d", r.Key, r.Partition, want)
		}
	})
}

func TestNoKeyIsSpread(t *testing.T) {
	both(t, func(e *env) {
		topic, p := e.topic(3), e.producer(ottla.WithConfig("batch.size", "1000"))
		for range 300 {
			e.must(p.Send(e.ctx, &ottla.Record{Topic: topic, Value: make([]byte, 100)}, nil))
		}
		e.must(p.Flush(e.ctx))
		seen := map[int32]bool{}
		for _, r := range e.read(topic, 300) {
			seen[r.Partition] = true
		}
		e.want(len(seen) > 1, "all are in %v", seen)
	})
}

func TestOrderIsKept(t *testing.T) {
	both(t, func(e *env) {
		topic, p := e.topic(3), e.producer(ottla.WithConfig("batch.size", "500"))
		const count = 3000
		for i := range count {
			e.must(p.Send(e.ctx, &ottla.Record{Topic: topic, Value: fmt.Appendf(nil, "%06d", i),
				Partition: ottla.ToPartition(int32(i % 3))}, nil))
		}
		e.must(p.Flush(e.ctx))
		last := map[int32]string{}
		for _, r := range e.read(topic, count) {
			e.want(last[r.Partition] < string(r.Value), "%s after %s", r.Value, last[r.Partition])
			last[r.Partition] = string(r.Value)
		}
	})
}

func TestAnyBytes(t *testing.T) {
	both(t, func(e *env) {
		topic, p := e.topic(1), e.producer(ottla.WithConfig("max.request.size", "2000000"),
			ottla.WithConfig("compression.type", "zstd"))
		all := make([]byte, 256)
		for i := range all {
			all[i] = byte(i)
		}
		million := bytes.Repeat(all, 1<<20/256)
		e.send(p, &ottla.Record{Topic: topic, Key: all, Value: million})
		r := e.read(topic, 1)[0]
		e.want(bytes.Equal(r.Key, all) && bytes.Equal(r.Value, million), "the bytes differ")
	})
}

// letter is half words, which every codec makes shorter, and half noise, which none does.
func letter(number int) []byte {
	noise := make([]byte, 3000)
	rand.NewChaCha8([32]byte{byte(number)}).Read(noise)
	return append(bytes.Repeat([]byte("a word, "), len(noise)/8), noise...)
}

// One batch each of 600 kB, so that it has several of the codec's blocks: of snappy's 32 KiB, of
// lz4's 64 KiB.
func TestCodecs(t *testing.T) {
	both(t, func(e *env) {
		for _, codec := range []string{"gzip", "snappy", "lz4", "zstd"} {
			topic, p := e.topic(1), e.producer(ottla.WithConfig("compression.type", codec),
				ottla.WithConfig("batch.size", "1048576"), ottla.WithConfig("linger.ms", "60000"))
			const count = 100
			for i := range count {
				e.must(p.Send(e.ctx, &ottla.Record{Topic: topic, Value: letter(i)}, nil))
			}
			metrics, err := p.Metrics()
			e.must(err)
			e.want(metrics["batch-send-total"] == 0, "%s: not in one batch: %v", codec, metrics)
			e.must(p.Flush(e.ctx))
			for i, r := range e.read(topic, count) {
				e.want(bytes.Equal(r.Value, letter(i)), "%s: the bytes of %d differ", codec, i)
				numbers := map[uint8]string{1: "gzip", 2: "snappy", 3: "lz4", 4: "zstd"}
				used := numbers[r.Attrs.CompressionType()]
				e.want(used == codec, "%s was sent with %q", codec, used)
			}
		}
	})
}
