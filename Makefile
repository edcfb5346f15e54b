# What a person or the CI does with this tree. The work itself is in .ci/, Deploy/demo.sh and Benchmarks/footprint/.

EMBEDDED_BUILD = .build-embedded

# A library for any C library: it takes that of the program which preloads it.
TRIM_FLAGS = -std=gnu17 -Os -Wall -Wextra -Werror -shared -fPIC -nostdlib -fno-stack-protector \
  -Wl,-soname,libmemwarden-trim.so -Wl,--build-id=none

.PHONY: all setup build device device-test boot boot-all deb deb-test test lint demo footprint footprint-all soak no-loss log-guards clean

all: build

# Installs what is missing, by name; says nothing when nothing is.
setup:
	@.ci/setup

# The product: the Embedded build, stripped.
build:
	EMBEDDED=1 swift build -c release --scratch-path $(EMBEDDED_BUILD)
	@mkdir -p build
	strip -o build/memwarden $(EMBEDDED_BUILD)/release/memwarden
	strip -o build/leaky $(EMBEDDED_BUILD)/release/leaky
	$(CC) $(TRIM_FLAGS) -s -o build/libmemwarden-trim.so Sources/trim/trim.c

# The product for a board, one static file: make device ARCH=x86_64|aarch64|armv7|armv7-softfloat|riscv64
device:
	@Deploy/device/build.sh $(ARCH)

# The same, run under an emulator of that processor.
device-test: device
	@Deploy/device/test.sh $(ARCH)

# A Debian package: of the host's build, or with ARCH=… of the device build. deb-test installs, upgrades and purges the
# former in fresh Debian trees (root; half a minute, the first time two more; needs a Debian mirror).
deb: $(if $(ARCH),,build)
	@Deploy/debian/build.sh $(ARCH)

deb-test: build
	@Deploy/debian/test.sh

# The same as the service of a real kernel, in qemu with 64 MB or as little more as that kernel needs.
boot: device
	@Deploy/boot/boot.sh $(ARCH)

# What the CI boots; about 80 s for each processor beside its build. One table: build/boot/report.md.
boot-all:
	@for arch in aarch64 armv7 riscv64 x86_64; do \
	  Deploy/device/build.sh $$arch && Deploy/boot/boot.sh $$arch || exit 1; \
	done
	@Deploy/boot/table.sh aarch64 armv7 riscv64 x86_64 | tee build/boot/report.md

test: setup lint
	swift build --build-tests
	swift test --skip-build --skip EndToEndTests
	$(MAKE) build
	@.ci/e2e

lint:
	@.ci/lint

# DEMO_SECONDS=60 ends it by itself; otherwise Ctrl-C does.
demo: setup build
	@Deploy/demo.sh

# The table of the budget, measured on this machine.
footprint: setup build
	@Benchmarks/footprint/run.sh

# The same beside Monit, earlyoom, supervisord with memmon and process-exporter, at 3, 30 and 300 processes: a quarter of
# an hour, as root. They are unpacked under build/, not installed.
footprint-all: setup build
	@Deploy/device/build.sh $$(uname -m)
	@Benchmarks/footprint/rivals.sh build/footprint
	@Benchmarks/footprint/run.sh all

# A week of watching in nine minutes, with a fast clock: does the agent grow?
soak: setup build
	@Benchmarks/soak/run.sh

# Five floods of 20 s each, with punch, with rename and without gzip: every line is there once. Nine minutes.
no-loss: setup build
	swift build --build-tests
	for run in 1 2 3 4 5; do \
	  NO_LOSS_SECONDS=20 MEMWARDEN_BUILD=$$PWD/build swift test --skip-build --no-parallel \
	    --filter 'EndToEndTests.*(ofAFloodEveryLine|onRamfsTheArchive)' >build/no-loss.log 2>&1; code=$$?; \
	  grep -E ' lines to |✘|↳ [0-9]|Test run with' build/no-loss.log; \
	  [ $$code = 0 ] || exit 1; \
	done

# One flood, guarded in turn by memwarden, logrotate, svlogd and s6-log: one table. Three minutes, as root.
log-guards: setup build
	@.ci/setup logrotate runit s6
	@Benchmarks/logs/run.sh

clean:
	rm -rf build .build $(EMBEDDED_BUILD)
