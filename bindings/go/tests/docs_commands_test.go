// The commands of docs/go.md, run as a reader would: in a module of his own, whose program is
// examples/produce.go.

package tests

import (
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ottla/ottla-go/ottlatest"
)

func TestDocumentedCommandsBuildAProgram(t *testing.T) {
	tree, err := filepath.Abs("../../..")
	if err != nil {
		t.Fatal(err)
	}
	static, dynamic := documentedCommands(t)
	// This is what made the library that the tests were given; another one would disturb them.
	made, static, _ := strings.Cut(static, "\n")
	if !strings.HasPrefix(made, "make lib ") {
		t.Fatalf("docs/go.md begins with %s", made)
	}
	m := &module{t, t.TempDir()}
	code, err := os.ReadFile(filepath.Join(tree, "examples/produce.go"))
	if err != nil {
		t.Fatal(err)
	}
	m.write("main.go", string(code))
	// What `make install` makes of packaging/ottla.pc.in; tests/install.sh looks at that one.
	m.write("ottla.pc", "Name: ottla\nDescription: a Kafka producer\nVersion: 0\nLibs: -L"+tree+
		"/build/lib -lottla\nCflags: -I"+tree+"/include\n")
	t.Setenv("PKG_CONFIG_PATH", m.folder)
	t.Setenv("LD_LIBRARY_PATH", filepath.Join(tree, "build/lib"))
	t.Setenv("GOPROXY", "off") // The package needs no other.

	embedded(t, func(e *env) {
		m.shell("go mod init letters")
		m.shell(strings.ReplaceAll(static, "TREE", tree))
		m.sends(e.servers, false)
		m.shell(dynamic)
		m.sends(e.servers, true)
	}, ottlatest.WithTopic("letters", 3))
}

// documentedCommands are the two blocks of docs/go.md for a shell.
func documentedCommands(t *testing.T) (static, dynamic string) {
	text, err := os.ReadFile("../../../docs/go.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := strings.Split(string(text), "\n```sh\n")[1:]
	if len(blocks) != 2 {
		t.Fatalf("docs/go.md has %d blocks of commands; those that are known here are 2",
			len(blocks))
	}
	static, _, _ = strings.Cut(blocks[0], "\n```")
	dynamic, _, _ = strings.Cut(blocks[1], "\n```")
	return static, dynamic
}

// module is a reader's, in a folder that knows nothing of the tree.
type module struct {
	*testing.T
	folder string
}

func (m *module) write(name, text string) {
	if err := os.WriteFile(filepath.Join(m.folder, name), []byte(text), 0o644); err != nil {
		m.Fatal(err)
	}
}

func (m *module) shell(commands string) {
	shell := exec.Command("sh", "-euc", commands)
	shell.Dir = m.folder
	if output, err := shell.CombinedOutput(); err != nil {
		m.Fatalf("%s\n%v: %s", commands, err, output)
	}
}

// sends runs the program, which takes the shared library or has its own.
func (m *module) sends(servers string, shared bool) {
	path := filepath.Join(m.folder, "letters")
	file, err := elf.Open(path)
	if err != nil {
		m.Fatal(err)
	}
	defer file.Close()
	libraries, err := file.ImportedLibraries()
	if err != nil || strings.Contains(strings.Join(libraries, " "), "libottla.so") != shared {
		m.Fatalf("the program needs %v: %v", libraries, err)
	}
	output, err := exec.Command(path, servers, "letters").CombinedOutput()
	if err != nil || strings.Count(string(output), "letters-") != 4 {
		m.Fatalf("%v: %s", err, output)
	}
}
