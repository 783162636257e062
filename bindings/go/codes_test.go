// codes.go is what this makes of the C header: OTTLA_UPDATE=1 go test -run Codes . writes it anew.

package ottla_test

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// notCodes are constants of the header that are no statuses of failures.
var notCodes = regexp.MustCompile(
	`^(VERSION_.*|OK|MAX_BLOCK|NO_REPORT|LOG_.*|STATE_.*|REPORT_(RETRIABLE|FATAL)|` +
		`PURGE_(QUEUED|IN_FLIGHT))$`)

// constant is one of the header, with the comment in front of it.
var constant = regexp.MustCompile(
	`(?s)/\*\*\n((?: \* [^\n]*\n)+) \*/\n#define OTTLA_([A-Z0-9_]+) (-?\d+)\n`)

func TestCodesAreThoseOfTheHeader(t *testing.T) {
	header, err := os.ReadFile("../../include/ottla.h")
	if err != nil {
		t.Fatal(err)
	}
	made := codes(string(header))
	if os.Getenv("OTTLA_UPDATE") != "" {
		if err := os.WriteFile("codes.go", []byte(made), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	committed, err := os.ReadFile("codes.go")
	if err != nil || string(committed) != made {
		t.Errorf("codes.go is old: OTTLA_UPDATE=1 go test -run Codes . (%v)", err)
	}
}

func codes(header string) string {
	var out strings.Builder
	out.WriteString("// The codes of errors. Made from include/ottla.h by codes_test.go; " +
		"do not edit.\n\npackage ottla\n\n// Each is the target of errors.Is for errors of that code.\nconst (\n")
	for _, found := range constant.FindAllStringSubmatch(header, -1) {
		comment, name, number := found[1], found[2], found[3]
		if notCodes.MatchString(name) {
			continue
		}
		name = "Err" + camel(name)
		text := strings.ReplaceAll(comment, "\n * ", " ")[3:]
		out.WriteString(wrapped(name+": "+text) + "\t" + name + " Code = " + number + "\n")
	}
	out.WriteString(")\n")
	return out.String()
}

func camel(name string) string {
	var joined string
	for _, word := range strings.Split(name, "_") {
		switch word {
		case "ID", "UTF8":
			joined += word
		default:
			joined += word[:1] + strings.ToLower(word[1:])
		}
	}
	return joined
}

// wrapped is a text as lines of a comment.
func wrapped(text string) string {
	var out, line string
	for _, word := range strings.Fields(text) {
		if len(line)+1+len(word) > 92 {
			out += "\t//" + line + "\n"
			line = ""
		}
		line += " " + word
	}
	return out + "\t//" + line + "\n"
}
