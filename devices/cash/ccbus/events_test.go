package ccbus

import "testing"

// Part 2, header 229: the examples of the specification.
func TestSince(t *testing.T) {
	tests := []struct {
		last, now byte
		want      int
	}{{23, 23, 0}, {102, 104, 2}, {255, 1, 1}, {253, 3, 5}, {48, 54, 6}, {0, 3, 3}, {254, 255, 1}, {1, 255, 254}}
	for _, tt := range tests {
		if got := Since(tt.last, tt.now); got != tt.want {
			t.Errorf("Since(%d, %d): got %d, want %d", tt.last, tt.now, got, tt.want)
		}
	}
}

func TestBefore(t *testing.T) {
	tests := []struct {
		now  byte
		n    int
		want byte
	}{{5, 0, 5}, {5, 4, 1}, {1, 1, 255}, {3, 4, 254}, {255, 1, 254}, {255, 0, 255}}
	for _, tt := range tests {
		if got := Before(tt.now, tt.n); got != tt.want {
			t.Errorf("Before(%d, %d): got %d, want %d", tt.now, tt.n, got, tt.want)
		}
		if tt.n > 0 && Since(Before(tt.now, tt.n), tt.now) != tt.n {
			t.Errorf("since does not undo Before(%d, %d)", tt.now, tt.n)
		}
	}
}
