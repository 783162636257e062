// The application's own code inside a producer, and what it can ask a producer for.

package tests

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/ottla/ottla-go"
)

func TestOwnPartitioner(t *testing.T) {
	both(t, func(e *env) {
		last := ottla.PartitionerFunc(func(record *ottla.Record, count int32) int32 {
			switch string(record.Key) {
			case "bad":
				return count
			case "any":
				return -1
			}
			return count - 1
		})
		p, topic := e.producer(ottla.WithPartitioner(last)), e.topic(3)
		r := e.send(p, &ottla.Record{Topic: topic, Key: []byte("k")})
		e.want(r.Partition == 2, "%+v", r)
		r = e.send(p, &ottla.Record{Topic: topic, Key: []byte("k"),
			Partition: ottla.ToPartition(0)})
		e.want(r.Partition == 0, "%+v", r)
		e.send(p, &ottla.Record{Topic: topic, Key: []byte("any")})
		other := e.topic(3) // Its partitions are asked for, too, by a send that does not wait.
		e.refused(p.TrySend(&ottla.Record{Topic: other}, nil), ottla.ErrWouldBlock, other)
		e.eventually("the topic is known", func() bool {
			return p.TrySend(&ottla.Record{Topic: other}, nil) == nil
		})
		e.refusedSend(p, &ottla.Record{Topic: topic, Key: []byte("bad")},
			ottla.ErrPartitionerFailed, "partition 3", topic)
		e.read(topic, 3)
	})
}

// marker is an interceptor that marks records and remembers reports.
type marker struct {
	mark    string
	sends   int
	reports []ottla.Report
}

func (s *marker) OnSend(_ context.Context, record *ottla.Record) error {
	s.sends++
	record.Headers = append(record.Headers[:len(record.Headers):len(record.Headers)],
		ottla.Header{Name: "seen by", Value: []byte(s.mark)})
	if s.mark == "bad" {
		return errors.New("on purpose")
	}
	return nil
}

func (s *marker) OnAcknowledgement(report *ottla.Report) { s.reports = append(s.reports, *report) }

func TestInterceptor(t *testing.T) {
	both(t, func(e *env) {
		log := &logLines{}
		one, bad, two := &marker{mark: "one"}, &marker{mark: "bad"}, &marker{mark: "two"}
		p := e.producer(ottla.WithInterceptors(one, bad), ottla.WithInterceptors(two),
			ottla.WithLogger(slog.New(log)))
		topic := e.topic(1)
		record := &ottla.Record{Topic: topic, Opaque: "mine"}
		e.send(p, record)
		e.must(p.Send(e.ctx, record, nil)) // It sees the reports of these, too.
		e.must(p.Close(e.ctx))
		e.want(record.Headers == nil, "the caller's record was changed: %+v", record)
		for _, r := range e.read(topic, 2) {
			e.want(len(r.Headers) == 2 && string(r.Headers[0].Value) == "one" &&
				string(r.Headers[1].Value) == "two", "%+v", r.Headers)
		}
		for _, s := range []*marker{one, bad, two} {
			e.want(s.sends == 2 && len(s.reports) == 2 && s.reports[1].Offset == 1, "%+v", s)
			e.want(s.reports[1].Opaque == "mine", "%+v", s.reports[1])
		}
		e.want(log.has("on purpose"), "%v", log.lines)
	})
}

// letters asks every record and report for what the sender gave it.
type letters struct{ seen []any }

func (l *letters) OnSend(_ context.Context, record *ottla.Record) error {
	l.seen = append(l.seen, record.Opaque)
	return nil
}

func (l *letters) OnAcknowledgement(report *ottla.Report) { l.seen = append(l.seen, report.Opaque) }

func TestInterceptorsSeeTheSendersOpaque(t *testing.T) {
	embedded(t, func(e *env) {
		l := &letters{}
		p, topic := e.producer(ottla.WithInterceptors(l)), e.topic(1)
		reports, err := p.SendSync(e.ctx, &ottla.Record{Topic: topic, Opaque: "a letter"})
		e.want(err == nil && reports[0].Opaque == "a letter", "%v %v", reports, err)
		e.want(p.Close(e.ctx) == nil, "closed")
		e.want(len(l.seen) == 2 && l.seen[0] == "a letter" && l.seen[1] == "a letter", "%v", l.seen)
	})
}

// adder appends a header, which must not land behind those of the application.
type adder struct{ name string }

func (a adder) OnSend(_ context.Context, record *ottla.Record) error {
	record.Headers = append(record.Headers, ottla.Header{Name: a.name})
	if a.name == "failed" {
		return errors.New("it is not to be seen")
	}
	return nil
}

func (a adder) OnAcknowledgement(*ottla.Report) {}

func TestWhatInterceptorsAppendIsTheirOwn(t *testing.T) {
	both(t, func(e *env) {
		p := e.producer(ottla.WithInterceptors(adder{"first"}, adder{"failed"}, adder{"last"}))
		topic := e.topic(1)
		headers := []ottla.Header{{Name: "mine"}, {Name: "yours"}, {Name: "theirs"}}
		e.send(p, &ottla.Record{Topic: topic, Headers: headers[:1]})
		e.want(headers[1].Name == "yours" && headers[2].Name == "theirs", "%v", headers)
		names := []string{}
		for _, header := range e.read(topic, 1)[0].Headers {
			names = append(names, header.Key)
		}
		e.want(slices.Equal(names, []string{"mine", "first", "last"}), "%v", names)
	})
}

