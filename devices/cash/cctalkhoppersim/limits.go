package cctalkhoppersim

import "time"

const (
	coinTime  = 250 * time.Millisecond // from the order, or the coin before, to the exit
	emptyTime = 5 * time.Second        // without a coin for so long the motor stops: payout timeout
	jamTime   = 3 * time.Second        // for so long the motor turns to and fro before it gives up
	bootTime  = time.Second            // silent after a reset or power-up

	countMask = 1<<24 - 1 // the lifetime count has three bytes (part 2, header 168)
)
