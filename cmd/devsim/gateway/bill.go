package gateway

import (
	"crypto/sha1" // the manual's: it finds a broken download, and no forger
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// The bill of a day is a table of text (documents 4012791893 and "download a bill"): a line of names, a line for each payment
// and refund whose values begin with a grave accent, a line of names for the sums, and the sums. Unlike the real one, which is
// made at ten in the morning of the next day, this one is there at once, and has what is known so far.
const (
	billNames = "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,应结订单金额,代金券金额," +
		"微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态,商品名称,商户数据包,手续费,费率,订单金额,申请退款金额,费率备注"
	sumNames = "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额"
	// billHost is where real bills are fetched from; a merchant's library takes the path and asks its own gateway.
	billHost = "https://api.mch.weixin.qq.com"
)

// tradeBill makes the bill of a day and tells where it can be fetched.
func (g *Gateway) tradeBill(r *http.Request, _ []byte, now time.Time) answer {
	q := r.URL.Query()
	day, err := time.ParseInLocation(time.DateOnly, q.Get("bill_date"), beijing)
	switch {
	case err != nil:
		return invalid("bill_date: yyyy-MM-DD")
	case q.Get("bill_type") != "" && q.Get("bill_type") != "ALL":
		return invalid("bill_type: this gateway makes ALL")
	case q.Get("tar_type") != "":
		return invalid("tar_type: this gateway gives plain text")
	case day.Before(now.In(beijing).AddDate(0, -billMonths, -1)):
		return invalid(fmt.Sprintf("bill_date: at most %d months ago", billMonths))
	}
	text, rows := g.billOf(day)
	if rows == 0 {
		return failure(http.StatusBadRequest, "NO_STATEMENT_EXIST", "there is no bill: nothing was paid or refunded on this day", nil)
	}
	for token := range g.bills {
		if len(g.bills) >= billsMax {
			delete(g.bills, token)
		}
	}
	token := randomHex(32)
	g.bills[token] = []byte(text)
	sum := sha1.Sum([]byte(text))
	return answer{http.StatusOK, map[string]string{"hash_type": "SHA1", "hash_value": hex.EncodeToString(sum[:]),
		"download_url": billHost + "/v3/billdownload/file?token=" + token}, "bill", nil}
}

// billOf is the text of a day's bill, and how many payments and refunds it has.
func (g *Gateway) billOf(day time.Time) (text string, rows int64) {
	var b strings.Builder
	b.WriteString(billNames + "\r\n")
	var paid, back int64
	on := func(at time.Time) bool { return at.In(beijing).Format(time.DateOnly) == day.Format(time.DateOnly) }
	for _, o := range g.sorted() {
		if !o.Paid.IsZero() && on(o.Paid) {
			state, amount := stateSuccess, o.AmountFen+o.Misbilled
			if o.State == stateRevoked {
				state = stateRevoked
			}
			b.WriteString(g.billRow(o, o.Paid, state, amount, nil))
			rows, paid = rows+1, paid+amount
		}
		for _, r := range o.Refunds {
			if on(r.Created) {
				b.WriteString(g.billRow(o, r.Created, stateRefund, 0, r))
				rows, back = rows+1, back+r.AmountFen
			}
		}
	}
	fmt.Fprintf(&b, "%s\r\n`%d,`%s,`%s,`0.00,`0.00000,`%s,`%s\r\n", sumNames, rows, yuan(paid), yuan(back), yuan(paid), yuan(back))
	return b.String(), rows
}

// refundWords are a refund's states in the bill.
var refundWords = map[string]string{"SUCCESS": "SUCCESS", "PROCESSING": "PROCESSING", refundAbnormal: "CHANGE", refundClosed: "FAIL"}

func (g *Gateway) billRow(o *order, at time.Time, state string, amount int64, r *refund) string {
	kind := "NATIVE"
	if o.Code {
		kind = "MICROPAY"
	}
	refundID, refundNo, way, status, back := "0", "0", "", "", int64(0)
	if r != nil {
		refundID, refundNo, way, status, back = r.RefundID, r.OutRefundNo, "ORIGINAL", refundWords[r.Status], r.AmountFen
	}
	return "`" + strings.Join([]string{at.In(beijing).Format(time.DateTime), g.merchant.AppID, g.merchant.MchID, "0", "", o.TransactionID, o.OutTradeNo, "o" + o.OutTradeNo,
		kind, state, "OTHERS", "CNY", yuan(amount), "0.00", refundID, refundNo, yuan(back), "0.00", way, status, o.Description, o.Attach,
		"0.00000", "0.00%", yuan(amount), yuan(back), ""}, ",`") + "\r\n"
}

func yuan(fen int64) string { return fmt.Sprintf("%d.%02d", fen/100, fen%100) }

// download gives a bill out, once. Its answer is not signed: the sum that vouches for it was in the one before.
func (g *Gateway) download(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, bodyMax))
	if err != nil || g.check(r, body) != nil {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	g.mu.Lock()
	bill, ok := g.bills[r.URL.Query().Get("token")]
	delete(g.bills, r.URL.Query().Get("token"))
	g.mu.Unlock()
	if !ok {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write(bill) // who has hung up asks for a new one
}
