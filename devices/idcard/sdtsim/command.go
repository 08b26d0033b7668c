package sdtsim

import (
	"context"
	"fmt"
	"unicode/utf16"
)

// lengths are the commands and how many bytes of data each takes.
var lengths = map[[2]byte]int{
	{0x10, 0xFF}: 0, {0x11, 0xFF}: 0, {0x12, 0xFF}: 0, {0x20, 0x01}: 0, {0x20, 0x02}: 0,
	{0x30, 0x01}: 0, {0x30, 0x10}: 0, {0x30, 0x03}: 0, {0x61, 0xFF}: 1,
	{0x60, 0}: 0, {0x60, 1}: 0, {0x60, 2}: 0, {0x60, 3}: 0, {0x60, 4}: 0,
}

// do carries a request out. The answer's words decide what the host does; the text is for the log and
// never says what is on the card.
func (r *Reader) do(ctx context.Context, q *request, pulled <-chan struct{}) (frame []byte, what string) {
	if q.wrong != 0 {
		return answer(q.wrong), fmt.Sprintf("the request is damaged: %02X", q.wrong)
	}
	n, known := lengths[[2]byte{q.cmd, q.para}]
	switch {
	case !known || q.para == 0x10 && r.o.NoFingerprint:
		return answer(swCommand), "this command is not supported"
	case n != len(q.data):
		return answer(swLength), "the request has a wrong length"
	case q.cmd == 0x30 && q.para != 0x03:
		return r.read(ctx, q.para == 0x10, pulled)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	switch [2]byte{q.cmd, q.para} {
	case [2]byte{0x10, 0xFF}:
		if r.state != absent {
			r.state = idle
		}
		return answer(swGood), "the SAM is reset"
	case [2]byte{0x11, 0xFF}:
		if r.faults.On("self_test") {
			return answer(swSelfTest), "the self-test failed"
		}
		return answer(swGood), "the SAM is well"
	case [2]byte{0x12, 0xFF}:
		return answer(swGood, r.o.SAM[:]...), "the SAM's number"
	case [2]byte{0x20, 0x01}:
		return r.find()
	case [2]byte{0x20, 0x02}:
		if r.state != found || r.faults.On("bus_card") || r.faults.On("second_card") {
			if r.state == found {
				r.state = idle
			}
			return answer(swSelect), "select failed"
		}
		r.state = selected
		return answer(swGood, make([]byte, 8)...), "the card is selected"
	case [2]byte{0x30, 0x03}:
		return r.newest()
	}
	return answer(swGood), "done" // 60 and 61
}

// find answers whether a card lies there that was not read yet.
func (r *Reader) find() ([]byte, string) {
	if r.state == absent && !r.faults.On("bus_card") || r.state == done {
		return answer(swNone), "no card"
	}
	if r.state != absent {
		r.state = found
	}
	return answer(swFound, 0, 0, 0, 0), "a card is found"
}

// newest answers the address written later; the card must have been selected or read.
func (r *Reader) newest() ([]byte, string) {
	switch {
	case r.state == absent:
		return answer(swRead), "there is no card to read"
	case r.state != selected && r.state != done:
		return answer(swOrder), "the card is not selected"
	case r.card.NewAddress == "":
		return answer(swNoContent), "the card has no later address"
	}
	return answer(swGood, pad(utf16.Encode([]rune(r.card.NewAddress)), newAddressUnits)...), "the later address"
}

// read takes its time, in which the card can be taken away.
func (r *Reader) read(ctx context.Context, fingers bool, pulled <-chan struct{}) ([]byte, string) {
	r.mu.Lock()
	if r.state != selected {
		defer r.mu.Unlock()
		if r.state == absent {
			return answer(swRead), "there is no card to read"
		}
		return answer(swOrder), "the card is not selected"
	}
	taken := r.taken
	r.mu.Unlock()
	if r.faults.Take("card_gone") {
		r.wait(ctx, r.o.ReadTime/2, pulled)
		r.Take()
	}
	if r.o.ReadTime > 0 {
		r.wait(ctx, r.o.ReadTime, taken)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.state != selected || r.taken != taken:
		return answer(swRead), "the card was taken away while it was read"
	case r.faults.Take("read_failed"):
		r.state = idle
		return answer(swRead), "the read failed"
	case r.faults.Take("not_genuine"):
		r.state = idle
		return answer(swNotVerified), "the card is not believed"
	}
	r.state = done
	data := []byte{1, 0, 4, 0}
	prints := []byte(nil)
	if fingers && r.o.Fingers {
		prints = fingerprints()
	}
	if fingers {
		data = append(data, byte(len(prints)>>8), byte(len(prints)))
	}
	data = append(data, r.block...)
	data = append(data, photo()...)
	data = append(data, prints...)
	return answer(swGood, data...), "the card is read"
}
