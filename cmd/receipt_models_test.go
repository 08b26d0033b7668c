package cmd

import (
	"slices"
	"strings"
	"testing"

	"yichuang/cmd/devsim/world"
	"yichuang/devices/printer/escpos"
)

// TestEveryReceiptPrinterIsOnTheDesk: each row of the driver's models can stand on a desk.
func TestEveryReceiptPrinterIsOnTheDesk(t *testing.T) {
	for _, m := range escpos.Models {
		name := strings.TrimSuffix("escpos-"+m.Name, "-")
		if !slices.Contains(world.Protocols["receipt"], name) {
			t.Errorf("there is no simulator of %s; there are %v", name, world.Protocols["receipt"])
		}
	}
}

// TestReceiptPrintersAlone: the driver of a model prints on the pretend printer of that model.
func TestReceiptPrintersAlone(t *testing.T) {
	t.Parallel()
	for protocol, line := range map[string]string{"escpos-58": "水费 123.45", "escpos-80-512": "水费 123.45", "escpos-presenter": "fee 123.45", "escpos-presenter-kpm": "fee 123.45"} {
		t.Run(protocol, func(t *testing.T) {
			t.Parallel()
			_, address := alone(t, protocol)
			try := begin(t, "kioskd", "try", protocol, address)
			try.tells("ready", "")
			try.order(`{"do":"text","lines":[%q]}`, line)
			try.tells("printed", "")
			try.ends()
		})
	}
}
