package wlt

import (
	"context"
	"image"
	"log/slog"
	"sync"
	"time"

	"yichuang/devices/idcard"
)

// Reader is a card reader whose cards come with the face, where a library can decode it.
type Reader struct {
	idcard.Reader
	decoder *Decoder
	log     *slog.Logger

	mu     sync.Mutex // guards the fields below
	failed int        // photos in a row that were not decoded
	rest   time.Time  // until then no photo is tried
	last   string     // how the last one went, for diagnostics
}

const (
	failuresMax = 3         // in a row; then a library that hangs must not cost every citizen three seconds
	restFor     = time.Hour // how long it is left alone then
)

// With gives a reader's cards a face. A photo that cannot be decoded is told in the log, and the card comes without it.
func With(r idcard.Reader, d *Decoder, log *slog.Logger) *Reader {
	return &Reader{Reader: r, decoder: d, log: log, last: "not tried yet"}
}

// Read reads a card and decodes its photo. A card that was read is never lost by its photo.
func (r *Reader) Read(ctx context.Context) (idcard.Card, error) {
	card, err := r.Reader.Read(ctx)
	if err == nil && len(card.Photo) > 0 {
		card.Face = r.face(ctx, card.Photo)
	}
	return card, err
}

func (r *Reader) face(ctx context.Context, block []byte) image.Image {
	r.mu.Lock()
	resting := time.Now().Before(r.rest)
	r.mu.Unlock()
	if resting {
		return nil
	}
	img, err := r.decoder.Decode(ctx, block)
	r.mu.Lock()
	defer r.mu.Unlock()
	if err == nil {
		r.failed, r.last = 0, "shown"
		return img
	}
	if ctx.Err() != nil {
		return nil // the person has gone; that says nothing of the library
	}
	r.last = err.Error()
	if r.failed++; r.failed >= failuresMax {
		r.failed, r.rest = 0, time.Now().Add(restFor)
		r.last += "; not tried again for " + restFor.String()
	}
	r.log.Warn("the photo of a card is not shown", "error", r.last)
	return nil
}

// Info says how the last photo went, too.
func (r *Reader) Info() idcard.Info {
	info := r.Reader.Info()
	r.mu.Lock()
	defer r.mu.Unlock()
	info.Photo = r.last
	return info
}
