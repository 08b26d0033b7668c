package uplink

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"

	"connectrpc.com/connect"

	"yichuang/sync/hallapi"
)

var (
	errNoCode      = errors.New("no enrolment code: mint one at the hall and put it into the code file")
	errUsedCode    = errors.New("the enrolment code was used before: mint another one at the hall")
	errFingerprint = errors.New("the hall that answers is not the one that minted the enrolment code (another fingerprint)")
)

// enrolUntilDone tries until the terminal is enrolled. A hall that is away is tried again soon; a code
// that does not count only when another one is there, or once in a while.
func (l *Link) enrolUntilDone(ctx context.Context) error {
	tries, tried := lineBackoff.of(l, "enrol"), ""
	for l.client() == nil {
		code, err := l.readCode(ctx)
		if err == nil {
			tried = code
			err = l.enrol(ctx, code)
		}
		if ended(ctx) {
			return ctx.Err()
		}
		l.trouble("enrolment", err)
		switch {
		case err == nil:
		case code != "" && isBroken(err) && !errors.Is(err, errFingerprint):
			sleep(ctx, tries.pause(), nil)
		default:
			l.awaitCode(ctx, tried)
		}
	}
	return ctx.Err()
}

// awaitCode waits until another code is in the file, but not longer than enrolAgain.
func (l *Link) awaitCode(ctx context.Context, tried string) {
	for end := time.Now().Add(enrolAgain); time.Now().Before(end) && sleep(ctx, codeEvery, nil); {
		if code, err := l.readCode(ctx); err == nil && code != tried {
			return
		}
	}
}

// readCode reads the one-time code. The one that this terminal was enrolled with does not count again.
func (l *Link) readCode(ctx context.Context) (string, error) {
	if l.cfg.EnrolCodeFile == "" {
		return "", errNoCode
	}
	f, err := os.Open(l.cfg.EnrolCodeFile)
	if errors.Is(err, fs.ErrNotExist) {
		return "", errNoCode
	}
	if err != nil {
		return "", err
	}
	raw, err := io.ReadAll(io.LimitReader(f, codeMax))
	if err = errors.Join(err, f.Close()); err != nil {
		return "", err
	}
	code := strings.TrimSpace(string(raw))
	if code == "" {
		return "", errNoCode
	}
	used, err := l.journal.Kept(ctx, keptCode)
	if err != nil {
		return "", err
	}
	if bytes.Equal(used, sha256Of([]byte(hallapi.PlainCode(code)))) {
		return "", errUsedCode
	}
	return code, nil
}

// enrol introduces the terminal with a code and works with what the hall gave.
func (l *Link) enrol(ctx context.Context, code string) error {
	fingerprint, err := hallapi.CodeFingerprint(code)
	if err != nil {
		return err
	}
	key, err := l.enrolKey(ctx)
	if err != nil {
		return err
	}
	csr, err := request(key, l.journal.Terminal())
	if err != nil {
		return err
	}
	transport := l.line.transport(pinned(fingerprint, l.host, l.journal.Now))
	defer transport.CloseIdleConnections()
	call, done := context.WithTimeoutCause(ctx, answerMax, errSlow)
	defer done()
	answer, err := newClient(transport, l.cfg.URL, true).Enroll(call, &hallapi.EnrollRequest{Code: code, CsrDer: csr, Version: l.cfg.Version})
	if err != nil {
		if errors.Is(err, errFingerprint) {
			return errFingerprint
		}
		return err
	}
	p, err := enrolled(answer, key, fingerprint, l.journal.Terminal())
	if err != nil {
		return fmt.Errorf("%w: %w", errGarbled, err)
	}
	if err := l.keepEnrolment(ctx, p, code, answer.HallEpoch); err != nil {
		return err
	}
	l.adopt(p)
	l.log.Info("hall: enrolled", "terminal", l.journal.Terminal(), "until", p.certificate.NotAfter)
	// A code that stays lying there does not count any more, here and at the hall.
	if err := os.Remove(l.cfg.EnrolCodeFile); err != nil && !errors.Is(err, fs.ErrNotExist) {
		l.log.Info("hall: the used enrolment code was not removed", "cause", err)
	}
	return nil
}

// enrolKey gives the key of the enrolment under way. It is on the disk before the code is used, because
// after a lost answer or a power cut the code counts only with the same key.
func (l *Link) enrolKey(ctx context.Context) (*ecdsa.PrivateKey, error) {
	kept, err := l.journal.Kept(ctx, keptNewKey)
	if err != nil {
		return nil, err
	}
	if key, err := x509.ParsePKCS8PrivateKey(kept); err == nil {
		if key, ok := key.(*ecdsa.PrivateKey); ok {
			return key, nil
		}
	}
	key, err := newKey()
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	return key, l.keep(ctx, map[string][]byte{keptNewKey: der})
}

// pinned trusts the hall whose CA has this fingerprint and nobody else.
func pinned(fingerprint [sha256.Size]byte, host string, now func() time.Time) *tls.Config {
	return &tls.Config{
		MinVersion:         tls.VersionTLS13,
		InsecureSkipVerify: true, // the roots of the system say nothing about a hall; the fingerprint does
		VerifyConnection: func(cs tls.ConnectionState) error {
			for _, c := range cs.PeerCertificates {
				if sha256.Sum256(c.Raw) != fingerprint {
					continue
				}
				roots := x509.NewCertPool()
				roots.AddCert(c)
				_, err := cs.PeerCertificates[0].Verify(x509.VerifyOptions{Roots: roots, CurrentTime: now(), DNSName: host, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}})
				return err
			}
			return errFingerprint
		},
	}
}

