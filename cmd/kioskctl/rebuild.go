package main

import (
	"fmt"
	"os"
	"path/filepath"

	"yichuang/kiosk/ctl"
	"yichuang/kiosk/twin"
)

// rebuilt is `kioskctl rebuild`: the ledger, and what is to be known of the file that it comes from.
type rebuilt struct {
	ctl.Ledger
	Twin source `json:"twin"`
}

// source is what of a twin file counts and what does not.
type source struct {
	File      string   `json:"file"`
	Terminal  string   `json:"terminal"`
	Epoch     string   `json:"epoch"`
	Records   int64    `json:"records"`   // that hold, and are in the ledger
	Last      string   `json:"last"`      // the time of the last of them
	Uncounted int64    `json:"uncounted"` // lines from the first that does not hold on
	Torn      bool     `json:"torn"`      // the file ends within a line
	Sealed    int64    `json:"sealed"`    // records with a part that only the hall can open
	Unknown   []string `json:"unknown"`   // what cannot be told from the file
}

// rebuild adds a twin file up. It holds when every whole line does.
func (c *commands) rebuild() (any, holds, error) {
	path := c.Rebuild.File
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		path = filepath.Join(path, "twin.jsonl")
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, yes, fmt.Errorf("rebuild: %w", err)
	}
	defer f.Close()
	r, err := twin.Rebuild(f)
	if err != nil {
		return nil, yes, fmt.Errorf("rebuild: %w", err)
	}
	doc := rebuilt{Ledger: ctl.LedgerOf(r.Book), Twin: source{File: path, Terminal: r.Terminal, Epoch: r.Epoch, Records: r.Book.Seq, Last: r.Last, Torn: r.Torn, Sealed: r.Sealed}}
	doc.Journal.Head, doc.Journal.Hash, doc.Journal.Chain = r.Book.Seq, r.Hash, "ok"
	if r.Broken != nil {
		doc.Journal.Chain, doc.Twin.Uncounted = r.Broken.Error(), r.After+1
	}
	doc.Twin.Unknown = unknown(r)
	return doc, func() bool { return r.Broken == nil && r.Book.Seq > 0 }, nil
}

// unknown says in sentences what staff must not take for known.
func unknown(r twin.Rebuilt) []string {
	out := []string{fmt.Sprintf("what happened after record %d: the file is written a moment after the journal; compare with the devices' own counters and with the hall", r.Book.Seq)}
	if r.Broken != nil {
		out = append(out, fmt.Sprintf("what %d lines from record %d on tell: the first of them is not as it was written, and they are in no sum; records 1 to %d hold", r.After+1, r.Book.Seq+1, r.Book.Seq))
	}
	if r.Sealed > 0 {
		out = append(out, fmt.Sprintf("the accounts and forms of %d records: they were sealed to the hall's key, and what the hall does not have of them is lost", r.Sealed))
	}
	return append(out, "the codes of slips: the file has only what tells whether a code is right")
}
