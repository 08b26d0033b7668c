package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"time"
)

// row is one comparison.
type row struct {
	name   string
	unit   string
	better string // more or less
	rounds int
	turns  int    // of each side in a round
	per    int    // pieces of work in a turn
	sides  []side // ours first, then the peer that the row is judged by, then further peers

	pairs bool // of ours and its peer each, all of which must hold

	// count gives what else there is to tell of ours, in units of its own, and most bounds of it.
	count func(ctx context.Context, dir string) (map[string]float64, error)
	most  map[string]float64

	// arithmetic: the first peer is a number that no machine can beat and a busy one cannot keep. In rounds in which the
	// second one, which does the least that can be done, was slower, that one is the measure.
	arithmetic bool
}

// side is one of those that are compared.
type side struct {
	name  string
	limit float64 // of ours to this one; for peers
	open  func(ctx context.Context, dir string) (runner, error)
}

// runner does n pieces of the work and says how long they took.
type runner interface {
	turn(ctx context.Context, n int) (time.Duration, error)
	close() error
}

// detailed is a runner of ours whose number is that of its dearest part, and which tells all of them.
type detailed interface {
	details() map[string]float64
}

// waits are how long single pieces of work took.
type waits []time.Duration

// patient is a runner that tells how long each piece took since it was last asked.
type patient interface {
	waited() *waits
}

// tail is the time that one piece in a hundred takes longer than, in microseconds, and forgets the pieces.
func (w *waits) tail() float64 {
	slices.Sort(*w)
	if len(*w) == 0 {
		return math.NaN()
	}
	t := (*w)[(len(*w)-1)*99/100]
	*w = (*w)[:0]
	return float64(t) / float64(time.Microsecond)
}

// What is told of a row whose first and last side are patient, when it bounds the last of these.
const (
	tailOurs   = "p99 us"
	tailPeer   = "p99 us of the last peer"
	tailToPeer = "p99 to the last peer's"
)

// tells adds the medians of the rounds' tails to the parts, and of what ours is to the last peer's.
func tells(parts map[string]float64, ours, peer []float64) map[string]float64 {
	ratios := make([]float64, len(ours))
	for n := range ratios {
		ratios[n] = ours[n] / peer[n]
	}
	if parts == nil {
		parts = map[string]float64{}
	}
	parts[tailOurs], parts[tailPeer], parts[tailToPeer] = round(median(ours)), round(median(peer)), round(median(ratios))
	return parts
}

// result is the line that is printed.
type result struct {
	Name string  `json:"name"`
	Ours float64 `json:"ours"`
	versus
	Unit   string             `json:"unit"`
	Better string             `json:"better"`
	Rounds int                `json:"rounds"`
	Holds  bool               `json:"holds"` // against every peer
	Also   []versus           `json:"also,omitempty"`
	Parts  map[string]float64 `json:"parts,omitempty"` // of ours, in the row's unit or the one that its name tells
	Most   map[string]float64 `json:"most,omitempty"`  // that a part may be
}

// versus is one peer: the median of it, and of the rounds' ratios.
type versus struct {
	Peer     float64 `json:"peer"`
	PeerName string  `json:"peer_name"`
	Ratio    float64 `json:"ratio"`
	Limit    float64 `json:"limit"`
}

