package shell

import "time"

const (
	// reconnectEvery is how soon a lost socket is tried again: kioskd is up again within seconds, and the
	// first page must stand within one second of our own start.
	reconnectEvery = 100 * time.Millisecond

	// movesFor is how long a moving picture moves. Then it holds its last picture: movement that never ends
	// distracts from the words, and an idle screen should cost nothing.
	movesFor = 12 * time.Second

	// frameEvery is the pace of moving pictures.
	frameEvery = 40 * time.Millisecond

	// actsMax bounds the touches that wait for kioskd. More than these means that nothing answers; a person
	// does not touch faster.
	actsMax = 64

	// typedMax bounds what the screen itself holds of a field; kioskd judges the true length.
	typedMax = 200

	// strokesMax and pointsMax bound a signature: a person's name is some dozens of strokes.
	strokesMax = 200
	pointsMax  = 600

	// fitMin is how small a page may be made to fit; below, it would be illegible and its end is cut off.
	fitMin = 0.55
)
