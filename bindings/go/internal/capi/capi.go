// Package capi is the C API of the library in Go's types: the one place of this module where cgo
// is used for producers. Nothing here waits, and C keeps no pointer that Go gave it.
package capi

/*
#cgo noescape go_send
#cgo nocallback go_send
#cgo noescape go_cancel_ticket
#cgo nocallback go_cancel_ticket
#cgo noescape go_events
#cgo nocallback go_events
#cgo noescape go_poll_reports
#cgo nocallback go_poll_reports
#cgo noescape go_try_flush
#cgo nocallback go_try_flush
#cgo noescape go_partitions
#cgo nocallback go_partitions
#include "shim.h"
*/
import "C"

import (
	"unsafe"
)

// Producer is a producer's handle.
type Producer struct {
	handle C.uintptr_t
	log    *C.ottla_go_log
}

// Report is laid out as ottla_report_t. Its texts are C's, and numbers to Go.
type Report struct {
	Opaque      uint64
	Offset      int64
	TimestampMs int64
	Topic       uintptr
	Reason      uintptr
	Partition   int32
	Status      int32
	State       int32
	Flags       uint32
}

// These do not compile if the two differ in size.
var (
	_ [C.sizeof_ottla_report_t - unsafe.Sizeof(Report{})]byte
	_ [unsafe.Sizeof(Report{}) - C.sizeof_ottla_report_t]byte
)

// Partition is a partition's number and its leader, -1 for none.
type Partition struct{ Partition, Leader int32 }

// Lease keeps the reasons of reports alive.
type Lease uintptr

// Constants of the C API that are no statuses.
const (
	NoReport        = C.OTTLA_NO_REPORT
	ReportRetriable = C.OTTLA_REPORT_RETRIABLE
	ReportFatal     = C.OTTLA_REPORT_FATAL
	WouldBlock      = C.OTTLA_WOULD_BLOCK
	ReportsFull     = C.OTTLA_REPORTS_FULL
	Internal        = C.OTTLA_INTERNAL
)

// Error is an error object's content.
type Error struct {
	Code             int32
	Text             string
	Retriable, Fatal bool
}

// end gives the error of a call that returned status, and frees its object. That comes as a
// pointer, as the order in which Go evaluates a variable and a call that writes it is not defined.
func end(status C.int32_t, object *C.uintptr_t) *Error {
	if status == 0 {
		return nil
	}
	err := &Error{Code: int32(status), Text: StatusText(int32(status))}
	if object != nil && *object != 0 {
		err.Text = C.GoString(C.go_error_text(*object))
		err.Retriable = C.go_error_retriable(*object) != 0
		err.Fatal = C.go_error_fatal(*object) != 0
		C.go_error_free(*object)
	}
	return err
}

// StatusName is a status as Kafka spells it.
func StatusName(status int32) string { return C.GoString(C.ottla_status_name(C.int32_t(status))) }

// StatusText says in a sentence what a status means.
func StatusText(status int32) string { return C.GoString(C.ottla_status_text(C.int32_t(status))) }

// Version is the version of the library that runs.
func Version() string { return C.GoString(C.ottla_version()) }

// Text copies a text of C's, such as a topic or a reason of a report.
func Text(at uintptr) string {
	if at == 0 {
		return ""
	}
	// The number is an address in C's memory, which never moves.
	return C.GoString(*(**C.char)(unsafe.Pointer(&at)))
}

func bytes(data []byte) (*C.uint8_t, C.int64_t) {
	if data == nil {
		return nil, -1
	}
	return (*C.uint8_t)(unsafe.SliceData(data)), C.int64_t(len(data))
}

func chars(text string) (*C.char, C.int64_t) {
	return (*C.char)(unsafe.Pointer(unsafe.StringData(text))), C.int64_t(len(text))
}

// Send is ottla_producer_send_flat with a ticket: it never waits. It returns a status; ticket is
// written, and with a status that is not 0 object becomes an error object for End.
func (p *Producer) Send(topic string, partition int32, timestampMs int64,
	key, value, headers []byte, opaque uint64, flags uint32, ticket *uint64,
	object *uintptr) int32 {
	topicAt, topicLength := chars(topic)
	keyAt, keyLength := bytes(key)
	valueAt, valueLength := bytes(value)
	headersAt, headersLength := bytes(headers)
	return int32(C.go_send(p.handle, topicAt, topicLength, C.int32_t(partition),
		C.int64_t(timestampMs), keyAt, keyLength, valueAt, valueLength, headersAt, headersLength,
		C.uint64_t(opaque), C.uint32_t(flags), (*C.uint64_t)(ticket),
		(*C.uintptr_t)(unsafe.Pointer(object))))
}

