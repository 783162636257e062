// By default the library is in the program: build/lib/libottla.a of the tree that this module is
// part of, which `make lib` makes. With CGO_CFLAGS and CGO_LDFLAGS others come in front of it.

//go:build !dynamic

package capi

// #cgo CFLAGS: -I${SRCDIR}/../../../../include
// #cgo LDFLAGS: ${SRCDIR}/../../../../build/lib/libottla.a -lm -ldl -lpthread
import "C"
