package cmd

import (
	"slices"
	"testing"
	"time"

	"yichuang/cmd/devsim/deskclient"
)

// dropped drops a coin until it has the fate that is wanted: an order to accept that was just given may not have
// reached the acceptor.
func dropped(t *testing.T, hand *deskclient.Desk, fen int64, kind, fate string) {
	t.Helper()
	for end := time.After(endMax); ; {
		c, err := hand.DropCoin(t.Context(), fen, kind, 10*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		if c.Fate == fate {
			return
		}
		select {
		case <-end:
			t.Fatalf("a %s coin of %d fen: %s, want %s", kind, fen, c.Fate, fate)
		default:
		}
	}
}

// coin passes over coins that were turned away until this one is told.
func (p *program) coin(fen int64) {
	p.t.Helper()
	s := p.next()
	for s.Signal == "refused" {
		s = p.next()
	}
	if s.Signal != "stacked" || s.Face != fen || s.Currency != "CNY" || s.Raw == "" {
		p.t.Fatalf("%s: got %+v, want a coin of %d fen with the bytes that told it", p.name, s, fen)
	}
}

func TestCoinAcceptorAlone(t *testing.T) {
	t.Parallel()
	for name, flags := range map[string][]string{"plain": nil, "crc and echo": {"--crc", "--echo"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			hand, address := alone(t, "cctalk-coin", flags...)
			try := begin(t, "kioskd", "try", "cctalk-coin", address)
			try.opens()
			dropped(t, hand, 100, "", "returned") // it begins with coins inhibited
			try.order(`{"do":"accept"}`)
			dropped(t, hand, 100, "", "kept")
			try.coin(100)
			dropped(t, hand, 50, "", "kept")
			try.coin(50)
			dropped(t, hand, 100, "slug", "returned")
			try.tells("refused", "refused")
			if err := hand.HoldLever(t.Context(), true); err != nil {
				t.Fatal(err)
			}
			dropped(t, hand, 100, "", "returned")
			if err := hand.HoldLever(t.Context(), false); err != nil {
				t.Fatal(err)
			}
			unplugged(t, hand, "coins", try)
			dropped(t, hand, 10, "", "kept") // the wish to accept outlives an unplug
			try.coin(10)
			try.order(`{"do":"stack"}`)
			try.tells("fault", "invalid")
			try.ends()
			w, err := hand.World(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if got, want := deskclient.Sum(w.Coins.Kept["1"]), int64(160); got != want {
				t.Errorf("in the box: %d fen, want %d", got, want)
			}
		})
	}
}

func TestHoppersAlone(t *testing.T) {
	t.Parallel()
	for name, flags := range map[string][]string{"plain": nil, "crc and echo": {"--crc", "--echo"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			hand, address := alone(t, "cctalk-hopper", flags...)
			try := begin(t, "kioskd", "try", "cctalk-hopper", address+"?3=0&4=50")
			try.opens()
			try.order(`{"do":"pay","face_fen":100,"count":3}`)
			if s := try.tells("paid", ""); s.Face != 100 || s.Count != 3 || s.Raw == "" {
				t.Errorf("got %+v, want three coins of 100", s)
			}
			try.order(`{"do":"pay","face_fen":500,"count":1}`)
			try.tells("fault", "invalid")
			if _, err := hand.FillHopper(t.Context(), 4, -198); err != nil {
				t.Fatal(err)
			}
			try.order(`{"do":"pay","face_fen":50,"count":3}`)
			// What came out, and twice why it is not all: of the order and of the hopper, in either order.
			told := []string{}
			for range 3 {
				s := try.next()
				if told = append(told, s.Signal+s.Kind); s.Signal == "paid" && (s.Face != 50 || s.Count != 2) {
					t.Errorf("got %+v, want two coins of 50", s)
				}
			}
			if slices.Sort(told); !slices.Equal(told, []string{"faultempty", "faultempty", "paid"}) {
				t.Errorf("a hopper that runs empty: told %v", told)
			}
			if _, err := hand.FillHopper(t.Context(), 4, 50); err != nil {
				t.Fatal(err)
			}
			try.tells("ready", "") // its level sensor sees them
			unplugged(t, hand, "payout", try)
			try.order(`{"do":"pay","face_fen":50,"count":1}`)
			try.tells("paid", "")
			try.ends()
			w, err := hand.World(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if len(w.Payout) != 2 || w.Payout[0].Out != 3 || w.Payout[1].Out != 3 {
				t.Errorf("in the tray: %+v, want 3 and 3", w.Payout)
			}
		})
	}
}
