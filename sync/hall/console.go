package hall

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/subtle"
	"database/sql"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"yichuang/kiosk/casefile"
	"yichuang/kiosk/license"
	"yichuang/kiosk/money"
	"yichuang/sync/hallapi"
	"yichuang/sync/hallstore"
)

//go:embed page/*
var pages embed.FS

// NotifyPath is where the payment gateway tells of payments.
const NotifyPath = "/gateway/notify"

// templates reads the pages, once.
var templates = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("").Funcs(functions).ParseFS(pages, "page/*.html"))
})

// People serves the console and the page that checks licenses. The console asks nobody who he is: it
// answers on this machine only, and a proxy that knows the staff stands before it elsewhere.
func (h *Hall) People() http.Handler {
	c := &console{Hall: h, templates: templates()}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", c.show("home.html", c.home))
	mux.HandleFunc("GET /payments", c.show("payments.html", c.payments))
	mux.HandleFunc("POST /owed/pay", c.payClaim)
	mux.HandleFunc("POST /owed/find", c.find)
	mux.HandleFunc("GET /cases", c.show("cases.html", c.cases))
	mux.HandleFunc("GET /case/{case}", c.show("case.html", c.one))
	mux.HandleFunc("POST /case/{case}", c.decide)
	mux.HandleFunc("POST /case/{case}/permit/{permit}", c.endPermit)
	mux.HandleFunc("POST /case/{case}/sheet/{serial}", c.findSheet)
	mux.HandleFunc("POST /terminal/{terminal}/release", c.release)
	mux.HandleFunc("GET /verify", c.show("verify.html", c.verify))
	mux.HandleFunc("GET /style.css", func(w http.ResponseWriter, r *http.Request) { http.ServeFileFS(w, r, pages, "page/style.css") })
	guarded := here(http.NewCrossOriginProtection().Handler(mux))
	if h.orders.machine == nil {
		return guarded
	}
	outer := http.NewServeMux()
	outer.Handle(NotifyPath, h.orders.machine.Notify())
	outer.Handle("/", guarded)
	return outer
}

// here refuses a page that some other name was made to point at this machine for.
func here(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, err := net.SplitHostPort(r.Host)
		if err != nil {
			host = r.Host
		}
		if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
			http.Error(w, "this console answers on its own machine only", http.StatusForbidden)
			return
		}
		w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'")
		w.Header().Set("Referrer-Policy", "no-referrer")
		w.Header().Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

var functions = template.FuncMap{
	"yuan":  func(fen int64) string { return money.Fen(fen).String() },
	"when":  when,
	"place": place,
	"join":  strings.Join,
	"state": state,
}

// states are what the database calls where something stands, as the hall's people say it.
var states = map[string]map[string]string{
	"case":    {"submitted": "已提交", "waiting": "待审核", "approved": "准予登记", "refused": "不予登记", "printed": "已打印"},
	"permit":  {"open": "待报告", "printed": "已打印", "spoiled": "已损坏", "doubtful": "存疑", "unused": "未使用", "void": "已作废"},
	"payment": {"taken": "已收款", "part": "部分收款", "posted": "已入账", "refused": "未入账", "owed": "应退", "refunded": "已退回"},
	"owed":    {"open": "待领取", "paid": "已付出", "doubtful": "存疑", "void": "无需领取", unseenNote: "纸币下落不明", unseenCoin: "硬币下落不明"},
}

// state is a state in both languages; one without a Chinese name stands as it is.
func state(of, name string) string {
	return strings.TrimSpace(states[of][name] + " " + strings.ReplaceAll(name, "_", " "))
}

// when is a time of the database as people here read it.
func when(stamp string) string {
	t, err := time.Parse(time.RFC3339Nano, stamp)
	if err != nil {
		return stamp
	}
	return t.In(shanghai).Format("2006-01-02 15:04:05")
}

type console struct {
	*Hall
	templates *template.Template
	paid      forms
}

// errNoPage says that there is nothing under an address.
var errNoPage = errors.New("nothing here")

