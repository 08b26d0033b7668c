package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"

	"github.com/BurntSushi/toml"

	"yichuang/kiosk/catalog"
	"yichuang/sync/hall"
)

// example is the annotated hall.toml; a test reads it back.
const example = `# The hall. Paths are taken from the folder of this file.

[hall]
state   = "hall"            # folder for the database and the keys, for the hall alone
listen  = "127.0.0.1:0"     # terminals, TLS 1.3; port 0: chosen at the first start and kept
console = "127.0.0.1:0"     # people: the console and the page that checks licenses
hosts   = []                # further names and addresses in the hall's certificate
name_zh = ""                # for the first catalogue; empty: as in the one that comes with the program
name_en = ""
area_zh = ""
area_en = ""
phone   = ""

[biller]                    # a utility's code in the catalogue, and where its books answer
# water = "http://127.0.0.1:8081"

# [gateway]                 # payment by phone; without this section there is none
# url      = ""             # empty: the gateway's real address
# merchant = "merchant.json"
`

// config is hall.toml.
type config struct {
	Hall    hallTable         `toml:"hall"`
	Biller  map[string]string `toml:"biller"`
	Gateway *gatewayTable     `toml:"gateway"`
}

type hallTable struct {
	State   string   `toml:"state"`
	Listen  string   `toml:"listen"`
	Console string   `toml:"console"`
	Hosts   []string `toml:"hosts"`
	NameZH  string   `toml:"name_zh"`
	NameEN  string   `toml:"name_en"`
	AreaZH  string   `toml:"area_zh"`
	AreaEN  string   `toml:"area_en"`
	Phone   string   `toml:"phone"`
}

type gatewayTable struct {
	URL      string `toml:"url"`
	Merchant string `toml:"merchant"`
}

// load reads hall.toml. Unknown keys are refused: a misspelt one must not be passed over.
func load(path string) (*config, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	c := &config{Hall: hallTable{Listen: "127.0.0.1:0", Console: "127.0.0.1:0"}}
	meta, err := toml.Decode(string(raw), c)
	var at toml.ParseError
	if errors.As(err, &at) {
		return nil, fmt.Errorf("%s:%d: %s", path, at.Position.Line, at.Message)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if unknown := meta.Undecoded(); len(unknown) > 0 {
		var keys []string
		for _, k := range unknown {
			keys = append(keys, fmt.Sprintf("%s:%d: no key %s is known", path, lineOf(string(raw), k), k))
		}
		return nil, errors.New(strings.Join(keys, "\n"))
	}
	if c.Hall.State == "" {
		return nil, fmt.Errorf("%s: hall.state: name the folder for the hall's database and keys", path)
	}
	for key, address := range map[string]string{"listen": c.Hall.Listen, "console": c.Hall.Console} {
		if _, _, err := net.SplitHostPort(address); err != nil {
			return nil, fmt.Errorf("%s: hall.%s: %w: want HOST:PORT", path, key, err)
		}
	}
	if host, _, _ := net.SplitHostPort(c.Hall.Console); !loopback(host) {
		return nil, fmt.Errorf("%s: hall.console: %s: the console listens on this machine only; put a proxy that knows the staff before it", path, host)
	}
	from := filepath.Dir(path)
	c.Hall.State = below(from, c.Hall.State)
	if c.Gateway != nil {
		c.Gateway.Merchant = below(from, c.Gateway.Merchant)
	}
	return c, nil
}

// lineOf finds the line that a key stands on, as well as can be seen from its last part.
func lineOf(raw string, key toml.Key) int {
	last := key[len(key)-1]
	for i, line := range strings.Split(raw, "\n") {
		line = strings.TrimLeft(line, " \t[\"'")
		if rest, ok := strings.CutPrefix(line, last); ok && strings.ContainsAny(strings.TrimSpace(rest + "]")[:1], "=]\"'.") {
			return i + 1
		}
	}
	return 1
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func below(dir, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}

// forHall is what the hall itself is told.
func (c *config) forHall(notifyURL string) hall.Config {
	out := hall.Config{State: c.Hall.State, Hosts: c.Hall.Hosts, Phone: c.Hall.Phone, Billers: c.Biller,
		Name: text(c.Hall.NameZH, c.Hall.NameEN), Area: text(c.Hall.AreaZH, c.Hall.AreaEN)}
	if c.Gateway != nil {
		out.Gateway = &hall.Gateway{URL: c.Gateway.URL, Merchant: c.Gateway.Merchant, NotifyURL: notifyURL}
	}
	return out
}

func text(zh, en string) catalog.Text {
	t := catalog.Text{}
	if zh != "" {
		t["zh"] = zh
	}
	if en != "" {
		t["en"] = en
	}
	return t
}
