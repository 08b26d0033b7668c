// Package biller asks a utility's books over HTTP: what an account owes, and to book a payment.
//
// Its promise is about what is certain. A look-up has an answer, or the account is unknown, or the
// biller is silent, or it talks nonsense. A booking is posted, or refused for good, or not known; what is
// not known is asked again under the same reference, and the biller books a reference once.
//
//	GET  URL/v1/accounts/ACCOUNT                       200 Account, 404
//	GET  URL/v1/codes/CODE                             200 Account, 404
//	POST URL/v1/accounts/ACCOUNT/postings              200 Posted; 404, 409 or 422 {"error"}: refused for good
//	GET  URL/v1/accounts/ACCOUNT/postings/REFERENCE    200 Posted, 404
package biller

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"
)

// answerMax bounds an answer: an account with ten years of bills has a few kilobytes.
const answerMax = 1 << 20

// idleConnections is how many lines to one biller are kept open between questions.
const idleConnections = 8

// What can come of a question.
var (
	ErrUnknown = errors.New("biller: no such account")
	ErrSilent  = errors.New("biller: no answer")
	ErrGarbled = errors.New("biller: an answer that makes no sense")
)

// Refused is a biller's definite no to a booking.
type Refused struct{ Text string }

func (r *Refused) Error() string { return "biller: refused: " + r.Text }

// Account is what a biller says of an account.
type Account struct {
	Account string `json:"account"`
	Name    string `json:"name"`
	Address string `json:"address"`
	Balance int64  `json:"balance_fen"`
	Surplus string `json:"surplus"` // what becomes of too much: balance, owed
	Part    bool   `json:"part"`    // part payments are taken
	Bills   []Bill `json:"bills"`
}

// Bill is one period of an account.
type Bill struct {
	Period string `json:"period"`
	Due    int64  `json:"due_fen"`
	Paid   int64  `json:"paid_fen"`
}

// Posting is what is to be booked, once for each reference.
type Posting struct {
	Reference string   `json:"reference"`
	Case      string   `json:"case"`
	Amount    int64    `json:"amount_fen"`
	Periods   []string `json:"periods"`
}

// Posted is a biller's word that it has booked.
type Posted struct {
	Reference string `json:"reference"`
	Amount    int64  `json:"amount_fen"`
	Duplicate bool   `json:"duplicate"`
}

// Client asks one biller. It is safe for concurrent use.
type Client struct {
	base string
	http *http.Client
}

