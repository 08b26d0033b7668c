#!/bin/sh
# Every Go test. Packages that link GTK's libraries go without the race detector, and so does the test of the whole
# product, whose programs are built without it. The raced ones run beside those, a little behind: they compute, and the
# others mostly wait for a screen. Their lines come at the end. The detector makes a program five to ten times slower. So
#   - what is swept or played by chance is done in part there (-short), and whole without it: for money, here; for the drivers, in
#     make soak;
#   - the packages that only compute (ciphers, codecs) are compiled without it, for they are a fourth of the time. None may be among
#     them in which goroutines meet: what an atomic guards there would be told as a race;
#   - its memory is collected less often (GOGC), for a collection costs a fourth of all time; and a program that ends does not wait
#     a second for late findings (GORACE), of which there are a hundred;
#   - the sweep of power cuts (cmd/sweep) plays ten thousand schedules (SCHEDULES=) when all else is done: it has no need of real time, and desks have;
#   - drivers of USB devices go without it, for half of their time is libusb's, which it does not see; the matrix of faults goes
#     with them, in part: it is whole in make faults.
set -eu
cd "$(dirname "$0")/.."
mkdir -p out
tested=$(go list -f '{{if or .TestGoFiles .XTestGoFiles}}{{.ImportPath}}{{end}}' ./...)
sampled="$(go list ./cmd/faults) $(printf '%s\n' $tested | grep -E '/(usb[a-z]*|[a-z]*usb)$')"
drawn=$(go list -test -f '{{if eq .Name "main"}}{{.ImportPath}} {{join .Deps " "}}{{end}}' ./... | sed -n '/gotk3/s/\.test .*//p' | grep -vxF "$(printf '%s\n' $sampled)")
whole=$(go list ./cmd)
swept="./kiosk/payment ./sync/qr"
raced=$(printf '%s\n' $tested | grep -vxF "$drawn" | grep -vxF "$whole" | grep -vxF "$(printf '%s\n' $sampled)")
waiting=$(printf '%s\n' $raced | grep -E '/(uplink|hall)$') # half of their time they wait for a hall's pauses
slow="$waiting
$(printf '%s\n' $raced | grep -E '/(payment|qr|ipp|escpos|press|store|ssp|wlt|cctalkhopper|cctalk|id003)$')" # first, so that none of them is the last to run alone
raced="$slow $(printf '%s\n' $raced | grep -vxF "$slow")"
calm=
for p in crypto/internal/... crypto/ecdh math/big compress/... hash/... image/... github.com/klauspost/compress/... github.com/emmansun/gmsm/...; do
	calm="$calm -gcflags=$p=-race=false"
done

# One processor for each: the timers of a bubble of virtual time share one context of the race detector, and two threads that use it at once crash
# it, now and then (Go issue 78156). Which accesses are ordered it finds out without a second processor.
echo "go test -race -shuffle=on, $(echo $raced | wc -w) packages, whose lines come at the end"
GORACE=atexit_sleep_ms=20 GOGC=800 nice -n 3 go test -p 3 -cpu 1 -race $calm -short -shuffle=on -timeout 20m $raced >out/raced.log 2>&1 &
beside=$!
nice -n 5 go test -p 1 -short -shuffle=on -timeout 20m $sampled >out/short.log 2>&1 &
short=$!
trap 'kill $beside $short 2>/dev/null || true' EXIT INT TERM
echo "go test -shuffle=on, $(echo $drawn | wc -w) packages that link GTK's libraries, sweeps, and the whole product on desks of its own"
others=0 # five desks at a time: each of them mostly waits
STEPS=${STEPS:-80} go test -parallel 5 -shuffle=on -timeout 25m $whole $drawn $swept || others=$?
behind=0
wait $beside || behind=$?
wait $short || behind=$?
cat out/raced.log out/short.log
go test -c -o out/tool/sweep ./cmd/sweep
out/tool/sweep --schedules "${SCHEDULES:-10000}" --out out/tests-sweep.json || behind=$?
exit $((others + behind))
