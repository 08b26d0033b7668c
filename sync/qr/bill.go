package qr

import (
	"bytes"
	"context"
	"crypto/sha1" // the manual's: it finds a broken download
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-pay/gopay"
	wechat "github.com/go-pay/gopay/wechat/v3"

	"yichuang/kiosk/money"
)

// The gateway's bill of a day: what it says that was paid and given back, independent of every single answer before. It is a table
// of text (document 4012791893, "apply for a trade bill"): a line of names, one for each payment and refund whose values begin with a grave accent, then
// the names of the sums and the sums. It is fetched in two steps, and only the first is signed; it tells the sum of the second.

// ErrNoBill says that the gateway has not made the bill of a day yet, or cannot be asked for it.
var ErrNoBill = errors.New("the gateway has no bill of this day")

// Compared is one order as this hall and the gateway's bill have it. Paid and Back are those of the day.
type Compared struct {
	OutTradeNo, Case, Terminal string // Case and Terminal are empty when the hall has no such order
	KeptFen                    int64  // what this hall says that was paid and has not gone back, up to now
	PaidFen, GatewayPaidFen    int64
	BackFen, GatewayBackFen    int64
}

// billed is one line of a bill.
type billed struct {
	outTradeNo, refundNo string
	paidFen, backFen     int64
}

// Compare asks for the gateway's bill of a day (2026-11-20, Beijing time) and puts it beside what this hall has: the orders in
// the bill, those that are named, and the refunds that were begun on that day. What happened around midnight may stand in the
// bill of the day before or after; a line is looked for there before it counts as missing.
func (m *Machine) Compare(ctx context.Context, day time.Time, attempts []string) ([]Compared, error) {
	day = time.Date(day.Year(), day.Month(), day.Day(), 0, 0, 0, 0, beijing)
	bill, err := m.bill(ctx, day)
	if err != nil {
		return nil, err
	}
	list, err := m.Ledger(ctx)
	if err != nil {
		return nil, err
	}
	c := comparison{rows: map[string]*Compared{}, ours: map[string]*Row{}, refunds: map[string]refund{}, told: map[string]bool{}}
	for i := range list {
		c.ours[list[i].OutTradeNo] = &list[i]
	}
	if err := m.refundsOf(ctx, &c); err != nil {
		return nil, err
	}
	for _, l := range bill {
		c.gateway(l)
	}
	for _, no := range attempts {
		c.named(no)
	}
	begun := c.begunOn(day)
	if len(bill) == 0 && len(c.rows) > 0 && time.Now().Before(day.AddDate(0, 0, 1).Add(billHour)) {
		return nil, fmt.Errorf("%w: %s: it is made in the morning after", ErrNoBill, day.Format(time.DateOnly))
	}
	if c.lacks(begun) {
		for _, near := range []time.Time{day.AddDate(0, 0, -1), day.AddDate(0, 0, 1)} {
			lines, err := m.bill(ctx, near)
			if err != nil && !errors.Is(err, ErrNoBill) { // the bill of tomorrow is not made yet
				return nil, err
			}
			c.near(lines, begun)
		}
	}
	return c.list(), nil
}

// refund is one of this hall, by the number that the gateway knows it under.
type refund struct {
	of    string
	fen   int64
	begun time.Time
}

type comparison struct {
	rows    map[string]*Compared
	ours    map[string]*Row
	refunds map[string]refund
	told    map[string]bool // numbers of payments and refunds that a bill has told of
}

func (m *Machine) refundsOf(ctx context.Context, c *comparison) error {
	rows, err := m.db.QueryContext(ctx, "SELECT "+refundColumns+" FROM qr_refund")
	list, err := collect(rows, err, scanRefund)
	if err != nil {
		return fmt.Errorf("qr: compare: %w", err)
	}
	for _, r := range list {
		if r.Status != RefundBegun {
			c.refunds[r.wireNo()] = refund{r.outTradeNo, r.AmountFen, r.begun}
		}
	}
	return nil
}

// row is the line of an order, begun with what this hall says.
func (c *comparison) row(no string) *Compared {
	if r := c.rows[no]; r != nil {
		return r
	}
	r := &Compared{OutTradeNo: no}
	if o := c.ours[no]; o != nil {
		r.Case, r.Terminal, r.KeptFen = o.Case, o.Terminal, o.PaidFen
		for _, back := range o.Refunds {
			if back.Status == RefundSuccess {
				r.KeptFen -= back.AmountFen
			}
		}
	}
	c.rows[no] = r
	return r
}

// named says that an order was paid on the day, by this hall's word.
func (c *comparison) named(no string) {
	if o := c.ours[no]; o != nil {
		c.row(no).PaidFen = o.PaidFen
	}
}

// gateway takes in one line of the day's bill.
func (c *comparison) gateway(l billed) {
	r := c.row(l.outTradeNo)
	if l.refundNo == "" {
		c.named(l.outTradeNo)
		r.GatewayPaidFen += l.paidFen
		c.told[l.outTradeNo] = true
		return
	}
	r.GatewayBackFen += l.backFen
	if ours, ok := c.refunds[l.refundNo]; ok && ours.of == l.outTradeNo {
		r.BackFen += ours.fen
	}
	c.told[l.refundNo] = true
}

// begunOn are the refunds that were begun on a day and that no bill has told of.
func (c *comparison) begunOn(day time.Time) (numbers []string) {
	for no, r := range c.refunds {
		if !r.begun.Before(day) && r.begun.Before(day.AddDate(0, 0, 1)) && !c.told[no] {
			c.row(r.of).BackFen += r.fen
			numbers = append(numbers, no)
		}
	}
	return numbers
}