func TestPartitionsFor(t *testing.T) {
	both(t, func(e *env) {
		p := e.producer(ottla.WithConfig("max.block.ms", "1000"))
		for _, count := range []int32{1, 5, 150} {
			topic := e.topic(count)
			partitions, err := p.PartitionsFor(e.ctx, topic)
			e.must(err)
			e.want(len(partitions) == int(count), "%v", partitions)
			for i, partition := range partitions {
				e.want(partition.Partition == int32(i) && partition.Leader > 0, "%v", partitions)
			}
		}
		_, err := p.PartitionsFor(e.ctx, "a/b")
		e.refused(err, ottla.ErrInvalidTopicException)
	})
}

func TestMetrics(t *testing.T) {
	both(t, func(e *env) {
		p, topic := e.producer(), e.topic(1)
		for range 10 {
			e.send(p, &ottla.Record{Topic: topic})
		}
		metrics, err := p.Metrics()
		e.must(err)
		// A topic that was just made may not have its leader on the broker yet.
		again := metrics["record-retry-total"]
		e.want(metrics["record-send-total"] == 10+again, "%v", metrics)
		e.want(metrics["record-error-total"] == 0, "%v", metrics)
	})
}

// logLines is a handler that remembers.
type logLines struct {
	lock  sync.Mutex
	lines []string
}

func (l *logLines) Enabled(context.Context, slog.Level) bool { return true }
func (l *logLines) WithAttrs([]slog.Attr) slog.Handler       { return l }
func (l *logLines) WithGroup(string) slog.Handler            { return l }

func (l *logLines) Handle(_ context.Context, record slog.Record) error {
	l.lock.Lock()
	defer l.lock.Unlock()
	line := record.Level.String() + " " + record.Message
	record.Attrs(func(attr slog.Attr) bool {
		line += " " + attr.String()
		return true
	})
	l.lines = append(l.lines, line)
	return nil
}

func (l *logLines) has(text string) bool {
	l.lock.Lock()
	defer l.lock.Unlock()
	return strings.Contains(strings.Join(l.lines, "\n"), text)
}

func TestLogTells(t *testing.T) {
	both(t, func(e *env) {
		log := &logLines{}
		p := e.producer(ottla.WithBootstrapServers("127.0.0.1:1", e.servers),
			ottla.WithLogger(slog.New(log)))
		dead := e.producer(ottla.WithBootstrapServers("127.0.0.1:1"),
			ottla.WithLogger(slog.New(log)))
		e.send(p, &ottla.Record{Topic: e.topic(1)})
		e.refused(dead.TrySend(&ottla.Record{Topic: "letters"}, nil), ottla.ErrWouldBlock)
		e.eventually("the log tells", func() bool {
			return log.has("WARN") && log.has("127.0.0.1:1")
		})
	})
}

// Typed producers serialize, and say which part of what could not be.
func TestNilIsNoLoggerNoInterceptorAndNoOption(t *testing.T) {
	for _, option := range []ottla.Option{nil, ottla.WithInterceptors(adder{}, nil)} {
		_, err := ottla.NewProducer(ottla.WithBootstrapServers("127.0.0.1:1"), option)
		if !errors.Is(err, ottla.ErrInvalidArgument) || !strings.Contains(err.Error(), "is nil") {
			t.Errorf("%v", err)
		}
	}
	embedded(t, func(e *env) {
		lines := &logLines{}
		before := slog.Default()
		slog.SetDefault(slog.New(lines))
		defer slog.SetDefault(before)
		p := e.producer(ottla.WithLogger(nil))
		e.send(p, &ottla.Record{Topic: e.topic(1)})
		e.cluster.Kill(1)
		e.eventually("the default logger hears of it", func() bool {
			return lines.has("closed the connection")
		})
		typed := ottla.Typed(p, ottla.String(), ottla.String())
		e.refused(typed.Send(e.ctx, nil, nil), ottla.ErrInvalidArgument, "nil")
	})
}

func TestSerializers(t *testing.T) {
	both(t, func(e *env) {
		p, topic := e.producer(), e.topic(1)
		even := ottla.SerializerFunc[int](func(_ string, value int) ([]byte, error) {
			if value%2 == 1 {
				return nil, errOdd
			}
			return []byte{byte(value)}, nil
		})
		typed := ottla.Typed(p, ottla.String(), ottla.Serializer[int](even))
		record := &ottla.TypedRecord[string, int]{Record: ottla.Record{Topic: topic}, Key: "k",
			Value: 2}
		report, err := typed.SendSync(e.ctx, record)
		e.must(err)
		e.want(report.Offset == 0, "%+v", report)
		record.Value = 3
		err = typed.Send(e.ctx, record, nil)
		e.refused(err, ottla.ErrInvalidRecord, "value", topic)
		e.want(errors.Is(err, errOdd), "%v", err)
		r := e.read(topic, 1)[0]
		e.want(string(r.Key) == "k" && r.Value[0] == 2, "%+v", r)
	})
}

var errOdd = errors.New("it is odd")
