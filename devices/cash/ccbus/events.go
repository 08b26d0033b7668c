package ccbus

import "yichuang/devices/fault"

// Pair is one row of an event buffer: A is the bill or coin type or 0, B what happened.
type Pair [2]byte

// Events is an answer to header 159 or 229: the counter and the last five pairs, newest first (part 2, header 229).
type Events struct {
	Counter byte
	Pairs   [5]Pair
}

// EventsBytes is the size of that answer.
const EventsBytes = 11

// ParseEvents reads the EventsBytes bytes of an answer.
func ParseEvents(data []byte) (e Events) {
	e.Counter = data[0]
	for i := range e.Pairs {
		e.Pairs[i] = Pair{data[1+2*i], data[2+2*i]}
	}
	return e
}

// Since is how many events lie between two readings of a counter. 255 is followed by 1; the caller has seen to
// it that now is not 0, which means a restart.
func Since(last, now byte) int {
	if now >= last {
		return int(now) - int(last)
	}
	return int(now) - int(last) + 255
}

// Before is a counter as it stood n events before now.
func Before(now byte, n int) byte {
	return byte((int(now)-1-n+2*255)%255 + 1)
}

// LostSettings says whether a device, by its inhibits, has lost its settings since we, or the program before
// us, gave them: it has restarted. The event counter alone cannot always say: a device that restarted and
// then saw a few events may stand just ahead of our mark. But its inhibits are all zero after a restart, and
// no driver leaves them so.
func LostSettings(mask []byte, err error) (bool, error) {
	if fault.Is(err, fault.Refused) {
		return false, nil // it cannot say; the counter has to do
	}
	return err == nil && mask[0] == 0 && mask[1] == 0, err
}

// Currency is what a country's two letters stand for on a note or coin.
type Currency struct {
	Code   string
	Places int // of the smallest unit (ISO 4217)
}

// Currencies are the countries that a device at a border town may be set to.
var Currencies = map[string]Currency{
	"CN": {"CNY", 2}, "HK": {"HKD", 2}, "MO": {"MOP", 2}, "TW": {"TWD", 2}, "JP": {"JPY", 0}, "KR": {"KRW", 0}, "RU": {"RUB", 2},
	"US": {"USD", 2}, "EU": {"EUR", 2}, "GB": {"GBP", 2}, "SG": {"SGD", 2}, "VN": {"VND", 0}, "KZ": {"KZT", 2}, "MN": {"MNT", 2},
}
