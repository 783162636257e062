// Package ottla is a Kafka producer: it sends records and tells of each one what became of it.
//
//	p, err := ottla.NewProducer(ottla.WithBootstrapServers("127.0.0.1:9092"))
//	if err != nil {
//		return err
//	}
//	defer p.Close(ctx)
//	err = p.Send(ctx, &ottla.Record{Topic: "letters", Value: []byte("Dear Ottla")},
//		func(r *ottla.Report) { fmt.Println(r.Topic, r.Partition, r.Offset, r.Err) })
//
// Send returns when the record is in its batch, before it is on its way. If it returns nil the
// record is accepted and its callback runs exactly once; else the record was not taken and the
// callback never runs. Whatever may wait takes a context, which ends the wait at any time.
//
// Callbacks run one after another on a goroutine of the producer, in the order of the records of
// each partition. The Report is good until the callback returns; *r copies it. A callback may send,
// and may wait for a send; one that waits for something else holds up the others. Flush, Close and
// SendSync inside a callback answer ErrInCallback.
//
// Records are copied by Send: the caller may change and reuse all that it gave.
//
// The library behind this package is libottla. It is part of the program, unless that is built
// with -tags dynamic. No goroutine waits inside it, and it keeps no pointer to Go's memory.
package ottla
