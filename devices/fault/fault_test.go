package fault

import (
	"errors"
	"fmt"
	"testing"
)

// The kind is found under whatever was wrapped around it; what carries no fault has none, a nil of ours included.
func TestKindOf(t *testing.T) {
	jam := &Error{Kind: Jammed, Device: "receipt", Op: "print"}
	for _, tt := range []struct {
		err  error
		want Kind
	}{
		{nil, ""}, {errors.New("x"), ""}, {(*Error)(nil), ""}, {jam, Jammed}, {fmt.Errorf("line 3: %w", jam), Jammed},
		{&Error{Kind: Doubtful, Err: jam}, Doubtful}, {errors.Join(errors.New("x"), jam), Jammed},
	} {
		if got := KindOf(tt.err); got != tt.want {
			t.Errorf("%#v: got %q, want %q", tt.err, got, tt.want)
		}
		for _, kind := range []Kind{Jammed, Doubtful, Empty} {
			if got := Is(tt.err, kind); got != (kind == tt.want) {
				t.Errorf("%#v is %s: got %v", tt.err, kind, got)
			}
		}
	}
}
