package wlt_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"yichuang/devices/idcard"
	"yichuang/devices/idcard/idcardtest"
	"yichuang/devices/idcard/sdt"
	"yichuang/devices/idcard/sdtsim"
	"yichuang/devices/idcard/wlt"
	"yichuang/devices/wire"
)

// withFaces runs a trial with a simulated reader whose cards come with their faces.
func withFaces(t *testing.T, o wlt.Options, trial func(t *testing.T, r *wlt.Reader, lay func(), log *bytes.Buffer)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		sim := sdtsim.New(sdtsim.Options{})
		served := make(chan struct{})
		open := func(int) (wire.Port, error) {
			host, device := net.Pipe()
			go func() {
				defer close(served)
				sim.Serve(ctx, device) // ends with the line
				device.Close()
			}()
			return host, nil
		}
		log := &bytes.Buffer{}
		r := wlt.With(sdt.New(open, sdt.Options{}), wlt.New(o), slog.New(slog.NewTextHandler(log, nil)))
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			r.Run(ctx) // its error is the context's
		}()
		trial(t, r, func() {
			sim.Take()
			if err := sim.Lay(sdtsim.Card{Name: "测试甲", Number: "110101194901010026"}); err != nil {
				t.Fatal(err)
			}
		}, log)
		stop()
		<-ended
		<-served
	})
}

func read(t *testing.T, r idcard.Reader) idcard.Card {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), idcardtest.Patience)
	defer cancel()
	c, err := r.Read(ctx)
	if err != nil || c.Name != "测试甲" || len(c.Photo) != 1024 {
		t.Fatalf("got %v, %v, want the card", c, err)
	}
	return c
}

func TestCardComesWithItsFace(t *testing.T) {
	withFaces(t, wlt.Options{Library: library(t)}, func(t *testing.T, r *wlt.Reader, lay func(), log *bytes.Buffer) {
		if got := r.Info().Photo; got != "not tried yet" {
			t.Errorf("before the first photo: %q", got)
		}
		lay()
		c := read(t, r)
		if c.Face == nil || !bytes.Equal(bare(t, c.Face), pixels()) {
			t.Errorf("the face is another one, or none: %v", c.Face == nil)
		}
		if info := r.Info(); info.Photo != "shown" || info.SAM == "" || log.Len() > 0 {
			t.Errorf("info %+v, log %s", info, log)
		}
		if text := fmt.Sprintf("%v %+v %#v", c, c, c); strings.Contains(text, "RGBA") || len(text) > 100 {
			t.Errorf("the card prints its face: %.200s", text)
		}
	})
}

// TestCardIsNotLostByItsPhoto: a library that fails is told in the log, without a byte of the photo, and is left alone for
// an hour when it goes on.
func TestCardIsNotLostByItsPhoto(t *testing.T) {
	path := library(t)
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	bad := func(t *testing.T, content []byte) {
		t.Helper()
		if err := os.WriteFile(path+".new", content, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(path+".new", path); err != nil {
			t.Fatal(err)
		}
	}
	bad(t, []byte("none"))
	withFaces(t, wlt.Options{Library: path}, func(t *testing.T, r *wlt.Reader, lay func(), log *bytes.Buffer) {
		faces := func(tries int) (shown int) {
			t.Helper()
			for range tries {
				lay()
				if read(t, r).Face != nil {
					shown++
				}
			}
			return shown
		}
		if n := faces(2); n != 0 || !strings.Contains(r.Info().Photo, "absent") || strings.Contains(r.Info().Photo, "hour") {
			t.Errorf("photo %q", r.Info().Photo)
		}
		bad(t, good)
		if faces(1) != 1 {
			t.Errorf("it is there again, and there is no face: %q", r.Info().Photo)
		}
		bad(t, []byte("none"))
		if n := faces(3); n != 0 || !strings.Contains(r.Info().Photo, "not tried again for 1h") {
			t.Errorf("photo %q", r.Info().Photo)
		}
		if n := strings.Count(log.String(), "level=WARN"); n != 5 {
			t.Errorf("%d lines in the log, want 5: %s", n, log)
		}
		bad(t, good)
		time.Sleep(59 * time.Minute)
		if faces(1) != 0 {
			t.Error("it was tried within the hour")
		}
		time.Sleep(2 * time.Minute)
		if faces(1) != 1 || r.Info().Photo != "shown" {
			t.Errorf("after the hour: %q", r.Info().Photo)
		}
		for _, secret := range []string{string(block()[:8]), hex.EncodeToString(block()[:8]), base64.StdEncoding.EncodeToString(block()[:6]), "测试", "1101", filepath.Base(path) + ".new"} {
			if strings.Contains(log.String(), secret) {
				t.Errorf("the log tells %q", secret)
			}
		}
	})
}

// TestPersonWhoWalksAwayFromTheReader: nobody waits for a card, and none is made up; the library is not blamed.
func TestPersonWhoWalksAwayFromTheReader(t *testing.T) {
	withFaces(t, wlt.Options{Library: library(t), Call: "hangs"}, func(t *testing.T, r *wlt.Reader, lay func(), log *bytes.Buffer) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if c, err := r.Read(ctx); err == nil || c.Face != nil {
			t.Errorf("got %v, %v", c, err)
		}
		if log.Len() > 0 || r.Info().Photo != "not tried yet" {
			t.Errorf("photo %q, log %s", r.Info().Photo, log)
		}
	})
}

func TestReaderSuite(t *testing.T) {
	path := library(t)
	idcardtest.Exercise(t, func(t *testing.T, trial func(*testing.T, idcardtest.Bench)) {
		synctest.Test(t, func(t *testing.T) {
			sim := sdtsim.New(sdtsim.Options{})
			var served chan struct{}
			open := func(int) (wire.Port, error) {
				host, device := net.Pipe()
				end := make(chan struct{})
				served = end
				go func() {
					defer close(end)
					sim.Serve(t.Context(), device) // ends with the line
					device.Close()
				}()
				return host, nil
			}
			r := wlt.With(sdt.New(open, sdt.Options{}), wlt.New(wlt.Options{Library: path}), slog.New(slog.DiscardHandler))
			trial(t, idcardtest.Bench{Reader: r, Take: func() { sim.Take() }, Lay: func(c idcard.Card) {
				if err := sim.Lay(sdtsim.Card{Kind: string(c.Kind), Name: c.Name, Sex: c.Sex, Ethnicity: c.Ethnicity, Birth: c.Birth, Address: c.Address,
					Number: c.Number, Authority: c.Authority, ValidFrom: c.ValidFrom, ValidTo: c.ValidTo, EnglishName: c.EnglishName,
					Nationality: c.Nationality, PermitNumber: c.PermitNumber, IssueCount: c.IssueCount}); err != nil {
					t.Fatal(err)
				}
			}, Unplug: func() { sim.Faults().Arm("unplug", 1) }, Plug: func() { sim.Faults().Arm("unplug", 0) }})
			if served != nil {
				<-served
			}
		})
	})
}
