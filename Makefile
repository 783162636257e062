# Everything there is to do here, one command each; the work itself is in scripts/.
.PHONY: help demo test check header configuration simulate lib install install-cli uninstall bench matrix schedules fuzz chaos sanitize clean

export PREFIX BINDIR LIBDIR INCLUDEDIR MANDIR DESTDIR

help:
	@echo "make demo           build, start a cluster, send records, show what happened to each"
	@echo "make test           every test, real Kafka included"
	@echo "make check          format and lints alone"
	@echo "make simulate SEED=7  run the simulator's seed 7 and tell what happens in it"
	@echo "make lib            build/lib: libottla.so and libottla.a"
	@echo "make install        into PREFIX=/usr/local; LIBDIR, INCLUDEDIR, MANDIR, DESTDIR; make uninstall"
	@echo "make install-cli    the command line tool, too, which takes a build of its own; BINDIR"
	@echo "make header         write include/ottla.h and the manual pages anew"
	@echo "make configuration  write CONFIGURATION.md anew"
	@echo "make bench          measure against other producers: RUNS=5 ONLY=\"sink kafka\""
	@echo "make matrix         the Kafka tests against 4.3.1, 4.1.2 and 3.9.1"
	@echo "make schedules      thousands of interleavings of the places where threads meet"
	@echo "make fuzz           TARGET=response SECONDS=60: look for inputs that do harm (nightly)"
	@echo "make chaos          random faults on a real Kafka under load: MINUTES=10 SEED=…"
	@echo "make sanitize       the C and unit tests under the address and leak sanitizers (nightly)"
	@echo "make clean          remove what was built and fetched"

demo:
	@scripts/bootstrap.sh cargo cc objcopy
	@scripts/demo.sh

test:
	@scripts/bootstrap.sh cargo cc objcopy java mvn c++ valgrind strace cmake pkg-config python3 Python.h \
	  go rdkafka.h
	@scripts/test.sh

check:
	cargo fmt --check
	cargo clippy --all-targets --features cli,simulation -- -D warnings

header:
	OTTLA_UPDATE=1 cargo test --features cli --test header
	OTTLA_UPDATE=1 cargo test --features cli --bin ottla the_manual_pages

configuration:
	OTTLA_UPDATE=1 cargo test --features cli --test configuration

simulate:
	OTTLA_SIM_SEED=$(SEED) cargo test --features simulation --test simulation one_seed -- --nocapture

lib:
	@scripts/lib.sh

install:
	@scripts/install.sh install

install-cli:
	@scripts/install.sh install-cli

uninstall:
	@scripts/install.sh uninstall

bench:
	@scripts/bootstrap.sh cargo cc objcopy java mvn python3 go rdkafka.h lz4.h
	@scripts/lib.sh
	@bench/build.sh
	@RUNS="$(RUNS)" ONLY="$(ONLY)" bench/bench.sh

matrix:
	@scripts/bootstrap.sh cargo cc objcopy java mvn python3 Python.h go rdkafka.h
	@scripts/matrix.sh

schedules:
	cargo test --lib --features shuttle schedules::

fuzz:
	@scripts/fuzz.sh "$(TARGET)" "$(SECONDS)"

chaos:
	@scripts/bootstrap.sh cargo cc java mvn
	@MINUTES="$(MINUTES)" SEED="$(SEED)" scripts/chaos.sh

sanitize:
	@scripts/bootstrap.sh cargo cc rdkafka.h
	@scripts/sanitize.sh address

clean:
	cargo clean
	rm -rf build
