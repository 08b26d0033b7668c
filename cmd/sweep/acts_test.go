package sweep

import (
	"maps"
	"slices"
	"testing"

	"yichuang/cmd/world"
	"yichuang/kiosk/casefile"
)

// elsewhere is what no journey that goes well has: what a cut leaves in doubt and staff settle in the morning, what devices, company
// and gateway refuse, and slips of another terminal. Faults of devices are in cmd/faults, those of the gateway in cmd/qrshapes, fleets in cmd/fleet.
var elsewhere = []casefile.Kind{
	casefile.AcceptorReset, casefile.AcceptorSettled, casefile.CoinsReset, casefile.CoinFound, casefile.NoteDoubtful, casefile.NoteSettled, casefile.PayoutDoubtful, casefile.PayoutSettled,
	casefile.LicenseDoubtful, casefile.LicenseSettled, casefile.LicenseFailed, casefile.LicenseSpoiled, casefile.PaperFailed, casefile.NoteReturning, casefile.NoteReturned,
	casefile.BillRefused, casefile.BillRefunded, casefile.OrderRefunded, casefile.OwedRedeemed,
}

// actsMax is how many rounds of journeys are played at most: some acts are one's in three who pay by phone.
const actsMax = 40

// Every act with money or paper is in a journey.
func TestEveryActIsInAJourney(t *testing.T) {
	seen, plain := map[casefile.Kind]bool{}, false
	seed := freshSeed(t)
	missing := func() (kinds []casefile.Kind) {
		for _, kind := range slices.Sorted(maps.Keys(casefile.Fields)) {
			if !seen[kind] && !slices.Contains(elsewhere, kind) {
				kinds = append(kinds, kind)
			}
		}
		return kinds
	}
	for round := 0; round < actsMax && (len(missing()) > 0 || !plain); round++ {
		for _, j := range world.Journeys {
			tp, err := tapeOnce(t, taped{seed, round, j.Name}, j)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range tp.events {
				seen[e.Kind] = true
				plain = plain || e.Kind == casefile.PaperPrinted && e.Header.Way == "tray"
			}
			tp.forget()
		}
	}
	if len(missing()) > 0 || !plain {
		t.Errorf("in no journey: %v; a slip on a plain page: %v", missing(), plain)
	}
}