// End reads an error object and frees it.
func End(status int32, object uintptr) *Error {
	return end(C.int32_t(status), (*C.uintptr_t)(unsafe.Pointer(&object)))
}

// CancelTicket gives a ticket up, and says what it waited for.
func (p *Producer) CancelTicket(ticket uint64) *Error {
	var object C.uintptr_t
	return end(C.go_cancel_ticket(p.handle, C.uint64_t(ticket), &object), &object)
}

// Events makes the event fd quiet and reads the tickets that are ready.
func (p *Producer) Events(tickets []uint64) int {
	count := C.go_events(p.handle, (*C.uint64_t)(unsafe.SliceData(tickets)), C.size_t(len(tickets)))
	return max(int(count), 0)
}

// PollReports pulls reports, without waiting, and says how many there are and how many log lines.
func (p *Producer) PollReports(reports []Report) (count int, lease Lease, lines int) {
	var leased C.uintptr_t
	var waiting C.size_t
	at := (*C.uint8_t)(unsafe.Pointer(unsafe.SliceData(reports)))
	got := C.go_poll_reports(p.handle, p.log, at, C.size_t(unsafe.Sizeof(Report{})),
		C.size_t(len(reports)), &leased, &waiting)
	return max(int(got), 0), Lease(leased), int(waiting)
}

// Free ends the lease.
func (l Lease) Free() {
	if l != 0 {
		C.go_reports_free(C.uintptr_t(l))
	}
}

// TakeLog takes the oldest log line; a level of 0 says that there is none.
func (p *Producer) TakeLog() (level int32, text string) {
	var number C.int32_t
	line := C.ottla_go_log_take(p.log, &number)
	if line == nil {
		return 0, ""
	}
	defer C.free(unsafe.Pointer(line))
	return int32(number), C.GoString(line)
}

// TryFlush flushes as far as mark, which is 0 at first.
func (p *Producer) TryFlush(mark *uint64) *Error {
	var object C.uintptr_t
	return end(C.go_try_flush(p.handle, (*C.uint64_t)(mark), &object), &object)
}

// TryClose takes no more records, and closes when all have their outcome.
func (p *Producer) TryClose() *Error {
	var object C.uintptr_t
	return end(C.go_try_close(p.handle, &object), &object)
}

// Close closes, and gives up what has no outcome.
func (p *Producer) Close() *Error {
	var object C.uintptr_t
	return end(C.go_close(p.handle, &object), &object)
}

// Free frees what is behind the handle; the topics of reports are gone after it.
func (p *Producer) Free() {
	C.go_producer_free(p.handle)
	C.ottla_go_log_free(p.log)
}

// Purge gives records up.
func (p *Producer) Purge(flags uint32) *Error {
	var object C.uintptr_t
	return end(C.go_purge(p.handle, C.uint32_t(flags), &object), &object)
}

// Partitions asks for a topic's partitions; ticket is as in Send. It fills at most len(into) and
// returns how many there are.
func (p *Producer) Partitions(topic string, into []Partition, ticket *uint64) (int, *Error) {
	var object C.uintptr_t
	var count C.size_t
	topicAt, topicLength := chars(topic)
	at := (*C.ottla_partition_t)(unsafe.Pointer(unsafe.SliceData(into)))
	status := C.go_partitions(p.handle, topicAt, topicLength, at, C.size_t(len(into)), &count,
		(*C.uint64_t)(ticket), &object)
	return int(count), end(status, &object)
}

// Metrics is the snapshot of the counters, in JSON.
func (p *Producer) Metrics() ([]byte, *Error) {
	for size := 4096; ; size *= 2 {
		buffer := make([]byte, size)
		var length C.int64_t
		at := (*C.char)(unsafe.Pointer(unsafe.SliceData(buffer)))
		if status := C.go_metrics(p.handle, at, C.size_t(size), &length); status != 0 {
			return nil, end(status, nil)
		}
		if int(length) < size {
			return buffer[:length], nil
		}
	}
}

// FatalError is the error after which nothing is accepted any more.
func (p *Producer) FatalError() *Error {
	var object C.uintptr_t
	return end(C.go_fatal_error(p.handle, &object), &object)
}
