package cmd

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

const module = "yichuang/"

// mayImport says, for each folder (the longest that fits counts), which of our own packages it may
// import beside itself. Changing a wall means changing this table, in a commit that says why.
var mayImport = map[string][]string{
	"devices":        {"devices"},
	"devices/cash":   {"devices"},
	"kiosk":          {"kiosk", "devices/fault", "devices/cash", "devices/idcard", "devices/printer", "devices/barcode"},
	"kiosk/money":    {},
	"kiosk/casefile": {"kiosk/money"},
	"kiosk/catalog":  {"kiosk/catalog"},
	"kiosk/seal":     {},
	"kiosk/sqlite":   {},
	"kiosk/license":  {},
	"kiosk/twin":     {"kiosk/casefile"},
	"kiosk/front":    {},
	"kiosk/office":   {"kiosk/money"},
	"kiosk/tally":    {"kiosk/casefile", "kiosk/money", "kiosk/office"},
	"kiosk/document": {"kiosk/money"},
	"kiosk/ctl":      {"kiosk/money", "kiosk/casefile", "kiosk/invariant"},
	"ui":             {"ui", "kiosk/front", "kiosk/money"},
	"ui/phrase":      {"kiosk/front", "kiosk/money"},
	"ui/page":        {"ui/phrase", "kiosk/front", "kiosk/money"},
	"ui/pinyin":      {},
	"ui/touch":       {},
	"sync":           {"sync", "kiosk/casefile", "kiosk/invariant", "kiosk/catalog", "kiosk/money", "kiosk/sqlite", "kiosk/document", "kiosk/typeset", "kiosk/seal", "kiosk/license", "kiosk/store", "kiosk/office", "devices/idcard"},
	"sync/hallapi":   {"sync/hallapi"},
	"cmd":            {"cmd", "kiosk", "devices", "ui", "sync"},
	"cmd/devsim":     {"cmd/devsim", "devices", "kiosk/sqlite"},
	"cmd/kiosk-ui":   {"ui", "kiosk/front"},
	"cmd/kioskctl":   {"kiosk/ctl", "kiosk/casefile", "kiosk/invariant", "kiosk/license", "kiosk/money", "kiosk/twin"},

	"kiosk/invariant": {"kiosk/money", "kiosk/casefile"},
}

// doors says which package alone may import a library in C or of hardware.
var doors = map[string][]string{
	"github.com/gotk3/gotk3/gtk":       {"ui/shell"},
	"github.com/gotk3/gotk3/gdk":       {"ui/shell"},
	"github.com/gotk3/gotk3/glib":      {"ui/shell", "kiosk/typeset"},
	"github.com/gotk3/gotk3/cairo":     {"kiosk/typeset", "ui/shell"},
	"github.com/gotk3/gotk3/pango":     {"kiosk/typeset", "ui/shell"},
	"go.bug.st/serial":                 {"devices/serialport"},
	"github.com/google/gousb":          {"devices/usbport"},
	"github.com/mattn/go-sqlite3":      {"kiosk/sqlite"},
	"github.com/go-pay/gopay":          {"sync/qr"},
	"github.com/wechatpay-apiv3":       {"cmd/devsim/gateway", "sync/qr"},
	"github.com/emmansun/gmsm":         {"kiosk/license"},
	"connectrpc.com/connect":           {"sync"},
	"github.com/coreos/go-systemd/v22": {"kiosk/daemon"},
	"yichuang/devices/idcard/wlt/cell": {"cmd/kioskd"}, // strangers' code is loaded in there
}

// never says what a program must not have in it, however deep.
var never = map[string][]string{
	"cmd/kiosk-ui": {"github.com/mattn/go-sqlite3", "go.bug.st/serial", "github.com/google/gousb", "net/http/httptest"},
	"cmd/halld":    {"github.com/gotk3/gotk3/gtk", "go.bug.st/serial", "github.com/google/gousb"},
	"cmd/kioskctl": {"github.com/mattn/go-sqlite3", "go.bug.st/serial", "github.com/google/gousb", "github.com/gotk3/gotk3/gtk"},
	"cmd/kioskd":   {"github.com/gotk3/gotk3/gtk"},
	"cmd/devsim":   {"github.com/google/gousb"}, // its USB devices are at the other end of the cable
}

// source is what the import lines of one package say, without its tests.
type source map[string]map[string]bool