// enrolled reads the hall's answer to an enrolment.
func enrolled(answer *hallapi.EnrollResponse, key *ecdsa.PrivateKey, fingerprint [sha256.Size]byte, terminal string) (papers, error) {
	p := papers{key: key, sealKeys: answer.SealKeys, licenseRoot: answer.LicenseRootPem, catalogKey: ed25519.PublicKey(answer.CatalogKey)}
	if answer.Terminal != terminal {
		return p, fmt.Errorf("the code is that of terminal %q, this is %q", answer.Terminal, terminal)
	}
	if sha256.Sum256(answer.CaDer) != fingerprint {
		return p, errFingerprint
	}
	var err error
	if p.ca, err = x509.ParseCertificate(answer.CaDer); err != nil {
		return p, err
	}
	if p.certificate, err = x509.ParseCertificate(answer.CertificateDer); err != nil {
		return p, err
	}
	return p, p.check(terminal)
}

// keepEnrolment puts it on the disk in one commit. Another hall's catalogue and notices begin anew.
func (l *Link) keepEnrolment(ctx context.Context, p papers, code, epoch string) error {
	values, err := p.keep()
	if err != nil {
		return err
	}
	values[keptCode] = sha256Of([]byte(hallapi.PlainCode(code)))
	values[keptNewKey], values[keptRevoked] = []byte{}, []byte{}
	l.keeping.Lock()
	defer l.keeping.Unlock()
	l.mu.Lock()
	otherHall := !bytes.Equal(l.papers.catalogKey, p.catalogKey)
	otherEpoch := l.hallEpoch != epoch
	l.mu.Unlock()
	if otherHall {
		values[keptDocument], values[keptSignature], values[keptFloor] = []byte{}, []byte{}, []byte("0")
	}
	if otherEpoch {
		values[keptHallEpoch], values[keptNotices] = []byte(epoch), []byte("0")
	}
	if err := l.keep(ctx, values); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.revoked = ""
	if otherHall {
		l.catalog, l.floor = nil, 0
	}
	if otherEpoch {
		l.hallEpoch, l.notices = epoch, 0
	}
	return nil
}

// renew keeps the terminal's certificate young, and makes a new one of an expired one. When the hall does
// not take the terminal any more, only another code helps.
func (l *Link) renew(ctx context.Context) {
	tries, asked := renewBackoff.of(l, "renew"), false
	var renewed time.Time
	for {
		if !l.line.awaitReached(ctx) {
			return
		}
		l.mu.Lock()
		due := dueForRenewal(l.papers.certificate, l.journal.Now())
		l.mu.Unlock()
		var err error
		if due || asked {
			err = l.renewOnce(ctx)
			if err != nil && connect.IsWireError(err) && connect.CodeOf(err) == connect.CodePermissionDenied {
				err = l.enrolAgain(ctx, err)
			}
			if ended(ctx) {
				return
			}
			if err == nil {
				renewed = time.Now()
			}
		}
		l.trouble("certificate", err)
		pause := renewEvery
		if err != nil {
			pause = tries.pause()
		} else {
			tries.reset()
		}
		asked = err != nil
		t := time.NewTimer(pause)
		select {
		case <-l.pokeRenew:
			// What was asked with the former certificate may be refused a while longer.
			asked = asked || time.Since(renewed) > deadAfter
			if err != nil { // the hall refuses in one voice; that is no reason to ask sooner
				sleep(ctx, pause, nil)
			}
		case <-t.C:
		case <-ctx.Done():
		}
		t.Stop()
	}
}

func (l *Link) renewOnce(ctx context.Context) error {
	key, err := newKey()
	if err != nil {
		return err
	}
	csr, err := request(key, l.journal.Terminal())
	if err != nil {
		return err
	}
	call, done := context.WithTimeoutCause(ctx, answerMax, errSlow)
	defer done()
	answer, err := l.client().Renew(call, &hallapi.RenewRequest{CsrDer: csr})
	l.line.noteOf(call, err, false)
	if err != nil {
		return err
	}
	l.mu.Lock()
	p := l.papers
	l.mu.Unlock()
	p.key, p.sealKeys = key, answer.SealKeys
	if p.certificate, err = x509.ParseCertificate(answer.CertificateDer); err == nil {
		err = p.check(l.journal.Terminal())
	}
	if err != nil {
		return fmt.Errorf("%w: %w", errGarbled, err)
	}
	values, err := p.keep()
	if err != nil {
		return err
	}
	if err := l.keep(ctx, values); err != nil {
		return err
	}
	l.adopt(p)
	l.log.Info("hall: certificate renewed", "until", p.certificate.NotAfter)
	return nil
}

// enrolAgain enrols anew when somebody has brought another code; otherwise refused stands.
func (l *Link) enrolAgain(ctx context.Context, refused error) error {
	code, err := l.readCode(ctx)
	if errors.Is(err, errNoCode) || errors.Is(err, errUsedCode) {
		return refused
	}
	if err != nil {
		return err
	}
	return l.enrol(ctx, code)
}
