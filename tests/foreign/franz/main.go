// franz-go, as tests/foreign.rs runs it: produce BOOTSTRAP TOPIC NAME COUNT, or
// consume BOOTSTRAP TOPIC GROUP COUNT, which commits what it read and no more.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

func produce(ctx context.Context, seeds []string, topic, name string, count int) {
	// The cluster shows the records of batches that are not compressed.
	client, err := kgo.NewClient(kgo.SeedBrokers(seeds...), kgo.RequiredAcks(kgo.AllISRAcks()),
		kgo.ProducerBatchCompression(kgo.NoCompression()))
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	records := make([]*kgo.Record, count)
	for i := range records {
		records[i] = &kgo.Record{
			Topic:   topic,
			Key:     []byte(fmt.Sprintf("k%d", i%7)),
			Value:   []byte(fmt.Sprintf("%s-%d", name, i)),
			Headers: []kgo.RecordHeader{{Key: "n", Value: []byte(strconv.Itoa(i))}},
		}
	}
	if err := client.ProduceSync(ctx, records...).FirstErr(); err != nil {
		log.Fatal(err)
	}
}

func consume(ctx context.Context, seeds []string, topic, group string, count int) {
	client, err := kgo.NewClient(kgo.SeedBrokers(seeds...), kgo.ConsumerGroup(group),
		kgo.ConsumeTopics(topic), kgo.DisableAutoCommit(),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	last := map[int32]*kgo.Record{}
	for seen := 0; seen < count; {
		fetches := client.PollRecords(ctx, count-seen)
		for _, failed := range fetches.Errors() {
			log.Fatal(failed.Err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			seen++
			fmt.Printf("%d\t%d\t%s\t%s\t%s\n", r.Partition, r.Offset, r.Key, r.Value,
				r.Headers[0].Value)
			last[r.Partition] = r
		})
	}
	for _, record := range last {
		if err := client.CommitRecords(ctx, record); err != nil {
			log.Fatal(err)
		}
	}
}

func main() {
	mode, bootstrap, topic, name := os.Args[1], os.Args[2], os.Args[3], os.Args[4]
	count, err := strconv.Atoi(os.Args[5])
	if err != nil {
		log.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if mode == "produce" {
		produce(ctx, strings.Split(bootstrap, ","), topic, name, count)
	} else {
		consume(ctx, strings.Split(bootstrap, ","), topic, name, count)
	}
}
