// examples/produce.go is built as a user would, and its records are read back.

package tests

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestTheExampleProgram(t *testing.T) {
	program := filepath.Join(t.TempDir(), "produce")
	build := exec.Command("go", "build", "-o", program, "../../examples/produce.go")
	build.Dir = ".."
	if output, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	both(t, func(e *env) {
		topic := e.topic(3)
		output, err := exec.CommandContext(e.ctx, program, e.servers, topic).CombinedOutput()
		e.want(err == nil, "%v: %s", err, output)
		e.want(strings.Count(string(output), topic+"-") == 4, "%s", output)
		e.read(topic, 4)
		// One that fails says so.
		output, err = exec.CommandContext(e.ctx, program, e.servers, "a/b").CombinedOutput()
		e.want(err != nil && strings.Contains(string(output), "INVALID_TOPIC"), "%v: %s", err,
			output)
	})
}