// read parses the import lines of every Go file. It does not run the go command: the test cache
// cannot see what that reads.
func read(t *testing.T, tests bool) source {
	t.Helper()
	out := source{}
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (strings.HasPrefix(d.Name(), ".") && path != ".." || d.Name() == "out" || d.Name() == "testdata" || d.Name() == "bench") {
			return fs.SkipDir
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") && !tests {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		pkg := filepath.ToSlash(filepath.Dir(strings.TrimPrefix(path, ".."+string(filepath.Separator))))
		if out[pkg] == nil {
			out[pkg] = map[string]bool{}
		}
		for _, imp := range file.Imports {
			name, err := strconv.Unquote(imp.Path.Value)
			if err != nil {
				return err
			}
			out[pkg][name] = true
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(out) < 30 {
		t.Fatalf("only %d packages were found: is this run in cmd/?", len(out))
	}
	return out
}

func TestImportWalls(t *testing.T) {
	for pkg, imports := range read(t, false) {
		allowed := rule(mayImport, pkg)
		for imp := range imports {
			own, ours := strings.CutPrefix(imp, module)
			if ours && own != pkg && !within(own, allowed) && !within(own, []string{pkg}) {
				t.Errorf("%s imports %s; it may import %v", pkg, own, allowed)
			}
			for library, only := range doors {
				if (imp == library || strings.HasPrefix(imp, library+"/")) && !within(pkg, only) {
					t.Errorf("%s imports %s, whose door is %v", pkg, imp, only)
				}
			}
		}
	}
}

func TestDriversAndSimulatorsKeepApart(t *testing.T) {
	for pkg, imports := range read(t, false) {
		for imp := range imports {
			own, ours := strings.CutPrefix(imp, module)
			if !ours || !strings.HasPrefix(own, "devices/") {
				continue
			}
			if sim := strings.HasSuffix(own, "sim"); sim && strings.HasPrefix(pkg, "devices/") && !strings.HasSuffix(pkg, "test") {
				t.Errorf("%s imports the simulator %s", pkg, own)
			}
			if strings.HasSuffix(pkg, "sim") && strings.HasPrefix(pkg, "devices/") && driver(own) {
				t.Errorf("the simulator %s imports the driver %s", pkg, own)
			}
		}
	}
}

// driver: a protocol's package or what drivers share, which is neither class, simulator, suite nor mechanism.
func driver(pkg string) bool {
	for _, d := range []string{"devices/cash/acceptor", "devices/cash/ccbus", "devices/cash/ccnet", "devices/cash/cctalk", "devices/cash/cctalkcoin", "devices/cash/cctalkhopper", "devices/cash/id003", "devices/cash/ssp", "devices/idcard/sdt", "devices/idcard/sdtusb", "devices/printer/escpos", "devices/printer/escposusb", "devices/printer/ipp", "devices/printer/ippusb", "devices/barcode/scanner"} {
		if pkg == d {
			return true
		}
	}
	return false
}

func TestProgramsHaveNothingTheyShouldNot(t *testing.T) {
	src := read(t, false)
	for program, forbidden := range never {
		seen := map[string]bool{}
		var walk func(pkg string)
		walk = func(pkg string) {
			for imp := range src[pkg] {
				for _, bad := range forbidden {
					if imp == bad {
						t.Errorf("%s has %s in it, through %s", program, bad, pkg)
					}
				}
				if own, ours := strings.CutPrefix(imp, module); ours && !seen[own] {
					seen[own] = true
					walk(own)
				}
			}
		}
		walk(program)
		if len(src[program]) == 0 {
			t.Errorf("there is no program %s", program)
		}
	}
}

// TestNoTestSleeps keeps the rule that tests wait for what happens and not for time. Inside a bubble of
// testing/synctest a sleep costs nothing and is exact; packages whose tests live in one may.
func TestNoTestSleeps(t *testing.T) {
	bubbles := map[string]bool{}
	for pkg, imports := range read(t, true) {
		for imp := range imports {
			// The suites of the device classes run in bubbles of their own making.
			suite := strings.HasPrefix(imp, module+"devices/") && strings.HasSuffix(imp, "test")
			bubbles[pkg] = bubbles[pkg] || suite || imp == "testing/synctest"
		}
	}
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		pkg := filepath.ToSlash(filepath.Dir(strings.TrimPrefix(path, ".."+string(filepath.Separator))))
		if strings.Contains(string(raw), "time."+"Sleep(") && !bubbles[pkg] {
			t.Errorf("%s sleeps", path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func rule(table map[string][]string, pkg string) []string {
	best, length := []string(nil), -1
	for folder, allowed := range table {
		if within(pkg, []string{folder}) && len(folder) > length {
			best, length = allowed, len(folder)
		}
	}
	return best
}

func within(pkg string, folders []string) bool {
	for _, f := range folders {
		if pkg == f || strings.HasPrefix(pkg, f+"/") {
			return true
		}
	}
	return false
}
