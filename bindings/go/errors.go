// What can go wrong, and how errors.Is and errors.As see it.

package ottla

import (
	"context"
	"errors"
	"fmt"

	"github.com/ottla/ottla-go/internal/capi"
)

// Code says what kind of failure an Error is. -1 and positive numbers are Kafka's own, -200 and
// below the library's; a number never changes its meaning. The codes are the targets of errors.Is:
//
//	if errors.Is(err, ottla.ErrMessageTooLarge) { … }
type Code int32

// Name is the code as Kafka spells it: NOT_LEADER_OR_FOLLOWER.
func (c Code) Name() string { return capi.StatusName(int32(c)) }

// Error is the code's name and what it means.
func (c Code) Error() string { return c.Name() + ": " + capi.StatusText(int32(c)) }

// Error is why a call failed, or a record was not persisted. All errors of this package that are
// not of a context are *Error.
type Error struct {
	// Code is what kind of failure it is.
	Code Code
	// Reason names the thing and says what happened to it.
	Reason string
	// Retriable says that the same may succeed later.
	Retriable bool
	// Fatal says that the producer accepts nothing any more: close it and make a new one.
	Fatal bool

	cause error
}

// Error is the code's name and the reason.
func (e *Error) Error() string {
	if e.cause != nil {
		return fmt.Sprintf("%s: %s (%v)", e.Code.Name(), e.Reason, e.cause)
	}
	return e.Code.Name() + ": " + e.Reason
}

// Is tells whether target is this error's Code.
func (e *Error) Is(target error) bool {
	code, ok := target.(Code)
	return ok && code == e.Code
}

// Unwrap is the error of the context that ended a wait, if one did.
func (e *Error) Unwrap() error { return e.cause }

// IsRetriable tells whether trying the same again may help.
func IsRetriable(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Retriable
}

// IsFatal tells whether the producer accepts nothing any more.
func IsFatal(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Fatal
}

// errorOf makes an *Error of what the C API said; nil of nil.
func errorOf(failure *capi.Error) error {
	if failure == nil {
		return nil
	}
	return &Error{Code: Code(failure.Code), Reason: failure.Text, Retriable: failure.Retriable,
		Fatal: failure.Fatal}
}

func errorf(code Code, format string, arguments ...any) *Error {
	return &Error{Code: code, Reason: fmt.Sprintf(format, arguments...)}
}

// waited is the error of a wait that ctx ended. failure says what was waited for.
func waited(ctx context.Context, code Code, reason string) error {
	return &Error{Code: code, Reason: reason, Retriable: true, cause: ctx.Err()}
}

func closedError() error { return errorf(ErrClosed, "the producer is closed") }
