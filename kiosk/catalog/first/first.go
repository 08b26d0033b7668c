// Package first is the catalogue that a new hall begins with: the water bill, and the registration of
// an individual business. The services are a document beside this file; the lists come from package
// data. A hall changes all of it by publishing a newer catalogue.
package first

import (
	_ "embed"
	"encoding/json"
	"fmt"

	"yichuang/kiosk/catalog"
	"yichuang/kiosk/catalog/data"
)

//go:embed services.json
var services []byte

// Catalog is that catalogue, version 1. Each call makes a new one, which the caller may change.
func Catalog() (*catalog.Catalog, error) {
	c := &catalog.Catalog{}
	if err := json.Unmarshal(services, c); err != nil {
		return nil, fmt.Errorf("first catalogue: %w", err)
	}
	c.Lists = map[string][]catalog.Node{}
	for name, list := range map[string]func() ([]catalog.Node, error){"divisions": data.Divisions, "trades": data.Trades, "scopes": data.Scopes} {
		nodes, err := list()
		if err != nil {
			return nil, fmt.Errorf("first catalogue: %w", err)
		}
		c.Lists[name] = nodes
	}
	return c, nil
}
