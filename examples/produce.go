// Sends four records and shows what became of each: produce HOST:PORT TOPIC
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/ottla/ottla-go"
)

func main() {
	if len(os.Args) != 3 {
		log.Fatal("usage: produce HOST:PORT TOPIC")
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	p, err := ottla.NewProducer(ottla.WithBootstrapServers(os.Args[1]))
	if err != nil {
		log.Fatal(err)
	}

	topic, failed := os.Args[2], false
	show := func(r *ottla.Report) {
		if r.Err != nil {
			fmt.Printf("record %d %v\n", r.Opaque, r.Err)
			failed = true
			return
		}
		fmt.Printf("record %d %s-%d@%d\n", r.Opaque, r.Topic, r.Partition, r.Offset)
	}
	records := []ottla.Record{
		{Key: []byte("ottla"), Value: []byte("a letter"), Timestamp: time.UnixMilli(1709251200000),
			Headers: []ottla.Header{{Name: "from", Value: []byte("Franz")}, {Name: "note"}}},
		{Value: []byte("a postcard without a key")},
		{Key: []byte("ottla"), Timestamp: time.UnixMilli(1709251200001),
			Headers: []ottla.Header{{Name: "empty", Value: []byte{}}}},
		{Key: []byte{}, Value: []byte{}},
	}
	for i, record := range records {
		record.Topic, record.Opaque = topic, i
		if err := p.Send(ctx, &record, show); err != nil {
			log.Fatal(err)
		}
	}
	if err := p.Close(ctx); err != nil { // Sends, reports, ends the threads.
		log.Fatal(err)
	}
	if failed {
		os.Exit(1)
	}
}
