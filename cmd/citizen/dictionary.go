package citizen

import (
	"bufio"
	"errors"
	"os"
	"strings"
	"unicode/utf8"
)

// Dictionary tells the syllable by which a character can be typed.
type Dictionary map[rune]string

// dictionaryFile comes with the package rime-data-pinyin-simp, which the screen itself types with.
const dictionaryFile = "/usr/share/rime-data/pinyin_simp.dict.yaml"

// ReadDictionary reads the single characters of the input method's own table, the commonest reading of each.
func ReadDictionary() (Dictionary, error) {
	f, err := os.Open(dictionaryFile)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	zi, weight := Dictionary{}, map[rune]int{}
	in := bufio.NewScanner(f)
	in.Buffer(nil, 1<<20)
	for in.Scan() {
		cols := strings.Split(in.Text(), "\t")
		if len(cols) < 2 || utf8.RuneCountInString(cols[0]) != 1 {
			continue
		}
		r, _ := utf8.DecodeRuneInString(cols[0])
		w := 1
		if len(cols) > 2 {
			w += number(cols[2])
		}
		if w > weight[r] {
			zi[r], weight[r] = strings.ReplaceAll(cols[1], "ü", "v"), w
		}
	}
	if len(zi) < 3000 {
		return nil, errors.New(dictionaryFile + ": this is no table of characters")
	}
	return zi, in.Err()
}

func number(s string) (n int) {
	for _, r := range s {
		if r < '0' || r > '9' {
			break
		}
		n = n*10 + int(r-'0')
	}
	return n
}
