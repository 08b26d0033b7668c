# What a person types; "make help" prints it.
# Variables of the desk and the demo count only on make's own command line: LANGUAGE in the environment is gettext's.

.DEFAULT_GOAL := help
SHELL := /bin/sh

programs := kioskd kiosk-ui kioskctl halld devsim
sources := cmd devices kiosk sync ui

# In a copy whose .git belongs to somebody else, Go refuses to build with a version from it; we ask git ourselves.
export GOFLAGS := $(strip -buildvcs=false $(filter-out -buildvcs%,$(GOFLAGS)))
export CGO_ENABLED := 1

version := $(shell git describe --tags --always 2>/dev/null || echo unknown)
commit := $(shell git rev-parse HEAD 2>/dev/null || echo unknown)
ldflags := -X main.version=$(version) -X main.commit=$(commit)

# given X is the value of X from the command line; option X,--x hands it on, quoted for the shell.
given = $(if $(filter command%,$(origin $(1))),$($(1)))
quote = '$(subst ','\'',$(1))'
option = $(if $(call given,$(1)),$(2) $(call quote,$(call given,$(1))))
devsim = out/bin/devsim desk $(call option,SCREEN,--screen) $(call option,LANGUAGE,--language) $(call option,SET,--set)

FUZZTIME ?= 30s

.PHONY: help
help: ## this table
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' Makefile

.PHONY: setup
setup:
	@packaging/setup.sh

.PHONY: build
build: setup ## set-up and the five programs in out/bin/
	@mkdir -p out/bin
	@test -x out/bin/kiosk-ui || echo "The first build takes some minutes: the bindings to GTK are compiled. Every package is named when it begins."
	@go build $$(test -x out/bin/kiosk-ui || echo -v) -ldflags '$(ldflags)' -o out/bin/ $(addprefix ./cmd/,$(programs))
	@printf '%s\n' 'GOFLAGS=$(GOFLAGS)' 'CGO_ENABLED=1' > out/env.new && mv out/env.new out/env

.PHONY: run
run: build ## the whole product on one desk, with a page of peripherals at one address; Ctrl-C stops it
	@exec $(devsim) --dir out/run --show auto

.PHONY: desk
desk: build ## the same product for a stranger's programs (cmd/CONTRACT.md): DESK= SCREEN= LANGUAGE= SET=
	@exec $(devsim) --out out $(call option,DESK,--dir)

.PHONY: test
test: build ## every test; the same that .ci/run calls
	@packaging/setup.sh --tests
	@unformatted=$$(gofmt -l $(sources)); test -z "$$unformatted" || { echo "not as gofmt writes it: $$unformatted"; exit 1; }
	go vet ./...
	go tool staticcheck ./...
	@packaging/test.sh

.PHONY: soak
soak: build ## every test whole, the long suites of all drivers too: about half an hour
	@packaging/setup.sh --tests
	STORIES=400 PAGES=300 OFFLINE=72 go test -timeout 60m ./...

.PHONY: deaths
deaths: setup ## kills programs and the power at random moments of journeys, and compares all books: KILLS= (2000) DESKS= (8) SEED=
	@packaging/setup.sh --tests
	KILLS=$(or $(call given,KILLS),2000) DESKS=$(or $(call given,DESKS),8) SEED=$(call given,SEED) go test -count=1 -timeout 0 -parallel 16 -v -run '^TestDeaths$$' ./cmd

.PHONY: demo
demo: build ## all journeys through the real screen, result in out/demo/: SEED= INPUT= JOURNEYS= LANGUAGE= SET=
	@mkdir -p out/tool && go build -o out/tool/demo ./cmd/demo
	@exec out/tool/demo $(call option,SEED,--seed) $(call option,INPUT,--input) $(call option,JOURNEYS,--journeys) $(call option,LANGUAGE,--language) $(call option,SET,--set)

.PHONY: release
release: build ## a demo's journal and hall database into cmd/testdata/releases/NAME=, for later versions to open
	@mkdir -p out/tool && go build -o out/tool/demo ./cmd/demo
	@packaging/release.sh $(or $(call given,NAME),$(error release: NAME= is needed, such as NAME=a))

.PHONY: bench
bench: setup ## measures against peers, a line of JSON each: ONLY=GLOB LIST=1
	@packaging/setup.sh --bench
	@mkdir -p out/tool && cd cmd/bench && go test -short ./... >../../out/tool/bench.log || { cat ../../out/tool/bench.log; exit 1; }
	@cd cmd/bench && go build -o ../../out/tool/bench .
	@exec out/tool/bench $(call option,ONLY,--only) $(if $(call given,LIST),--list)

