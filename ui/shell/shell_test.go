package shell

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"
	"time"

	"yichuang/kiosk/front"
	"yichuang/ui/page"
	"yichuang/ui/page/sample"
	"yichuang/ui/touch"
)

// The test binary is the screen too: started with this variable it shows what the socket says.
const childSocket = "YICHUANG_SHELL_SOCKET"

func init() { runtime.LockOSThread() }

func TestMain(m *testing.M) {
	socket := os.Getenv(childSocket)
	if socket == "" {
		os.Exit(m.Run())
	}
	o := Options{Socket: socket, Wide: 1080, High: 1920, Still: true, Clock: func() time.Time { return sample.Now }}
	if w, err := strconv.Atoi(os.Getenv("YICHUANG_SHELL_WIDE")); err == nil {
		o.Wide, o.High = w, 1080
	}
	if err := Run(context.Background(), o); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// bench is a display with a stage of kioskd and a screen that can be killed.
type bench struct {
	*testing.T
	ctx    context.Context
	stage  *front.Stage
	stand  *touch.Stand
	screen *touch.Screen
	socket string
	wide   int
	server *http.Server
	child  *exec.Cmd
	ended  chan struct{} // closed when the child has ended
}

// newBench starts all of it; limit bounds the whole test.
func newBench(t *testing.T, wide, high int) *bench {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	t.Cleanup(cancel)
	stand, err := touch.Start(wide, high)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stand.Stop)
	screen, err := stand.Screen(ctx)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { screen.Close() })
	dir, err := os.MkdirTemp("", "yc-ui-") // short: a socket's path has 107 characters
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	b := &bench{T: t, ctx: ctx, stage: front.NewStage(), stand: stand, screen: screen, socket: filepath.Join(dir, "ui.sock"), wide: wide}
	b.serve()
	b.start()
	t.Cleanup(b.kill)
	return b
}

// serve offers the stage on the socket until the test ends.
func (b *bench) serve() {
	b.Helper()
	os.Remove(b.socket) // left by an earlier server
	l, err := net.Listen("unix", b.socket)
	if err != nil {
		b.Fatal(err)
	}
	server := &http.Server{Handler: b.stage.Handler()}
	go server.Serve(l)
	b.Cleanup(func() { server.Close() })
	b.server = server
}

func (b *bench) start() {
	b.Helper()
	b.child = exec.Command(os.Args[0])
	b.child.Env = append(os.Environ(), append(b.stand.Env(), childSocket+"="+b.socket, "GOGC=20")...) // collect often: what C holds must outlive it
	if b.wide != 1080 {
		b.child.Env = append(b.child.Env, fmt.Sprintf("YICHUANG_SHELL_WIDE=%d", b.wide))
	}
	b.child.Stderr = os.Stderr
	if err := b.child.Start(); err != nil {
		b.Fatal(err)
	}
	b.ended = make(chan struct{})
	go func(child *exec.Cmd, ended chan struct{}) {
		child.Wait() // killed, or its own words stand on standard error
		close(ended)
	}(b.child, b.ended)
}

func (b *bench) kill() {
	b.child.Process.Kill()
	<-b.ended
}

// sees waits until the screen carries exactly the controls and texts with an id that the page has.
func (b *bench) sees(what string, want page.Page) {
	b.Helper()
	select {
	case <-b.ended:
		b.Fatal("the screen has ended")
	default:
	}
	err := b.screen.Wait(b.ctx, what, func(all []touch.Object) error {
		if o, ok := touch.In(all, want.ID); !ok || o.Name != want.Name {
			return fmt.Errorf("%s: not there, or called %q, want %q", want.ID, o.Name, want.Name)
		}
		have := map[string]touch.Object{}
		for _, o := range all {
			if o.ID != "" && o.ID != want.ID {
				have[o.ID] = o
			}
		}
		var missing error
		want.Walk(func(e *page.Element) {
			if e.ID == "" || missing != nil {
				return
			}
			o, ok := have[e.ID]
			delete(have, e.ID)
			name := e.Name
			if name == "" {
				name = e.Text
			}
			enabled := e.Enabled && (e.Kind == page.Button || e.Kind == page.Pad)
			if !ok || o.Name != name || o.Enabled != enabled || o.About != e.About {
				missing = fmt.Errorf("%s: got %+v, want %q %q enabled %v", e.ID, o, name, e.About, enabled)
			}
		})
		for id := range have {
			if missing == nil {
				missing = fmt.Errorf("%s is on the screen and not on the page", id)
			}
		}
		return missing
	})
	if err != nil {
		b.Fatal(err)
	}
}

// Every page is drawn in both languages and in large type, with each control where a screen reader finds
// it. SCREENS=DIR writes the pictures there, for the eye.
func TestEveryPageIsDrawn(t *testing.T) {
	b := newBench(t, 1080, 1920)
	for _, lang := range []string{"zh", "en"} {
		for _, elder := range []bool{false, true} {
			for i, s := range sample.Views(lang) {
				name := s.Name + "." + lang
				if elder {
					name += ".large"
				}
				v := s.View
				v.Elder = elder
				v.Visit = fmt.Sprint("visit-", i, name)
				b.stage.Show(v)
				if v.Keys == "pinyin" {
					if _, err := b.screen.Find(b.ctx, "key.z"); err != nil {
						t.Fatal(err)
					}
				} else {
					b.sees(name, page.Of(&v, sample.Now, page.Typing{}))
				}
				b.inside(name, 1080, 1920)
				b.picture(name)
			}
		}
	}
}

// picture writes the screen to the folder named by SCREENS.
func (b *bench) picture(name string) {
	b.Helper()
	dir := os.Getenv("SCREENS")
	if dir == "" {
		return
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		b.Fatal(err)
	}
	if err := b.screen.Shot(b.ctx, filepath.Join(dir, name+".png")); err != nil {
		b.Fatal(err)
	}
}
