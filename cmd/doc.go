// Package cmd holds the programs, and here, beside them, the tests of the whole: the walls between
// packages, and journeys that drive the finished programs through the doors of CONTRACT.md.
package cmd
