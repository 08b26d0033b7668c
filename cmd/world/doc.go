// Package world is everything around a terminal and in it, on virtual time and in one process: the product's own daemon
// with its drivers and its journal on a disk whose power can be cut, simulators of all devices, citizens who touch and pay,
// a hall, a water company and a payment gateway, and the wires between them. What is played on it (power cuts, a fleet) is
// somebody else's.
package world