// New makes a client for the biller at this URL. Nothing is asked yet. A nil transport is the network.
func New(base string, transport http.RoundTripper) *Client {
	if transport == nil {
		transport = network()
	}
	return &Client{strings.TrimRight(base, "/"), &http.Client{
		Transport: transport,
		// A biller that sends us elsewhere is not the one that was configured.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

func network() http.RoundTripper {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.Proxy = nil // a biller is asked directly, whatever the environment says
	t.MaxIdleConnsPerHost = idleConnections
	t.IdleConnTimeout = 30 * time.Second
	return t
}

// Look looks an account up by its number.
func (c *Client) Look(ctx context.Context, account string) (Account, error) {
	a, err := c.look(ctx, "/v1/accounts/"+url.PathEscape(account))
	if err == nil && a.Account != account {
		return Account{}, fmt.Errorf("%w: another account than the one asked for", ErrGarbled)
	}
	return a, err
}

// LookCode looks an account up by the code on the paper bill.
func (c *Client) LookCode(ctx context.Context, code string) (Account, error) {
	return c.look(ctx, "/v1/codes/"+url.PathEscape(code))
}

func (c *Client) look(ctx context.Context, path string) (Account, error) {
	status, body, err := c.do(ctx, http.MethodGet, path, nil)
	if err != nil {
		return Account{}, err
	}
	switch {
	case status == http.StatusNotFound:
		return Account{}, ErrUnknown
	case status >= 500:
		return Account{}, fmt.Errorf("%w: status %d", ErrSilent, status)
	case status != http.StatusOK:
		return Account{}, fmt.Errorf("%w: status %d", ErrGarbled, status)
	}
	var a Account
	if err := json.Unmarshal(body, &a); err != nil {
		return Account{}, ErrGarbled
	}
	return a, a.check()
}

var period = regexp.MustCompile(`^[0-9]{4}-[0-9]{2}$`)

// check believes no account that would lead to a wrong sum.
func (a *Account) check() error {
	if a.Account == "" || a.Name == "" || (a.Surplus != "balance" && a.Surplus != "owed") {
		return fmt.Errorf("%w: account, name or change rule is missing", ErrGarbled)
	}
	seen := map[string]bool{}
	for _, b := range a.Bills {
		if !period.MatchString(b.Period) || seen[b.Period] || b.Due <= 0 || b.Paid < 0 || b.Paid > b.Due || b.Due > dueMax {
			return fmt.Errorf("%w: bill %q over %d, %d paid", ErrGarbled, b.Period, b.Due, b.Paid)
		}
		seen[b.Period] = true
	}
	return nil
}

// dueMax is the largest bill that is believed: a hundred million yuan.
const dueMax = 10_000_000_000

// Post asks to book a payment. The error is a Refused for a definite no; after every other error the
// booking may have happened.
func (c *Client) Post(ctx context.Context, account string, p Posting) (Posted, error) {
	body, err := json.Marshal(p)
	if err != nil {
		return Posted{}, err
	}
	status, answer, err := c.do(ctx, http.MethodPost, "/v1/accounts/"+url.PathEscape(account)+"/postings", body)
	if err != nil {
		return Posted{}, err
	}
	if status == http.StatusConflict || status == http.StatusUnprocessableEntity || status == http.StatusNotFound {
		var e struct {
			Error string `json:"error"`
		}
		if json.Unmarshal(answer, &e) != nil || e.Error == "" {
			return Posted{}, fmt.Errorf("%w: status %d without a reason", ErrGarbled, status)
		}
		return Posted{}, &Refused{e.Error}
	}
	return posted(status, answer, p)
}

// Ask asks whether a payment was booked. ErrUnknown is a definite no, so far.
func (c *Client) Ask(ctx context.Context, account string, p Posting) (Posted, error) {
	status, answer, err := c.do(ctx, http.MethodGet, "/v1/accounts/"+url.PathEscape(account)+"/postings/"+url.PathEscape(p.Reference), nil)
	if err != nil {
		return Posted{}, err
	}
	if status == http.StatusNotFound {
		return Posted{}, ErrUnknown
	}
	return posted(status, answer, p)
}

// Booked asks what stands in the biller's books under a reference, whatever the hall believes. ErrUnknown says that nothing does.
func (c *Client) Booked(ctx context.Context, account, reference string) (int64, error) {
	status, answer, err := c.do(ctx, http.MethodGet, "/v1/accounts/"+url.PathEscape(account)+"/postings/"+url.PathEscape(reference), nil)
	switch {
	case err != nil:
		return 0, err
	case status == http.StatusNotFound:
		return 0, ErrUnknown
	case status != http.StatusOK:
		return 0, fmt.Errorf("%w: status %d", ErrSilent, status)
	}
	var out Posted
	if json.Unmarshal(answer, &out) != nil || out.Reference != reference {
		return 0, fmt.Errorf("%w: about another payment", ErrGarbled)
	}
	return out.Amount, nil
}

// posted believes an answer only when it is about this payment.
func posted(status int, answer []byte, p Posting) (Posted, error) {
	if status != http.StatusOK {
		return Posted{}, fmt.Errorf("%w: status %d", ErrSilent, status)
	}
	var out Posted
	if json.Unmarshal(answer, &out) != nil || out.Reference != p.Reference || out.Amount != p.Amount {
		return Posted{}, fmt.Errorf("%w: about another payment", ErrGarbled)
	}
	return out, nil
}

func (c *Client) do(ctx context.Context, method, path string, body []byte) (int, []byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, bytes.NewReader(body))
	if err != nil {
		return 0, nil, fmt.Errorf("biller: %w", err)
	}
	req.Header.Set("Accept", "application/json")
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	answer, err := c.http.Do(req)
	if err != nil {
		return 0, nil, fmt.Errorf("%w: %w", ErrSilent, withoutURL(err))
	}
	raw, err := io.ReadAll(io.LimitReader(answer.Body, answerMax+1))
	if err = errors.Join(err, answer.Body.Close()); err != nil {
		return 0, nil, fmt.Errorf("%w: %w", ErrSilent, err)
	}
	if len(raw) > answerMax {
		return 0, nil, fmt.Errorf("%w: more than %d bytes", ErrGarbled, answerMax)
	}
	return answer.StatusCode, raw, nil
}

// withoutURL keeps account numbers, which stand in the address, out of logs.
func withoutURL(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}
