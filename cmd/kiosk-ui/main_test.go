package main

import (
	"context"
	"errors"
	"flag"
	"io"
	"strings"
	"testing"
)

func TestSize(t *testing.T) {
	for text, want := range map[string][2]int{"1080x1920": {1080, 1920}, "1920x1080": {1920, 1080}, "200x20000": {200, 20000}} {
		if w, h, err := size(text); err != nil || w != want[0] || h != want[1] {
			t.Errorf("size(%q) = %d, %d, %v; want %v", text, w, h, err, want)
		}
	}
	for _, text := range []string{"", "1080", "1080x", "x1920", "1080x1920x3", "1080X1920", " 1080x1920", "199x300", "300x199", "-1080x1920", "20001x300", "300x20001", "01080x1920"} {
		if w, h, err := size(text); err == nil {
			t.Errorf("size(%q) = %d, %d; want a refusal", text, w, h)
		} else if !strings.Contains(err.Error(), "1080x1920") {
			t.Errorf("size(%q): %v does not say what is wanted", text, err)
		}
	}
}

func TestArgumentsAreRefused(t *testing.T) {
	for _, args := range [][]string{{"--screen", "big"}, {"home"}, {"--nothing"}} {
		if err := run(context.Background(), args, io.Discard); err == nil {
			t.Errorf("run(%q) began", args)
		}
	}
	if err := run(context.Background(), []string{"-h"}, io.Discard); !errors.Is(err, flag.ErrHelp) {
		t.Errorf("run(-h): %v", err)
	}
}

func TestNoDisplayIsAnError(t *testing.T) {
	t.Setenv("DISPLAY", "")
	t.Setenv("WAYLAND_DISPLAY", "")
	t.Setenv("GDK_BACKEND", "x11")
	err := run(context.Background(), []string{"--socket", "/nonexistent/ui.sock"}, io.Discard)
	if err == nil || !strings.Contains(err.Error(), "display") {
		t.Errorf("without a display: %v", err)
	}
}
