// Package answer is how the desk's doors speak: JSON in and out, strict about what it does not know.
//
// A request with an unknown field, a second document or the wrong type is refused with status 400 and a
// document {"error":{"kind","text"}} that says what, where and what to do. All doors of the desk use the
// same few functions, so that a stranger learns them once.
package answer

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"
)

// bodyMax bounds a request: the largest is a card with its texts.
const bodyMax = 1 << 20

// Refusal is an answer that is not what was asked for.
type Refusal struct {
	Status int    `json:"-"`
	Kind   string `json:"kind"`
	Text   string `json:"text"`
}

// Error is the refusal's sentence.
func (r *Refusal) Error() string { return r.Text }

// Bad refuses a request that says something wrong.
func Bad(format string, args ...any) error {
	return &Refusal{http.StatusBadRequest, "bad_request", fmt.Sprintf(format, args...)}
}

// None refuses a request for what is not there.
func None(format string, args ...any) error {
	return &Refusal{http.StatusNotFound, "not_found", fmt.Sprintf(format, args...)}
}

// Conflict refuses a request that cannot be met as things stand.
func Conflict(format string, args ...any) error {
	return &Refusal{http.StatusConflict, "conflict", fmt.Sprintf(format, args...)}
}

// Func answers a request with a document, or with an error; see Handler.
type Func func(r *http.Request) (any, error)

// Created is a document with status 201.
type Created struct{ Document any }

// File is an answer that is no JSON.
type File struct {
	Type string
	Data []byte
}

// Handler makes a Func serve HTTP. A *Refusal goes out with its status, any other error as 500.
func Handler(fn Func) http.HandlerFunc {
	return handler(fn, func(r *Refusal) any { return r })
}

// PlainHandler is Handler with {"error":"text"} for a refusal, for doors that promise no more.
func PlainHandler(fn Func) http.HandlerFunc {
	return handler(fn, func(r *Refusal) any { return r.Text })
}

func handler(fn Func, shape func(*Refusal) any) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		doc, err := fn(r)
		if err == nil {
			send(w, doc)
			return
		}
		refusal := &Refusal{Status: http.StatusInternalServerError, Kind: "internal", Text: err.Error()}
		errors.As(err, &refusal)
		write(w, refusal.Status, map[string]any{"error": shape(refusal)})
	}
}

func send(w http.ResponseWriter, doc any) {
	switch d := doc.(type) {
	case File:
		w.Header().Set("Content-Type", d.Type)
		w.Write(d.Data)
	case Created:
		write(w, http.StatusCreated, d.Document)
	default:
		write(w, http.StatusOK, doc)
	}
}

func write(w http.ResponseWriter, status int, doc any) {
	b, err := json.Marshal(doc)
	if err != nil {
		panic("answer: a document that is no JSON: " + err.Error())
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	w.Write(append(b, '\n'))
}

// Read reads the request's document into v.
func Read(r *http.Request, v any) error {
	d := json.NewDecoder(http.MaxBytesReader(nil, r.Body, bodyMax))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return Bad("%s %s: %s; send one JSON document with the fields of the contract", r.Method, r.URL.Path, reason(err))
	}
	if _, err := d.Token(); err != io.EOF {
		return Bad("%s %s: something follows the document; send one only", r.Method, r.URL.Path)
	}
	return nil
}

func reason(err error) string {
	var typed *json.UnmarshalTypeError
	switch {
	case errors.Is(err, io.EOF):
		return "the request is empty"
	case errors.As(err, &typed):
		return fmt.Sprintf("field %q cannot be a %s", typed.Field, typed.Value)
	}
	return err.Error()
}

// Number reads a whole number from the address; empty text is 0.
func Number(r *http.Request, name string, limit int64) (int64, error) {
	text := r.PathValue(name)
	if text == "" {
		text = r.URL.Query().Get(name)
	}
	if text == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 || n > limit {
		return 0, Bad("%s %q: a whole number from 0 to %d", name, text, limit)
	}
	return n, nil
}

// Others answers all addresses that a mux does not know, and is to be its "/".
func Others(r *http.Request) (any, error) {
	return nil, None("%s %s: there is no such door; the contract lists them", r.Method, r.URL.Path)
}

// Server is an HTTP server with the bounds that a door on this machine needs.
func Server(h http.Handler) *http.Server {
	return &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute}
}
