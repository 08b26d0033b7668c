package main

import (
	"log/slog"
	"strings"
	"sync"

	"yichuang/devices/cash"
	"yichuang/devices/cash/ssp"
	"yichuang/devices/serialport"
)

// units are the recyclers of this program: one that takes notes and pays them is one device on one line, so that cash and
// payout that name the same address are two views of one driver.
var (
	unitsMu sync.Mutex
	units   = map[string]*ssp.Acceptor{}
)

// sspUnit is the unit at an address: a recycler, or a hopper, which takes nothing.
func sspUnit(address string, hopper bool, log *slog.Logger) (*ssp.Acceptor, error) {
	open, err := serial(address, serialport.Options{Baud: 9600, StopBits: 2})
	o := ssp.Options{Log: log, Encrypted: true, Hopper: hopper}
	key := address
	if hopper {
		o.Address, key = 0x10, "hopper "+address
	}
	unitsMu.Lock()
	defer unitsMu.Unlock()
	if units[key] == nil {
		units[key] = ssp.New(open, o)
	}
	return units[key], err
}

// sspPayout is the payout of the unit at an address; a hopper's address has "?hopper" behind it.
func sspPayout(address string, log *slog.Logger) (cash.Payer, error) {
	address, hopper := strings.CutSuffix(address, "?hopper")
	a, err := sspUnit(address, hopper, log)
	return a.Payer(), err
}
