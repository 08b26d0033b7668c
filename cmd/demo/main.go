// Command demo plays citizens' journeys through the real screen of a desk of its own, and writes what
// came of it to out/demo: a picture of every page, each receipt and license, ledger.json with the books
// of everybody, and report.html that shows them in order. Its exit status says whether all of it holds.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"yichuang/cmd/citizen"
	"yichuang/cmd/devsim/deskclient"
	"yichuang/cmd/devsim/people"
)

// settings are what the command line says.
type settings struct {
	seed     uint64
	input    string
	journeys []int
	language string
	out      string
	bin      string
	set      string
	desk     string // "" for a folder that is thrown away
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

func parse(args []string) (s settings, err error) {
	flags := flag.NewFlagSet("demo", flag.ContinueOnError)
	seed := flags.String("seed", "", "of the people, accounts and amounts; a fresh one is printed")
	flags.StringVar(&s.input, "input", "", "people, accounts and amounts of your own (CONTRACT.md §7)")
	journeys := flags.String("journeys", "1,2,3,4,5,6,7", "which of them")
	flags.StringVar(&s.language, "language", "zh", "zh or en")
	flags.StringVar(&s.set, "set", "", "settings of the desk, as for make desk: 'device.cash=ccnet'")
	flags.StringVar(&s.out, "out", "out/demo", "where the result goes")
	flags.StringVar(&s.desk, "desk", "", "a folder for the desk, which is kept; an earlier desk in it goes on")
	flags.StringVar(&s.bin, "bin", "out/bin", "where the five programs are")
	if err := flags.Parse(args); err != nil {
		return s, err
	}
	s.seed = people.FreshSeed()
	if *seed != "" {
		if s.seed, err = strconv.ParseUint(*seed, 10, 64); err != nil {
			return s, fmt.Errorf("SEED %q: want a number", *seed)
		}
	}
	for _, part := range strings.Split(*journeys, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(part))
		if err != nil || n < 1 || n > journeysMax {
			return s, fmt.Errorf("JOURNEYS %q: want numbers from 1 to %d with commas between", *journeys, journeysMax)
		}
		s.journeys = append(s.journeys, n)
	}
	if s.has(7) {
		s.set = withChange(s.set)
	}
	if s.language != "zh" && s.language != "en" {
		return s, fmt.Errorf("LANGUAGE %q: want zh or en", s.language)
	}
	return s, nil
}

// journeysMax is the number of journeys.
const journeysMax = 7

// withChange gives the desk of journey 7 coins and a payout, where SET does not say which.
func withChange(set string) string {
	for _, device := range []string{"device.coins=cctalk-coin", "device.payout=cctalk-hopper"} {
		key, _, _ := strings.Cut(device, "=")
		if !strings.Contains(set, key+"=") {
			set = strings.TrimSpace(set + " " + device)
		}
	}
	return set
}

func run(ctx context.Context, args []string, stdout io.Writer) error {
	s, err := parse(args)
	if err != nil {
		return err
	}
	fmt.Fprintf(stdout, "demo: SEED=%d\n", s.seed)
	plan, err := planOf(s)
	if err != nil {
		return err
	}
	if err := fresh(s.out); err != nil {
		return err
	}
	state := s.desk
	if state == "" {
		if state, err = os.MkdirTemp("", "yichuang-demo-"); err != nil {
			return err
		}
		defer os.RemoveAll(state)
	}
	desk, err := deskclient.Start(ctx, deskclient.Options{Bin: s.bin, Dir: state, Language: s.language, Set: s.set})
	if err != nil {
		return err
	}
	defer desk.Stop()
	d := &demo{settings: s, desk: desk, stdout: stdout}
	for _, j := range plan {
		d.play(ctx, j)
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return d.finish(ctx)
}

// fresh empties the result folder; what an earlier demo left would be taken for this one's.
func fresh(dir string) error {
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	return os.MkdirAll(filepath.Join(dir, "screens"), 0o755)
}

// demo is a run.
type demo struct {
	settings
	desk     *deskclient.Desk
	stdout   io.Writer
	results  []result
	accounts []string
	receipts int // of the printer, already told
	sheets   int
	licensed *journey // whose license was printed last
}

// result is a journey as ledger.json tells it.
type result struct {
	N        int      `json:"n"`
	Title    string   `json:"title"`
	Passed   bool     `json:"passed"`
	Why      string   `json:"why"`
	Case     string   `json:"case"`
	Screens  []string `json:"screens"`
	Receipts []string `json:"receipts"`
	Licenses []string `json:"licenses"`
}

// play lives one journey and tells how it went.
func (d *demo) play(ctx context.Context, j journey) {
	r := result{N: j.N, Title: titles[j.N], Screens: []string{}, Receipts: []string{}, Licenses: []string{}}
	c, err := citizen.Come(ctx, d.desk, filepath.Join(d.out, "screens"))
	if err == nil {
		c.Prefix = fmt.Sprintf("%d-%s-", len(d.results)+1, slug[j.N])
		err = d.live(ctx, c, &j)
		if err != nil {
			c.At(ctx, "home", "bill", "pay", "form", "slip", "wait", "cases", "identify", "print", "take", "closed", "method", "account", "choose") // a picture of where it stopped
		}
		for _, s := range c.Seen {
			r.Screens = append(r.Screens, "screens/"+s)
		}
		err = errors.Join(err, c.Go())
	}
	papers, sheets, perr := d.collect(ctx)
	r.Receipts, r.Licenses = append(r.Receipts, papers...), append(r.Licenses, sheets...)
	err = errors.Join(err, perr)
	if err == nil {
		err = d.balanced(ctx)
	}
	r.Case, r.Passed = j.caseID, err == nil
	verdict := "passed"
	if err != nil {
		r.Why, verdict = err.Error(), "FAILED: "+err.Error()
	}
	d.results = append(d.results, r)
	fmt.Fprintf(d.stdout, "demo: journey %d (%s): %s\n", j.N, r.Title, verdict)
}

func (d *demo) live(ctx context.Context, c *citizen.Citizen, j *journey) error {
	lives := map[int]func(context.Context, *citizen.Citizen, *journey) error{1: d.payCash, 2: d.payPhone, 3: d.license, 4: d.comeBack, 5: d.offline, 6: d.powerCut, 7: d.payChange}
	return lives[j.N](ctx, c, j)
}

var titles = map[int]string{1: "pay a water bill with banknotes", 2: "pay by phone", 3: "register a business and print the license",
	4: "come back", 5: "no network", 6: "power cut", 7: "coins and change"}

var slug = map[int]string{1: "cash", 2: "phone", 3: "license", 4: "back", 5: "offline", 6: "power", 7: "change"}

// has says whether a journey is to be played.
func (s *settings) has(n int) bool { return slices.Contains(s.journeys, n) }
