// With -tags dynamic the library is the system's, and pkg-config says where that is.

//go:build dynamic

package capi

// #cgo pkg-config: ottla
import "C"
