package halltest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"yichuang/kiosk/catalog"
)

// Biller is a small water company: enough to be asked, and to misbehave.
type Biller struct {
	URL string

	mu       sync.Mutex // guards all below
	accounts map[string]*Account
	postings map[string]Posting // by reference
	calls    map[string]int
	before   func(*http.Request) bool
	after    func(*http.Request)
}

// Account is an account of the company as it is told to the hall.
type Account struct {
	Account string `json:"account"`
	Name    string `json:"name"`
	Address string `json:"address"`
	Balance int64  `json:"balance_fen"`
	Surplus string `json:"surplus"`
	Part    bool   `json:"part"`
	Bills   []Bill `json:"bills"`
}

// Bill is one period of an account.
type Bill struct {
	Period string `json:"period"`
	Due    int64  `json:"due_fen"`
	Paid   int64  `json:"paid_fen"`
}

// Posting is a payment that the company has booked.
type Posting struct {
	Reference string   `json:"reference"`
	Case      string   `json:"case"`
	Amount    int64    `json:"amount_fen"`
	Periods   []string `json:"periods"`
}

// NewBiller opens a company that ends with the test.
func NewBiller(t testing.TB) *Biller {
	b := &Biller{accounts: map[string]*Account{}, postings: map[string]Posting{}, calls: map[string]int{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/accounts/{account}", b.account)
	mux.HandleFunc("GET /v1/codes/{code}", b.code)
	mux.HandleFunc("POST /v1/accounts/{account}/postings", b.post)
	mux.HandleFunc("GET /v1/accounts/{account}/postings/{reference}", b.posting)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b.mu.Lock()
		b.calls[r.Method]++
		before, after := b.before, b.after
		b.mu.Unlock()
		if before != nil && before(r) {
			panic(http.ErrAbortHandler)
		}
		held := httptest.NewRecorder()
		mux.ServeHTTP(held, r)
		if after != nil {
			after(r)
		}
		w.WriteHeader(held.Code)
		_, _ = w.Write(held.Body.Bytes()) // who has hung up does not want it
	}))
	t.Cleanup(s.Close)
	b.URL = s.URL
	return b
}

// Open opens an account with these bills and gives its number.
func (b *Biller) Open(name string, bills ...Bill) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	number := fmt.Sprintf("%09d", 100000001+len(b.accounts))
	number += catalog.LuhnDigit(number)
	b.accounts[number] = &Account{Account: number, Name: name, Address: "北京市东城区安定门街道1号", Surplus: "balance", Part: true, Bills: bills}
	return number
}

// Close closes an account for payments: they are refused from then on.
func (b *Biller) Close(account string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.accounts[account].Part = false
	b.accounts[account].Surplus = "closed"
}

// Reopen lets a closed account be paid again.
func (b *Biller) Reopen(account string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.accounts[account].Part = true
	b.accounts[account].Surplus = "balance"
}

// Before is called before each request is looked at; true cuts the line. Nil again when it is over.
func (b *Biller) Before(f func(*http.Request) bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.before = f
}

// After is called after a request was carried out and before its answer goes out.
func (b *Biller) After(f func(*http.Request)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.after = f
}

// Falsify writes another amount into the company's books.
func (b *Biller) Falsify(reference string, amount int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	p := b.postings[reference]
	p.Amount = amount
	b.postings[reference] = p
}

// Postings are what is booked.
func (b *Biller) Postings() (out []Posting) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, p := range b.postings {
		out = append(out, p)
	}
	return out
}

// Calls counts the requests with a method.
func (b *Biller) Calls(method string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.calls[method]
}

func answer(w http.ResponseWriter, status int, document any) {
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(document); err != nil {
		panic(err)
	}
}

var missing = map[string]string{"error": "no such account or posting"}

func (b *Biller) account(w http.ResponseWriter, r *http.Request) { b.show(w, r.PathValue("account")) }

func (b *Biller) code(w http.ResponseWriter, r *http.Request) {
	code := r.PathValue("code")
	b.show(w, code[max(0, len(code)-10):])
}

func (b *Biller) show(w http.ResponseWriter, number string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if a := b.accounts[number]; a != nil {
		answer(w, http.StatusOK, a)
		return
	}
	answer(w, http.StatusNotFound, missing)
}

func (b *Biller) post(w http.ResponseWriter, r *http.Request) {
	var p Posting
	if err := json.NewDecoder(r.Body).Decode(&p); err != nil {
		answer(w, http.StatusBadRequest, map[string]string{"error": err.Error()})
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	a := b.accounts[r.PathValue("account")]
	old, twice := b.postings[p.Reference]
	switch {
	case a == nil || a.Surplus == "closed":
		answer(w, http.StatusConflict, map[string]string{"error": "the account is closed"})
	case twice && old.Amount != p.Amount:
		answer(w, http.StatusConflict, map[string]string{"error": "the reference stands for another amount"})
	default:
		b.postings[p.Reference] = p
		answer(w, http.StatusOK, map[string]any{"reference": p.Reference, "amount_fen": p.Amount, "duplicate": twice})
	}
}

func (b *Biller) posting(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	defer b.mu.Unlock()
	p, ok := b.postings[r.PathValue("reference")]
	if !ok {
		answer(w, http.StatusNotFound, missing)
		return
	}
	answer(w, http.StatusOK, map[string]any{"reference": p.Reference, "amount_fen": p.Amount, "duplicate": true})
}

// Swap makes the company answer about one account with what belongs to another.
func (b *Biller) Swap(account, other string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.accounts[account] = b.accounts[other]
}
