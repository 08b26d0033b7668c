// Command kiosk-ui is the screen of the terminal. It draws what kioskd says and reports touches; it has
// no device, no database and no network, and keeps one folder, on a memory disk, for the pinyin of a visit.
//
//	kiosk-ui --socket /run/yichuang/ui.sock --fullscreen
//
// It may be killed and started at any moment. A newer kiosk-ui takes over; the older one then ends.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"syscall"

	"yichuang/ui/shell"
)

// GTK belongs to the thread on which the program began.
func init() { runtime.LockOSThread() }

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	err := run(ctx, os.Args[1:], os.Stderr)
	if errors.Is(err, flag.ErrHelp) {
		os.Exit(2)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "kiosk-ui:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, stderr io.Writer) error {
	flags := flag.NewFlagSet("kiosk-ui", flag.ContinueOnError)
	flags.SetOutput(stderr)
	socket := flags.String("socket", "/run/yichuang/ui.sock", "`path` of kioskd's socket for the screen")
	screen := flags.String("screen", "1080x1920", "`size` of the screen")
	full := flags.Bool("fullscreen", false, "fill the screen, as on a terminal")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("arguments %q: none are wanted", flags.Args())
	}
	wide, high, err := size(*screen)
	if err != nil {
		return err
	}
	return shell.Run(ctx, shell.Options{Socket: *socket, Wide: wide, High: high, Fullscreen: *full})
}

// size reads 1080x1920.
func size(text string) (wide, high int, err error) {
	if n, err := fmt.Sscanf(text, "%dx%d", &wide, &high); n != 2 || err != nil || fmt.Sprintf("%dx%d", wide, high) != text ||
		wide < 200 || high < 200 || wide > 20000 || high > 20000 {
		return 0, 0, fmt.Errorf("screen %q: want WIDTHxHEIGHT in pixels, such as 1080x1920", text)
	}
	return wide, high, nil
}
