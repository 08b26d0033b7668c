package fleet

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"time"

	"yichuang/cmd/world"
	"yichuang/kiosk/store/cutdisk"
)

// trouble is one thing that befalls a terminal, or all of them.
type trouble struct {
	kind string
	unit int           // whom; 0 is the land
	at   time.Duration // since the day began
	seed uint64
}

// kinds are what can befall one terminal. Each leaves everything mended behind it.
var kinds = map[string]func(*unit, *rand.Rand) error{
	"cut":      (*unit).cutLine,
	"answer":   (*unit).loseAnswer,
	"late":     (*unit).sendLate,
	"silent":   (*unit).goSilent,
	"slow":     (*unit).slowLine,
	"power":    (*unit).cutPower,
	"clock":    (*unit).jumpClock,
	"fulldisk": (*unit).fillDisk,
}

// landKinds are what can befall all at once.
var landKinds = map[string]func(*fleet, *rand.Rand) error{
	"partition": (*fleet).partition,
	"restart":   (*fleet).restartHall,
	"restore":   (*fleet).restoreHall,
}

const (
	// calmAfter is how long after a trouble a visitor may still be turned away: the line is made anew, services open again.
	calmAfter = 3 * time.Minute
	// outage and bootTime: how long the power stays away, and then a computer takes to start the program.
	outage   = 10 * time.Second
	bootTime = 20 * time.Second
)

// befall lets one trouble after the other happen.
func (u *unit) befall(began time.Time, list []trouble) {
	for _, t := range list {
		u.sleep(time.Until(began.Add(t.at)))
		u.f.note(u.id(), t.kind)
		u.trouble(+1)
		if err := kinds[t.kind](u, rand.New(rand.NewPCG(t.seed, uint64(u.n)))); err != nil {
			u.fail(fmt.Errorf("%s: %s: %w", u.id(), t.kind, err))
			return
		}
		u.trouble(-1)
		u.f.befell(t.kind)
		u.f.note(u.id(), t.kind+" is over")
	}
}

func (u *unit) trouble(more int) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.troubles += more
	u.calmed = time.Now()
}

// cut cuts the line, or mends it when everybody who cut it has.
func (u *unit) cut(more int) {
	u.mu.Lock()
	u.cuts += more
	down := u.cuts > 0
	u.mu.Unlock()
	u.w.Net.Cut(down)
}

func (u *unit) cutLine(rng *rand.Rand) error {
	u.cut(+1)
	u.sleep(between(rng, 2*time.Second, 6*time.Minute))
	u.cut(-1)
	return nil
}

// loseAnswer lets the hall take in what it is sent, and its answers get lost; then the line breaks. The batch comes twice.
func (u *unit) loseAnswer(rng *rand.Rand) error {
	u.line.set(toTerminal, 0, true)
	u.sleep(between(rng, 100*time.Millisecond, 6*time.Second))
	u.cut(+1)
	u.line.set(toTerminal, 0, false)
	u.sleep(between(rng, 0, time.Second))
	u.cut(-1)
	return nil
}

// sendLate holds up what the terminal sends, and breaks the line: the same comes over the next connection, and what was
// held up comes after it.
func (u *unit) sendLate(rng *rand.Rand) error {
	late := between(rng, 5*time.Second, 40*time.Second)
	u.line.set(toHall, late, false)
	u.sleep(between(rng, time.Second, 5*time.Second))
	u.cut(+1)
	u.line.set(toHall, 0, false)
	u.sleep(between(rng, 0, time.Second))
	u.cut(-1)
	u.sleep(late)
	return nil
}

// goSilent swallows everything, without a word that the line is broken.
func (u *unit) goSilent(rng *rand.Rand) error {
	u.line.set(toHall, 0, true)
	u.line.set(toTerminal, 0, true)
	u.sleep(between(rng, time.Second, 3*time.Minute))
	u.line.set(toHall, 0, false)
	u.line.set(toTerminal, 0, false)
	return nil
}

func (u *unit) slowLine(rng *rand.Rand) error {
	for range 3 {
		u.line.set(toHall, between(rng, 0, time.Second), false)
		u.line.set(toTerminal, between(rng, 0, time.Second), false)
		u.sleep(between(rng, time.Second, time.Minute))
	}
	u.line.set(toHall, 0, false)
	u.line.set(toTerminal, 0, false)
	return nil
}

// cutPower takes the power of the computer, and of the devices or not. The program that had it goes on in vain: it has
// no disk, no device and no line any more.
func (u *unit) cutPower(rng *rand.Rand) error {
	how := cutdisk.Ways[rng.IntN(len(cutdisk.Ways))]
	devicesOff, in := rng.IntN(3) > 0, rng.IntN(2) == 0
	image := u.w.Disk.Image(how, rng)
	image.Forget()
	u.w.Disk.Before(func(cutdisk.Op) error { return errGone })
	twin, _ := os.ReadFile(u.twin()) // none yet is none
	moving := u.w.Cabinet.Busy()
	u.w.Cabinet.Unplug()
	u.cut(+1)
	if devicesOff {
		u.w.Cabinet.Power(false, in)
	}
	u.lose(devicesOff, moving)
	u.halt()
	u.w.Terminal.Close() // what it says of its end is of no consequence any more
	u.sleep(outage)
	if devicesOff {
		u.w.Cabinet.Power(true, false)
	}
	if err := os.WriteFile(u.twin(), twin, 0o600); err != nil {
		return err
	}
	u.w.Disk = image
	u.sleep(bootTime)
	u.cut(-1)
	return u.start()
}

