package uplink

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect"

	"yichuang/kiosk/casefile"
	"yichuang/kiosk/office"
	"yichuang/kiosk/store"
	"yichuang/sync/hallapi"
)

func TestCodeIsUsedOnce(t *testing.T) {
	onDesk(t, func(d *desk) {
		d.online()
		if _, err := os.Stat(d.config.EnrolCodeFile); !errors.Is(err, fs.ErrNotExist) {
			d.t.Errorf("the code's file after the enrolment: got %v, want none", err)
		}
		d.powerOff()
		d.writeCode(d.hall.code)
		d.open()
		if !d.link.Status().Enrolled || !d.link.Sealing() || len(d.link.Root()) == 0 || d.link.Catalog() == nil {
			t.Error("papers or catalogue did not outlive the power cut")
		}
		if err := d.journal.Append(d.t.Context(), secretEntry("s1")); err != nil {
			d.t.Errorf("personal data before Run: %v", err)
		}
		d.online()
		d.await(time.Second, "delivered", d.delivered)
		if n := d.count("Enroll"); n != 1 {
			d.t.Errorf("enrolments: got %d, want 1", n)
		}
		if n := d.count("Catalog"); n != 2 {
			d.t.Errorf("catalogues asked for: got %d, want 2", n)
		}
	})
}

func secretEntry(id string) store.Entry {
	return store.Entry{Event: casefile.Event{Kind: casefile.CaseOpened, Case: id, Header: casefile.Header{Service: "pay.water"}},
		Secret: map[string]string{"name": "欧阳样张"}}
}

func TestAnotherHallIsNotTrusted(t *testing.T) {
	onDesk(t, func(d *desk) {
		other, _ := newCA(d.t, "hall CA") // the same name, another key
		d.writeCode(hallapi.NewCode(other.Raw))
		d.start()
		d.pass(10 * time.Minute)
		s := d.link.Status()
		if s.Up || s.Enrolled || d.link.Sealing() || !strings.Contains(s.Err, "fingerprint") {
			d.t.Errorf("status: got %+v, want an error about the fingerprint", s)
		}
		if n := d.net.tried(); n < 15 || n > 25 {
			d.t.Errorf("tries in ten minutes: got %d, want one every %v", n, enrolAgain)
		}
		if n := d.count("Enroll"); n != 0 {
			d.t.Errorf("the code was given to another hall %d times", n)
		}
		d.writeCode(d.hall.code)
		if took := d.await(time.Minute, "up", d.link.Up); took > 2*time.Second {
			d.t.Errorf("the right code was taken up after %v", took)
		}
		if s := d.link.Status(); s.Err != "" {
			d.t.Errorf("status: got %+v, want no error", s)
		}
	})
}

func TestHallUnderAnotherNameIsNotTrusted(t *testing.T) {
	onDesk(t, func(d *desk) {
		d.config.URL = "https://127.0.0.2:7443" // the hall's certificate is for 127.0.0.1
		d.powerOff()
		d.open()
		d.start()
		d.pass(time.Minute)
		if s := d.link.Status(); s.Up || s.Enrolled || s.Err == "" || d.count("Enroll") != 0 {
			d.t.Errorf("status: got %+v, %d calls", s, d.count("Enroll"))
		}
	})
}

func TestHallWithAnotherKeyIsNotTrustedLater(t *testing.T) {
	onDesk(t, func(d *desk) {
		d.online()
		d.net.set("cut")
		d.hall.stop()
		former := d.hall
		d.net.closed = make(chan struct{})
		d.hall = newHall(d.t, d.net)
		d.happen(1)
		d.net.set("up")
		d.pass(10 * time.Minute)
		if s := d.link.Status(); s.Up || s.Cursor != 0 || !strings.Contains(s.Err, "x509") {
			d.t.Errorf("status: got %+v, want an error about the certificate", s)
		}
		d.hall.mu.Lock()
		defer d.hall.mu.Unlock()
		if len(d.hall.calls) != 0 {
			d.t.Errorf("calls to another hall: %v", d.hall.calls)
		}
		_ = former
	})
}

func TestBadCodes(t *testing.T) {
	for _, code := range []string{"", "\n", "hello", "AAAA-BBBB", strings.Repeat("A", 5000)} {
		t.Run(fmt.Sprintf("%.10q", code), func(t *testing.T) {
			onDesk(t, func(d *desk) {
				d.writeCode(code)
				d.start()
				d.pass(time.Minute)
				if s := d.link.Status(); s.Enrolled || !strings.Contains(s.Err, "code") || d.net.tried() != 0 {
					d.t.Errorf("status: got %+v after %d tries, want an error about the code", s, d.net.tried())
				}
			})
		})
	}
}

