package cctalkhopper_test

import (
	"testing"

	"yichuang/devices/cash/cctalkhopper"
	"yichuang/devices/cash/cctalkhoppersim"
	"yichuang/devices/cash/paytest"
	"yichuang/devices/cash/rigtest"
)

func TestSuite(t *testing.T) {
	few := []cctalkhoppersim.Hopper{{Address: 3, Face: 100, Count: 40, Low: 5}, {Address: 4, Face: 50, Count: 40}}
	paytest.Exercise(t, rigtest.Hoppers(cctalkhoppersim.Options{Hoppers: few}, cctalkhopper.Options{Hoppers: both}))
}

func TestSuiteCipherCRCEcho(t *testing.T) {
	few := []cctalkhoppersim.Hopper{{Address: 3, Face: 100, Count: 40, By: cctalkhoppersim.Cipher, Registers: 1}, {Address: 4, Face: 50, Count: 40, By: cctalkhoppersim.Cipher}}
	paytest.Exercise(t, rigtest.Hoppers(cctalkhoppersim.Options{Hoppers: few, CRC: true, Echo: true, BaudPace: true}, cctalkhopper.Options{Hoppers: both, Cipher: cipher}))
}
