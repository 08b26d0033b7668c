package desk

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// displayLimit is how long a display may take to answer; one that is near answers at once.
const displayLimit = 2 * time.Second

// choose settles Auto: a window where there is a display that answers, otherwise the page. A variable
// that names a display proves nothing: it outlives the connection that it came with.
func choose(ctx context.Context, show string) string {
	if show != Auto {
		return show
	}
	ctx, cancel := context.WithTimeout(ctx, displayLimit)
	defer cancel()
	for _, door := range displayDoors(os.Getenv("WAYLAND_DISPLAY"), os.Getenv("XDG_RUNTIME_DIR"), os.Getenv("DISPLAY")) {
		if c, err := new(net.Dialer).DialContext(ctx, door.network, door.address); err == nil {
			c.Close()
			return Window
		}
	}
	return Broadway
}

type door struct{ network, address string }

// displayDoors are the sockets of the displays that the variables name.
func displayDoors(wayland, runtime, x string) (doors []door) {
	if wayland != "" {
		if !filepath.IsAbs(wayland) {
			wayland = filepath.Join(runtime, wayland)
		}
		doors = append(doors, door{"unix", wayland})
	}
	if i := strings.LastIndexByte(x, ':'); i >= 0 {
		host, number := x[:i], x[i+1:]
		number, _, _ = strings.Cut(number, ".")
		switch {
		case host == "" || host == "unix":
			doors = append(doors, door{"unix", "/tmp/.X11-unix/X" + number})
		case len(number) == 1:
			doors = append(doors, door{"tcp", net.JoinHostPort(host, "600"+number)})
		case len(number) == 2:
			doors = append(doors, door{"tcp", net.JoinHostPort(host, "60"+number)})
		}
	}
	return doors
}

// displayEnvironment is what a program needs to find the display of whoever started the desk. Its own
// XDG_RUNTIME_DIR is another one, so the path is made whole.
func displayEnvironment() (env []string) {
	for _, name := range []string{"DISPLAY", "XAUTHORITY"} {
		if value := os.Getenv(name); value != "" {
			env = append(env, name+"="+value)
		}
	}
	if wayland := os.Getenv("WAYLAND_DISPLAY"); wayland != "" {
		if !filepath.IsAbs(wayland) {
			wayland = filepath.Join(os.Getenv("XDG_RUNTIME_DIR"), wayland)
		}
		env = append(env, "WAYLAND_DISPLAY="+wayland)
	}
	return env
}