func TestNoCodeYet(t *testing.T) {
	onDesk(t, func(d *desk) {
		if err := os.Remove(d.config.EnrolCodeFile); err != nil {
			d.t.Fatal(err)
		}
		d.happen(3)
		d.start()
		d.pass(time.Hour)
		if s := d.link.Status(); s.Up || s.Err != "enrolment: "+errNoCode.Error() || s.Head != 3 || s.OldestUnsent.IsZero() {
			d.t.Errorf("status: got %+v", s)
		}
		if got := strings.Count(d.logged(), "level=WARN"); got != 1 {
			d.t.Errorf("the log says it %d times in an hour, want once:\n%s", got, d.logged())
		}
		if _, err := d.link.Bill(d.t.Context(), "pay.water", "1", "", "c"); !errors.Is(err, office.ErrNoLine) {
			d.t.Errorf("a question: got %v, want no line", err)
		}
		d.writeCode(d.hall.code)
		if took := d.await(time.Minute, "up", d.link.Up); took > 2*time.Second {
			d.t.Errorf("up after %v", took)
		}
	})
}

func TestUsedCode(t *testing.T) {
	onDesk(t, func(d *desk) {
		d.hall.with(func() { d.hall.used = []byte("another terminal's key") })
		d.start()
		d.pass(10 * time.Minute)
		if s := d.link.Status(); s.Enrolled || !strings.Contains(s.Err, "permission_denied") {
			d.t.Errorf("status: got %+v", s)
		}
		if n := d.count("Enroll"); n < 15 || n > 25 {
			d.t.Errorf("tries in ten minutes: got %d", n)
		}
	})
}

func TestHallAwayAtEnrolment(t *testing.T) {
	onDesk(t, func(d *desk) {
		d.net.set("cut")
		d.start()
		d.pass(time.Hour)
		d.net.set("up")
		if took := d.await(time.Minute, "up", d.link.Up); took > 2*time.Second {
			d.t.Errorf("up after %v, want 2 s at most", took)
		}
	})
}

func TestLostEnrolmentAnswerAndPowerCut(t *testing.T) {
	onDesk(t, func(d *desk) {
		d.hall.with(func() {
			d.hall.forge = func(route string, _ any) {
				if route == "Enroll" {
					d.net.set("cut")
				}
			}
		})
		d.start()
		d.await(time.Minute, "the code is used", func() bool { d.hall.mu.Lock(); defer d.hall.mu.Unlock(); return d.hall.used != nil })
		d.powerOff()
		d.hall.with(func() { d.hall.forge = nil })
		d.net.set("up")
		d.open()
		d.online()
		if !d.link.Status().Enrolled {
			d.t.Error("the code did not count again with the same key")
		}
	})
}

func TestGarbledEnrolmentIsRefused(t *testing.T) {
	other := func(d *desk) *scripted { return newHall(d.t, newNetwork()) }
	for name, garble := range map[string]func(d *desk, a *hallapi.EnrollResponse){
		"terminal":           func(_ *desk, a *hallapi.EnrollResponse) { a.Terminal = "T2" },
		"no certificate":     func(_ *desk, a *hallapi.EnrollResponse) { a.CertificateDer = nil },
		"another's key":      func(d *desk, a *hallapi.EnrollResponse) { a.CertificateDer = d.hall.ca.Raw },
		"no CA":              func(_ *desk, a *hallapi.EnrollResponse) { a.CaDer = nil },
		"no sealing key":     func(_ *desk, a *hallapi.EnrollResponse) { a.SealKeys = nil },
		"short sealing key":  func(_ *desk, a *hallapi.EnrollResponse) { a.SealKeys[0].Public = a.SealKeys[0].Public[1:] },
		"sealing key's name": func(_ *desk, a *hallapi.EnrollResponse) { a.SealKeys[0].Id[0]++ },
		"no license root":    func(_ *desk, a *hallapi.EnrollResponse) { a.LicenseRootPem = nil },
		"license root":       func(_ *desk, a *hallapi.EnrollResponse) { a.LicenseRootPem = []byte("-----BEGIN-----") },
		"no catalogue key":   func(_ *desk, a *hallapi.EnrollResponse) { a.CatalogKey = nil },
		"another CA": func(d *desk, a *hallapi.EnrollResponse) {
			h := other(d)
			defer h.stop()
			a.CaDer = h.ca.Raw
		},
	} {
		t.Run(name, func(t *testing.T) {
			onDesk(t, func(d *desk) {
				d.hall.with(func() {
					d.hall.forge = func(route string, a any) {
						if route == "Enroll" {
							garble(d, a.(*hallapi.EnrollResponse))
						}
					}
				})
				d.start()
				d.pass(time.Minute)
				if s := d.link.Status(); s.Enrolled || d.link.Sealing() || !strings.Contains(s.Err, errGarbled.Error()) {
					d.t.Errorf("status: got %+v", s)
				}
				d.hall.with(func() { d.hall.forge = nil })
				d.await(time.Minute, "up", d.link.Up)
			})
		})
	}
}

