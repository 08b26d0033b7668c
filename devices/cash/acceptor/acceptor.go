package acceptor

import (
	"context"
	"slices"

	"yichuang/devices/cash"
	"yichuang/devices/fault"
)

// Intake is the owner's side of a driver: the methods of cash.Intake.
type Intake struct{ d *Driver }

// Acceptor is an Intake with an escrow: the methods of cash.Acceptor.
type Acceptor struct{ Intake }

// Wish is what Accept and Refuse asked for. Refuse keeps the faces.
type Wish struct {
	Accept bool
	Faces  []cash.Note
	Number int // tells one wish from the next
}

// Resume sets the mark after which everything is new. Call it before Run.
func (i Intake) Resume(mark cash.Mark) {
	i.d.Lock()
	defer i.d.Unlock()
	i.d.Mark = mark
}

// Next gives the next signal. To ask for it says that the earlier ones are written down: what waits for that is done
// now.
func (i Intake) Next(ctx context.Context) (s cash.Signal, err error) {
	d := i.d
	d.Lock()
	if d.written != d.fetched {
		d.written = d.fetched
		d.Change()
		if d.Waits {
			d.Poke()
		}
	}
	d.Unlock()
	err = d.Await(ctx, func() (bool, error) {
		if ctx.Err() != nil || len(d.queue) == 0 {
			return false, nil
		}
		s, d.fetched = d.queue[0].signal, d.queue[0].number
		d.queue = d.queue[1:]
		return true, nil
	})
	return s, err
}

// Info is what the device said of itself when it was last opened.
func (i Intake) Info() cash.Info {
	i.d.Lock()
	defer i.d.Unlock()
	return i.d.Info
}

// State is the device as it was last heard. One that knows nothing of its box says that it is there as long as the
// device is.
func (i Intake) State() cash.State {
	d := i.d
	d.Lock()
	defer d.Unlock()
	worst, _ := d.Worst()
	return cash.State{
		Online:    d.Online,
		Accepting: d.Online && worst == nil && d.Applied.Accept && d.Wanted.Accept && !d.Dirty,
		Escrow:    d.held() != nil,
		BoxIn:     d.Online && !d.BoxOut,
		Fault:     worst,
	}
}

// Accept lets money of these faces in. fault.Invalid: the device takes none of them. After an error of the line the
// wish stands, and is granted when the device is back.
func (i Intake) Accept(ctx context.Context, faces []cash.Note) error {
	d := i.d
	d.Lock()
	if d.Online && Mask(d.Info.Faces, faces) == 0 {
		d.Unlock()
		return d.Fail(fault.Invalid, "accept", "the "+d.Noun+" takes none of these faces")
	}
	d.Wanted.Accept, d.Wanted.Faces = true, slices.Clone(faces)
	return d.wish(ctx)
}

// Refuse keeps money out. After an error of the line the wish stands; a device that nobody polls shuts itself.
func (i Intake) Refuse(ctx context.Context) error {
	i.d.Lock()
	i.d.Wanted.Accept = false
	return i.d.wish(ctx)
}

// wish waits until the device has the newest wish. Called with the lock held, and gives it back.
func (d *Driver) wish(ctx context.Context) error {
	d.Wanted.Number++
	number := d.Wanted.Number
	d.Dirty, d.Refusal = true, nil
	d.Change()
	d.Unlock()
	return d.Await(ctx, func() (bool, error) {
		if d.Applied.Number >= number || d.Granted != nil && d.Granted() {
			return true, nil
		}
		err := d.Refusal
		if err == nil {
			err = d.Offline()
		}
		if err == nil {
			d.Poke()
		}
		return false, err
	})
}

// Stack sends the escrowed note to the box. The decision stands whatever becomes of ctx or the line: the driver carries
// it out as long as the note is there. fault.Empty: nothing is in escrow. fault.Refused: the device cannot, and the
// owner may decide anew.
func (a Acceptor) Stack(ctx context.Context) error { return a.d.route(ctx, Stack, "stack") }

// Return sends the escrowed note back to the hand, under the rules of Stack.
func (a Acceptor) Return(ctx context.Context) error { return a.d.route(ctx, Back, "return") }

func (d *Driver) route(ctx context.Context, to Decision, op string) error {
	d.Lock()
	h := d.held()
	if h == nil {
		d.Unlock()
		return d.Fail(fault.Empty, op, "nothing is in escrow")
	}
	h.decide(to)
	d.Change()
	d.Unlock()
	return d.Await(ctx, func() (bool, error) {
		err := h.Refused
		switch {
		case d.held() != h || h.Acked:
			return true, nil // it was told what became of it, or the device took the command
		case err != nil:
		case h.Decision != to:
			err = d.Fail(fault.Busy, op, "another decision came after this one")
		case h.Routes >= routesMax:
			err = d.Fail(fault.Silent, op, "the "+d.Noun+" does not say whether it heard; what it tells next will")
		default:
			err = d.Offline()
		}
		if err == nil {
			d.Poke()
		}
		return false, err
	})
}