func (u *unit) twin() string { return filepath.Join(u.w.Dir, "terminal", "twin.jsonl") }

// lose counts what a power cut may have made doubtful.
func (u *unit) lose(devicesOff, moving bool) {
	u.losses.Cuts++
	if !devicesOff {
		return
	}
	u.losses.Notes++
	u.losses.Coins++
	u.losses.Sheets++
	if moving {
		u.losses.Pieces++
	}
}

// halt keeps visitors away, and waits until the one who is there has seen that there is nothing to wait for.
func (u *unit) halt() {
	u.mu.Lock()
	u.down = true
	u.mu.Unlock()
	for {
		u.mu.Lock()
		visiting := u.visiting
		u.mu.Unlock()
		if !visiting {
			return
		}
		u.sleep(20 * time.Millisecond)
	}
}

// jumpClock sets the terminal's clock wrong for a while, forward or back.
func (u *unit) jumpClock(rng *rand.Rand) error {
	jumps := []time.Duration{time.Minute, 50 * time.Minute, 26 * time.Hour, 400 * 24 * time.Hour}
	jump := jumps[rng.IntN(len(jumps))]
	if rng.IntN(2) == 0 {
		jump = -jump
	}
	u.setClock(jump)
	u.sleep(between(rng, 30*time.Second, 8*time.Minute))
	u.setClock(0)
	return nil
}

func (u *unit) setClock(offset time.Duration) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.offset = offset
}

// fillDisk fills the terminal's disk with something else, until staff make room and start the program again.
func (u *unit) fillDisk(rng *rand.Rand) error {
	u.w.FillDisk(rng.Int64N(64 << 10))
	u.sleep(between(rng, time.Minute, 6*time.Minute))
	u.w.Disk.Room(nil)
	u.halt()
	// When the ballast was not enough the program has ended by itself. As at a power cut, a note that was held then and could not be written down goes back.
	u.losses.Cuts++
	if err := u.w.Terminal.Close(); err != nil && !world.EndedForDisk(err) {
		return err
	}
	u.sleep(bootTime)
	return u.start()
}

// befall lets what befalls the land happen.
func (f *fleet) befall(began time.Time, list []trouble) {
	for _, t := range list {
		time.Sleep(time.Until(began.Add(t.at)))
		f.note("land", t.kind)
		f.trouble(+1)
		if err := landKinds[t.kind](f, rand.New(rand.NewPCG(t.seed, 0))); err != nil {
			f.bad("hall", "program.starts", fmt.Sprintf("%s: %v", t.kind, err))
		}
		f.trouble(-1)
		f.befell(t.kind)
		f.note("land", t.kind+" is over")
	}
}

// partition cuts all lines at once.
func (f *fleet) partition(rng *rand.Rand) error {
	for _, u := range f.units {
		u.cut(+1)
	}
	time.Sleep(between(rng, 5*time.Second, 5*time.Minute))
	for _, u := range f.units {
		u.cut(-1)
	}
	return nil
}

func (f *fleet) restartHall(rng *rand.Rand) error {
	if err := f.land.StopHall(); err != nil {
		return err
	}
	time.Sleep(between(rng, 0, time.Minute))
	return f.land.StartHall(context.Background(), f.land.HallDisk)
}

// restoreHall puts yesterday's backup in the place of the hall's disk: the database alone; with the word beside it of how
// far it was, lost or as old as itself.
func (f *fleet) restoreHall(rng *rand.Rand) error {
	if err := f.land.StopHall(); err != nil {
		return err
	}
	life := world.LifeFile(f.dir)
	var err error
	switch rng.IntN(3) {
	case 0: // it stays, and is ahead
	case 1:
		err = os.Remove(life)
	case 2:
		err = os.WriteFile(life, f.backup.life, 0o600)
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	time.Sleep(between(rng, time.Second, time.Minute))
	disk := f.backup.disk.Image(cutdisk.All, nil)
	disk.Forget()
	return f.land.StartHall(context.Background(), disk)
}

// between draws a time, in milliseconds.
func between(rng *rand.Rand, least, most time.Duration) time.Duration {
	return least + time.Duration(rng.Int64N(int64((most-least)/time.Millisecond)+1))*time.Millisecond
}

// troubles draws what befalls whom on a day: each kind as often as the others, give or take one.
func (p Plan) troubles(day int) (list []trouble) {
	rng := p.chance("troubles", day)
	deal := func(kinds []string, n, units int, length time.Duration) {
		slices.Sort(kinds)
		for i := range n {
			if i%len(kinds) == 0 {
				rng.Shuffle(len(kinds), func(a, b int) { kinds[a], kinds[b] = kinds[b], kinds[a] })
			}
			t := trouble{kind: kinds[i%len(kinds)], at: time.Duration(rng.Int64N(int64(length/time.Millisecond))) * time.Millisecond, seed: rng.Uint64()}
			if units > 0 {
				t.unit = 1 + (i+rng.IntN(units))%units
			}
			list = append(list, t)
		}
	}
	deal(names(kinds), p.Troubles, p.Terminals, p.length())
	deal(names(landKinds), p.LandTroubles, 0, p.length())
	slices.SortFunc(list, func(a, b trouble) int { return int(a.at - b.at) })
	return list
}

func names[T any](of map[string]T) (out []string) {
	for name := range of {
		out = append(out, name)
	}
	return out
}
