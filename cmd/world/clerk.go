package world

import (
	"fmt"
	"html"
	"io"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"yichuang/kiosk/casefile"
	"yichuang/kiosk/payment"
)

// What people at the hall do, in the pages of its console.

// shown is what the console shows under a path.
func (w *World) shown(path string) (string, error) {
	answer, err := w.atConsole(http.MethodGet, path, nil)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s: %s", path, answer.Status, text)
	}
	return string(text), err
}

func (w *World) atConsole(method, path string, form url.Values) (*http.Response, error) {
	ask, err := http.NewRequest(method, "http://localhost"+path, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	ask.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return visitor(w.Net, consoleDoor).Do(ask)
}

var (
	formToken = regexp.MustCompile(`name="token" value="([^"]+)"`)
	cells     = regexp.MustCompile(`(?s)<td[^>]*>(.*?)</td>`)
	tags      = regexp.MustCompile(`(?s)<form.*?</form>|<[^>]*>`)
)

// submit fills a form in that stands on a page, and gives what the console finds wrong with it.
func (c *Citizen) submit(page, action string, form url.Values) (problem string) {
	if c.Err != nil {
		return ""
	}
	text, err := c.shown(page)
	token := formToken.FindStringSubmatch(text)
	if err == nil && (token == nil || !strings.Contains(text, `action="`+action+`"`)) {
		err = fmt.Errorf("%s has no form for %s: %q", page, action, rows(text))
	}
	if err != nil {
		c.Fail(err)
		return ""
	}
	form.Set("token", token[1])
	return c.post(action, form)
}

// post sends a form that has the console's token, and gives what the console finds wrong with it.
func (c *Citizen) post(action string, form url.Values) (problem string) {
	if c.Err != nil {
		return ""
	}
	answer, err := c.atConsole(http.MethodPost, action, form)
	if err != nil {
		c.Fail(err)
		return ""
	}
	defer answer.Body.Close()
	to, err := answer.Location()
	if err != nil {
		err = fmt.Errorf("%s: %s", action, answer.Status)
	}
	if c.Fail(err); c.Err != nil {
		return ""
	}
	return to.Query().Get("problem")
}

// mistake is what a person fills in wrongly, and what the console says to it.
type mistake struct{ field, value, why string }

// mistaken has a person make some mistakes in a form that is right but for them. Each is refused, and nothing is done.
func (c *Citizen) mistaken(page, action string, right url.Values, mistakes ...mistake) {
	for _, m := range mistakes {
		wrong := maps.Clone(right)
		wrong.Set(m.field, m.value)
		if problem := c.submit(page, action, wrong); c.Err == nil && !strings.Contains(problem, m.why) {
			c.Fail(fmt.Errorf("%s with the %s %q: the hall says %q, not that %s", action, m.field, m.value, problem, m.why))
		}
	}
}

// settleAtHall has a person at the hall say what was found, and waits until the terminal has written it down.
func (c *Citizen) settleAtHall(name, caseID, as, face, reason string, ended func() bool) {
	page, action, form := "/payments", "/owed/find", url.Values{"owed": {name}, "as": {as}, "face": {face}, "reason": {reason}}
	mistakes := []mistake{{"reason", " ", "a reason is needed"}, {"owed", name + "0", "nothing of this number"}, {"as", "printed", "settled as"}}
	if serial, sheet := strings.CutPrefix(name, "sheet-"); sheet {
		page, action, form = "/case/"+caseID, "/case/"+caseID+"/sheet/"+serial, url.Values{"as": {as}, "reason": {reason}}
		mistakes = []mistake{{"reason", " ", "a reason is needed"}, {"as", "stacked", "a sheet is settled as"}}
	} else if as == "stacked" {
		mistakes = append(mistakes, mistake{"face", "7.00", map[bool]string{true: "its face is known", false: "nobody saw it"}[face == ""]})
	}
	c.mistaken(page, action, form, mistakes...)
	if problem := c.submit(page, action, form); problem != "" {
		c.Fail(fmt.Errorf("the hall will not hear that %s was %s: %s", name, as, problem))
	}
	// Who has not seen the answer says the same again; and somebody else says something else.
	const over = "nothing of this number is doubtful any more"
	if problem := c.post(action, form); problem != "" && problem != over {
		c.Fail(fmt.Errorf("that %s was %s is said once more: %s", name, as, problem))
	}
	form.Set("reason", "somebody else has looked")
	if problem := c.post(action, form); c.Err == nil && problem != over && !strings.Contains(problem, "was told before") {
		c.Fail(fmt.Errorf("of %s two things were found: %q", name, problem))
	}
	c.Until("the terminal has heard what was found of "+name, ended)
}

// payAtHall has a slip paid out at the hall, once; the terminal whose debt it was hears of it.
func (c *Citizen) payAtHall(code string) {
	form := url.Values{"code": {code}, "reason": {"paid out at the counter"}}
	c.mistaken("/payments", "/owed/pay", form, mistake{"reason", "", "a reason is needed"}, mistake{"code", payment.NewClaimCode(), "there is no such code"})
	if problem := c.submit("/payments", "/owed/pay", form); problem != "" {
		c.Fail(fmt.Errorf("the hall does not pay the slip out: %s", problem))
	}
	if problem := c.submit("/payments", "/owed/pay", form); c.Err == nil && !strings.Contains(problem, "good only once") {
		c.Fail(fmt.Errorf("the slip was presented at the hall once more: %q", problem))
	}
	c.Until("the terminal has heard that the slip was paid", func() (heard bool) {
		c.Journal.Book(func(b *casefile.Book) {
			for _, o := range b.Owed {
				heard = heard || o.Paid && o.Where == casefile.AtHall && casefile.ClaimHash(o.ID, code) == o.Claim
			}
		})
		return heard
	})
}

// judge has a person at the hall decide on the case that waits. A refusal needs a reason.
func (c *Citizen) judge(approve bool) {
	caseID, want := "", map[bool]string{true: "approved", false: "refused"}[approve]
	c.Journal.Book(func(b *casefile.Book) {
		for _, one := range b.Cases {
			if one.Submitted {
				caseID = one.ID
			}
		}
	})
	page := "/case/" + caseID
	c.Until("the case waits for a person", func() bool {
		text, err := c.shown("/")
		return err == nil && strings.Contains(text, `href="`+page+`"`)
	})
	c.mistaken(page, page, url.Values{"do": {"refuse"}}, mistake{"reason", " ", "a refusal needs a reason"})
	form := url.Values{"do": {strings.TrimSuffix(want, "d")}, "reason": {"许可证已核验"}}
	if problem := c.submit(page, page, form); problem != "" {
		c.Fail(fmt.Errorf("case %s: %s", caseID, problem))
	}
	if problem := c.post(page, form); c.Err == nil && !strings.Contains(problem, "does not wait for a decision") {
		c.Fail(fmt.Errorf("case %s is decided twice: %q", caseID, problem))
	}
	c.notTheirs(page, form)
	if text, err := c.shown("/cases"); c.Err == nil {
		if line := rows(text)[caseID]; err != nil || len(line) < 3 || !strings.HasSuffix(line[2], want) {
			c.Fail(fmt.Errorf("case %s was decided, and the hall shows %q (%v)", caseID, line, err))
		}
	}
}

// notTheirs has somebody send a form that no page of the console has drawn, or that no page can have been filled in to.
func (c *Citizen) notTheirs(action string, form url.Values) {
	for _, m := range []struct {
		field, value string
		status       int
	}{{"do", "perhaps", http.StatusBadRequest}, {"token", "a guess", http.StatusForbidden}} {
		form.Set(m.field, m.value)
		answer, err := c.atConsole(http.MethodPost, action, form)
		if err == nil {
			answer.Body.Close()
			if answer.StatusCode != m.status {
				err = fmt.Errorf("%s with the %s %q: %s, want %d", action, m.field, m.value, answer.Status, m.status)
			}
		}
		if err != nil {
			c.Fail(err)
		}
	}
}

// rows are the rows of a page's tables by what their first cell begins with; of each row the cells' words.
func rows(page string) map[string][]string {
	out := map[string][]string{}
	for _, row := range strings.Split(page, "<tr>") {
		var words []string
		for _, cell := range cells.FindAllStringSubmatch(row, -1) {
			words = append(words, strings.Join(strings.Fields(html.UnescapeString(tags.ReplaceAllString(cell[1], " "))), " "))
		}
		if len(words) > 0 && words[0] != "" {
			out[strings.Fields(words[0])[0]] = words
		}
	}
	return out
}

// laterStates are what the hall may say of a case of which its terminal has heard one thing: what a person decides it hears when somebody asks.
var laterStates = map[string][]string{"approved": {"approved", "printed"}, "waiting": {"waiting", "approved", "refused", "printed"}, "refused": {"refused"}}

// CheckPages compares what people at the hall are shown with the terminal's journal, at rest.
func (w *World) CheckPages(checked map[string]int64) []Violation {
	f := &found{checked: checked}
	var owed []casefile.Owed
	var cases []casefile.Case
	w.Journal.Book(func(b *casefile.Book) {
		for _, o := range b.Owed {
			owed = append(owed, *o)
		}
		for _, c := range b.Cases {
			cases = append(cases, *c)
		}
	})
	pages := map[string]string{}
	for _, path := range []string{"/", "/payments", "/cases"} {
		text, err := w.shown(path)
		f.want("console.draws", err == nil, "%v", err)
		pages[path] = text
	}
	payments, applications := rows(pages["/payments"]), rows(pages["/cases"])
	open := 0
	for _, o := range owed {
		if w.owedAgrees(f, o, payments[o.ID]) {
			open++
		}
	}
	for _, c := range cases {
		if c.Settled && c.Bill > 0 {
			posted, line := c.Bill.Add(c.Surplus), payments[c.ID]
			f.want("console.payments", len(line) > 7 && line[4] == posted.String() && strings.Contains(line[7], "posted"), "%s of case %s is booked, and people at the hall read %q", posted, c.ID, line)
		}
		if c.Submitted && c.State != "" {
			w.caseAgrees(f, c, applications[c.ID])
		}
	}
	for name, n := range map[string]int{"to be booked": 0, "owed and open": open, "records that cannot be": 0, "records that wait": 0, "owed or in doubt for more than 30 days": 0} {
		f.want("console.counts", strings.Contains(pages["/"], fmt.Sprintf(">%s: %d<", name, n)), "people at the hall do not read that %d are %s", n, name)
	}
	f.want("console.terminals", w.Land.Older || strings.Contains(pages["/"], fmt.Sprintf("收到 %d，处理 %[1]d", w.head())), "the terminal has %d records, and people at the hall do not read so", w.head())
	return f.bad
}

// owedAgrees looks at the line of a debt, and says whether it is open.
func (w *World) owedAgrees(f *found, o casefile.Owed, line []string) (open bool) {
	amount, states := o.Amount.String(), []string{"open"}
	switch {
	case !o.Paid && len(line) > 5 && strings.HasPrefix(line[5], w.Journal.Terminal()):
		states = []string{"paid"} // its own word of that was lost with the power, and the code is good here still
	case !o.Paid:
		open = true
	case o.Amount == 0:
		states = []string{"paid", "void"} // all of it came out as change
	default:
		states = []string{"paid"}
	}
	is := len(line) > 5 && line[1] == o.Case && line[2] == amount && slices.ContainsFunc(states, func(state string) bool { return strings.Contains(line[4], " "+state) })
	f.want("console.owed", is, "%s of %s for %s is %v, and people at the hall read %q", o.ID, amount, o.Case, states, line)
	return open
}

// caseAgrees looks at the line of an application, and at its page.
func (w *World) caseAgrees(f *found, c casefile.Case, line []string) {
	is := len(line) > 2 && slices.ContainsFunc(laterStates[c.State], func(state string) bool { return strings.HasSuffix(line[2], state) })
	f.want("console.cases", is, "case %s is %s, and people at the hall read %q", c.ID, c.State, line)
	one, err := w.shown("/case/" + c.ID)
	f.want("console.case", err == nil && (c.License == "" || strings.Contains(one, c.License)), "case %s is %s with the number %q, and people at the hall do not read so (%v)", c.ID, c.State, c.License, err)
}
