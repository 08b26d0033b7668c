package turn

import (
	"testing"
	"testing/synctest"
	"time"
)

// Who waits for an act that asks the hall does not stop the clock: two slips may come to one counter at once.
func TestTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var acts Turn
		began := time.Now()
		for range 3 {
			go func() {
				acts.Lock()
				defer acts.Unlock()
				time.Sleep(time.Second) // the hall is asked
			}()
		}
		synctest.Wait()
		acts.Lock()
		took := time.Since(began)
		acts.Unlock()
		if took < time.Second || took > 3*time.Second {
			t.Errorf("three acts took %v", took)
		}
	})
}
