//go:build !race

package wlt_test

const raced = false
