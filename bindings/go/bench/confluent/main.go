// confluent-kafka-go, on the librdkafka that comes with it, as a peer of bench/run.py.
package main

import (
	"fmt"
	"os"
	"time"

	"bench/frame"
	"github.com/confluentinc/confluent-kafka-go/v2/kafka"
)

type peer struct {
	producer *kafka.Producer
	topic    string
	done     chan struct{}
}

func open(o frame.Options) (frame.Peer, error) {
	config := kafka.ConfigMap{"bootstrap.servers": o.Brokers, "compression.type": o.Codec,
		"linger.ms": fmt.Sprint(o.LingerMs), "batch.size": o.Batch, "enable.idempotence": true,
		"queue.buffering.max.kbytes": o.BufferMB << 10, "queue.buffering.max.messages": 4 << 20}
	if fields := os.Getenv("DELIVERY_REPORT_FIELDS"); fields != "" {
		config["go.delivery.report.fields"] = fields
	}
	producer, err := kafka.NewProducer(&config)
	if err != nil {
		return nil, err
	}
	p := &peer{producer, o.Topic, make(chan struct{})}
	go p.reports()
	return p, nil
}

func (p *peer) reports() {
	for event := range p.producer.Events() {
		if message, ok := event.(*kafka.Message); ok {
			start, _ := message.Opaque.(time.Time)
			frame.Settle(message.TopicPartition.Error, start)
		}
	}
	close(p.done)
}

func (p *peer) Send(value, key []byte, start time.Time) error {
	message := kafka.Message{Key: key, Value: value,
		TopicPartition: kafka.TopicPartition{Topic: &p.topic, Partition: kafka.PartitionAny}}
	if !start.IsZero() {
		message.Opaque = start
	}
	for {
		err := p.producer.Produce(&message, nil)
		if failure, ok := err.(kafka.Error); ok && failure.Code() == kafka.ErrQueueFull {
			time.Sleep(time.Millisecond) // There is nothing better to wait for.
			continue
		}
		return err
	}
}

func (p *peer) Flush() {
	for p.producer.Flush(10000) > 0 {
	}
}

func (p *peer) Close() {
	p.producer.Close()
	<-p.done
}

func main() {
	_, version := kafka.LibraryVersion()
	frame.Main("confluent-kafka-go", version, open)
}
