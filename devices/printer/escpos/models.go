package escpos

// Model is one row of what is known of printers: what differs from the first row, why it matters here, and where it
// was seen. A technician chooses the row in kiosk.toml, because few printers say what they are.
type Model struct {
	Name    string // "escpos" and, after a dash, this; "" is escpos alone
	Profile Profile
	Why     string
	Source  string
}

// Models is every row. None has been tried on a device of ours. A model that is not here is a row, not code.
var Models = []Model{
	{
		Name:    "",
		Profile: Profile{WidthDots: 576, Columns: 48, Charset: GBK, HasQR: true, HasCuts: true, HasClear: true},
		Why:     "80 mm paper at 203 dpi: 72 mm are printed. Counters and the clearing of buffers are Epson's and of those who follow it whole",
		Source:  "Epson, ESC/POS Command Reference, TM-T88 and TM-m30 series",
	},
	{
		Name:    "58",
		Profile: Profile{WidthDots: 384, Columns: 32, Charset: GBK},
		Why:     "58 mm paper: 48 mm are printed. Small printers draw no QR symbols by themselves, count nothing and keep the rest of an abandoned strip",
		Source:  "github.com/Klemen1337/node-thermal-printer, issue 33 (no native QR on cheap clones); Epson, ESC/POS Command Reference (widths)",
	},
	{
		Name:    "80",
		Profile: Profile{WidthDots: 576, Columns: 48, Charset: GBK},
		Why:     "80 mm clones: the same as Epson's in commands, without counters, clearing and native QR symbols",
		Source:  "github.com/Klemen1337/node-thermal-printer, issue 33; github.com/lukevp/ESC-POS-.NET, issue 295 (the buffer is printed after the paper is changed)",
	},
	{
		Name:    "80-512",
		Profile: Profile{WidthDots: 512, Columns: 42, Charset: GBK},
		Why:     "80 mm paper with a head of 64 mm: 42 columns. A line of 48 would be broken by the printer",
		Source:  "Epson, ESC/POS Command Reference, 42 column mode of 80 mm models",
	},
	{
		Name:    "80-gb2312",
		Profile: Profile{WidthDots: 576, Columns: 48, Charset: GB2312},
		Why:     "a font of 6763 Chinese characters: names with others come out as blanks, so those lines are sent as pictures",
		Source:  "github.com/python-escpos/python-escpos, issue 678; GB 2312-80",
	},
	{
		Name:    "80-latin",
		Profile: Profile{WidthDots: 576, Columns: 48, Charset: ASCII},
		Why:     "no Chinese font at all: FS & would come out as an ampersand, and every line with Chinese in it is a picture",
		Source:  "github.com/DantSu/ESCPOS-ThermalPrinter-Android, issue 481",
	},
	{
		Name: "presenter",
		Profile: Profile{WidthDots: 576, Columns: 48, Charset: ASCII, FeedBit: true,
			Presenter: &Presenter{Present: []byte{0x1D, 0x65, 0x03, 0x0C}, Retract: []byte{0x1D, 0x65, 0x02}}},
		Why: "kiosk printers with rollers and a bin behind the mouth, commanded by GS e. 12 steps of 7 mm hold 84 mm out; drawing in must be " +
			"enabled in the printer's own set-up. The bit of the feed button is set all the time",
		Source: "Pyramid Technologies, Thermal Printer Command Set (public edition): GS e, GS r, DLE EOT 20 and the note on the DIAG button of Reliance",
	},
	{
		Name: "presenter-kpm",
		Profile: Profile{WidthDots: 576, Columns: 48, Charset: ASCII,
			Presenter: &Presenter{Present: []byte{0x1D, 0x65, 0x03, 0x86}, Retract: []byte{0x1D, 0x65, 0x02}}},
		Why:    "the same commands with steps of 0.625 mm: 134 of them hold 84 mm out. Unverified",
		Source: "Custom, command manuals of KPM and VKP printers, as programs that drive them have it (github.com/AlexObukhoff/TerminalClient)",
	},
}
