package world

import (
	"context"
	"log/slog"
	"strings"
)

// strange hears what drivers complain of, and keeps what they did not understand: the mechanisms of a world say nothing that is not in a protocol.
type strange struct{ c *Cabinet }

func (strange) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelWarn }

func (s strange) Handle(_ context.Context, r slog.Record) error {
	if !strings.Contains(r.Message, "unknown") && !strings.Contains(r.Message, "unreadable") {
		return nil
	}
	words := []string{r.Message}
	r.Attrs(func(a slog.Attr) bool { words = append(words, a.String()); return true })
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	s.c.strange = append(s.c.strange, strings.Join(words, " "))
	return nil
}

func (s strange) WithAttrs([]slog.Attr) slog.Handler { return s }
func (s strange) WithGroup(string) slog.Handler      { return s }

// Strange is what drivers have heard and did not understand.
func (c *Cabinet) Strange() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return strings.Join(c.strange, "; ")
}
