package main

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"time"

	"yichuang/cmd/devsim/plug"
	"yichuang/devices/idcard"
	"yichuang/devices/idcard/sdt"
	"yichuang/devices/idcard/sdtsim"
	"yichuang/devices/serialport"
	"yichuang/devices/wire"
)

// cardWire: a card that lies there is found, selected and read, over a line that the simulated reader paces at its true
// baud rate. The reader itself takes no time, so that only the line and the driver are measured.
//
// The peer is what the bytes need: eight bits each, with start and stop, at the line's rate. The second one is a host
// that knows the length of each answer beforehand and does nothing but read the file.
var cardWire = row{
	name: "card.wire", unit: "ms", better: "less", rounds: 15, turns: 2, per: 3, arithmetic: true,
	sides: []side{
		{name: "yichuang/devices/idcard/sdt", open: openCard},
		{name: "bytes * 10 / baud, or the raw file descriptor in rounds that kept it from this", limit: 1.05, open: openBytes},
		{name: "raw file descriptor", limit: 1.05, open: openRaw},
	},
}

// baud is what readers leave the factory with.
const baud = 115200

// exchanges of a read: the question, and the length of its answer.
var exchanges = []struct {
	question []byte
	answer   int
}{
	{[]byte{0xAA, 0xAA, 0xAA, 0x96, 0x69, 0, 3, 0x20, 0x01, 0x22}, 15},   // find
	{[]byte{0xAA, 0xAA, 0xAA, 0x96, 0x69, 0, 3, 0x20, 0x02, 0x21}, 19},   // select
	{[]byte{0xAA, 0xAA, 0xAA, 0x96, 0x69, 0, 3, 0x30, 0x10, 0x23}, 1297}, // read
}

// plate is a simulated reader behind a pseudo terminal.
type plate struct {
	*sdtsim.Reader
	plug *plug.Plug
	path string
}

func newPlate(dir string) (plate, error) {
	p := plate{Reader: sdtsim.New(sdtsim.Options{Baud: baud, Pace: true, ReadTime: -1}), path: filepath.Join(dir, "reader")}
	p.plug = plug.New(p.path, p.Serve)
	return p, p.plug.Set(true)
}

// again lays an invented person's card down once more.
func (p plate) again() error {
	return p.Lay(sdtsim.Card{Kind: "citizen", Name: "测试甲", Sex: "2", Ethnicity: "01", Birth: "19490101", Address: "北京市东城区测试街1号",
		Number: "110101194901010026", Authority: "测试市公安局", ValidFrom: "20200101", ValidTo: "长期"})
}

type cardSide struct {
	plate
	reader *sdt.Reader
	stop   context.CancelFunc
	ended  chan struct{}
}

func openCard(ctx context.Context, dir string) (runner, error) {
	p, err := newPlate(dir)
	if err != nil {
		return nil, err
	}
	c := cardSide{plate: p, ended: make(chan struct{}), reader: sdt.New(func(baud int) (wire.Port, error) {
		return serialport.Open(p.path, serialport.Options{Baud: baud})
	}, sdt.Options{})}
	ctx, c.stop = context.WithCancel(ctx)
	go func() {
		defer close(c.ended)
		c.reader.Run(ctx) // its error is the context's
	}()
	return c, nil
}

func (c cardSide) turn(ctx context.Context, n int) (took time.Duration, err error) {
	for range n {
		if err := c.again(); err != nil {
			return 0, err
		}
		began := time.Now()
		card, err := c.reader.Read(ctx)
		took += time.Since(began)
		if err != nil || card.Kind != idcard.Citizen || len(card.Photo) != 1024 {
			return 0, errors.Join(err, errors.New("the card was not read"))
		}
	}
	return took, nil
}

func (c cardSide) close() error {
	c.stop()
	<-c.ended
	return c.plug.Close()
}

// arithmetic is what the bytes of a read need.
type arithmetic struct{}

func openBytes(context.Context, string) (runner, error) { return arithmetic{}, nil }

func (arithmetic) turn(_ context.Context, n int) (time.Duration, error) {
	bytes := 0
	for _, e := range exchanges {
		bytes += len(e.question) + e.answer
	}
	return time.Duration(n*bytes) * 10 * time.Second / baud, nil
}

func (arithmetic) close() error { return nil }

type rawSide struct {
	plate
	file *os.File
}

func openRaw(_ context.Context, dir string) (runner, error) {
	p, err := newPlate(dir)
	if err != nil {
		return nil, err
	}
	file, err := os.OpenFile(p.path, os.O_RDWR, 0)
	if err != nil {
		return nil, errors.Join(err, p.plug.Close())
	}
	return rawSide{p, file}, nil
}

func (r rawSide) turn(_ context.Context, n int) (took time.Duration, err error) {
	for range n {
		if err := r.again(); err != nil {
			return 0, err
		}
		began := time.Now()
		for _, e := range exchanges {
			if _, err := r.file.Write(e.question); err != nil {
				return 0, err
			}
			if _, err := io.ReadFull(r.file, make([]byte, e.answer)); err != nil {
				return 0, err
			}
		}
		took += time.Since(began)
	}
	return took, nil
}

func (r rawSide) close() error { return errors.Join(r.file.Close(), r.plug.Close()) }
