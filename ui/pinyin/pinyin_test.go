package pinyin

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func openEngine(t *testing.T) (*Engine, string) {
	t.Helper()
	dir := t.TempDir()
	e, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	return e, dir
}

func TestWordsAreFound(t *testing.T) {
	e, _ := openEngine(t)
	for _, c := range []struct{ letters, want string }{
		{"zhangsan", "张三"}, {"beijing", "北京"}, {"shenfenzheng", "身份证"}, {"lv", "绿"}, {"xian", "先"},
	} {
		if got := e.Candidates(c.letters, 0, 10); !slices.Contains(got, c.want) {
			t.Errorf("Candidates(%q) = %q, want %q among them", c.letters, got, c.want)
		}
	}
	for _, bad := range []string{"", "张", "ni1", "NI", strings.Repeat("a", LettersMax+1)} {
		if got := e.Candidates(bad, 0, 5); got != nil {
			t.Errorf("Candidates(%q) = %q, want none", bad, got)
		}
	}
	if got := e.Candidates("ni", 0, 0); got != nil {
		t.Errorf("no candidates asked for, got %q", got)
	}
	if got := e.Candidates("ni", -1, 3); got != nil {
		t.Errorf("candidates from -1: got %q", got)
	}
}

func TestDeepPaging(t *testing.T) {
	e, _ := openEngine(t)
	all := e.Candidates("yi", 0, 1000)
	if len(all) < 60 {
		t.Fatalf("candidates of yi: got %d, want the rare ones too", len(all))
	}
	for _, from := range []int{0, 7, 50} {
		if got := e.Candidates("yi", from, 5); !slices.Equal(got, all[from:from+5]) {
			t.Errorf("from %d: got %q, want %q", from, got, all[from:from+5])
		}
	}
	if got := e.Candidates("yi", len(all), 5); len(got) != 0 {
		t.Errorf("past the end: got %q", got)
	}
}

func TestChooseWholeAndPart(t *testing.T) {
	e, _ := openEngine(t)
	n := slices.Index(e.Candidates("zhangsan", 0, 50), "张三")
	text, rest, ok := e.Choose("zhangsan", n)
	if text != "张三" || rest != "" || !ok {
		t.Errorf("Choose(zhangsan, %d) = %q, %q, %v; want 张三", n, text, rest, ok)
	}
	n = slices.Index(e.Candidates("zhangsan", 0, 200), "章")
	text, rest, ok = e.Choose("zhangsan", n)
	if text != "章" || rest != "san" || !ok {
		t.Errorf("Choose(zhangsan, %d) = %q, %q, %v; want 章 and san", n, text, rest, ok)
	}
	n = slices.Index(e.Candidates("lvse", 0, 200), "绿")
	text, rest, ok = e.Choose("lvse", n)
	if text != "绿" || rest != "se" || !ok {
		t.Errorf("Choose(lvse, %d) = %q, %q, %v; want 绿 and se", n, text, rest, ok)
	}
	if text, rest, ok := e.Choose("zhangsan", 100000); ok || text != "" || rest != "zhangsan" {
		t.Errorf("Choose past the end = %q, %q, %v", text, rest, ok)
	}
	if _, _, ok := e.Choose("zhangsan", -1); ok {
		t.Error("Choose(-1) was taken")
	}
	if _, _, ok := e.Choose("3", 0); ok {
		t.Error("a digit was taken for a letter")
	}
}

// A word that somebody chose often stands first for that person and for nobody after.
func TestForgottenAfterVisit(t *testing.T) {
	first, dir := openEngine(t)
	before := first.Candidates("zhangsan", 0, 20)
	pick := before[3]
	for range 5 {
		n := slices.Index(first.Candidates("zhangsan", 0, 50), pick)
		if text, _, ok := first.Choose("zhangsan", n); !ok || text == "" {
			t.Fatalf("Choose(%q) failed", pick)
		}
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if err := first.Close(); err != nil {
		t.Errorf("second Close: %v", err)
	}
	if got := first.Candidates("zhangsan", 0, 5); got != nil {
		t.Errorf("a closed engine answered %q", got)
	}
	if _, _, ok := first.Choose("zhangsan", 0); ok {
		t.Error("a closed engine chose")
	}
	if left, _ := os.ReadDir(dir); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
	second, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	if got := second.Candidates("zhangsan", 0, 20); !slices.Equal(got, before) {
		t.Errorf("next visit: got %q, want %q as if nobody had been here", got, before)
	}
}

func TestOneEngineAtATime(t *testing.T) {
	_, dir := openEngine(t)
	if e, err := Open(dir); err == nil {
		e.Close()
		t.Error("a second engine was opened beside the first")
	}
}

func TestSweepRemovesOnlyOurs(t *testing.T) {
	dir := t.TempDir()
	for _, d := range []string{prefix + "1", prefix + "2", "other"} {
		if err := os.MkdirAll(filepath.Join(dir, d, "x"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := Sweep(dir); err != nil {
		t.Fatal(err)
	}
	left, _ := os.ReadDir(dir)
	if len(left) != 1 || left[0].Name() != "other" {
		t.Errorf("left: %v, want other alone", left)
	}
}

func TestNoFolder(t *testing.T) {
	if e, err := Open(filepath.Join(t.TempDir(), "missing")); err == nil {
		e.Close()
		t.Error("opened without a folder")
	}
}