// measure opens all sides, lets them warm up for a round, and measures the others.
func (r row) measure(ctx context.Context, base string) (res result, err error) {
	dir, err := os.MkdirTemp(base, "bench-")
	if err != nil {
		return res, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	var runners []runner
	defer func() {
		for _, run := range runners {
			err = errors.Join(err, run.close())
		}
	}()
	for i, s := range r.sides {
		own := fmt.Sprintf("%s/%d", dir, i)
		if err := os.Mkdir(own, 0o700); err != nil {
			return res, err
		}
		run, err := s.open(ctx, own)
		if err != nil {
			return res, fmt.Errorf("%s: %w", s.name, err)
		}
		runners = append(runners, run)
	}
	numbers, longest := make([][]float64, len(runners)), make([][]float64, len(runners))
	for n := range r.rounds + 1 {
		took, err := r.round(ctx, runners)
		if err != nil {
			return res, err
		}
		for i, run := range runners {
			tail := math.NaN()
			if p, is := run.(patient); is {
				tail = p.waited().tail()
			}
			if n > 0 { // the first round is for the warmth
				numbers[i] = append(numbers[i], r.number(took[i]))
				longest[i] = append(longest[i], tail)
			}
		}
	}
	res = r.judge(numbers)
	if d, has := runners[0].(detailed); has {
		res.Parts = d.details()
	}
	if r.count != nil {
		if res.Parts, err = r.count(ctx, dir); err != nil {
			return res, err
		}
	}
	if _, bounded := r.most[tailToPeer]; bounded {
		res.Parts = tells(res.Parts, longest[0], longest[len(longest)-1])
	}
	res.Most = r.most
	for name, most := range r.most {
		res.Holds = res.Holds && res.Parts[name] <= most
	}
	return res, nil
}

// round lets the sides take turns, so that what else the machine does befalls all of them alike. Every
// other time they go backwards: nobody is always the one who comes after the same neighbour.
func (r row) round(ctx context.Context, runners []runner) ([]time.Duration, error) {
	took := make([]time.Duration, len(runners))
	for t := range r.turns {
		for k := range runners {
			i := k
			if t%2 == 1 {
				i = len(runners) - 1 - k
			}
			d, err := runners[i].turn(ctx, r.per)
			if err == nil {
				err = ctx.Err()
			}
			if err != nil {
				return nil, fmt.Errorf("%s: %w", r.sides[i].name, err)
			}
			took[i] += d
		}
	}
	return took, nil
}

// number is a round's time in the row's unit: how many a second when more is better, else how many
// milliseconds each.
func (r row) number(took time.Duration) float64 {
	pieces := float64(r.turns * r.per)
	if r.better == "more" {
		return pieces / took.Seconds()
	}
	return took.Seconds() * 1000 / pieces
}

// judge makes the line from every round's numbers.
func (r row) judge(numbers [][]float64) result {
	res := result{Name: r.name, Ours: round(median(numbers[0])), Unit: r.unit, Better: r.better, Rounds: r.rounds, Holds: true}
	for i, s := range r.sides[1:] {
		ours, peer := numbers[0], numbers[i+1]
		if r.pairs {
			if i%2 == 1 {
				continue // ours of the next pair
			}
			ours = numbers[i]
		}
		if r.arithmetic && i == 0 {
			peer = slices.Clone(peer)
			for n, least := range numbers[2] {
				peer[n] = max(peer[n], least)
			}
		}
		ratios := make([]float64, len(peer))
		for n := range peer {
			ratios[n] = ours[n] / peer[n]
		}
		v := versus{Peer: round(median(peer)), PeerName: s.name, Ratio: round(median(ratios)), Limit: s.limit}
		if r.better == "more" && v.Ratio < s.limit || r.better == "less" && v.Ratio > s.limit || math.IsNaN(v.Ratio) {
			res.Holds = false
		}
		if i == 0 {
			res.versus = v
		} else {
			res.Also = append(res.Also, v)
		}
	}
	return res
}

func median(v []float64) float64 {
	s := slices.Sorted(slices.Values(v))
	if len(s) == 0 {
		return math.NaN()
	}
	if n := len(s) / 2; len(s)%2 == 0 {
		return (s[n-1] + s[n]) / 2
	}
	return s[len(s)/2]
}

// round keeps four figures: there is not more truth in a measurement.
func round(x float64) float64 {
	if x == 0 || math.IsNaN(x) || math.IsInf(x, 0) {
		return x
	}
	scale := math.Pow(10, 4-math.Ceil(math.Log10(math.Abs(x))))
	return math.Round(x*scale) / scale
}
