package world

import "yichuang/devices/printer/escpossim"

// receipts are the receipt printers that can stand on a desk, by the words of kiosk.toml: what differs from a printer that
// follows Epson whole. The mechanism of each takes what its kind takes, and refuses the rest as such a printer does.
var receipts = map[string]escpossim.Options{
	"escpos":               {},
	"escpos-usb":           {},
	"escpos-58":            {WidthDots: 384, NoCuts: true, NoClear: true, Model: "DESK-58"},
	"escpos-80":            {NoCuts: true, NoClear: true},
	"escpos-80-512":        {WidthDots: 512, NoCuts: true, NoClear: true},
	"escpos-80-gb2312":     {NoCuts: true, NoClear: true},
	"escpos-80-latin":      {NoCuts: true, NoClear: true, NoChinese: true},
	"escpos-presenter":     {NoCuts: true, NoClear: true, NoChinese: true, Presenter: true, FeedBit: true, Model: "DESK-KIOSK"},
	"escpos-presenter-kpm": {NoCuts: true, NoClear: true, NoChinese: true, Presenter: true, Model: "DESK-KIOSK"},
}

// receipt makes the printer that a desk has.
func (w *World) receipt() *escpossim.Printer {
	o := receipts[w.options.speaks("receipt")]
	o.Log, o.Pace = w.Log, true
	if o.Model != "" {
		o.Maker, o.Serial = "YICHUANG", "D0000001"
	}
	return escpossim.New(o)
}
