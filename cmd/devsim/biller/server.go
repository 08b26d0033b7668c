package biller

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"regexp"
	"strings"
	"time"

	"yichuang/cmd/devsim/answer"
)

const (
	// slowness is longer than a person likes and shorter than a careful caller's limit.
	slowness = 4 * time.Second
	// silenceMax bounds an answer that never comes: no caller waits that long.
	silenceMax = 2 * time.Minute
	// stopGrace is how long answers under way may take at the end.
	stopGrace = time.Second
	// fenMax bounds an amount: a hundred million yuan.
	fenMax   = 10_000_000_000
	billsMax = 120 // ten years of months
	textMax  = 200
)

// server answers for the books.
type server struct {
	books  *Books
	faults *faults
}

// Run serves the books in dir at the address listen until ctx ends. ready hears the address.
func Run(ctx context.Context, dir, listen string, ready func(url string)) error {
	books, err := Open(ctx, dir)
	if err != nil {
		return fmt.Errorf("biller: %w", err)
	}
	listener, err := net.Listen("tcp", listen)
	if err != nil {
		return errors.Join(fmt.Errorf("biller: %w", err), books.Close())
	}
	s := answer.Server(Handler(books))
	stopped := make(chan struct{})
	defer context.AfterFunc(ctx, func() {
		defer close(stopped)
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopGrace)
		defer cancel()
		if s.Shutdown(grace) != nil {
			s.Close()
		}
	})()
	ready("http://" + listener.Addr().String())
	if err = s.Serve(listener); errors.Is(err, http.ErrServerClosed) {
		<-stopped
		err = nil
	}
	return errors.Join(err, books.Close())
}

// Handler is the company's door: /v1 for the hall, /desk for a hand at the desk.
func Handler(books *Books) http.Handler {
	s := &server{books: books, faults: newFaults()}
	mux := http.NewServeMux()
	mux.Handle("/", answer.Handler(answer.Others))
	mux.Handle("POST /desk/accounts", answer.Handler(s.make))
	mux.Handle("GET /desk/accounts/{account}", answer.Handler(s.show))
	mux.Handle("PUT /desk/accounts/{account}/postings/{reference}", answer.Handler(s.falsify))
	mux.Handle("GET /desk/faults", answer.Handler(func(*http.Request) (any, error) { return s.faults.list(), nil }))
	mux.Handle("PUT /desk/faults", answer.Handler(s.arm))
	mux.Handle("GET /v1/accounts/{account}", s.faulty(false, answer.PlainHandler(s.account)))
	mux.Handle("GET /v1/codes/{code}", s.faulty(false, answer.PlainHandler(s.code)))
	mux.Handle("POST /v1/accounts/{account}/postings", s.faulty(true, answer.PlainHandler(s.post)))
	mux.Handle("GET /v1/accounts/{account}/postings/{reference}", s.faulty(false, answer.PlainHandler(s.posting)))
	return mux
}

var periodForm = regexp.MustCompile(`^[0-9]{4}-(0[1-9]|1[0-2])$`)

// make opens an account for a hand at the desk.
func (s *server) make(r *http.Request) (any, error) {
	var in struct {
		Name    string `json:"name"`
		Address string `json:"address"`
		Bills   []struct {
			Period string `json:"period"`
			Due    int64  `json:"due_fen"`
		} `json:"bills"`
		Surplus string `json:"surplus"`
		Part    *bool  `json:"part"`
	}
	if err := answer.Read(r, &in); err != nil {
		return nil, err
	}
	a := Account{Name: in.Name, Address: in.Address, Surplus: in.Surplus, Part: in.Part == nil || *in.Part}
	if a.Surplus == "" {
		a.Surplus = "balance"
	}
	switch {
	case strings.TrimSpace(a.Name) == "" || len([]rune(a.Name)) > textMax || len([]rune(a.Address)) > textMax:
		return nil, answer.Bad("name and address: a name of 1 to %d characters is wanted, and an address of at most as many", textMax)
	case a.Surplus != "balance" && a.Surplus != "owed":
		return nil, answer.Bad("surplus %q: balance or owed", a.Surplus)
	case len(in.Bills) > billsMax:
		return nil, answer.Bad("bills: %d are more than %d", len(in.Bills), billsMax)
	}
	seen := map[string]bool{}
	for _, bill := range in.Bills {
		if !periodForm.MatchString(bill.Period) || seen[bill.Period] || bill.Due <= 0 || bill.Due > fenMax {
			return nil, answer.Bad("bill %+v: a period such as 2026-10, each once, and due_fen from 1 to %d", bill, int64(fenMax))
		}
		seen[bill.Period] = true
		a.Bills = append(a.Bills, Bill{Period: bill.Period, Due: bill.Due})
	}
	number, err := s.books.Make(r.Context(), a)
	if err != nil {
		return nil, err
	}
	return answer.Created{Document: map[string]string{"account": number, "bill_code": CodePrefix + number}}, nil
}

