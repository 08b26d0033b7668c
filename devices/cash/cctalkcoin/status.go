package cctalkcoin

import (
	"fmt"

	"yichuang/devices/cash"
	"yichuang/devices/cash/acceptor"
	"yichuang/devices/fault"
)

// Headers of a coin acceptor (part 3) that we speak.
const (
	hdrCoinID  = 184
	hdrSetPath = 210
	hdrEvents  = 229
	hdrStatus  = 248
)

// meaning is what an error code means to us.
type meaning struct {
	what cash.Happening // "" when nobody needs to know
	kind fault.Kind
	at   acceptor.Place // with Faulty: what the fault hangs on
	text string
}

// Error codes that need more than their meaning.
const (
	errInhibited = 2
	errLever     = 254
)

func refused(text string) meaning {
	return meaning{what: cash.Refused, kind: fault.Refused, text: text}
}
func jammed(text string) meaning { return meaning{cash.Faulty, fault.Jammed, acceptor.Path, text} }
func broken(text string) meaning { return meaning{cash.Faulty, fault.Broken, acceptor.Device, text} }
func tampered(text string) meaning {
	return meaning{cash.Faulty, fault.Tampered, acceptor.Honesty, text}
}

// meanings are the events with A = 0 (part 3, table 2).
var meanings = map[byte]meaning{
	0:   {text: "no error"},
	1:   refused("not recognised"),
	2:   refused("coins are not taken now"),
	3:   refused("not recognised for sure"),
	4:   jammed("wake-up: a coin did not arrive at the validator"),
	5:   jammed("validation: a coin did not pass the validator"),
	6:   jammed("a good coin did not reach the credit sensor"),
	7:   jammed("sorter: a coin did not come out"),
	8:   refused("too close behind another coin"),
	9:   refused("too early: the gate was not ready"),
	10:  refused("too early: the credit sensor was not ready"),
	11:  refused("too early: the sorter was not ready"),
	12:  refused("too early: another coin was on its way out"),
	13:  refused("too early: the validator was not ready"),
	14:  jammed("the credit sensor is blocked"),
	15:  jammed("the sorter is blocked"),
	16:  tampered("a coin passed the credit sensors in the wrong order"),
	17:  tampered("a coin went backwards"),
	18:  tampered("a coin passed the credit sensor too fast"),
	19:  tampered("a coin passed the credit sensor too slowly"),
	20:  tampered("a coin on a string"),
	21:  jammed("the direct entry: a coin did not pass"),
	22:  refused("not seen by the direct entry"),
	23:  tampered("a coin reached the credit sensor too early"),
	24:  refused("turned away again and again"),
	25:  refused("no coin but a slug"),
	26:  jammed("the return path is blocked"),
	27:  {text: "too many games"}, // of a meter that we do not drive
	28:  {text: "too many meter pulses"},
	29:  jammed("the gate is open and does not close"),
	30:  jammed("the gate is closed and does not open"),
	31:  jammed("the manifold: a coin did not come out"),
	32:  jammed("the manifold is blocked"),
	33:  refused("too early: the manifold was not ready"),
	34:  {text: "the strictness of the validator was changed"},
	35:  broken("the motor"),
	36:  {what: cash.Lost, kind: fault.Doubtful, text: "a good coin was swallowed without credit"},
	37:  refused("too fast for the validator"),
	38:  refused("too slow for the validator"),
	39:  broken("a coin went the wrong way in the sorter: what is in box and hoppers is not what was counted"),
	40:  tampered("light shines into the acceptor"),
	253: {text: "wants a block of data"},
	254: {text: "the return lever"}, // handled by the conversation
	255: broken("an error without a name"),
}

// codeMeaning finds the meaning of an error code; known is false for one that is not in the table.
func codeMeaning(code byte) (m meaning, known bool) {
	if code >= 128 && code < 160 {
		return refused(fmt.Sprintf("type %d is not taken now", code-127)), true
	}
	m, known = meanings[code]
	return m, known
}

// checks are the self-check's codes that we can put a name to (part 3, table 3). What a coin can stand in front
// of is a jam until a technician finds nothing there.
var checks = map[byte]meaning{
	2:  broken("the coils of the validator"),
	3:  jammed("the credit sensor"),
	7:  jammed("the wake-up sensor"),
	8:  jammed("the exits of the sorter"),
	18: jammed("the sensor on the return path"),
	19: jammed("the return lever"),
	20: tampered("the guard against strings"),
	42: jammed("the gate is stuck open"),
	43: jammed("the gate is stuck closed"),
	49: jammed("the light sensors"),
	51: {cash.Faulty, fault.Open, acceptor.Device, "a door is open"},
}

func checkMeaning(code byte) meaning {
	if m, ok := checks[code]; ok {
		return m
	}
	return broken(fmt.Sprintf("self-check code %d", code))
}

// coin is what a coin type stands for; the zero note when the device did not name it.
func (a *Acceptor) coin(kind byte) cash.Note {
	if kind < 1 || kind > typesMax {
		return cash.Note{}
	}
	return a.types[kind-1]
}

func (a *Acceptor) maskOf(faces []cash.Note) uint16 { return uint16(acceptor.Mask(a.types[:], faces)) }
