package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// sown is where somebody else's mistakes are made: what decides about money, and only what the sweep's worlds have in them.
var sown = []string{"kiosk/payment", "kiosk/store", "sync/hall", "devices/cash"}

// away is what lies in those folders and in no world: pretend devices and suites, and the drivers of other machines.
var away = []string{"sim/", "test/", "/cutdisk/", "/coinpath/", "/notepath/", "/ccslave/", "/page/"}

// made is a change that compiles like any other: it says what it is.
type made struct {
	file, what string
	kind       kind
	from, to   int
	text       string
}

// kind is what is done to a file. Each is as likely: there are many more numbers than statements, and most of them are a matter of taste.
type kind int

const (
	removed kind = iota
	changed
	swapped
)

// kinds are their names.
var kinds = []string{"removed", "changed", "swapped"}

// sow makes one change by chance: a statement is removed, a number changed, or a call swapped for the next or for another one of the same thing; of one kind
// only when it is named.
func sow(rng *rand.Rand, only string) (bug, error) {
	files, err := sources()
	if err != nil {
		return bug{}, err
	}
	wanted := kind(rng.IntN(len(kinds)))
	if i := slices.Index(kinds, only); i >= 0 {
		wanted = kind(i)
	}
	for {
		file := files[rng.IntN(len(files))]
		raw, err := os.ReadFile(file)
		if err != nil {
			return bug{}, err
		}
		all, err := changes(file, raw)
		if err != nil {
			return bug{}, err
		}
		if all = slices.DeleteFunc(all, func(m made) bool { return m.kind != wanted }); len(all) == 0 {
			continue
		}
		m := all[rng.IntN(len(all))]
		line := 1 + strings.Count(string(raw[:m.from]), "\n")
		return bug{name: fmt.Sprintf("random.%s:%d: %s", file, line, m.what), file: file, edits: []edit{{string(raw), string(raw[:m.from]) + m.text + string(raw[m.to:])}}}, nil
	}
}

func sources() (files []string, err error) {
	for _, dir := range sown {
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			out := slices.ContainsFunc(away, func(part string) bool { return strings.Contains(path+"/", part) })
			if !d.IsDir() && strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, "_test.go") && filepath.Base(path) != "doc.go" && !out {
				files = append(files, path)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return files, nil
}

// changes are all that can be made in a file.
func changes(file string, raw []byte) (all []made, err error) {
	set := token.NewFileSet()
	tree, err := parser.ParseFile(set, file, raw, 0)
	if err != nil {
		return nil, err
	}
	at := func(p token.Pos) int { return set.Position(p).Offset }
	text := func(n ast.Node) string { return string(raw[at(n.Pos()):at(n.End())]) }
	short := func(n ast.Node) string { return strings.Join(strings.Fields(text(n)), " ") }
	add := func(k kind, n ast.Node, what, with string) {
		all = append(all, made{file, what, k, at(n.Pos()), at(n.End()), with})
	}
	siblings := map[string][]string{} // what else is called on the same thing with as many arguments
	sibling := func(c *ast.CallExpr) (*ast.SelectorExpr, string) {
		s, ok := c.Fun.(*ast.SelectorExpr)
		if !ok || logs.MatchString(text(c)) {
			return nil, ""
		}
		return s, fmt.Sprintf("%s/%d", short(s.X), len(c.Args))
	}
	ast.Inspect(tree, func(n ast.Node) bool {
		if c, ok := n.(*ast.CallExpr); ok {
			if s, of := sibling(c); s != nil && !slices.Contains(siblings[of], s.Sel.Name) {
				siblings[of] = append(siblings[of], s.Sel.Name)
			}
		}
		return true
	})
	ast.Inspect(tree, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			if logs.MatchString(text(n)) {
				return false
			}
			s, of := sibling(n)
			for _, other := range siblings[of] {
				if other != s.Sel.Name {
					add(swapped, s.Sel, fmt.Sprintf("%s.%s for %s", short(s.X), other, s.Sel.Name), other)
				}
			}
		case *ast.ExprStmt:
			if !logs.MatchString(text(n)) {
				add(removed, n, "removed "+short(n), "_ = 0")
			}
		case *ast.AssignStmt:
			if n.Tok != token.DEFINE {
				add(removed, n, "removed "+short(n), "_ = 0")
			}
		case *ast.IfStmt:
			if call, ok := n.Init.(*ast.AssignStmt); ok && n.Else == nil && isCall(call) { // a call whose error alone is looked at
				add(removed, n, "removed "+short(call), "_ = 0")
			}
		case *ast.BasicLit:
			if v, err := strconv.Atoi(n.Value); n.Kind == token.INT && err == nil {
				add(changed, n, fmt.Sprintf("%d for %d", v+1, v), strconv.Itoa(v+1))
			}
		case *ast.BlockStmt:
			for i := range max(len(n.List)-1, 0) {
				a, b := n.List[i], n.List[i+1]
				_, first := a.(*ast.ExprStmt)
				_, second := b.(*ast.ExprStmt)
				if first && second {
					all = append(all, made{file, "swapped " + short(a) + " and " + short(b), swapped, at(a.Pos()), at(b.End()), text(b) + "\n" + text(a)})
				}
			}
		case *ast.ImportSpec, *ast.ValueSpec:
			_, names := n.(*ast.ImportSpec)
			return !names
		}
		return true
	})
	return all, nil
}

// logs is a call that is only for who reads the log.
var logs = regexp.MustCompile(`^[a-zA-Z.]*\b[Ll]og\.(Debug|Info|Warn|Error)\(`)

// isCall says whether a call alone is on the right side.
func isCall(a *ast.AssignStmt) bool {
	if len(a.Rhs) != 1 {
		return false
	}
	_, ok := a.Rhs[0].(*ast.CallExpr)
	return ok
}
