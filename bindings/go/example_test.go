// Examples for the package's documentation.

package ottla_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/ottla/ottla-go"
	"github.com/ottla/ottla-go/ottlatest"
)

// Records are sent and each callback tells what became of its own.
func ExampleProducer_Send() {
	cluster, err := ottlatest.Start(ottlatest.WithTopic("letters", 1))
	if err != nil {
		panic(err)
	}
	defer cluster.Close()
	ctx := context.Background()

	p, err := ottla.NewProducer(ottla.WithBootstrapServers(cluster.BootstrapServers()))
	if err != nil {
		panic(err)
	}
	for _, text := range []string{"Dear Ottla", "Dearest Ottla"} {
		err := p.Send(ctx, &ottla.Record{Topic: "letters", Value: []byte(text)},
			func(r *ottla.Report) { fmt.Printf("%s at %d: %s\n", text, r.Offset, r.State) })
		if err != nil {
			panic(err)
		}
	}
	if err := p.Close(ctx); err != nil {
		panic(err)
	}
	// Output:
	// Dear Ottla at 0: persisted
	// Dearest Ottla at 1: persisted
}

// A refusal of the brokers is in the report, and SendSync returns it.
func ExampleProducer_SendSync() {
	cluster, err := ottlatest.Start(ottlatest.WithTopic("letters", 1))
	if err != nil {
		panic(err)
	}
	defer cluster.Close()
	ctx := context.Background()

	p, err := ottla.NewProducer(ottla.WithBootstrapServers(cluster.BootstrapServers()))
	if err != nil {
		panic(err)
	}
	defer p.Close(ctx)
	cluster.Inject("error TOPIC_AUTHORIZATION_FAILED api=Produce")

	reports, err := p.SendSync(ctx, &ottla.Record{Topic: "letters"})
	fmt.Println(reports[0].State, errors.Is(err, ottla.ErrTopicAuthorizationFailed))
	// Output: not persisted true
}
