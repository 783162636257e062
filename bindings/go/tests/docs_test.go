// The code of docs/go.md and of the README, which is looked for in this file: what stands there is
// compiled and run here. The address in the documents is that of the test's cluster.

package tests

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/ottla/ottla-go"
	"github.com/ottla/ottla-go/ottlatest"
)

// Letter is what the documents send.
type Letter struct {
	Text []byte
	Sent bool
}

type stamp struct{}

func (stamp) OnSend(_ context.Context, r *ottla.Record) error {
	r.Headers = append(r.Headers, ottla.Header{Name: "from", Value: []byte("Prague")})
	return nil
}

func (stamp) OnAcknowledgement(r *ottla.Report) {}

func tenLines(ctx context.Context, servers string) error {
	p, err := ottla.NewProducer(ottla.WithBootstrapServers(servers))
	if err != nil {
		return err
	}
	defer p.Close(ctx) // Sends what is left, reports it, ends the threads.

	record := &ottla.Record{Topic: "letters", Key: []byte("Franz"), Value: []byte("Dear Ottla")}
	err = p.Send(ctx, record, func(r *ottla.Report) {
		fmt.Println(r.Topic, r.Partition, r.Offset, r.State, r.Err)
	})
	return err
}

func waitForReports(ctx context.Context, p *ottla.Producer) error {
	reports, err := p.SendSync(ctx, &ottla.Record{Topic: "letters", Value: []byte("one")},
		&ottla.Record{Topic: "letters", Value: []byte("two")})
	if err != nil {
		return err
	}
	fmt.Println(reports[0].Offset, reports[1].Offset)
	if err := p.Flush(ctx); err != nil {
		return err // Not all have their outcome: the context ended it.
	}
	return nil
}

func tryToSend(p *ottla.Producer, record *ottla.Record) error {
	dropped := 0
	err := p.TrySend(record, nil)
	if errors.Is(err, ottla.ErrWouldBlock) {
		dropped++ // Or come again later.
	} else if err != nil {
		return err
	}
	return nil
}

func tellWhy(err error) {
	var failure *ottla.Error
	switch {
	case errors.Is(err, ottla.ErrMessageTooLarge):
		fmt.Println("cut it to pieces:", err)
	case errors.Is(err, context.Canceled):
		fmt.Println("we stopped it:", err)
	case errors.As(err, &failure) && failure.Fatal:
		fmt.Println("make a new producer:", failure.Code.Name(), failure.Reason)
	case ottla.IsRetriable(err):
		fmt.Println("later, perhaps:", err)
	}
}

func oneCallback(ctx context.Context, p *ottla.Producer, letters []*Letter) error {
	done := func(r *ottla.Report) {
		letter := r.Opaque.(*Letter)
		letter.Sent = r.State == ottla.Persisted
	}
	for _, letter := range letters {
		record := ottla.Record{Topic: "letters", Value: letter.Text, Opaque: letter}
		if err := p.Send(ctx, &record, done); err != nil {
			return err
		}
	}
	return p.Flush(ctx)
}

func ownCode(servers string) (*ottla.Producer, error) {
	p, err := ottla.NewProducer(
		ottla.WithBootstrapServers(servers),
		ottla.WithConfig("compression.type", "zstd"),
		ottla.WithPartitioner(ottla.PartitionerFunc(func(r *ottla.Record, count int32) int32 {
			if string(r.Key) == "Franz" {
				return 0
			}
			return -1 // As Java does: by the key, or spread.
		})),
		ottla.WithInterceptors(stamp{}),
	)
	return p, err
}

func ownTypes(ctx context.Context, p *ottla.Producer) error {
	asJSON := ottla.SerializerFunc[Letter](func(_ string, l Letter) ([]byte, error) {
		return json.Marshal(l)
	})
	typed := ottla.Typed(p, ottla.String(), ottla.Serializer[Letter](asJSON))
	err := typed.Send(ctx, &ottla.TypedRecord[string, Letter]{
		Record: ottla.Record{Topic: "letters"}, Key: "Franz", Value: Letter{}}, nil)
	return err
}

func TestLetters(t *testing.T) {
	cluster := ottlatest.Cluster(t, ottlatest.WithBrokers(3), ottlatest.WithTopic("letters", 3))
	p, err := ottla.NewProducer(ottla.WithBootstrapServers(cluster.BootstrapServers()))
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close(t.Context())

	cluster.Kill(1)
	cluster.Inject("error NOT_LEADER_OR_FOLLOWER api=Produce times=3")
	report, err := p.SendSync(t.Context(), &ottla.Record{Topic: "letters"})
	if err != nil || report[0].State != ottla.Persisted {
		t.Fatal(report, err)
	}
	fmt.Println(cluster.Command("records letters %d", report[0].Partition))
}

func TestDocumentedCodeWorks(t *testing.T) {
	embedded(t, func(e *env) {
		e.must(tenLines(e.ctx, e.servers))
		e.want(len(e.read("letters", 1)[0].Headers) == 0, "headers")
		p, err := ownCode(e.servers)
		e.must(err)
		e.must(waitForReports(e.ctx, p))
		e.must(tryToSend(p, &ottla.Record{Topic: "letters"}))
		tellWhy(p.Send(e.ctx, &ottla.Record{Topic: "letters", Value: make([]byte, 2<<20)}, nil))
		letters := []*Letter{{Text: []byte("one")}, {Text: []byte("two")}}
		e.must(oneCallback(e.ctx, p, letters))
		e.want(letters[0].Sent && letters[1].Sent, "not sent")
		e.must(ownTypes(e.ctx, p))
		e.must(p.Close(e.ctx))
		for _, r := range e.read("letters", 7) {
			if string(r.Key) == "Franz" && len(r.Headers) > 0 {
				e.want(r.Partition == 0 && string(r.Headers[0].Value) == "Prague", "%+v", r)
			}
		}
	}, ottlatest.WithTopic("letters", 3))
}

func TestDocumentsShowThisCode(t *testing.T) {
	source, err := os.ReadFile("docs_test.go")
	if err != nil {
		t.Fatal(err)
	}
	have := plain(string(source))
	for _, document := range []string{"../../../docs/go.md", "../../../README.md"} {
		text, err := os.ReadFile(document)
		if err != nil {
			t.Fatal(err)
		}
		blocks := strings.Split(string(text), "\n```go\n")[1:]
		if len(blocks) == 0 {
			t.Errorf("%s has no Go", document)
		}
		for _, block := range blocks {
			block, _, _ = strings.Cut(block, "\n```")
			code := plain(strings.ReplaceAll(block, `"127.0.0.1:9092"`, "servers"))
			if !strings.Contains(have, code) {
				t.Errorf("this Go of %s is not in docs_test.go:\n%s", document, block)
			}
		}
	}
}

// plain is a text without indentation and empty lines.
func plain(text string) string {
	var lines []string
	for _, line := range strings.Split(text, "\n") {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n")
}
