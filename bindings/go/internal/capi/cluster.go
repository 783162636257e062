// The embedded cluster. What has a command in the language of the control port goes through it.

package capi

// #include "cluster.h"
import "C"

import "unsafe"

// Cluster is a cluster's handle.
type Cluster struct{ handle C.uintptr_t }

// NewCluster starts a cluster.
func NewCluster(config string) (*Cluster, *Error) {
	cluster := &Cluster{}
	var object C.uintptr_t
	text := C.CString(config)
	defer C.free(unsafe.Pointer(text))
	return cluster, end(C.go_cluster_new(text, &cluster.handle, &object), &object)
}

// Command does what a line says. An answer that does not fit in 64 KiB is asked for again, which
// only those that change nothing have.
func (c *Cluster) Command(line string) (string, *Error) {
	text := C.CString(line)
	defer C.free(unsafe.Pointer(text))
	for size := 64 << 10; ; {
		var object C.uintptr_t
		var length C.int64_t
		buffer := make([]byte, size)
		at := (*C.char)(unsafe.Pointer(unsafe.SliceData(buffer)))
		status := C.go_cluster_command(c.handle, text, at, C.size_t(size), &length, &object)
		if status != 0 {
			return "", end(status, &object)
		}
		if int(length) < size {
			return string(buffer[:length]), nil
		}
		size = int(length) + 4096
	}
}

// Inject makes something go wrong, and gives the fault's number.
func (c *Cluster) Inject(fault string) (uint64, *Error) {
	var object C.uintptr_t
	var id C.uint64_t
	text := C.CString(fault)
	defer C.free(unsafe.Pointer(text))
	err := end(C.go_cluster_inject(c.handle, text, &id, &object), &object)
	return uint64(id), err
}

// Heal ends a fault, or with 0 all of them.
func (c *Cluster) Heal(id uint64) *Error {
	return end(C.go_cluster_heal(c.handle, C.uint64_t(id)), nil)
}

// Free ends the cluster.
func (c *Cluster) Free() *Error { return end(C.go_cluster_free(c.handle), nil) }
