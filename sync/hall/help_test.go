package hall_test

import (
	"database/sql"
	"testing"

	"connectrpc.com/connect"

	"yichuang/kiosk/casefile"
	"yichuang/kiosk/money"
	"yichuang/sync/hallapi"
	"yichuang/sync/hallstore"
	"yichuang/sync/halltest"
)

func fen(n int64) money.Fen { return money.Fen(n) }

// meddle changes the hall's database behind its back.
func meddle(t *testing.T, h *halltest.Hall, query string, args ...any) {
	t.Helper()
	s, err := hallstore.Open(t.Context(), h.Config.State)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Tx(t.Context(), func(tx *sql.Tx) error {
		_, err := tx.Exec(query, args...)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// refused fails the test unless err is a refusal of this kind.
func refused(t *testing.T, what string, err error, want connect.Code) {
	t.Helper()
	if err == nil || connect.CodeOf(err) != want {
		t.Errorf("%s: %v, want %v", what, err, want)
	}
}

// person is a made-up person with a right number.
func person() casefile.Person {
	return casefile.Person{Kind: "citizen", Name: "张三丰", Sex: "1", Ethnicity: "01", Birth: "19900101", Address: "北京市东城区某街1号",
		Number: "110101199001010015", Authority: "东城分局", ValidFrom: "20200101", ValidTo: "长期"}
}

// filled is a form that the rules approve.
func filled(name string) casefile.FormSecret {
	return casefile.FormSecret{Card: person(), Answers: map[string]string{"division": "110101", "street": "安定路12号", "trade": "5212", "trade_name": name},
		Lists: map[string][]string{"scope": {"52121", "52122"}}, Strokes: [][][2]int{{{1, 1}, {9, 9}}, {{2, 2}, {8, 8}}}}
}

// submit hands an application in and waits for its decision.
func submit(t *testing.T, term *halltest.Terminal, caseID string, form casefile.FormSecret) *hallapi.DecisionResponse {
	t.Helper()
	term.Write(casefile.CaseOpened, caseID, casefile.Header{Visit: "v", Service: "license.individual", Catalog: 1, Language: "zh"}, nil)
	term.Write(casefile.CaseSubmitted, caseID, casefile.Header{Service: "license.individual"}, form)
	term.Push()
	d, err := term.Client.Decision(t.Context(), &hallapi.DecisionRequest{Case: caseID, WaitMs: 20000})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// posting waits for the end of a payment.
func posting(t *testing.T, term *halltest.Terminal, caseID, want string) *hallapi.PostingResponse {
	t.Helper()
	for range 10 {
		p, err := term.Client.Posting(t.Context(), &hallapi.PostingRequest{Case: caseID, WaitMs: 5000})
		if err != nil {
			t.Fatal(err)
		}
		if p.State == want {
			return p
		}
		if p.State != "taken" && p.State != "unknown" {
			t.Fatalf("case %s is %s, want %s", caseID, p.State, want)
		}
	}
	t.Fatalf("case %s does not become %s", caseID, want)
	return nil
}
