module yichuang/cmd/bench

go 1.26.0

require (
	github.com/mattn/go-sqlite3 v1.14.52
	github.com/mikestefanello/backlite v0.6.0
	golang.org/x/image v0.35.0
	rsc.io/qr v0.2.0
	yichuang v0.0.0
)

require (
	github.com/OpenPrinting/goipp v1.2.0 // indirect
	github.com/creack/pty v1.1.24 // indirect
	github.com/google/uuid v1.6.0 // indirect
	github.com/gotk3/gotk3 v0.6.5-0.20240618185848-ff349ae13f56 // indirect
	github.com/mfridman/interpolate v0.0.2 // indirect
	github.com/pressly/goose/v3 v3.26.0 // indirect
	github.com/sethvargo/go-retry v0.3.0 // indirect
	go.bug.st/serial v1.8.0 // indirect
	go.uber.org/multierr v1.11.0 // indirect
	golang.org/x/sync v0.24.0 // indirect
	golang.org/x/sys v0.48.0 // indirect
	golang.org/x/text v0.43.0 // indirect
)

replace yichuang => ../..
