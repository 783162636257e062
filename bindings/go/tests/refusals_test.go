// What cannot work is refused at once, with a reason.

package tests

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/ottla/ottla-go"
)

func isCode(err error, code ottla.Code) bool { return errors.Is(err, code) }

// refusedSend checks that a record is refused, has no report, and leaves the producer as it was.
func (e *env) refusedSend(p *ottla.Producer, record *ottla.Record, code ottla.Code,
	words ...string) {
	e.Helper()
	done := func(r *ottla.Report) { e.Errorf("a report of a record that was refused: %+v", r) }
	e.refused(p.Send(e.ctx, record, done), code, words...)
	e.must(p.Flush(e.ctx))
}

func TestTopicNameIsRefused(t *testing.T) {
	both(t, func(e *env) {
		p := e.producer()
		for _, name := range []string{"a/b", "", "..", strings.Repeat("x", 250)} {
			e.refusedSend(p, &ottla.Record{Topic: name}, ottla.ErrInvalidTopicException,
				name[:min(9, len(name))])
		}
	})
}

func TestPartitionIsRefused(t *testing.T) {
	both(t, func(e *env) {
		p := e.producer()
		record := ottla.Record{Topic: e.topic(3), Partition: ottla.ToPartition(3)}
		e.refusedSend(p, &record, ottla.ErrUnknownTopicOrPartition, "no partition 3", "it has 3")
		record.Partition = ottla.ToPartition(-2)
		e.refusedSend(p, &record, ottla.ErrInvalidArgument, "-2")
	})
}

func TestTooLargeIsRefused(t *testing.T) {
	both(t, func(e *env) {
		record := ottla.Record{Topic: e.topic(1), Value: make([]byte, 2<<20)}
		e.refusedSend(e.producer(), &record, ottla.ErrMessageTooLarge, "max.request.size")
	})
}

func TestTimeIsRefused(t *testing.T) {
	both(t, func(e *env) {
		p, topic := e.producer(), e.topic(1)
		for _, ms := range []int64{-1, -2, -86400000} {
			record := ottla.Record{Topic: topic, Timestamp: time.UnixMilli(ms)}
			e.refusedSend(p, &record, ottla.ErrInvalidArgument, "timestamp -")
		}
		e.send(p, &ottla.Record{Topic: topic, Timestamp: time.UnixMilli(0)})
	})
}

func TestTextIsRefused(t *testing.T) {
	both(t, func(e *env) {
		p, topic := e.producer(), e.topic(1)
		e.refusedSend(p, &ottla.Record{Topic: "a\xff"}, ottla.ErrInvalidUTF8, "topic", "byte 1")
		header := []ottla.Header{{Name: "a\xff"}}
		e.refusedSend(p, &ottla.Record{Topic: topic, Headers: header}, ottla.ErrInvalidUTF8)
		e.refusedSend(p, nil, ottla.ErrInvalidArgument, "nil")
	})
}

// refusedConfig checks that no producer is made of a key and a value.
func (e *env) refusedConfig(key, value string, code ottla.Code, words ...string) {
	e.Helper()
	_, err := ottla.NewProducer(ottla.WithBootstrapServers(e.servers), ottla.WithConfig(key, value))
	e.refused(err, code, words...)
}

func TestUnknownKey(t *testing.T) {
	both(t, func(e *env) {
		e.refusedConfig("linger.msec", "5", ottla.ErrConfiguration, "linger.msec", "linger.ms")
	})
}

func TestValueOutOfRange(t *testing.T) {
	both(t, func(e *env) {
		e.refusedConfig("linger.ms", "-1", ottla.ErrConfiguration, "linger.ms", "0")
		e.refusedConfig("max.in.flight.requests.per.connection", "6", ottla.ErrConfiguration, "5")
		e.refusedConfig("delivery.report.mode", "none", ottla.ErrConfiguration, "callback")
		e.refusedConfig("client.id", "a\x00b", ottla.ErrConfiguration, "client.id", "NUL")
	})
}

func TestOtherNamesOfKeys(t *testing.T) {
	both(t, func(e *env) {
		p, err := ottla.NewProducer(ottla.WithConfigMap(map[string]string{
			"metadata.broker.list": e.servers, "queue.buffering.max.ms": "1",
			"message.timeout.ms": "60000", "compression.codec": "lz4"}))
		e.must(err)
		topic := e.topic(1)
		e.send(p, &ottla.Record{Topic: topic})
		e.must(p.Close(e.ctx))
		e.read(topic, 1)
	})
}

func TestSecurityIsRefused(t *testing.T) {
	both(t, func(e *env) {
		e.refusedConfig("security.protocol", "SSL", ottla.ErrNotImplemented, "security.protocol")
	})
}

func TestNoServers(t *testing.T) {
	both(t, func(e *env) {
		_, err := ottla.NewProducer()
		e.refused(err, ottla.ErrConfiguration, "bootstrap.servers")
	})
}

func TestUnreachableSaysSo(t *testing.T) {
	both(t, func(e *env) {
		p := e.producer(ottla.WithBootstrapServers("127.0.0.1:1"),
			ottla.WithConfig("max.block.ms", "300"), ottla.WithConfig("log.level", "error"))
		start := time.Now()
		err := p.Send(e.ctx, &ottla.Record{Topic: "letters"}, nil)
		e.refused(err, ottla.ErrTimedOut, "127.0.0.1:1")
		waited := time.Since(start)
		e.want(waited >= 290*time.Millisecond && waited < 10*time.Second, "it took %v", waited)
	})
}