// show is the account as the company sees it, with its postings.
func (s *server) show(r *http.Request) (any, error) {
	number := r.PathValue("account")
	a, err := s.books.Account(r.Context(), number)
	if err != nil {
		return nil, none(err, "account "+number)
	}
	postings, err := s.books.Postings(r.Context(), number)
	return map[string]any{"account": a.Account, "name": a.Name, "address": a.Address, "surplus": a.Surplus, "part": a.Part,
		"balance_fen": a.Balance, "bills": a.Bills, "postings": postings}, err
}

func (s *server) falsify(r *http.Request) (any, error) {
	var in struct {
		Amount *int64 `json:"amount_fen"`
	}
	if err := answer.Read(r, &in); err != nil {
		return nil, err
	}
	if in.Amount == nil || *in.Amount < 0 || *in.Amount > fenMax {
		return nil, answer.Bad("amount_fen: 0 to %d", int64(fenMax))
	}
	number, reference := r.PathValue("account"), r.PathValue("reference")
	if err := s.books.Falsify(r.Context(), number, reference, *in.Amount); err != nil {
		return nil, none(err, "posting "+reference+" of account "+number)
	}
	return map[string]any{"reference": reference, "amount_fen": *in.Amount}, nil
}

// account answers the hall.
func (s *server) account(r *http.Request) (any, error) {
	number := r.PathValue("account")
	if !Valid(number) {
		return nil, answer.None("account %s: no account has this number; an account has %d digits, the last of them a check digit", number, digits)
	}
	a, err := s.books.Account(r.Context(), number)
	if err != nil {
		return nil, none(err, "account "+number)
	}
	return a, nil
}

// code answers the hall that read the code on a paper bill.
func (s *server) code(r *http.Request) (any, error) {
	number, ok := strings.CutPrefix(r.PathValue("code"), CodePrefix)
	if !ok {
		return nil, answer.None("code: it is not one of this company's bills")
	}
	a, err := s.books.Account(r.Context(), number)
	if err != nil {
		return nil, none(err, "account "+number)
	}
	return a, nil
}

func (s *server) post(r *http.Request) (any, error) {
	var p Payment
	if err := answer.Read(r, &p); err != nil {
		return nil, err
	}
	number := r.PathValue("account")
	if p.Reference == "" || len(p.Reference) > textMax || p.Case == "" || len(p.Case) > textMax || p.Amount <= 0 || p.Amount > fenMax {
		return nil, answer.Bad("posting: reference, case and an amount_fen from 1 to %d are wanted", int64(fenMax))
	}
	if s.faults.take("refuse_post") {
		return nil, &answer.Refusal{Status: http.StatusUnprocessableEntity, Kind: "refused", Text: "account " + number + ": payments are not taken now"}
	}
	duplicate, err := s.books.Post(r.Context(), number, p)
	var no *Refusal
	switch {
	case errors.As(err, &no) && no.Kind == "reference_used":
		return nil, &answer.Refusal{Status: http.StatusConflict, Kind: no.Kind, Text: no.Text}
	case errors.As(err, &no):
		return nil, &answer.Refusal{Status: http.StatusUnprocessableEntity, Kind: no.Kind, Text: no.Text}
	case err != nil:
		return nil, none(err, "account "+number)
	}
	if s.faults.take("posted_but_timeout") {
		return nil, silence(r.Context())
	}
	return map[string]any{"reference": p.Reference, "amount_fen": p.Amount, "duplicate": duplicate}, nil
}

func (s *server) posting(r *http.Request) (any, error) {
	number, reference := r.PathValue("account"), r.PathValue("reference")
	p, err := s.books.Posting(r.Context(), number, reference)
	if err != nil {
		return nil, none(err, "posting "+reference+" of account "+number)
	}
	return p, nil
}

// none turns ErrNone into an answer.
func none(err error, what string) error {
	if errors.Is(err, ErrNone) {
		return answer.None("%s: there is none", what)
	}
	return err
}
