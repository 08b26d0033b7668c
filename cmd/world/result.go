package world

import (
	"encoding/json"
	"os"
	"path/filepath"
)

// Write keeps a result as JSON, whole: who reads the file while it is written sees the former one.
func Write(path string, result any) error {
	raw, err := json.MarshalIndent(result, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(path+".new", append(raw, '\n'), 0o644); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}
