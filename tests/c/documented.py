"""Compiles and runs each C and C++ snippet of the documents against an embedded cluster.

    documented.py LIBRARY-FOLDER OUTPUT-FOLDER DOCUMENT…

A snippet that has a main is a program; its 127.0.0.1:9092 becomes the cluster's address. Of another
the functions at the beginning stay functions, and the rest is the body of one. A block of text
behind a snippet is what it prints.
"""

import pathlib
import re
import subprocess
import sys

COMPILERS = {
    "c": ["cc", "-std=c11", "-D_GNU_SOURCE"],
    "cpp": ["c++", "-std=c++17"],
}
FLAGS = ["-Wall", "-Wextra", "-Wno-unused", "-Werror", "-g", "-O1", "-I", "include", "-I", "tests/c"]
HEADERS = {"c": "", "cpp": "#include <iostream>\n#include <chrono>\n#include \"ottla.hpp\"\n"}


def snippets(text):
    """Each snippet with its language, its line, and what it is said to print or None."""
    blocks = list(re.finditer(r"^```(\w+)\n(.*?)^```\n", text, re.M | re.S))
    for block, after in zip(blocks, blocks[1:] + [None]):
        if block[1] in COMPILERS:
            said = None
            if after and after[1] == "text" and not text[block.end():after.start()].strip():
                said = after[2]
            yield block[1], text.count("\n", 0, block.start()) + 2, block[2], said


def program(language, code):
    code = re.sub(r'"127\.0\.0\.1:9092"', "servers", code)
    if "int main(" in code:
        body = re.sub(r"int main\((void)?\) \{", "static int documented(void) {", code)
        if language == "cpp":  # A main of C++ may end without a return, another function may not.
            body = body.rstrip()
            end = body.rindex("\n}")
            body = f"{body[:end]}\n    return 0;{body[end:]}\n"
        return HEADERS[language] + '#include "documented.h"\n' + body
    functions = "".join(re.findall(r"^static .*?^\}\n", code, re.M | re.S))
    body = re.sub(r"^static .*?^\}\n", "", code, flags=re.M | re.S)
    return (f'{HEADERS[language]}#include "documented.h"\n{functions}'
            f"static int documented(void) {{\n{body}return 0;\n}}\n")


def run(library, out, document):
    failed = count = 0
    for language, line, code, said in snippets(pathlib.Path(document).read_text()):
        name = f"{pathlib.Path(document).stem}-{line}"
        source, binary = out / f"{name}.{language}", out / name
        source.write_text(program(language, code))
        compiled = subprocess.run(
            [*COMPILERS[language], *FLAGS, str(source), "-o", str(binary), f"-L{library}",
             "-lottla", f"-Wl,-rpath,{library}", "-lpthread"])
        ran = None
        if compiled.returncode == 0:
            ran = subprocess.run([binary], capture_output=True, text=True, timeout=60)
        good = ran is not None and ran.returncode == 0 and said in (None, ran.stdout)
        if not good and ran is not None:
            print(ran.stdout, ran.stderr, f"status {ran.returncode}", sep="\n")
        print(f"c snippet {document}:{line} … {'ok' if good else 'FAILED'}")
        failed += not good
        count += 1
    return count, failed


def main():
    library, out, documents = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3:]
    out.mkdir(parents=True, exist_ok=True)
    results = [run(library, out, document) for document in documents]
    count, failed = sum(r[0] for r in results), sum(r[1] for r in results)
    verdict = "FAILED" if failed or not all(r[0] for r in results) else "ok"
    print(f"test result: {verdict}. {count - failed} passed; {failed} failed")
    sys.exit(verdict != "ok")


main()
