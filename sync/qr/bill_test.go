package qr

import (
	"strings"
	"testing"
)

// names is the first line of a bill, as the gateway writes it now.
const names = "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,应结订单金额,代金券金额," +
	"微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态,商品名称,商户数据包,手续费,费率,订单金额,申请退款金额,费率备注"

// billLine is a line of a bill with its values.
func billLine(merchant, order, state, paid, refund, back, status string) string {
	return "`" + strings.Join([]string{"2026-11-20 10:00:00", "wx1", merchant, "0", "", "42", order, "o1", "NATIVE", state, "OTHERS", "CNY", paid, "0.00",
		"0", refund, back, "0.00", "", status, "水费", "case, with a comma", "0.04200", "0.60%", paid, back, ""}, ",`")
}

const sums = "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额"

func TestReadBill(t *testing.T) {
	c := &client{mchID: "1900000001"}
	paid := billLine("1900000001", "YC000001", "SUCCESS", "7.05", "0", "0.00", "")
	back := billLine("1900000001", "YC000001", "REFUND", "0.00", "R1", "3.00", "SUCCESS")
	fail := billLine("1900000001", "YC000001", "REFUND", "0.00", "R0", "3.00", "FAIL")
	gone := billLine("1900000001", "YC000002", "REVOKED", "9.00", "0", "0.00", "")
	text := strings.Join([]string{"\ufeff" + names, paid, back, fail, gone, sums, "`4,`7.05,`3.00,`0.00,`0.04,`7.05,`3.00", ""}, "\r\n")
	got, err := c.readBill([]byte(text))
	want := []billed{{"YC000001", "", 705, 0}, {"YC000001", "R1", 0, 300}, {"YC000001", "R0", 0, 0}, {"YC000002", "", 0, 0}}
	if err != nil || len(got) != len(want) {
		t.Fatalf("got %+v, %v", got, err)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("line %d: got %+v, want %+v", i, got[i], want[i])
		}
	}
	other := billLine("1900000002", "YC000001", "SUCCESS", "7.05", "0", "0.00", "")
	for what, lines := range map[string][]string{
		"nothing": {""}, "no column": {strings.Replace(names, "商户订单号", "x", 1), paid, sums, "`1,"}, "cut off": {names, paid}, "cut off in the sums": {names, paid, sums},
		"another count": {names, paid, sums, "`2,`7.05"}, "no count": {names, paid, sums, "`x,`7.05"}, "another merchant's": {names, other, sums, "`1,`7.05"},
		"a short line": {names, paid[:40], sums, "`1,`7.05"}, "another state": {names, strings.Replace(paid, "SUCCESS", "NOTPAY", 1), sums, "`1,`7.05"},
		"no amount": {names, strings.ReplaceAll(paid, "7.05", "7,05"), sums, "`1,`7.05"}, "other sums": {names, paid, "总计", "`1,`7.05"},
	} {
		if got, err := c.readBill([]byte(strings.Join(lines, "\n"))); err == nil {
			t.Errorf("%s: got %+v, want an error", what, got)
		}
	}
}

// Bills from before 2018 have other names for their amounts.
func TestReadOldBill(t *testing.T) {
	old := "交易时间,公众账号ID,商户号,子商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,总金额,代金券金额,微信退款单号,商户退款单号,退款金额,代金券退款金额,退款类型,退款状态,商品名称,商户数据包,手续费,费率"
	line := "`2014-11-10 16:33:45,`wx1,`1900000001,`0,`1000,`1001,`YC000001,`o1,`MICROPAY,`SUCCESS,`CFT,`CNY,`0.01,`0.0,`0,`0,`0,`0,`,`,`x,`y,`0,`0.60%"
	got, err := (&client{mchID: "1900000001"}).readBill([]byte(old + "\n" + line + "\n总交易单数,总交易额\n`1,`0.01\n"))
	if err != nil || len(got) != 1 || got[0] != (billed{"YC000001", "", 1, 0}) {
		t.Errorf("got %+v, %v", got, err)
	}
}

func FuzzReadBill(f *testing.F) {
	f.Add(names + "\n" + billLine("1", "YC000001", "SUCCESS", "7.05", "0", "0.00", "") + "\n" + sums + "\n`1,`7.05")
	f.Fuzz(func(t *testing.T, text string) {
		lines, err := (&client{mchID: "1"}).readBill([]byte(text))
		for _, l := range lines {
			if err == nil && (l.paidFen < 0 || l.backFen < 0) {
				t.Errorf("%q: %+v", text, l)
			}
		}
	})
}
