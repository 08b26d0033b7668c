package ssp

import (
	"context"

	"yichuang/devices/cash"
	"yichuang/devices/fault"
)

// A unit says once that it has restarted, and once what it then found on its way. A program that hears that and dies before it is
// written down leaves no other trace of it than the protocol's version, which a restart sets back. Therefore the version is
// raised for good only when what the unit said first is written down.

// versionOf asks which protocol version the unit speaks now; 0 when it does not say.
func versionOf(l *line) (byte, error) {
	data, err := l.ask(cmdSetup)
	if fault.Is(err, fault.Invalid) || fault.Is(err, fault.Refused) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	s, _ := parseSetup(data) // before version 6 it lacks what we need of it, but not this
	return s.version, nil
}

// negotiate finds the best version that we both speak. Below it the unit was found if nobody has set it up since it restarted.
func negotiate(l *line, c *talk) (err error) {
	if c.found, err = versionOf(l); err != nil {
		return err
	}
	for _, c.best = range versions {
		if _, err = l.ask(cmdVersion, c.best); !fault.Is(err, fault.Refused) {
			break
		}
	}
	if fault.Is(err, fault.Refused) {
		return &fault.Error{Kind: fault.Broken, Device: "ssp", Op: "open", Detail: "its firmware is too old: it has no protocol version 6", Err: err}
	}
	c.version = c.best
	return err
}

// lower brings a unit that has restarted back to the version it was found with, or to the lowest that we understand.
func lower(l *line, c *talk) error {
	if c.found == 0 || c.found >= c.best {
		return nil
	}
	low := max(c.found, versions[len(versions)-1])
	_, err := l.ask(cmdVersion, low)
	if fault.Is(err, fault.Refused) {
		return nil
	}
	c.version = low
	return err
}

// raise waits until it is written down what the unit said first, and then sets the version for good. A unit that has restarted and did not say
// so to us has said it to a program that did not live to write it down: with it went what the unit found on its way.
func (a *Acceptor) raise(ctx context.Context, l *line, c *talk) error {
	if c.version < c.best || c.restarted { // it may have restarted after it was asked for its version
		now, err := a.count(l, c)
		if err != nil {
			return err
		}
		a.d.Lock()
		a.now = now
		a.leftOver(nil) // what it counts is a doubt of its own
		if c.known && !a.o.Hopper && !a.restart && a.doubts == c.doubts {
			a.lost(cash.Note{}, "the unit has restarted, and what it said of it was heard by nobody who lives", nil)
			a.d.Change()
		}
		a.d.Unlock()
		if err := a.d.AwaitWritten(ctx, writeLimit); err != nil {
			return err
		}
		if _, err := l.ask(cmdVersion, c.best); err != nil {
			return err
		}
		c.version = c.best
	}
	a.d.Lock()
	defer a.d.Unlock()
	a.restart = false
	return nil
}
