// Package data is the lists that forms choose from: administrative divisions, trades, and what a trade
// may say that it does. Each file begins with its source, its date and its license.
package data

import (
	_ "embed"
	"fmt"
	"strings"

	"yichuang/kiosk/catalog"
)

//go:embed divisions.tsv
var divisions string

//go:embed trades.tsv
var trades string

//go:embed scopes.tsv
var scopes string

// Divisions are those of China from province to county, codes of GB/T 2260.
func Divisions() ([]catalog.Node, error) {
	return read("divisions.tsv", divisions, 3, func(f []string) catalog.Node {
		return catalog.Node{Code: f[0], Parent: f[1], Name: text(f[2], at(f, 3))}
	})
}

// Trades are those of GB/T 4754 that the first catalogue offers, from division to class.
func Trades() ([]catalog.Node, error) {
	return read("trades.tsv", trades, 4, func(f []string) catalog.Node {
		n := catalog.Node{Code: f[0], Parent: f[1], Name: text(f[2], f[3])}
		if at(f, 4) != "" {
			n.Permit = text(f[4], at(f, 5))
		}
		return n
	})
}

// Scopes are phrases for the scope of business; each one's parent is its trade, and its code that of the
// trade with the phrase's number behind it.
func Scopes() ([]catalog.Node, error) {
	count := map[string]int{}
	return read("scopes.tsv", scopes, 2, func(f []string) catalog.Node {
		count[f[0]]++
		return catalog.Node{Code: fmt.Sprintf("%s%d", f[0], count[f[0]]), Parent: f[0], Name: text(f[1], "")}
	})
}

func text(zh, en string) catalog.Text {
	t := catalog.Text{"zh": zh}
	if en != "" {
		t["en"] = en
	}
	return t
}

func at(f []string, i int) string {
	if i < len(f) {
		return f[i]
	}
	return ""
}

func read(name, content string, columns int, node func([]string) catalog.Node) ([]catalog.Node, error) {
	var out []catalog.Node
	for i, line := range strings.Split(strings.TrimSpace(content), "\n") {
		if strings.HasPrefix(line, "#") {
			continue
		}
		f := strings.Split(line, "\t")
		if len(f) < columns || f[0] == "" {
			return nil, fmt.Errorf("%s:%d: want at least %d columns", name, i+1, columns)
		}
		out = append(out, node(f))
	}
	return out, nil
}
