package invariant

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"yichuang/kiosk/casefile"
)

// ReadLines goes through a journal as the twin file or an exported log has it, one record a line. What an export does
// not have, the sealed parts, is not checked. Half a line at the end of a file is what a power cut leaves, and passed over.
func ReadLines(in io.Reader) (*Watch, error) {
	var w *Watch
	lines := bufio.NewReader(in)
	for n := 1; ; n++ {
		text, err := lines.ReadBytes('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
		if err != nil {
			break // without its end a line is half a line
		}
		var l casefile.Line
		if err := json.Unmarshal(bytes.TrimSpace(text), &l); err != nil {
			return nil, fmt.Errorf("line %d is no record: %w", n, err)
		}
		if w == nil {
			w = New(l.Terminal, l.Epoch)
		}
		w.See(l.Record())
	}
	if w == nil {
		return nil, errors.New("there is no record in it")
	}
	w.Rest(Rest{})
	return w, nil
}
