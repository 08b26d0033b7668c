package sdt

import (
	"fmt"

	"yichuang/devices/fault"
	"yichuang/devices/idcard"
)

// The words of SW3.
const (
	swOK             = 0x90
	swFound          = 0x9F
	swNoCard         = 0x80
	swSelectFailed   = 0x81
	swReadFailed     = 0x41
	swNoContent      = 0x91
	swChecksum       = 0x10
	swLength         = 0x11
	swUnsupported    = 0x21
	swWrongOrder     = 0x23
	swUnknownError   = 0x24
	swCardRejectsSAM = 0x31
	swSAMRejectsCard = 0x32
	swNotVerified    = 0x33
	swFingerprint    = 0x37
	swInfoLength     = 0x3F
	swUnknownCard    = 0x40
	swNoRandom       = 0x47
	swSelfTest       = 0x60
	swNotAuthorised  = 0x66
)

// act is what the conversation does about a verdict.
type act int

const (
	actNone   act = 0 // a good or an expected word; the conversation knows
	actResend act = 1 // ask the same once more, then give up on the line
	actAgain  act = 2 // begin again at find; after some times ask the person
	actReset  act = 3 // reset the SAM, then as actAgain
	actRefuse act = 4 // ask the person, with the detail
	actFail   act = 5 // the reader is out of service
)

// verdict is a row of the table of SW3: what it means, and what is done.
type verdict struct {
	means  string
	act    act
	detail string     // of actRefuse
	kind   fault.Kind // of actFail, and of actResend when it comes again
}

// verdicts are all words that the descriptions know. 31 may be a damaged card as well as a false one,
// so it is only unreadable; 32, 33 and 37 are the SAM's disbelief.
var verdicts = map[byte]verdict{
	swOK:             {means: "success"},
	swFound:          {means: "card found"},
	swNoCard:         {means: "no card"},
	swSelectFailed:   {means: "select failed", act: actAgain},
	swReadFailed:     {means: "read failed", act: actAgain},
	swNoContent:      {means: "no such content"},
	swChecksum:       {means: "the reader saw a wrong check", act: actResend, kind: fault.Garbled},
	swLength:         {means: "the reader saw a wrong length", act: actResend, kind: fault.Garbled},
	swUnsupported:    {means: "command not supported", act: actFail, kind: fault.Invalid},
	swWrongOrder:     {means: "not authorised in this order", act: actAgain},
	swUnknownError:   {means: "unrecognised error", act: actAgain},
	swCardRejectsSAM: {means: "the card rejects the SAM", act: actRefuse, detail: idcard.Unreadable},
	swSAMRejectsCard: {means: "the SAM rejects the card", act: actRefuse, detail: idcard.NotGenuine},
	swNotVerified:    {means: "the card's information is not verified", act: actRefuse, detail: idcard.NotGenuine},
	swFingerprint:    {means: "the fingerprint block is not verified", act: actRefuse, detail: idcard.NotGenuine},
	swInfoLength:     {means: "wrong length of information", act: actAgain},
	swUnknownCard:    {means: "unrecognised card type", act: actRefuse, detail: idcard.NotIdentityCard},
	swNoRandom:       {means: "no random number from the SAM", act: actReset},
	swSelfTest:       {means: "the SAM's self-test failed", act: actFail, kind: fault.Broken},
	swNotAuthorised:  {means: "the SAM is not authorised", act: actFail, kind: fault.Broken},
}

// judge is the row for an answer; a word that nobody described is garbled, never ignored.
func judge(r reply) verdict {
	if v, known := verdicts[r.sw3]; known {
		return v
	}
	return verdict{means: "unknown status word", act: actFail, kind: fault.Garbled}
}

// failure is the fault that an answer amounts to when there is nothing left to try.
func failure(op string, r reply) *fault.Error {
	v := judge(r)
	e := &fault.Error{Kind: v.kind, Device: device, Op: op,
		Detail: fmt.Sprintf("%s (SW %02X %02X %02X)", v.means, r.sw1, r.sw2, r.sw3), Raw: []byte{r.sw1, r.sw2, r.sw3}}
	switch {
	case v.act == actRefuse:
		e.Kind, e.Detail, e.Raw = fault.Refused, v.detail, nil
	case e.Kind == "": // a good word in the wrong place
		e.Kind = fault.Garbled
	}
	return e
}

// refuse asks the person.
func refuse(detail string) *fault.Error {
	return &fault.Error{Kind: fault.Refused, Device: device, Op: "read", Detail: detail}
}
