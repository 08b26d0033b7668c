package hall

import (
	"context"
	"errors"
	"strings"
	"time"
	"unicode/utf8"

	"yichuang/devices/idcard/idcheck"
	"yichuang/kiosk/catalog"
	"yichuang/sync/hall/biller"
	"yichuang/sync/hallapi"
)

// Bill asks the biller of a service. What a person may not see of another's account is masked here.
func (s *service) Bill(ctx context.Context, req *hallapi.BillRequest) (*hallapi.BillResponse, error) {
	if _, err := caller(ctx); err != nil {
		return nil, err
	}
	offer, err := s.offer(ctx)
	if err != nil {
		return nil, err
	}
	service, ok := offer.Find(req.Service)
	if !ok || service.Account == nil {
		return &hallapi.BillResponse{Status: "closed"}, nil
	}
	client := s.billers[service.Biller]
	if client == nil || !open(service.Hours, time.Now()) {
		return &hallapi.BillResponse{Status: "closed"}, nil
	}
	ctx, cancel := context.WithTimeout(ctx, billWait)
	defer cancel()
	account, status, err := lookUp(ctx, client, service.Account, req)
	if err != nil {
		s.log.Warn("asking a biller", "biller", service.Biller, "case", req.Case, "cause", err)
	}
	if status != "ok" {
		return &hallapi.BillResponse{Status: status}, nil
	}
	out := &hallapi.BillResponse{Status: "ok", Account: account.Account, MaskedName: idcheck.MaskName(account.Name),
		MaskedAddress: maskAddress(account.Address), BalanceFen: account.Balance, Surplus: account.Surplus, Part: account.Part, Biller: service.Biller}
	for _, b := range account.Bills {
		if b.Paid < b.Due {
			out.Bills = append(out.Bills, &hallapi.BillPeriod{Period: b.Period, DueFen: b.Due, PaidFen: b.Paid})
		}
	}
	return out, nil
}

// lookUp asks by number or by code. What cannot be a number or a code of this biller is not sent to it.
func lookUp(ctx context.Context, client *biller.Client, shape *catalog.Account, req *hallapi.BillRequest) (a biller.Account, status string, err error) {
	if req.BillCode != "" {
		number, ok := strings.CutPrefix(req.BillCode, shape.Code)
		if !ok || shape.Code == "" || !shape.Valid(number) {
			return a, "bad_code", nil
		}
		if a, err = client.LookCode(ctx, req.BillCode); err == nil && a.Account != number {
			err = biller.ErrGarbled
		}
	} else {
		if !shape.Valid(req.Account) {
			return a, "unknown_account", nil
		}
		a, err = client.Look(ctx, req.Account)
	}
	switch {
	case err == nil:
		return a, "ok", nil
	case errors.Is(err, biller.ErrUnknown):
		return a, "unknown_account", nil
	case errors.Is(err, biller.ErrGarbled):
		return a, "garbled", err
	default:
		return a, "silent", err
	}
}

// open says whether a back office is at work, in Asia/Shanghai.
func open(hours *catalog.Hours, now time.Time) bool {
	if hours == nil {
		return true
	}
	at := now.In(shanghai).Format("15:04")
	return hours.From <= at && at < hours.To
}

// shanghai is the zone of every business day. It has had no summer time since 1991.
var shanghai = time.FixedZone("CST", 8*60*60)

// maskAddress keeps the beginning, so that a person knows the own home and learns of nobody else's: at
// most six characters and never more than a third.
func maskAddress(address string) string {
	n := utf8.RuneCountInString(address)
	if n == 0 {
		return ""
	}
	return string([]rune(address)[:min(6, n/3)]) + "****"
}
