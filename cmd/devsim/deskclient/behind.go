package deskclient

import (
	"context"
	"net/http"
	"net/url"
)

// Bill is what the water company asks for one period.
type Bill struct {
	Period string `json:"period"`
	Due    int64  `json:"due_fen"`
	Paid   int64  `json:"paid_fen,omitempty"`
}

// NewAccount is an account to be made.
type NewAccount struct {
	Name    string `json:"name"`
	Address string `json:"address"`
	Bills   []Bill `json:"bills"`
	Surplus string `json:"surplus,omitempty"` // balance or owed
	Part    *bool  `json:"part,omitempty"`    // nil: part payments are taken
}

// Made is an account that was made.
type Made struct {
	Account  string `json:"account"`
	BillCode string `json:"bill_code"` // the text of the code on the paper bill
}

// Account is an account in the company's books.
type Account struct {
	Balance  int64  `json:"balance_fen"`
	Bills    []Bill `json:"bills"`
	Postings []struct {
		Reference string `json:"reference"`
		Case      string `json:"case"`
		Amount    int64  `json:"amount_fen"`
		Time      string `json:"time"`
	} `json:"postings"`
}

// MakeAccount opens an account at the water company.
func (d *Desk) MakeAccount(ctx context.Context, a NewAccount) (m Made, err error) {
	err = d.Call(ctx, http.MethodPost, d.Biller.URL+"/desk/accounts", a, &m)
	return m, err
}

// Account reads the company's books.
func (d *Desk) Account(ctx context.Context, number string) (a Account, err error) {
	err = d.Call(ctx, http.MethodGet, d.Biller.URL+"/desk/accounts/"+url.PathEscape(number), nil, &a)
	return a, err
}

// Falsify writes another amount into the company's books.
func (d *Desk) Falsify(ctx context.Context, account, reference string, fen int64) error {
	return d.Call(ctx, http.MethodPut, d.Biller.URL+"/desk/accounts/"+url.PathEscape(account)+"/postings/"+url.PathEscape(reference),
		map[string]int64{"amount_fen": fen}, nil)
}

// ArmBiller lets a fault befall the company's next calls.
func (d *Desk) ArmBiller(ctx context.Context, shape string, count int) error {
	return d.Call(ctx, http.MethodPut, d.Biller.URL+"/desk/faults", map[string]any{"shape": shape, "count": count}, nil)
}

// ArmGateway lets a fault befall the gateway's next calls.
func (d *Desk) ArmGateway(ctx context.Context, shape string, count int) error {
	return d.Call(ctx, http.MethodPut, d.Gateway.URL+"/desk/faults", map[string]any{"shape": shape, "count": count}, nil)
}

// Code asks the gateway for a payment code on a phone, and says what its owner will do.
func (d *Desk) Code(ctx context.Context, outcome string, afterMS int) (code string, err error) {
	var out struct {
		Code string `json:"auth_code"`
	}
	err = d.Call(ctx, http.MethodPost, d.Gateway.URL+"/desk/codes", map[string]any{"outcome": outcome, "after_ms": afterMS}, &out)
	return out.Code, err
}

// PhoneScan is a phone that scans the code on the screen.
func (d *Desk) PhoneScan(ctx context.Context, codeURL, outcome string, afterMS int) error {
	return d.Call(ctx, http.MethodPost, d.Gateway.URL+"/desk/scan",
		map[string]any{"code_url": codeURL, "outcome": outcome, "after_ms": afterMS}, nil)
}

// Order is an order at the gateway.
type Order struct {
	OutTradeNo string         `json:"out_trade_no"`
	Case       string         `json:"case"`
	CodeURL    string         `json:"code_url"`
	Amount     int64          `json:"amount_fen"`
	State      string         `json:"state"`
	Paid       int64          `json:"paid_fen"`
	Calls      map[string]int `json:"calls"`
	Log        []struct {
		Time   string `json:"time"`
		Call   string `json:"call"`
		Answer string `json:"answer"`
	} `json:"log"`
	Refunds []struct {
		OutRefundNo string `json:"out_refund_no"`
		Amount      int64  `json:"amount_fen"`
		Status      string `json:"status"`
	} `json:"refunds"`
}

// Orders are all orders at the gateway.
func (d *Desk) Orders(ctx context.Context) (o []Order, err error) {
	err = d.Call(ctx, http.MethodGet, d.Gateway.URL+"/desk/orders", nil, &o)
	return o, err
}