// lacks says whether a line has to be looked for in another bill.
func (c *comparison) lacks(begun []string) bool {
	for _, r := range c.rows {
		if r.PaidFen != r.GatewayPaidFen {
			return true
		}
	}
	return len(begun) > 0
}

// near takes in the lines of another day's bill that this day lacks.
func (c *comparison) near(lines []billed, begun []string) {
	for _, l := range lines {
		r := c.rows[l.outTradeNo]
		switch {
		case r == nil:
		case l.refundNo == "" && !c.told[l.outTradeNo]:
			r.GatewayPaidFen += l.paidFen
		case l.refundNo != "" && slices.Contains(begun, l.refundNo):
			r.GatewayBackFen += l.backFen
		}
	}
}

// list is all of it, in the order of the numbers.
func (c *comparison) list() (out []Compared) {
	for _, r := range c.rows {
		out = append(out, *r)
	}
	slices.SortFunc(out, func(a, b Compared) int { return strings.Compare(a.OutTradeNo, b.OutTradeNo) })
	return out
}

// bill fetches and reads the bill of a day. A day of which the gateway says that it has none, and that is over for it, had no
// payments; one that it has yet to make is ErrNoBill.
func (m *Machine) bill(ctx context.Context, day time.Time) ([]billed, error) {
	ctx, cancel := context.WithTimeout(ctx, billLimit)
	defer cancel()
	date := day.Format(time.DateOnly)
	answer, err := m.client.api.V3BillTradeBill(ctx, gopay.BodyMap{"bill_date": date, "bill_type": "ALL"})
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: %s: %s", ErrNoBill, date, failed(err, false).reason)
	case answer.Code != wechat.Success && strings.ReplaceAll(answer.ErrResponse.Code, "_", "") == "NOSTATEMENTEXIST":
		return nil, nil
	case answer.Code != wechat.Success:
		return nil, fmt.Errorf("%w: %s: %s", ErrNoBill, date, answer.ErrResponse.Code)
	}
	text, err := m.client.api.V3BillDownLoadBill(ctx, answer.Response.DownloadUrl)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %s", ErrNoBill, date, failed(err, false).reason)
	}
	sum := sha1.Sum(text)
	if !strings.EqualFold(answer.Response.HashType, "SHA1") || !strings.EqualFold(answer.Response.HashValue, hex.EncodeToString(sum[:])) {
		return nil, fmt.Errorf("%w: %s: the file is another one than was announced", ErrNoBill, date)
	}
	lines, err := m.client.readBill(text)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrNoBill, date, err)
	}
	return lines, nil
}

// The columns that are read, by the names that they have had.
var billColumns = map[string][]string{
	"merchant": {"商户号"}, "order": {"商户订单号"}, "state": {"交易状态"}, "paid": {"订单金额", "应结订单金额", "总金额"},
	"refund": {"商户退款单号"}, "back": {"申请退款金额", "退款金额"}, "status": {"退款状态"},
}

// readBill reads a bill and sees that it is whole and this merchant's.
func (c *client) readBill(text []byte) (out []billed, err error) {
	lines := strings.Split(strings.TrimSpace(string(bytes.TrimPrefix(text, []byte("\ufeff")))), "\n")
	at, err := columns(strings.Split(strings.TrimSpace(lines[0]), ","))
	if err != nil {
		return nil, err
	}
	for i, line := range lines[1:] {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "`") {
			return out, whole(lines[1+i:], len(out))
		}
		fields := strings.Split(line[1:], ",`")
		if len(fields) <= slices.Max([]int{at["merchant"], at["order"], at["state"], at["paid"], at["refund"], at["back"], at["status"]}) || fields[at["merchant"]] != c.mchID {
			return nil, fmt.Errorf("line %d of the bill is none of this merchant's", i+2)
		}
		l := billed{outTradeNo: fields[at["order"]]}
		switch fields[at["state"]] {
		case "SUCCESS":
			l.paidFen, err = fen(fields[at["paid"]])
		case "REFUND":
			l.refundNo = fields[at["refund"]]
			if fields[at["status"]] != "FAIL" {
				l.backFen, err = fen(fields[at["back"]])
			}
		case "REVOKED": // taken back: nothing was kept
		default:
			err = fmt.Errorf("state %q", fields[at["state"]])
		}
		if err != nil {
			return nil, fmt.Errorf("line %d of the bill: %w", i+2, err)
		}
		out = append(out, l)
	}
	return nil, errors.New("the bill has no sums: it is cut off")
}

// columns finds the columns that are read.
func columns(names []string) (map[string]int, error) {
	at := map[string]int{}
	for what, known := range billColumns {
		at[what] = -1
		for _, name := range slices.Backward(known) {
			if i := slices.Index(names, name); i >= 0 {
				at[what] = i
			}
		}
		if at[what] < 0 {
			return nil, fmt.Errorf("the bill has no column %s", known[0])
		}
	}
	return at, nil
}

// whole compares the count in the sums with what was read.
func whole(sums []string, read int) error {
	if len(sums) < 2 || !strings.HasPrefix(sums[0], "总交易单数") {
		return errors.New("the bill has no sums: it is cut off")
	}
	first, _, _ := strings.Cut(strings.TrimPrefix(sums[1], "`"), ",")
	if n, err := strconv.Atoi(strings.TrimSpace(first)); err != nil || n != read {
		return fmt.Errorf("the bill tells of %s payments and has %d", first, read)
	}
	return nil
}

func fen(yuan string) (int64, error) {
	amount, err := money.Parse(yuan)
	return int64(amount), err
}

// download says whether an answer is a file whose sum was in a signed answer before.
func download(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, "/v3/billdownload/") }
