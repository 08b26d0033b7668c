package cmd

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"testing"

	"yichuang/cmd/citizen"
	"yichuang/cmd/devsim/deskclient"
	"yichuang/cmd/devsim/people"
	"yichuang/kiosk/casefile"
)

// TestDecision is about cases that the hall does not simply approve: a child is refused, with the reason;
// a trade that needs a permit waits for a person in the console, and its owner then prints the license.
func TestDecision(t *testing.T) {
	t.Parallel()
	who := people.New(seed(t))
	d := start(t, newDir(t), "")
	c := come(t, d)
	child, cook := applicant(who), applicant(who)
	child.Card.Birth = "20150101"
	child.Card.Number = people.Number("110199", child.Card.Birth, 900+who.IntN(50)*2+int(child.Card.Sex[0]-'0')%2)
	cook.Trade = "6210" // restaurants: a food permit comes first
	t.Run("under age", func(t *testing.T) {
		id := handedIn(t, c, child)
		t.Log(said(t, c, "16"))
		must(t, citizen.Until(t.Context(), balanceMax, func() error { return decided(t.Context(), d, id, "refused") }))
		home(t, c)
	})
	t.Run("torn blank", func(t *testing.T) { tornBlank(t, d) })
	t.Run("permit first", func(t *testing.T) {
		id := handedIn(t, c, cook)
		t.Log(said(t, c, "许可", "工作人员"))
		must(t, citizen.Until(t.Context(), balanceMax, func() error { return decided(t.Context(), d, id, "waiting") }))
		home(t, c)
		approve(t, d, id)
		must(t, citizen.Until(t.Context(), balanceMax, func() error { return decided(t.Context(), d, id, "approved") }))
		must(t, c.LookUp(t.Context(), cook.Card))
		if _, err := c.Next(t.Context(), "case.print", "print", "take"); err != nil {
			t.Fatal(err)
		}
		if _, err := c.At(t.Context(), "take"); err != nil {
			t.Fatal(err)
		}
		home(t, c)
	})
	balanced(t, d, doubts{byHand: 1})
	if l, err := ledgerOf(t.Context(), d); err != nil || len(l.Licenses) != 1 || l.Blanks.Issued != 2 {
		t.Errorf("one license is out; the ledger has %+v, blanks %+v (%v)", l.Licenses, l.Blanks, err)
	}
}

// tornBlank takes the next duplicate's blank out of its tray, as a technician who tore it does. What is not the next
// one, what was there before, and what has no reason is refused; the license is then printed on the one after it.
func tornBlank(t *testing.T, d *deskclient.Desk) {
	ctx := t.Context()
	w, err := d.World(ctx)
	must(t, err)
	tray := w.License.Trays[1]
	next := casefile.After(tray.Next)
	command := func(want int, args ...string) {
		t.Helper()
		if exit, err := d.Ctl(ctx, nil, append([]string{"blanks"}, args...)...); exit != want || err != nil {
			t.Errorf("blanks %v: exit %d (%v), want %d", args, exit, err, want)
		}
	}
	command(4, "void", "--tray", tray.Name, "--serial", next, "--reason", "torn")
	command(4, "void", "--tray", "tray-9", "--serial", tray.Next, "--reason", "torn")
	command(4, "void", "--tray", tray.Name, "--serial", tray.Next, "--reason", " ")
	command(0, "void", "--tray", tray.Name, "--serial", tray.Next, "--reason", "torn")
	command(4, "void", "--tray", tray.Name, "--serial", tray.Next, "--reason", "torn")
	must(t, d.LoadTray(ctx, tray.Name, tray.Media, tray.Sheets-1, next))
	command(4, "load", "--tray", tray.Name, "--first", tray.Next, "--count", "1") // it is void for ever
	command(4, "load", "--tray", tray.Name, "--first", next, "--count", "5000")   // some of them are there
	command(4, "load", "--tray", "by-pass-tray", "--first", "C00000001", "--count", "5")
	if l, err := ledgerOf(ctx, d); err != nil || l.Blanks.Void != 1 || l.Blanks.Received != l.Blanks.InTray+1 {
		t.Errorf("one blank is torn; the ledger has %+v (%v)", l.Blanks, err)
	}
}

// handedIn is somebody whose case ends with a slip. It gives the case's number.
func handedIn(t *testing.T, c *citizen.Citizen, a citizen.Applicant) string {
	t.Helper()
	must(t, c.ToReview(t.Context(), a))
	id, err := c.Case(t.Context())
	must(t, err)
	must(t, c.Desk.TakeCard(t.Context()))
	if _, err := c.Next(t.Context(), "form.next", "slip"); err != nil {
		t.Fatal(err)
	}
	return id
}

var formToken = regexp.MustCompile(`name="token" value="([^"]+)"`)

// approve is a person in the hall's console.
func approve(t *testing.T, d *deskclient.Desk, id string) {
	t.Helper()
	page := d.Hall.Console + "/case/" + id
	get, err := http.Get(page)
	must(t, err)
	defer get.Body.Close()
	text, err := io.ReadAll(get.Body)
	must(t, err)
	token := formToken.FindSubmatch(text)
	if token == nil {
		t.Fatalf("the console's page of case %s has no form: %s", id, text)
	}
	post, err := http.PostForm(page, url.Values{"token": {string(token[1])}, "do": {"approve"}, "reason": {"许可证已核验"}})
	must(t, err)
	defer post.Body.Close()
	if post.StatusCode != http.StatusOK {
		t.Fatal(fmt.Errorf("the console answers %s", post.Status))
	}
}
