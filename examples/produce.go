// Sends four records and shows what became of each: produce HOST:PORT TOPIC
package main

/*
#cgo LDFLAGS: -lottla
#include <stdlib.h>
#include "ottla.h"
*/
import "C"

import (
	"encoding/binary"
	"fmt"
	"os"
	"unsafe"
)

type header struct {
	name  string
	value []byte // nil is null, which differs from empty
}

// check ends the program if a call failed.
func check(status C.int32_t, err **C.ottla_error_t) {
	if status != 0 {
		fmt.Fprintf(os.Stderr, "%s: %s\n", C.GoString(C.ottla_status_name(status)),
			C.GoString(C.ottla_error_text(*err)))
		os.Exit(1)
	}
}

// bytes gives the pointer and the length of data as the C API wants them.
func bytes(data []byte) (unsafe.Pointer, C.int64_t) {
	if data == nil {
		return nil, -1
	}
	return unsafe.Pointer(unsafe.SliceData(data)), C.int64_t(len(data))
}

func appendBytes(packed, data []byte) []byte {
	if data == nil {
		return binary.NativeEndian.AppendUint32(packed, ^uint32(0))
	}
	return append(binary.NativeEndian.AppendUint32(packed, uint32(len(data))), data...)
}

func send(producer *C.ottla_producer_t, topic string, opaque uint64, timestampMs int64,
	key, value []byte, headers ...header) {
	var packed []byte
	for _, h := range headers {
		packed = appendBytes(appendBytes(packed, []byte(h.name)), h.value)
	}
	keyAt, keyLength := bytes(key)
	valueAt, valueLength := bytes(value)
	packedAt, packedLength := bytes(packed)
	topicAt := (*C.char)(unsafe.Pointer(unsafe.StringData(topic)))
	var err *C.ottla_error_t
	status := C.ottla_producer_send_flat(producer, topicAt, C.int64_t(len(topic)), -1,
		C.int64_t(timestampMs), keyAt, keyLength, valueAt, valueLength, packedAt, packedLength,
		C.uint64_t(opaque), 0, C.OTTLA_MAX_BLOCK, nil, &err)
	check(status, &err)
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: produce HOST:PORT TOPIC")
		os.Exit(2)
	}
	servers, key := C.CString(os.Args[1]), C.CString("bootstrap.servers")
	defer C.free(unsafe.Pointer(servers))
	defer C.free(unsafe.Pointer(key))
	var err *C.ottla_error_t
	var config *C.ottla_config_t
	var producer *C.ottla_producer_t
	C.ottla_config_new(&config)
	check(C.ottla_config_set(config, key, servers, &err), &err)
	check(C.ottla_producer_new(config, &producer, &err), &err)
	C.ottla_config_free(config)

	topic := os.Args[2]
	send(producer, topic, 0, 1709251200000, []byte("ottla"), []byte("a letter"),
		header{"from", []byte("Franz")}, header{"note", nil})
	send(producer, topic, 1, -1, nil, []byte("a postcard without a key"))
	send(producer, topic, 2, 1709251200001, []byte("ottla"), nil, header{"empty", []byte{}})
	send(producer, topic, 3, -1, []byte{}, []byte{})

	failed := 0
	for seen := 0; seen < 4; {
		var reports [16]C.ottla_report_t
		var count C.size_t
		var lease *C.ottla_reports_t
		check(C.ottla_producer_poll_reports(producer, &reports[0],
			C.size_t(unsafe.Sizeof(reports[0])), 16, -1, &count, &lease, &err), &err)
		for _, r := range reports[:count] {
			if r.status == 0 {
				fmt.Printf("record %d %s-%d@%d\n", r.opaque, C.GoString(r.topic), r.partition, r.offset)
			} else {
				fmt.Printf("record %d %s\n", r.opaque, C.GoString(r.reason))
				failed = 1
			}
		}
		C.ottla_reports_free(lease)
		seen += int(count)
	}
	check(C.ottla_producer_close(producer, 30000, &err), &err)
	C.ottla_producer_free(producer)
	os.Exit(failed)
}
