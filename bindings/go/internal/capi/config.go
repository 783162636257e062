// Making producers: keys and values in, a handle out.

package capi

// #include "shim.h"
import "C"

import (
	"strings"
	"unsafe"
)

// Config is a configuration's handle.
type Config struct{ handle C.uintptr_t }

// NewConfig makes a configuration in which nothing is set.
func NewConfig() (*Config, *Error) {
	config := &Config{}
	return config, end(C.go_config_new(&config.handle), nil)
}

// Set sets a key.
func (c *Config) Set(key, value string) *Error {
	for _, text := range []string{key, value} {
		if strings.ContainsRune(text, 0) {
			text := "the value of " + key + " has a NUL in it"
			return &Error{Code: C.OTTLA_CONFIGURATION, Text: text}
		}
	}
	var object C.uintptr_t
	keyAt, valueAt := C.CString(key), C.CString(value)
	defer C.free(unsafe.Pointer(keyAt))
	defer C.free(unsafe.Pointer(valueAt))
	return end(C.go_config_set(c.handle, keyAt, valueAt, &object), &object)
}

// Get reads a key; "" if it has neither a value nor a default.
func (c *Config) Get(key string) (string, *Error) {
	var object C.uintptr_t
	var length C.int64_t
	keyAt := C.CString(key)
	defer C.free(unsafe.Pointer(keyAt))
	buffer := make([]byte, 4096)
	at := (*C.char)(unsafe.Pointer(unsafe.SliceData(buffer)))
	status := C.go_config_get(c.handle, keyAt, at, C.size_t(len(buffer)), &length, &object)
	if err := end(status, &object); err != nil {
		return "", err
	}
	return string(buffer[:min(max(int(length), 0), len(buffer)-1)]), nil
}

// Free frees the configuration; producers made from it are not concerned.
func (c *Config) Free() { C.go_config_free(c.handle) }

// NewProducer makes a producer whose log lines wait for TakeLog, and a duplicate of its event fd.
func (c *Config) NewProducer() (*Producer, int, *Error) {
	p := &Producer{log: C.ottla_go_log_new()}
	if p.log == nil {
		return nil, 0, &Error{Code: Internal, Text: "no memory"}
	}
	var object C.uintptr_t
	var fd C.int32_t
	err := end(C.go_config_set_log(c.handle, p.log), nil)
	if err == nil {
		err = end(C.go_producer_new(c.handle, &p.handle, &object), &object)
	}
	if err == nil {
		err = end(C.go_event_fd(p.handle, &fd, &object), &object)
	}
	if err != nil {
		p.Free()
		return nil, 0, err
	}
	return p, int(fd), nil
}
