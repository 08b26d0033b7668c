package control

import (
	"context"
	"net/http"
	"slices"
	"time"

	"yichuang/cmd/devsim/answer"
	"yichuang/devices/cash/cctalkhoppersim"
	"yichuang/devices/cash/coinpath"
)

// coins is the answer about a coin.
type coins struct {
	Coin int           `json:"coin"`
	Fate coinpath.Fate `json:"fate"`
}

// dropCoin drops a coin into the mouth and tells how far it came.
func (d *door) dropCoin(r *http.Request) (any, error) {
	in := struct {
		Face     int64  `json:"face_fen"`
		Currency string `json:"currency"`
		Kind     string `json:"kind"`
		Wait     *int64 `json:"wait_ms"`
	}{Currency: "CNY", Kind: coinpath.Genuine}
	if err := answer.Read(r, &in); err != nil {
		return nil, err
	}
	wait := noteWaitUsual
	if in.Wait != nil {
		wait = time.Duration(*in.Wait) * time.Millisecond
	}
	kinds := []string{coinpath.Genuine, coinpath.Foreign, coinpath.Slug, coinpath.Strung}
	switch {
	case in.Face <= 0 || in.Face > faceMax:
		return nil, answer.Bad("face_fen %d: a coin has a face of 1 to %d fen", in.Face, faceMax)
	case !currencyForm.MatchString(in.Currency):
		return nil, answer.Bad("currency %q: three capital letters, such as CNY", in.Currency)
	case !slices.Contains(kinds, in.Kind):
		return nil, answer.Bad("kind %q: one of %v", in.Kind, kinds)
	case in.Wait != nil && *in.Wait < 0 || wait > noteWait:
		return nil, answer.Bad("wait_ms %d: 0 to %d", wait.Milliseconds(), noteWait.Milliseconds())
	}
	path := d.w.Coins.Path()
	n := path.Insert(in.Face, in.Currency, in.Kind)
	ctx, cancel := context.WithTimeout(r.Context(), wait)
	defer cancel()
	return coins{n, path.Wait(ctx, n)}, nil
}

func (d *door) coin(r *http.Request) (any, error) {
	n, err := answer.Number(r, "coin", 1<<31)
	if err != nil {
		return nil, err
	}
	fate := d.w.Coins.Path().Fate(int(n))
	if fate == "" {
		return nil, answer.None("coin %d: there is none", n)
	}
	return coins{int(n), fate}, nil
}

// lever holds the return lever down or lets it go.
func (d *door) lever(r *http.Request) (any, error) {
	var in struct {
		Held bool `json:"held"`
	}
	if err := answer.Read(r, &in); err != nil {
		return nil, err
	}
	d.w.Coins.Lever(in.Held)
	return in, nil
}

// takeCoins takes all coins out, whichever way they went, and says what they are.
func (d *door) takeCoins(*http.Request) (any, error) {
	path, taken := d.w.Coins.Path(), []coinpath.Tally{}
	for way := range path.World().Kept {
		taken = append(taken, path.TakeBox(way)...)
	}
	return taken, nil
}

// hopperMax is how many coins a hand puts into a hopper at once.
const hopperMax = 10000

// fillHopper puts coins into a hopper, or takes them out when the count is negative.
func (d *door) fillHopper(r *http.Request) (any, error) {
	var in struct {
		Count int `json:"count"`
	}
	address, err := answer.Number(r, "hopper", 255)
	if err == nil {
		err = answer.Read(r, &in)
	}
	if err != nil {
		return nil, err
	}
	if in.Count < -hopperMax || in.Count > hopperMax {
		return nil, answer.Bad("count %d: -%d to %d", in.Count, hopperMax, hopperMax)
	}
	d.w.Payout.Load(byte(address), in.Count)
	bowls := d.w.Payout.World()
	i := slices.IndexFunc(bowls, func(b cctalkhoppersim.Bowl) bool { return int64(b.Address) == address })
	if i < 0 {
		return nil, answer.None("hopper %d: there is none", address)
	}
	return bowls[i], nil
}
