package main

import (
	"context"
	"crypto/ecdh"
	"crypto/hpke"
	"crypto/rand"
	"errors"
	"time"

	"yichuang/kiosk/seal"
)

// sealRecord: closing a record so that only the hall can open it, after the visit's key agreement, which both have behind them.
//
// Ours binds each record to its place, hashes its header for that, and lets any record be opened alone and in any order. hpke's
// sender does neither: what it closes opens only after all that it closed before. The limit leaves a quarter more time for both: half a microsecond
// of a commit's hundred. Without one agreement for a visit each record would cost what the second peer does.
var sealRecord = row{
	name: "seal.record", unit: "records/s", better: "more", rounds: 21, turns: 5, per: 1000,
	sides: []side{
		{name: "yichuang/kiosk/seal", open: openSeal},
		{name: "crypto/hpke, one sender", limit: 0.8, open: openSender},
		{name: "crypto/hpke, an agreement for each record", limit: 30, open: openEachSender},
	},
}

// sealer closes one record.
type sealer func(seq int64, header, plain []byte) ([]byte, error)

func (s sealer) turn(_ context.Context, n int) (time.Duration, error) {
	plain, header := []byte(text()), []byte(`{"biller":"water","due_fen":8000,"part":true,"surplus":"owed"}`)
	began := time.Now()
	for i := range n {
		sealed, err := s(int64(i+1), header, plain)
		if err != nil {
			return 0, err
		}
		if len(sealed) < payload+16 {
			return 0, errors.New("a sealed part is shorter than its text and tag")
		}
	}
	return time.Since(began), nil
}

func (sealer) close() error { return nil }

// place is what a record is bound to, for ours made anew each time.
func place(seq int64, header []byte) []byte {
	return seal.AAD("T01", "0123456789abcdef", seq, "bill.chosen", header)
}

func hallKey() ([]byte, error) {
	key, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	return key.PublicKey().Bytes(), nil
}

func openSeal(context.Context, string) (runner, error) {
	public, err := hallKey()
	if err != nil {
		return nil, err
	}
	s, err := seal.NewSealer(public)
	return sealer(func(seq int64, header, plain []byte) ([]byte, error) {
		return s.Seal(nil, seq, place(seq, header), plain), nil
	}), err
}

func newSender() (func() (*hpke.Sender, error), error) {
	public, err := hallKey()
	if err != nil {
		return nil, err
	}
	pk, err := hpke.DHKEM(ecdh.X25519()).NewPublicKey(public)
	return func() (*hpke.Sender, error) {
		_, sender, err := hpke.NewSender(pk, hpke.HKDFSHA256(), hpke.AES256GCM(), []byte("bench"))
		return sender, err
	}, err
}

func openSender(context.Context, string) (runner, error) {
	agree, err := newSender()
	if err != nil {
		return nil, err
	}
	sender, err := agree()
	bound := place(1, nil)
	return sealer(func(_ int64, _, plain []byte) ([]byte, error) { return sender.Seal(bound, plain) }), err
}

func openEachSender(context.Context, string) (runner, error) {
	agree, err := newSender()
	bound := place(1, nil)
	return sealer(func(_ int64, _, plain []byte) ([]byte, error) {
		sender, err := agree()
		if err != nil {
			return nil, err
		}
		return sender.Seal(bound, plain)
	}), err
}
