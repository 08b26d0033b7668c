package qr

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	wechat "github.com/go-pay/gopay/wechat/v3"
)

// Notify serves the address that the gateway tells of payments. It answers 204 when the payment is on
// disk here, and an error otherwise, after which the gateway tells again. It may tell any number of times.
func (m *Machine) Notify() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		status, err := m.notified(r)
		if err == nil {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		m.log.Warn("notification refused", "err", err)
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(map[string]string{"code": "FAIL", "message": "refused"})
	})
}

func (m *Machine) notified(r *http.Request) (status int, err error) {
	if r.Method != http.MethodPost {
		return http.StatusMethodNotAllowed, fmt.Errorf("method %s", r.Method)
	}
	body, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, notifyMax))
	if err != nil {
		return http.StatusBadRequest, err
	}
	if err := m.client.keys.verify(r.Header, body, time.Now()); err != nil {
		return http.StatusUnauthorized, err
	}
	kind, t, err := openNotification(body, string(m.client.api.ApiV3Key))
	if err != nil {
		return http.StatusBadRequest, err
	}
	if !strings.HasPrefix(kind, "TRANSACTION.") {
		return 0, nil // refunds are asked about by Run
	}
	order, err := getRow(r.Context(), m.db, t.outTradeNo)
	if err != nil {
		return http.StatusInternalServerError, err
	}
	if order == nil {
		return http.StatusNotFound, fmt.Errorf("order %q: not ours", t.outTradeNo)
	}
	f := m.client.read(order, t)
	if f.kind != findPaid {
		return http.StatusBadRequest, fmt.Errorf("order %s: %s %s", t.outTradeNo, f.kind, f.reason)
	}
	_, err = m.update(r.Context(), t.outTradeNo, func(r *row, now time.Time) {
		if r.former && !r.Definite {
			r.next = now // it tells what was so once; a query tells what became of it
			return
		}
		wasDefinite, wasLate := r.Definite, r.late
		if r.fold(f, now); r.Definite != wasDefinite || r.late != wasLate {
			r.schedule(now)
		}
	})
	if err != nil {
		return http.StatusInternalServerError, err
	}
	m.kick()
	return 0, nil
}

// openNotification decrypts the facts of a notification.
func openNotification(body []byte, key string) (kind string, t transaction, err error) {
	var n struct {
		EventType string          `json:"event_type"`
		Resource  wechat.Resource `json:"resource"`
	}
	if err := json.Unmarshal(body, &n); err != nil {
		return "", t, fmt.Errorf("notification: %w", err)
	}
	if n.Resource.Algorithm != "AEAD_AES_256_GCM" {
		return "", t, fmt.Errorf("notification: algorithm %q", n.Resource.Algorithm)
	}
	if len(n.Resource.Nonce) != nonceSize {
		return "", t, errors.New("notification: the nonce has not 12 characters")
	}
	plain, err := wechat.V3DecryptNotifyCipherTextToBytes(n.Resource.Ciphertext, n.Resource.Nonce, n.Resource.AssociatedData, key)
	if err != nil {
		return "", t, fmt.Errorf("notification: %w", err)
	}
	if t, err = decode(plain); err != nil {
		return "", t, fmt.Errorf("notification: %w", err)
	}
	return n.EventType, t, nil
}

// nonceSize is what AES-GCM takes; it panics on any other.
const nonceSize = 12
