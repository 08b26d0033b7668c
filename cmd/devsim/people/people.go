// Package people makes people up: names, addresses and identity numbers that check and belong to nobody.
//
// The same seed gives the same people. The numbers keep the rule of GB 11643 (ISO 7064 MOD 11-2), so that a
// terminal takes them; the division in them was never given to any place, so that no real person has one.
package people

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	mathrand "math/rand/v2"
	"time"
)

// Person is a made-up citizen, in the words of PUT /v1/card.
type Person struct {
	Kind      string `json:"kind"`
	Name      string `json:"name"`
	Sex       string `json:"sex"`
	Ethnicity string `json:"ethnicity"`
	Birth     string `json:"birth"`
	Address   string `json:"address"`
	Number    string `json:"number"`
	Authority string `json:"authority"`
	ValidFrom string `json:"valid_from"`
	ValidTo   string `json:"valid_to"`

	EnglishName  string `json:"english_name,omitempty"` // these four stand on other people's cards, and are empty here
	Nationality  string `json:"nationality,omitempty"`
	PermitNumber string `json:"permit_number,omitempty"`
	IssueCount   string `json:"issue_count,omitempty"`
}

// Source makes people, one after the other.
type Source struct{ r *mathrand.Rand }

// New is a source that gives the same people for the same seed.
func New(seed uint64) *Source { return &Source{mathrand.New(mathrand.NewPCG(seed, 0x79696368))} }

// FreshSeed is a seed that nobody chose.
func FreshSeed() uint64 {
	var b [8]byte
	if _, err := rand.Read(b[:]); err != nil {
		panic("people: the system has no random numbers: " + err.Error())
	}
	return binary.LittleEndian.Uint64(b[:]) >> 1
}

var (
	surnames = []rune("王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹")
	first    = []rune("子雨梓浩思志文嘉建晓春明海秀玉国永佳立景")
	second   = []rune("轩涵宇怡博欣伟芳敏静丽强磊洋艳勇军杰娟涛")
	streets  = []string{"青山路", "和平大街", "建设二路", "文化巷", "滨河路", "解放街", "园林路", "钢城大道"}
)

// division lies in Beijing's range and is no place's code (GB/T 2260 has no 110199).
const division = "110199"

// Person makes an adult up: 18 to 80 years old, with a valid card.
func (s *Source) Person() Person {
	today := time.Now()
	birth := today.AddDate(-19-s.r.IntN(60), 0, -s.r.IntN(360))
	issued := today.AddDate(-1-s.r.IntN(8), 0, -s.r.IntN(300))
	sequence := 900 + s.r.IntN(100)
	sex := "2"
	if sequence%2 == 1 {
		sex = "1"
	}
	return Person{
		Kind: "citizen", Name: s.Name(), Sex: sex, Ethnicity: "01", Birth: birth.Format("20060102"),
		Address:   "北京市东城区" + s.Street(),
		Number:    Number(division, birth.Format("20060102"), sequence),
		Authority: "北京市公安局东城分局",
		ValidFrom: issued.Format("20060102"), ValidTo: issued.AddDate(20, 0, 0).Format("20060102"),
	}
}

// Name makes a name of two or three characters up.
func (s *Source) Name() string {
	name := []rune{surnames[s.r.IntN(len(surnames))]}
	if s.r.IntN(3) > 0 {
		name = append(name, first[s.r.IntN(len(first))])
	}
	return string(append(name, second[s.r.IntN(len(second))]))
}

// Street makes an address within a town up.
func (s *Source) Street() string {
	return fmt.Sprintf("%s%d号%d单元%d室", streets[s.r.IntN(len(streets))], 1+s.r.IntN(200), 1+s.r.IntN(6), 101+s.r.IntN(30)*20)
}

// IntN is a number from 0 to n-1, for whatever else a story needs.
func (s *Source) IntN(n int) int { return s.r.IntN(n) }

// Number is a citizen's number (GB 11643-1999): division, birth, sequence, and the check character.
func Number(division, birth string, sequence int) string {
	head := fmt.Sprintf("%s%s%03d", division, birth, sequence)
	sum := 0
	for i, c := range head {
		weight := 1
		for range 17 - i {
			weight = weight * 2 % 11
		}
		sum += int(c-'0') * weight
	}
	return head + string("10X98765432"[sum%11])
}
