package document

import (
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// LicenseKind is which of the two sheets of one license this is.
type LicenseKind string

// The two sheets.
const (
	Original  LicenseKind = "original"  // 正本, A3
	Duplicate LicenseKind = "duplicate" // 副本, A4
)

// License is the business license (营业执照) of an individual business (个体工商户): its facts, and
// the numbered blank that it is printed on.
type License struct {
	Kind       LicenseKind
	Number     string    // unified social credit code (统一社会信用代码)
	Name       string    // trade name (名称)
	Type       string    // 类型; 个体工商户 when empty
	Operator   string    // 经营者
	Form       string    // 组成形式; 个人经营 when empty
	Place      string    // 经营场所
	Registered time.Time // 注册日期
	Scope      string    // 经营范围
	Authority  string    // 登记机关
	Issued     time.Time // the date under the authority's seal
	Serial     string    // the number of the blank
	QR         string    // what the symbol holds, signed by the hall
	Copy       string    // which duplicate of how many; 1-1 when empty
}

// String hides the facts: a license in a log names nobody.
func (l License) String() string { return fmt.Sprintf("license %s on blank %s", l.Kind, l.Serial) }

// GoString is String, for %#v.
func (l License) GoString() string { return l.String() }

// LogValue is String, for a log that writes JSON.
func (l License) LogValue() slog.Value { return slog.StringValue(l.String()) }

// check names the first thing that a license must carry and this one does not.
func (l License) check() error {
	if l.Kind != Original && l.Kind != Duplicate {
		return fmt.Errorf("license: no kind %q", l.Kind)
	}
	for _, f := range []struct{ what, text string }{
		{"统一社会信用代码", l.Number}, {"名称", l.Name}, {"经营者", l.Operator}, {"经营场所", l.Place},
		{"经营范围", l.Scope}, {"登记机关", l.Authority}, {"blank's serial", l.Serial}, {"symbol", l.QR},
	} {
		if f.text == "" {
			return fmt.Errorf("license: no %s", f.what)
		}
	}
	if l.Registered.IsZero() || l.Issued.IsZero() {
		return errors.New("license: no date")
	}
	return nil
}

func or(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}