// show draws a page whole before anything of it is sent.
func (c *console) show(name string, data func(*http.Request) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		d, err := data(r)
		var page bytes.Buffer
		if err == nil {
			err = c.templates.ExecuteTemplate(&page, name, d)
		}
		switch {
		case errors.Is(err, errNoPage):
			http.NotFound(w, r)
			return
		case err != nil:
			c.log.Error("console", "page", name, "cause", err)
			http.Error(w, "the page cannot be drawn now; look again in a moment", http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		if _, err := page.WriteTo(w); err != nil {
			c.log.Debug("console", "page", name, "cause", err)
		}
	}
}

// token is what a form of the console carries, so that no other page can post in its name.
func (c *console) token(ctx context.Context) (string, error) {
	return c.store.Meta(ctx, "console token", rand.Text())
}

// terminalView is one terminal as the console shows it.
type terminalView struct {
	ID, Seen, Why string
	Revoked       bool
	Health        *hallapi.Health
	Streams       []TerminalRow
}

func (c *console) home(r *http.Request) (any, error) {
	offer, err := c.offer(r.Context())
	if err != nil {
		return nil, err
	}
	var terminals []terminalView
	var waiting []waitingView
	var counts map[string]int
	token, err := c.token(r.Context())
	if err != nil {
		return nil, err
	}
	var missing []string
	err = c.store.Tx(r.Context(), func(tx *sql.Tx) (err error) {
		if missing, err = collect(r.Context(), tx, unheard+` ORDER BY terminal`, func(rows *sql.Rows) (id string, err error) { return id, rows.Scan(&id) }); err != nil {
			return err
		}
		if terminals, err = terminalViews(r.Context(), tx); err != nil {
			return err
		}
		if waiting, err = waitingViews(r.Context(), tx); err != nil {
			return err
		}
		counts, err = countsOf(r.Context(), tx)
		return err
	})
	return map[string]any{"Offer": offer, "Terminals": terminals, "Waiting": waiting, "Counts": counts,
		"Awaited": missing, "Token": token, "Problem": r.URL.Query().Get("problem")}, err
}

func terminalViews(ctx context.Context, tx *sql.Tx) ([]terminalView, error) {
	streams, err := terminalRows(ctx, tx)
	if err != nil {
		return nil, err
	}
	return collect(ctx, tx, `SELECT id, seen, revoked, why, health FROM terminals ORDER BY id`, func(rows *sql.Rows) (t terminalView, err error) {
		var health string
		if err := rows.Scan(&t.ID, &t.Seen, &t.Revoked, &t.Why, &health); err != nil {
			return t, err
		}
		for _, s := range streams {
			if s.ID == t.ID {
				t.Streams = append(t.Streams, s)
			}
		}
		t.Health = &hallapi.Health{}
		return t, json.Unmarshal([]byte(health), t.Health)
	})
}

func countsOf(ctx context.Context, tx *sql.Tx) (map[string]int, error) {
	out := map[string]int{}
	for name, query := range map[string]string{
		"to be booked": `SELECT count(*) FROM postings WHERE state = 'due'`, "refused by the biller": `SELECT count(*) FROM postings WHERE state = 'refused'`,
		"owed and open": `SELECT count(*) FROM owed WHERE state = 'open'`, "in doubt": `SELECT count(*) FROM owed WHERE state = 'doubtful'`,
		"owed or in doubt for more than 30 days": `SELECT count(*) FROM owed WHERE state IN ('open', 'doubtful', '` + unseenNote + `', '` + unseenCoin + `') AND since < '` + hallstore.Stamp(time.Now().Add(-owedAge)) + `'`,
		"records that cannot be":                 `SELECT count(*) FROM problems`, "records in quarantine": `SELECT count(*) FROM quarantine`,
		"records that wait": `SELECT count(*) FROM deferred`,
	} {
		var n int
		if err := tx.QueryRowContext(ctx, query).Scan(&n); err != nil {
			return nil, err
		}
		out[name] = n
	}
	return out, nil
}

// waitingView is an application that waits for a person.
type waitingView struct{ Case, Service, Code, Reason, Submitted string }

func waitingViews(ctx context.Context, tx *sql.Tx) ([]waitingView, error) {
	return collect(ctx, tx, `SELECT case_id, service, code, reason_zh, submitted FROM cases WHERE state = 'waiting' ORDER BY submitted`, func(rows *sql.Rows) (v waitingView, err error) {
		return v, rows.Scan(&v.Case, &v.Service, &v.Code, &v.Reason, &v.Submitted)
	})
}

func (c *console) payments(r *http.Request) (any, error) {
	var rows []PaymentRow
	var owed []OwedRow
	err := c.store.Tx(r.Context(), func(tx *sql.Tx) (err error) {
		if rows, err = paymentRows(r.Context(), tx); err != nil {
			return err
		}
		owed, err = owedRows(r.Context(), tx, "state <> 'open', since, id")
		return err
	})
	if err != nil {
		return nil, err
	}
	token, err := c.token(r.Context())
	q := r.URL.Query()
	return map[string]any{"Payments": rows, "Owed": owed, "Token": token, "Form": rand.Text(), "Problem": q.Get("problem"), "Done": q.Get("done")}, err
}

func (c *console) cases(r *http.Request) (any, error) {
	var rows []CaseRow
	err := c.store.Tx(r.Context(), func(tx *sql.Tx) (err error) {
		rows, err = caseRows(r.Context(), tx)
		return err
	})
	return rows, err
}

// caseView is one application with all that a decision needs.
type caseView struct {
	Case, Service, State, Code, Reason, Channel, Submitted, Terminal string
	Readable                                                         bool
	Form                                                             casefile.FormSecret
	Place, Trade, Permit                                             string
	Scope                                                            []string
	Facts                                                            license.Facts
	Permits                                                          []permitView
	Token, Problem                                                   string
}

type permitView struct{ ID, Form, Terminal, Serial, State, Granted, Ended, Reason, Found string }

// Live says whether a person may have to end it.
func (p permitView) Live() bool { return p.State == "open" || p.State == "doubtful" }

func (c *console) one(r *http.Request) (any, error) {
	token, err := c.token(r.Context())
	if err != nil {
		return nil, err
	}
	v := caseView{Case: r.PathValue("case"), Token: token, Problem: r.URL.Query().Get("problem")}
	var form, facts []byte
	err = c.store.Tx(r.Context(), func(tx *sql.Tx) (err error) {
		found, err := row(r.Context(), tx, `SELECT c.service, c.state, c.code, c.reason_zh, c.channel, c.submitted, c.terminal, c.form, l.facts
			FROM cases c LEFT JOIN licenses l ON l.case_id = c.case_id WHERE c.case_id = ? AND c.state <> ''`, []any{v.Case},
			&v.Service, &v.State, &v.Code, &v.Reason, &v.Channel, &v.Submitted, &v.Terminal, &form, &facts)
		if err != nil || !found {
			return errors.Join(err, missingPage(found))
		}
		v.Permits, err = collect(r.Context(), tx, `SELECT id, form, terminal, serial, state, granted, ended, reason, found FROM permits WHERE case_id = ? ORDER BY granted`, func(rows *sql.Rows) (p permitView, err error) {
			return p, rows.Scan(&p.ID, &p.Form, &p.Terminal, &p.Serial, &p.State, &p.Granted, &p.Ended, &p.Reason, &p.Found)
		}, v.Case)
		return err
	})
	if err != nil {
		return nil, err
	}
	if len(facts) > 0 {
		if err := json.Unmarshal(facts, &v.Facts); err != nil {
			return nil, fmt.Errorf("case %s: facts are damaged", v.Case)
		}
	}
	return v, c.fill(r.Context(), &v, form)
}

func missingPage(found bool) error {
	if found {
		return nil
	}
	return errNoPage
}

// fill puts the names of what was chosen beside the codes.
func (c *console) fill(ctx context.Context, v *caseView, form []byte) error {
	if len(form) == 0 {
		return nil
	}
	if err := json.Unmarshal(form, &v.Form); err != nil {
		return fmt.Errorf("case %s: the form is damaged", v.Case)
	}
	v.Readable = true
	offer, err := c.offer(ctx)
	if err != nil {
		return err
	}
	v.Place = placeName(offer, v.Form.Answers["division"])
	if trade, ok := offer.Node(tradeList, v.Form.Answers["trade"]); ok {
		v.Trade, v.Permit = trade.Name.In("zh"), trade.Permit.In("zh")
	}
	v.Scope = scopeNames(offer, v.Form.Lists["scope"])
	return nil
}

// own says whether a form was drawn by this console, and answers when it was not.
func (c *console) own(w http.ResponseWriter, r *http.Request) bool {
	token, err := c.token(r.Context())
	if err != nil {
		http.Error(w, "nothing was done; try again in a moment", http.StatusInternalServerError)
		return false
	}
	r.Body = http.MaxBytesReader(w, r.Body, formMax)
	if subtle.ConstantTimeCompare([]byte(r.PostFormValue("token")), []byte(token)) != 1 {
		http.Error(w, "the form is not from this console", http.StatusForbidden)
		return false
	}
	return true
}

// back shows the case again, with what was wrong.
func (c *console) back(w http.ResponseWriter, r *http.Request, err error) {
	c.backTo(w, r, "/case/"+template.URLQueryEscaper(r.PathValue("case")), err)
}

func (c *console) backTo(w http.ResponseWriter, r *http.Request, target string, err error) {
	if err != nil {
		target += "?problem=" + template.URLQueryEscaper(err.Error())
	}
	http.Redirect(w, r, target, http.StatusSeeOther)
}

// decide takes a person's decision.
func (c *console) decide(w http.ResponseWriter, r *http.Request) {
	if !c.own(w, r) {
		return
	}
	do, id := r.PostFormValue("do"), r.PathValue("case")
	if do != "approve" && do != "refuse" {
		http.Error(w, "approve or refuse", http.StatusBadRequest)
		return
	}
	err := c.Decide(r.Context(), id, do == "approve", strings.TrimSpace(r.PostFormValue("reason")))
	if err == nil {
		c.log.Info("a person has decided", "case", id, "decision", do)
	}
	c.back(w, r, err)
}

// endPermit takes a person's finding about a sheet.
func (c *console) endPermit(w http.ResponseWriter, r *http.Request) {
	if !c.own(w, r) {
		return
	}
	err := c.EndPermit(r.Context(), r.PathValue("permit"), r.PostFormValue("reason"))
	if err == nil {
		c.log.Info("a person has ended a permit", "case", r.PathValue("case"), "permit", r.PathValue("permit"))
	}
	c.back(w, r, err)
}

// findSheet takes a person's finding about a sheet in doubt, of which its terminal is told.
func (c *console) findSheet(w http.ResponseWriter, r *http.Request) {
	if !c.own(w, r) {
		return
	}
	serial, as := r.PathValue("serial"), r.PostFormValue("as")
	err := c.Find(r.Context(), sheetPrefix+serial, as, 0, r.PostFormValue("reason"))
	if err == nil {
		c.log.Info("a person has settled a doubt", "case", r.PathValue("case"), "sheet", serial, "as", as)
	}
	c.back(w, r, err)
}

// toPayments shows the payments again, with what was done or what was wrong.
func (c *console) toPayments(w http.ResponseWriter, r *http.Request, done string, err error) {
	target := "/payments?done=" + template.URLQueryEscaper(done)
	if err != nil {
		target = "/payments?problem=" + template.URLQueryEscaper(err.Error())
	}
	http.Redirect(w, r, target, http.StatusSeeOther)
}

// payClaim pays a slip out at this counter. The sentence has its time, so that a page which is loaded once more does not look like another payment.
func (c *console) payClaim(w http.ResponseWriter, r *http.Request) {
	if !c.own(w, r) {
		return
	}
	done, err := c.paid.once(r.Context(), r.PostFormValue("form"), r.PostFormValue("code"), func() (string, error) {
		paid, err := c.PayClaim(r.Context(), r.PostFormValue("code"), r.PostFormValue("reason"))
		if err != nil {
			return "", err
		}
		c.log.Info("a person has paid out a slip", "case", paid.Case, "owed", paid.ID, "amount_fen", paid.Amount)
		return fmt.Sprintf("%s：%s 已付 %s 元，请交给领款人。Paid out, once: hand it over.", time.Now().Format(time.TimeOnly), paid.Case, money.Fen(paid.Amount)), nil
	})
	c.toPayments(w, r, done, err)
}

// find takes a person's finding about a note or pieces in doubt.
func (c *console) find(w http.ResponseWriter, r *http.Request) {
	if !c.own(w, r) {
		return
	}
	owed, as := r.PostFormValue("owed"), r.PostFormValue("as")
	face, err := money.Fen(0), error(nil)
	if text := r.PostFormValue("face"); text != "" && as == "stacked" {
		face, err = money.Parse(text)
	}
	if err == nil {
		err = c.Find(r.Context(), owed, as, face, r.PostFormValue("reason"))
	}
	if err == nil {
		c.log.Info("a person has settled a doubt", "owed", owed, "as", as)
	}
	c.toPayments(w, r, owed+" 已通知终端。Its terminal is told.", err)
}

// release takes a person's word that a restored hall need not wait for a terminal.
func (c *console) release(w http.ResponseWriter, r *http.Request) {
	if !c.own(w, r) {
		return
	}
	err := c.Release(r.Context(), r.PathValue("terminal"), r.PostFormValue("reason"))
	if err == nil {
		c.log.Warn("a person has released a terminal that the restored hall waited for", "terminal", r.PathValue("terminal"))
	}
	c.backTo(w, r, "/", err)
}

// verify checks the text of a license's code. It is for everybody: it says what stands on the paper anyway.
func (c *console) verify(r *http.Request) (any, error) {
	code := r.URL.Query().Get("code")
	facts, proof, err := license.Verify(c.LicenseRoot(), code)
	reason := ""
	if err != nil {
		reason, facts = err.Error(), license.Facts{}
	}
	return map[string]any{"Asked": code != "", "Valid": code != "" && err == nil, "Reason": reason, "Facts": facts, "Proof": proof}, nil
}