func TestCertificateIsRenewedInTime(t *testing.T) {
	onDesk(t, func(d *desk) {
		d.hall.life = 2 * time.Hour
		d.online()
		first := d.link.papers
		for range 2 {
			d.pass(time.Hour)
			if left := time.Until(d.link.papers.certificate.NotAfter); left < time.Hour || !d.link.Up() {
				d.t.Fatalf("at %v the certificate is good for %v; up: %v", time.Now(), left, d.link.Up())
			}
		}
		if n := d.hall.renewed; n < 1 || n > 2 {
			d.t.Errorf("renewals in two hours: got %d", n)
		}
		if now := d.link.papers; now.certificate.Equal(first.certificate) || now.key.Equal(first.key) {
			d.t.Error("the key is still the first one")
		}
		d.happen(1)
		d.await(time.Second, "delivered", d.delivered)
		d.net.mu.Lock()
		defer d.net.mu.Unlock()
		if n := len(d.net.conns) / 2; n > 2 {
			d.t.Errorf("connections: got %d, want the former ones closed", n)
		}
	})
}

func TestMonthOldCertificateIsRenewed(t *testing.T) {
	onDesk(t, func(d *desk) {
		d.online()
		for _, c := range []struct {
			off     time.Duration
			renewed int
		}{{29 * 24 * time.Hour, 0}, {2 * 24 * time.Hour, 1}} {
			d.powerOff()
			d.pass(c.off)
			d.open()
			d.online()
			d.pass(10 * time.Second)
			if d.hall.renewed != c.renewed {
				d.t.Errorf("renewals after %v more: got %d, want %d", c.off, d.hall.renewed, c.renewed)
			}
		}
	})
}

func TestTerminalComesBackAfterYears(t *testing.T) {
	onDesk(t, func(d *desk) {
		d.online()
		d.powerOff()
		d.pass(3 * 365 * 24 * time.Hour)
		d.open()
		d.happen(3)
		d.start()
		if took := d.await(time.Minute, "up", d.link.Up); took > 5*time.Second {
			d.t.Errorf("up after %v", took)
		}
		d.await(time.Second, "delivered", d.delivered)
		d.await(10*time.Second, "no trouble", func() bool { return d.link.Status().Err == "" })
		if d.hall.renewed != 1 || d.count("Enroll") != 1 {
			d.t.Errorf("renewals %d, enrolments %d: want 1 each", d.hall.renewed, d.count("Enroll"))
		}
		d.powerOff()
		d.open()
		if !d.link.papers.certificate.NotAfter.After(time.Now().Add(300 * 24 * time.Hour)) {
			d.t.Error("the new certificate was not kept")
		}
	})
}

func TestNewSealingKeyComesWithTheCertificate(t *testing.T) {
	onDesk(t, func(d *desk) {
		d.online()
		former := d.hall.sealKeys()[0]
		other := newHall(d.t, newNetwork())
		defer other.stop()
		d.hall.seal = other.seal
		d.powerOff()
		d.pass(40 * 24 * time.Hour)
		d.open()
		d.online()
		d.await(10*time.Second, "renewed", func() bool { return d.hall.renewed == 1 })
		d.pass(time.Second)
		if err := d.journal.Append(d.t.Context(), secretEntry("s1")); err != nil {
			d.t.Fatal(err)
		}
		records, err := d.journal.Read(d.t.Context(), 0, 0)
		if err != nil || len(records) != 1 {
			d.t.Fatalf("records: got %d (%v)", len(records), err)
		}
		if now := d.hall.sealKeys()[0]; string(records[0].Sealed[1:9]) != string(now.Id) || string(now.Id) == string(former.Id) {
			d.t.Errorf("sealed to key %x, want %x", records[0].Sealed[1:9], now.Id)
		}
	})
}

