package ssp_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"yichuang/devices/cash"
	"yichuang/devices/cash/ssp"
	"yichuang/devices/cash/sspsim"
)

// A program that hears what a unit found on its way after a restart, and dies before that is written down: the next one is told that there
// was something, and only that one. Before, a note that nobody was told of was in the box and in no book.
func TestRestartHeardByTheDead(t *testing.T) {
	for _, tt := range []struct {
		name string
		o    ssp.Options
		sim  sspsim.Options
		dead time.Duration // after so long the program dies that writes nothing down
		want cash.Happening
	}{
		{"heard", ssp.Options{}, sspsim.Options{}, 3 * time.Second, cash.Lost},
		{"heard on an encrypted line", ssp.Options{Encrypted: true}, sspsim.Options{}, 3 * time.Second, cash.Lost},
		{"heard, from a unit without counters", ssp.Options{}, sspsim.Options{NoCounters: true}, 3 * time.Second, cash.Lost},
		{"heard, from a unit of version 7", ssp.Options{}, sspsim.Options{Version: 7}, 3 * time.Second, cash.Lost},
		{"heard, from a unit that wakes with version 4", ssp.Options{}, sspsim.Options{Wakes: 4}, 3 * time.Second, cash.Lost},
		{"heard, from one that wakes with its best", ssp.Options{}, sspsim.Options{Wakes: 8}, 3 * time.Second, cash.Ready}, // nothing is left to be seen
		{"not heard", ssp.Options{}, sspsim.Options{}, 0, cash.Lost},                                                       // the unit's own word, of a note that nobody knows
		{"counted", ssp.Options{}, sspsim.Options{CountsCleared: true}, 3 * time.Second, cash.Lost},
	} {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(tt.sim)
			defer b.Close()
			a, kill := running(t, b, tt.o, cash.Mark{})
			before := await(t, a, cash.Ready).Mark
			escrow(t, b, a, 2000) // and is not written down
			kill()
			b.sim.Power(false, true)
			<-time.After(20 * time.Second)
			b.sim.Power(true, false)
			<-time.After(20 * time.Second)
			if tt.dead > 0 {
				_, kill = running(t, b, tt.o, before)
				<-time.After(tt.dead)
				kill()
			}
			a, kill = running(t, b, tt.o, before)
			s := await(t, a, tt.want)
			if tt.want != cash.Ready {
				await(t, a, cash.Ready)
			}
			kill()
			a, _ = running(t, b, tt.o, s.Mark)
			await(t, a, cash.Ready) // and nothing more
		})
	}
}

// A unit that restarted with nothing on its way leaves a doubt only when a program dies between hearing so and knowing that nothing needs
// to be written down.
func TestRestartWithNothingInside(t *testing.T) {
	const step, last = 20 * time.Millisecond, 4 * time.Second
	doubts := 0
	for dead := time.Duration(0); dead < last; dead += step {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(sspsim.Options{})
			defer b.Close()
			a, kill := running(t, b, ssp.Options{}, cash.Mark{})
			mark := await(t, a, cash.Ready).Mark
			kill()
			b.sim.Power(false, false)
			<-time.After(20 * time.Second)
			b.sim.Power(true, false)
			_, kill = running(t, b, ssp.Options{}, mark)
			<-time.After(dead)
			kill()
			a, _ = running(t, b, ssp.Options{}, mark)
			for {
				s, err := a.Next(t.Context())
				if err != nil || s.What == cash.Ready {
					break
				}
				if s.What == cash.Lost {
					doubts++
				}
			}
		})
	}
	if doubts > 3 {
		t.Errorf("%d doubts in %s", doubts, last)
	}
}

// A unit that restarts while a program gets to know it is not spoken to at a version that it has forgotten: the next program would take that for a restart
// that was told to nobody who lives.
func TestRestartWhileItIsSetUp(t *testing.T) {
	const step, last, life = 10 * time.Millisecond, 2 * time.Second, 20 * time.Second
	for at := time.Duration(0); at < last; at += step {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(sspsim.Options{})
			defer b.Close()
			a, kill := running(t, b, ssp.Options{}, cash.Mark{})
			mark := await(t, a, cash.Ready).Mark
			kill()
			time.AfterFunc(at, func() {
				b.sim.Power(false, false)
				b.sim.Power(true, false)
			})
			for _, program := range []string{"this one", "the next"} {
				a, kill = running(t, b, ssp.Options{}, mark)
				ctx, cancel := context.WithTimeout(t.Context(), life)
				for {
					s, err := a.Next(ctx)
					if err != nil {
						break
					}
					if mark = s.Mark; s.What == cash.Lost {
						t.Errorf("a restart %s after a program began: %s is told of a doubt: %v", at, program, s.Fault)
					}
				}
				cancel()
				kill()
			}
		})
	}
}
