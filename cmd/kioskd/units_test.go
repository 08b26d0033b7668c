package main

import (
	"context"
	"errors"
	"log/slog"
	"testing"

	"yichuang/devices/cash"
	"yichuang/kiosk/config"
)

// Cash and payout at one address are one driver: when one half runs, the other waits for the line instead of opening it.
func TestOneUnitIsOneDriver(t *testing.T) {
	log := slog.New(slog.DiscardHandler)
	d, err := openDevices(&config.Config{Device: map[string]string{"cash": "ssp-payout serial:/nowhere/1", "payout": "ssp-payout serial:/nowhere/1"}}, log)
	if err != nil {
		t.Fatal(err)
	}
	one, err := sspUnit("serial:/nowhere/1", false, log)
	if err != nil || d.cash != cash.Acceptor(one) {
		t.Errorf("cash is another unit than the one at its address: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 2)
	go func() { ended <- d.cash.Run(ctx) }()
	go func() { ended <- d.payer.Run(ctx) }()
	wait, stop := context.WithTimeout(t.Context(), 0)
	defer stop()
	if _, err := d.payer.Before(wait); err == nil {
		t.Error("a unit that is not there has a memory")
	}
	cancel()
	for range 2 {
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("Run: %v", err)
		}
	}
	hopper, err := sspUnit("serial:/nowhere/1", true, log)
	if err != nil || hopper == one {
		t.Error("a hopper on the line of a recycler is the recycler")
	}
	if _, err := sspPayout("serial:/nowhere/1?hopper", log); err != nil || len(units) != 2 {
		t.Errorf("the hopper's payout is another unit: %d, %v", len(units), err)
	}
	if _, err := sspPayout("usb:1:2", log); err == nil {
		t.Error("an address without a serial line is taken")
	}
}