func TestGarbledRenewalIsNotUsed(t *testing.T) {
	onDesk(t, func(d *desk) {
		d.online()
		d.powerOff()
		d.pass(40 * 24 * time.Hour)
		d.hall.with(func() {
			d.hall.forge = func(route string, a any) {
				if route == "Renew" {
					a.(*hallapi.RenewResponse).CertificateDer = d.hall.ca.Raw
				}
			}
		})
		d.open()
		d.online()
		d.pass(10 * time.Minute)
		if s := d.link.Status(); !s.Up || !strings.Contains(s.Err, "certificate: "+errGarbled.Error()) {
			d.t.Errorf("status: got %+v", s)
		}
		if n := d.count("Renew"); n < 10 || n > 25 {
			d.t.Errorf("renewals tried in ten minutes: got %d", n)
		}
		d.hall.with(func() { d.hall.forge = nil })
		d.await(2*time.Minute, "no trouble", func() bool { return d.link.Status().Err == "" })
	})
}

func TestRevokedTerminalStillSendsAndEnrolsAnew(t *testing.T) {
	onDesk(t, func(d *desk) {
		d.online()
		d.hall.with(func() { d.hall.revoked = true })
		d.await(time.Minute, "down", func() bool { return !d.link.Up() })
		d.happen(5)
		d.await(10*time.Second, "delivered, for these are real notes", d.delivered)
		d.pass(time.Hour)
		if s := d.link.Status(); s.Up || !strings.Contains(s.Err, "certificate: permission_denied") || !strings.Contains(s.Err, "notices: permission_denied") || !s.Enrolled {
			d.t.Errorf("status: got %+v", s)
		}
		if n := d.count("Renew"); n < 30 || n > 200 {
			d.t.Errorf("renewals tried in an hour: got %d", n)
		}
		if _, err := d.link.Cases(d.t.Context(), "1", "a", ""); !errors.Is(err, office.ErrNoLine) {
			d.t.Errorf("a question: got %v, want no line", err)
		}
		d.hall.with(func() { d.hall.code, d.hall.used = hallapi.NewCode(d.hall.ca.Raw), nil })
		d.writeCode(d.hall.code)
		d.await(2*time.Minute, "up again with another code", d.link.Up)
		d.await(2*time.Minute, "no trouble", func() bool { return d.link.Status().Err == "" })
		if n := d.count("Enroll"); n != 2 {
			d.t.Errorf("enrolments: got %d, want 2", n)
		}
	})
}

func TestDamagedPapersAreEnrolledAnew(t *testing.T) {
	onDesk(t, func(d *desk) {
		d.online()
		d.powerOff()
		for _, name := range []string{keptKey, keptCertificate, keptCA, keptSealKeys, keptRoot, keptCatalogKey} {
			d.open()
			if err := d.journal.Keep(d.t.Context(), map[string][]byte{name: []byte("damaged")}); err != nil {
				d.t.Fatal(err)
			}
			d.powerOff()
			d.open()
			if s := d.link.Status(); s.Enrolled || s.Err == "" {
				d.t.Errorf("with a damaged %s: got %+v", name, s)
			}
			d.hall.with(func() { d.hall.code, d.hall.used = hallapi.NewCode(d.hall.ca.Raw), nil })
			d.writeCode(d.hall.code)
			d.online()
			d.powerOff()
		}
	})
}

func TestEnrolmentRefusedByCodeIsTriedSlowly(t *testing.T) {
	onDesk(t, func(d *desk) {
		d.hall.with(func() { d.hall.refused["Enroll"] = connect.CodeUnavailable })
		d.start()
		d.pass(10 * time.Minute)
		if n := d.count("Enroll"); n < 15 || n > 25 {
			d.t.Errorf("tries in ten minutes: got %d", n)
		}
	})
}

func TestAddressOfTheHall(t *testing.T) {
	onDesk(t, func(d *desk) {
		for _, url := range []string{"", "127.0.0.1:1", "http://127.0.0.1:1", "https://", "https://:1", "https://%"} {
			if _, err := New(Config{URL: url}, d.journal, d.link.log); err == nil {
				d.t.Errorf("New(%q): want an error", url)
			}
		}
	})
}
