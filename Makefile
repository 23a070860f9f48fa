# SPDX-License-Identifier: EUPL-1.2
# Two commands for a newcomer: `make run` (set up, build, start the watch) and `make test` (set up, build, every test).
# Work in progress builds in build/; the program ends up at build/sereno.

BUILD ?= build
DATA ?= $(HOME)/.local/share/sereno-run

.PHONY: all build run demo test setup setup-test ui asan fuzz prove bench clean check

all: build

setup:
	@tools/setup build

setup-test:
	@tools/setup test

# The UI is built once per change of its sources.
UI_SOURCES := $(shell find ui/src ui/index.html ui/package-lock.json ui/vite.config.* i18n -type f 2>/dev/null)
ui/dist/index.html: $(UI_SOURCES) | setup
	cd ui && npm ci --no-audit --no-fund --loglevel=error && npm run --silent build

ui: ui/dist/index.html

$(BUILD)/build.ninja: | setup
	meson setup $(BUILD) --buildtype=debugoptimized >/dev/null

build: setup ui $(BUILD)/build.ninja
	@ninja -C $(BUILD) --quiet src/cli/sereno
	@ln -sf src/cli/sereno $(BUILD)/sereno
	@echo "built $(BUILD)/sereno"

# Starts a node that watches this machine; see README.md for what you will see.
run: build
	@tools/run-node --data $(DATA)

# A hub and three cities on this machine; see README.md for the walk through it.
demo: build
	@tools/demo

# What the tests of the page need beside the browser.
ui/node_modules: ui/package-lock.json | setup
	cd ui && npm ci --no-audit --no-fund --loglevel=error
	@touch $@

tests/e2e/node_modules: tests/e2e/package-lock.json | setup-test
	cd tests/e2e && npm ci --no-audit --no-fund --loglevel=error
	@touch $@

test: setup-test ui ui/node_modules tests/e2e/node_modules $(BUILD)/build.ninja
	@ninja -C $(BUILD) --quiet
	@ln -sf src/cli/sereno $(BUILD)/sereno
	@tools/run-tests $(BUILD)

# The same tests with AddressSanitizer, LeakSanitizer and UBSan, each slower by up to ten times (this build alone has no
# sandbox, and says so). Without the browser's: suites api and node go the same ways through the node.
asan: setup-test ui
	@tools/check-clang
	@tools/run-tests build-asan --timeout-multiplier 12 --no-suite page --no-suite e2e

# Coverage-guided fuzzing of every decoder; SECONDS is shared by all targets.
SECONDS ?= 300
fuzz: setup-test
	@tools/run-fuzz $(SECONDS)

# Long runs whose results are committed to docs/: a million cases per property, 1,000 kills, the deep static analysis, an hour of
# fuzzing, the benchmarks.
prove: test
	@SERENO_CASES=1000000 meson test -C $(BUILD) --no-rebuild --suite property --timeout-multiplier 0
	@SERENO_KILLS=1000 meson test -C $(BUILD) --no-rebuild 'archive files' 'faults archive' 'node crash' 'node age' --timeout-multiplier 0
	@SERENO_FLIPS=4000 meson test -C $(BUILD) --no-rebuild 'node rows' --timeout-multiplier 0
	@SERENO_SOAK_S=1800 meson test -C $(BUILD) --no-rebuild 'node soak' --timeout-multiplier 0
	@SERENO_SCHEMA_ALL=1 SERENO_SCHEMA_EXAMPLES=40 meson test -C $(BUILD) --no-rebuild 'interface by schemathesis' --timeout-multiplier 0
	@SERENO_MUTATIONS=20000 meson test -C $(BUILD) --no-rebuild 'evtx mutate' --timeout-multiplier 0
	@tools/check-static --deep
	@$(MAKE) fuzz SECONDS=3600
	@tools/run-bench

bench: build
	@tools/run-bench

check:
	@tools/check-includes
	@tools/check-size
	@tools/check-paths

clean:
	rm -rf build build-asan build-fuzz ui/dist
