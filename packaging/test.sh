#!/bin/sh
# Every Go test. Packages that link GTK's libraries go without the race detector, and so does the test of the whole
# product, whose programs are built without it. The raced ones run beside those, a little behind: they compute, and the
# others mostly wait for a screen. Their lines come at the end. The detector makes a program five to ten times slower, so what
# is swept or played by chance is done in part there (-short), and whole without it; and its memory is collected less often (GOGC),
# for with the detector a collection costs a fourth of all time.
set -eu
cd "$(dirname "$0")/.."
mkdir -p out
tested=$(go list -f '{{if or .TestGoFiles .XTestGoFiles}}{{.ImportPath}}{{end}}' ./...)
drawn=$(go list -test -f '{{if eq .Name "main"}}{{.ImportPath}} {{join .Deps " "}}{{end}}' ./... | sed -n '/gotk3/s/\.test .*//p')
whole=$(go list ./cmd)
swept=$(grep -rl 'testing\.Short()' --include='*_test.go' kiosk sync | xargs -n 1 dirname | sort -u | sed 's,^,./,')
swept="$swept ./devices/cash/cctalk" # one driver's whole suite; those of all drivers are make soak's
raced=$(printf '%s\n' $tested | grep -vxF "$drawn" | grep -vxF "$whole")
slow=$(printf '%s\n' $raced | grep -E '/(uplink|payment|qr|hall|ipp|escpos|store|ssp|wlt|sdtusb|escposusb|cctalkhopper|cctalk|id003)$') # first, so that none of them is the last to run alone
raced="$slow $(printf '%s\n' $raced | grep -vxF "$slow")"

echo "go test -race -shuffle=on, $(echo $raced | wc -w) packages, whose lines come at the end"
GOGC=400 nice -n 5 go test -race -short -shuffle=on -timeout 20m $raced >out/raced.log 2>&1 &
beside=$!
trap 'kill $beside 2>/dev/null || true' EXIT INT TERM
echo "go test -shuffle=on, $(echo $drawn | wc -w) packages that link GTK's libraries, sweeps, and the whole product on desks of its own"
others=0 # three desks at a time: each of them mostly waits
STEPS=${STEPS:-120} KILLS=${KILLS:-8} go test -parallel 3 -shuffle=on -timeout 25m $whole $drawn $swept || others=$?
behind=0
wait $beside || behind=$?
cat out/raced.log
exit $((others + behind))
