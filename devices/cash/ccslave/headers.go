package ccslave

import "fmt"

// names are the headers of part 2, appendix 3, that some pretend device answers, for the log.
var names = map[byte]string{
	1: "reset device", 2: "request comms status", 3: "clear comms status", 4: "request comms revision",
	111: "request encryption support", 145: "request currency revision", 152: "request operating mode", 153: "modify operating mode",
	154: "route bill", 155: "request bill position", 156: "request country scaling factor", 157: "request bill id",
	159: "read buffered bill events", 160: "request cipher key", 161: "pump RNG", 163: "test hopper", 164: "enable hopper",
	166: "request hopper status", 167: "dispense hopper coins", 168: "request hopper dispense count", 171: "request hopper coin",
	172: "emergency stop", 184: "request coin id", 188: "request default sorter path", 189: "modify default sorter path",
	192: "request build code", 209: "request sorter paths", 210: "modify sorter paths", 217: "request payout high / low status",
	225: "request accept counter", 226: "request insertion counter", 227: "request master inhibit", 228: "modify master inhibit",
	229: "read buffered credit or error codes", 230: "request inhibits", 231: "modify inhibits", 232: "perform self-check", 236: "read opto states",
	241: "request software revision", 242: "request serial number", 244: "request product code", 245: "request equipment category",
	246: "request manufacturer id", 248: "request status", 249: "request polling priority", 254: "simple poll",
}

// HeaderName is a header's name, for people.
func HeaderName(h byte) string {
	if name, ok := names[h]; ok {
		return name
	}
	return fmt.Sprintf("header %d", h)
}
