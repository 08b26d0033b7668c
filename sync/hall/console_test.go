package hall_test

import (
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"yichuang/kiosk/casefile"
	"yichuang/sync/hall"
	"yichuang/sync/hallapi"
	"yichuang/sync/halltest"
)

// get fetches a page of the console.
func get(t *testing.T, address string) (int, string) {
	t.Helper()
	r, err := http.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	r.Body.Close()
	return r.StatusCode, string(raw)
}

var tokenField = regexp.MustCompile(`name="token" value="([^"]+)"`)

func TestAPersonDecidesInTheConsole(t *testing.T) {
	h := halltest.Start(t, nil)
	term := h.Enrol("T1")
	for _, id := range []string{"c1", "c2"} {
		form := filled("餐馆<" + id + ">")
		form.Answers["trade"] = "6210"
		submit(t, term, id, form)
	}
	_, home := get(t, h.Console+"/")
	for _, want := range []string{"/case/c1", "permit_first", "T1", "cctalk", "青山区市民服务中心"} {
		if !strings.Contains(home, want) {
			t.Errorf("the first page does not show %q", want)
		}
	}
	status, page := get(t, h.Console+"/case/c1")
	for _, want := range []string{"张三丰", "110101199001010015", "餐馆&lt;c1&gt;", "北京市东城区安定路12号", "食品经营许可证", "2 笔"} {
		if status != http.StatusOK || !strings.Contains(page, want) {
			t.Errorf("the case's page (%d) does not show %q", status, want)
		}
	}
	token := tokenField.FindStringSubmatch(page)
	if token == nil {
		t.Fatal("no token in the form")
	}
	post := func(path string, form url.Values, header ...string) (int, string) {
		req, err := http.NewRequest(http.MethodPost, h.Console+path, strings.NewReader(form.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		for i := 0; i+1 < len(header); i += 2 {
			req.Header.Set(header[i], header[i+1])
		}
		r, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		raw, _ := io.ReadAll(r.Body)
		r.Body.Close()
		return r.StatusCode, string(raw)
	}
	good := url.Values{"token": {token[1]}, "do": {"approve"}, "reason": {"许可证已核对"}}
	for name, c := range map[string]struct {
		form   url.Values
		header []string
		want   int
	}{
		"no token":       {url.Values{"do": {"approve"}}, nil, http.StatusForbidden},
		"another token":  {url.Values{"token": {"x"}, "do": {"approve"}}, nil, http.StatusForbidden},
		"another site":   {good, []string{"Sec-Fetch-Site", "cross-site"}, http.StatusForbidden},
		"another origin": {good, []string{"Origin", "http://example.org"}, http.StatusForbidden},
		"something else": {url.Values{"token": {token[1]}, "do": {"burn"}}, nil, http.StatusBadRequest},
	} {
		if got, _ := post("/case/c1", c.form, c.header...); got != c.want {
			t.Errorf("%s: status %d, want %d", name, got, c.want)
		}
	}
	if c := h.Ledger().Cases[0]; c.State != "waiting" {
		t.Fatalf("it was decided all the same: %+v", c)
	}
	if got, page := post("/case/c1", good); got != http.StatusOK || !strings.Contains(page, "统一社会信用代码") {
		t.Errorf("approved: %d", got)
	}
	refuse := url.Values{"token": {token[1]}, "do": {"refuse"}, "reason": {""}}
	if got, page := post("/case/c2", refuse); got != http.StatusOK || !strings.Contains(page, "a refusal needs a reason") {
		t.Errorf("refused without a reason: %d", got)
	}
	refuse.Set("reason", "没有许可证")
	post("/case/c2", refuse)
	for _, c := range h.Ledger().Cases {
		if want := map[string]string{"c1": "approved", "c2": "refused"}[c.Case]; c.State != want || c.Channel != "person" {
			t.Errorf("%+v, want %s", c, want)
		}
	}
	if status, _ := get(t, h.Console+"/case/none"); status != http.StatusNotFound {
		t.Errorf("a case that is not there: %d", status)
	}
}

func TestPagesOfMoneyAndCases(t *testing.T) {
	h := halltest.Start(t, nil)
	term := h.Enrol("T1")
	account := h.Biller.Open("王小英", halltest.Bill{Period: "2026-10", Due: 500})
	pay(term, "c1", account, 500, 1000, 500, 0, 500)
	submit(t, term, "c2", filled("青山小店"))
	posting(t, term, "c1", "posted")
	for path, wants := range map[string][]string{
		"/payments":  {account, "10.00", "5.00", "已入账 posted", "o-c1", "待领取 open"},
		"/cases":     {"c2", "准予登记 approved", "by_rule"},
		"/style.css": {"#17395c"},
	} {
		status, page := get(t, h.Console+path)
		for _, want := range wants {
			if status != http.StatusOK || !strings.Contains(page, want) {
				t.Errorf("%s (%d) does not show %q", path, status, want)
			}
		}
	}
}

func TestAnybodyChecksALicense(t *testing.T) {
	h := halltest.Start(t, nil)
	term := h.Enrol("T1")
	submit(t, term, "c1", filled("青山小店"))
	p := permit(t, term, "c1", "original", "A1")
	if _, page := get(t, h.Console+"/verify?code="+url.QueryEscape(p.CodeText)); !strings.Contains(page, "有效") || !strings.Contains(page, "青山小店") || !strings.Contains(page, "A1") {
		t.Error("a license of this hall is not confirmed")
	}
	forged := strings.Replace(p.CodeText, "YL1.", "YL1.e", 1)
	if _, page := get(t, h.Console+"/verify?code="+url.QueryEscape(forged)); !strings.Contains(page, "不能确认") || strings.Contains(page, "青山小店") {
		t.Error("a forged license is not refused")
	}
	if _, page := get(t, h.Console+"/verify"); strings.Contains(page, "不能确认") {
		t.Error("nothing was asked, and it was refused")
	}
}

func TestTheConsoleAnswersUnderItsOwnNameOnly(t *testing.T) {
	h := halltest.Start(t, nil)
	for host, want := range map[string]int{"localhost": 200, "127.0.0.1:1": 200, "[::1]:5": 200, "example.org": 403, "example.org:80": 403, "10.0.0.1": 403} {
		req, err := http.NewRequest(http.MethodGet, h.Console+"/", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Host = host
		r, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		r.Body.Close()
		if r.StatusCode != want {
			t.Errorf("host %s: %d, want %d", host, r.StatusCode, want)
		}
	}
}

func TestNoGatewayNoOrders(t *testing.T) {
	h := halltest.Start(t, func(c *hall.Config) { c.Gateway = nil })
	if status, _ := get(t, h.Console+hall.NotifyPath); status != http.StatusNotFound {
		t.Errorf("the gateway's page without a gateway: %d", status)
	}
}

// A terminal burnt down with a sheet in it. Somebody finds the sheet, ends its permit in the console with a reason,
// and the license is printed at another terminal. Without a reason, for a sheet that is out, and a second time it is
// refused; the number of the sheet is never taken again.
func TestAPersonEndsThePermitOfALostTerminal(t *testing.T) {
	h := halltest.Start(t, nil)
	lost, other := h.Enrol("T1"), h.Enrol("T2")
	submit(t, lost, "c1", filled("青山小店"))
	p := permit(t, lost, "c1", "original", "A1")
	begin(lost, "c1", p.Permit, "original", "A1")
	lost.Push()
	_, page := get(t, h.Console+"/case/c1")
	form := regexp.MustCompile(`action="(/case/c1/permit/[^"]+)"`).FindStringSubmatch(page)
	token := tokenField.FindStringSubmatch(page)
	if form == nil || token == nil || !strings.Contains(page, "A1") {
		t.Fatalf("the page offers no way to end the permit:\n%s", page)
	}
	post := func(values url.Values) (int, string) {
		r, err := http.PostForm(h.Console+form[1], values)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Body.Close()
		raw, err := io.ReadAll(r.Body)
		if err != nil {
			t.Fatal(err)
		}
		return r.StatusCode, string(raw)
	}
	if got, _ := post(url.Values{"reason": {"found"}}); got != http.StatusForbidden {
		t.Errorf("without a token: status %d, want 403", got)
	}
	if got, page := post(url.Values{"token": {token[1]}, "reason": {" "}}); got != http.StatusOK || !strings.Contains(page, "a reason is needed") {
		t.Errorf("without a reason: status %d\n%s", got, page)
	}
	if got := permit(t, other, "c1", "original", "B1"); got.Refused != "elsewhere" {
		t.Fatalf("before: %v, want elsewhere", got)
	}
	good := url.Values{"token": {token[1]}, "reason": {"火灾，纸已找到剪角"}}
	if got, page := post(good); got != http.StatusOK || !strings.Contains(page, "火灾，纸已找到剪角") || strings.Contains(page, form[1]) {
		t.Errorf("ended: status %d\n%s", got, page)
	}
	if got, page := post(good); got != http.StatusOK || !strings.Contains(page, "not open any more") {
		t.Errorf("a second time: status %d\n%s", got, page)
	}
	if _, err := other.Client.Permit(t.Context(), &hallapi.PermitRequest{Case: "c1", Form: "original", Serial: "A1"}); err == nil {
		t.Error("the number of the void sheet was taken again")
	}
	p = permit(t, other, "c1", "original", "B1")
	begin(other, "c1", p.Permit, "original", "B1")
	end(other, casefile.LicensePrinted, "c1", p.Permit, "B1")
	permit(t, other, "c9", "original", "B9") // its answer comes when what was handed over is drawn
	if row := h.Ledger().Licenses[0]; row.LiveOriginals != 1 {
		t.Errorf("ledger %+v, want one live original", row)
	}
	h.Audit()
}

// A form that is sent twice, by a second click or since its answer was lost, pays once and says so twice; a slip that is brought again says when it was paid.
// A reason with somebody's number in it is refused.
func TestAClickTooManyPaysOnce(t *testing.T) {
	h := halltest.Start(t, nil)
	term := h.Enrol("T1")
	pay(term, "c1", "", 0, 500, 0, 0, 500)
	term.Push()
	eventually(t, "it is owed", func() bool { _, page := get(t, h.Console+"/payments"); return strings.Contains(page, "待领取 open") })
	send := func(values url.Values) string {
		t.Helper()
		r, err := http.PostForm(h.Console+"/owed/pay", values)
		if err != nil {
			t.Fatal(err)
		}
		raw, err := io.ReadAll(r.Body)
		r.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		return string(raw)
	}
	formField := regexp.MustCompile(`name="form" value="([^"]+)"`)
	form := func() url.Values {
		t.Helper()
		_, page := get(t, h.Console+"/payments")
		token, name := tokenField.FindStringSubmatch(page), formField.FindStringSubmatch(page)
		if token == nil || name == nil {
			t.Fatal("the form carries no token, or no name")
		}
		return url.Values{"token": {token[1]}, "form": {name[1]}, "code": {"CODEc1"}, "reason": {"counter 3"}}
	}
	number := form()
	number.Set("reason", "rang 13912345678")
	if page := send(number); !strings.Contains(page, "the reason has a number of a phone in it") {
		t.Error("a reason with a number of a phone is taken")
	}
	first := form()
	for range 2 {
		if page := send(first); !strings.Contains(page, "Paid out, once") || strings.Contains(page, "good only once") {
			t.Error("the form that paid does not say so")
		}
	}
	other := url.Values{"token": first["token"], "form": first["form"], "code": {"CODEc2"}, "reason": {"counter 3"}}
	if page := send(other); !strings.Contains(page, "this form has been used") || strings.Contains(page, "Paid out, once") {
		t.Error("a used form answers for another slip")
	}
	if page := send(form()); !strings.Contains(page, "good only once") {
		t.Error("the slip is paid a second time")
	}
	h.Audit()
}
