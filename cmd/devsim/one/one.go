// Package one runs a single pretend device, so that another maker's program can stand at the other end.
//
// The device is the same mechanism as on a desk, with the same doors for hands: lay a card down, offer a
// note, arm a fault, cut its power, ask what it holds. There are no programs and no hall around it.
package one

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"slices"
	"strings"

	"yichuang/cmd/devsim/answer"
	"yichuang/cmd/devsim/control"
	"yichuang/cmd/devsim/world"
)

// Options say which device it is and where.
type Options struct {
	Protocol string
	Link     string // path of the serial line; not for ipp
	Listen   string // address; for ipp only
	Echo     bool   // cctalk: the host hears itself
	CRC      bool   // cctalk: CRC-16 packets
}

const loopback = "127.0.0.1:0"

// Run runs the device until ctx ends, and returns nil then. It prints
// "devsim: ready ADDRESS CONTROL_URL" when it can be spoken to, and before it, for a USB device, the environment in which
// a program sees it.
func Run(ctx context.Context, o Options, stdout io.Writer) error {
	class, settings, err := o.world()
	if err != nil {
		return err
	}
	w, err := world.Open(settings)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", loopback)
	if err != nil {
		return errors.Join(err, w.Close())
	}
	server := answer.Server(control.Handler(w, nil))
	go server.Serve(listener) // ends with Close below
	_, address, _ := strings.Cut(w.Address(class), " ")
	if env := w.Env(); env != nil {
		fmt.Fprintf(stdout, "devsim: environment %s\n", strings.Join(env, " "))
	}
	fmt.Fprintf(stdout, "devsim: ready %s http://%s\n", address, listener.Addr())
	<-ctx.Done()
	return errors.Join(server.Close(), w.Close())
}

// world checks the options and says which world has this device alone.
func (o Options) world() (class string, w world.Options, err error) {
	var known []string
	for c, protocols := range world.Protocols {
		known = append(known, protocols...)
		if slices.Contains(protocols, o.Protocol) {
			class = c
		}
	}
	switch {
	case class == "":
		slices.Sort(known)
		return "", w, fmt.Errorf("there is no simulator of %q; there are %s", o.Protocol, strings.Join(known, " "))
	case !strings.HasPrefix(o.Protocol, "cctalk") && (o.Echo || o.CRC):
		return "", w, fmt.Errorf("--echo and --crc are for cctalk; %s has no such thing", o.Protocol)
	case strings.HasSuffix(o.Protocol, "-usb") && (o.Listen != "" || o.Link != ""):
		return "", w, fmt.Errorf("%s has a USB plug, and neither --link nor --listen", o.Protocol)
	case o.Protocol == "ipp-usb":
		return class, world.Options{License: "usb", Speaks: map[string]string{class: o.Protocol}}, nil
	case class == "license" && o.Link != "":
		return "", w, errors.New("ipp has no serial line; use --listen")
	case class == "license":
		w.License = o.Listen
		if w.License == "" {
			w.License = loopback
		}
		return class, w, nil
	case strings.HasSuffix(o.Protocol, "-usb"):
		o.Link = class // which is not made: only a device with a line is there
	case o.Listen != "" || o.Link == "":
		return "", w, fmt.Errorf("%s has a serial line: name its path with --link", o.Protocol)
	}
	link, err := filepath.Abs(o.Link)
	w.Links, w.Speaks = map[string]string{class: link}, map[string]string{class: o.Protocol}
	w.Echo, w.CRC = o.Echo, o.CRC
	return class, w, err
}