.PHONY: faults
faults: ## every fault of every simulator at its driver, with a journal above: the matrix, and out/faults.json
	@packaging/setup.sh --tests
	@go test -count=1 -v ./cmd/faults -args -out $(CURDIR)/out/faults.json | grep -v '^=== \|^ *--- PASS'; grep -q '"world_agrees"' out/faults.json

.PHONY: sweep
sweep: setup ## cuts the power at instants of whole journeys and compares all books: SCHEDULES= SHARE= SEED= JOURNEY= REPLAY=, and out/sweep.json
	@mkdir -p out/tool && go test -c -o out/tool/sweep ./cmd/sweep
	@exec out/tool/sweep --tests $(call option,SCHEDULES,--schedules) $(call option,SHARE,--share) $(call option,SEED,--seed) $(call option,JOURNEY,--journey) $(call option,REPLAY,--replay)

.PHONY: sweep-planted
sweep-planted: setup ## sees that the sweep finds each of its planted bugs; RANDOM= so many changes by chance instead: KIND= SOWN= SCHEDULES=
	@mkdir -p out/tool && go build -o out/tool/planted ./cmd/sweep/planted
	@exec out/tool/planted $(call option,RANDOM,--random) $(call option,KIND,--kind) $(call option,SOWN,--sown) $(call option,SCHEDULES,--schedules) $(call option,SEED,--seed)

.PHONY: fleet
fleet: setup ## days of a whole fleet and all that befalls it, every book compared at each day's end: TERMINALS= DAYS= VISITS= MEAN= TROUBLES= SEED= SEASON=1 LOG=, and out/fleet.json
	@mkdir -p out/tool && go test -c -trimpath -o out/tool/fleet ./cmd/fleet
	@exec out/tool/fleet $(call option,SEED,--seed) $(call option,TERMINALS,--terminals) $(call option,DAYS,--days) $(call option,VISITS,--visits) $(call option,MEAN,--mean) $(call option,TROUBLES,--troubles) $(call option,LAND_TROUBLES,--land-troubles) $(call option,LOG,--log) $(if $(call given,SEASON),--season)

.PHONY: qr-shapes
qr-shapes: setup ## every shape of failure of the payment gateway, through terminal, hall and order machine, and who says what in the end
	@packaging/setup.sh --tests && mkdir -p out
	@{ go test -count=1 -v -run TestShapes ./cmd/qrshapes -args -all; echo $$? > out/qr-shapes.exit; } | grep -v '^=== \|^ *--- \|^PASS\|^FAIL\|^ok '; exit $$(cat out/qr-shapes.exit)

.PHONY: golden
golden: setup ## writes the golden sheets and pages anew; read the difference like code
	GOLDEN=write go test -count=1 $$(grep -rl --include='*_test.go' 'Getenv("GOLDEN")' $(sources) | xargs -n 1 dirname | sort -u | sed 's,^,./,')
	for p in $$(grep -rl --include='*_test.go' 'flag.Bool("golden"' $(sources) | xargs -n 1 dirname | sort -u); do go test -count=1 ./$$p -golden || exit 1; done

.PHONY: screens
screens: setup ## draws every page as a picture into out/screens/
	@mkdir -p out/screens
	SCREENS=$(CURDIR)/out/screens go test -count=1 -timeout 15m ./ui/shell

.PHONY: fuzz
fuzz: setup ## every decoder for FUZZTIME= each (30s)
	@grep -rno --include='*_test.go' '^func Fuzz[A-Za-z0-9_]*' $(sources) | sed 's,^\(.*\)/[^/]*:[0-9]*:func \(.*\),\1 \2,' | sort | \
	while read -r package name; do \
		echo "fuzz $$package $$name"; \
		go test -run '^$$' -fuzz "^$$name\$$" -fuzztime $(FUZZTIME) ./$$package || exit 1; \
	done

.PHONY: generate
generate: ## the contract between terminal and hall, from its .proto (needs the package protobuf-compiler)
	@mkdir -p out/tool && go build -o out/tool/ google.golang.org/protobuf/cmd/protoc-gen-go connectrpc.com/connect/cmd/protoc-gen-connect-go
	cd sync/hallapi && PATH="$(CURDIR)/out/tool:$$PATH" protoc --go_out=. --go_opt=paths=source_relative --connect-go_out=. --connect-go_opt=paths=source_relative,simple hall.proto
