package hall

import (
	"context"
	"errors"
	"sync"
)

// formsMax is how many forms are remembered: those of a day at a counter.
const formsMax = 1000

// forms are the forms that did something lately. One that is sent again, by a second click or because its answer was lost, is answered again: whoever
// pays a slip would read otherwise that it had been paid before, and keep the money.
type forms struct {
	mu   sync.Mutex
	done map[string]sent
	list []string
}

// sent is what a form wanted and what it was answered.
type sent struct{ wish, said string }

// errUsedForm refuses a page that stood open while its form was used, or came back.
var errUsedForm = errors.New("this form has been used; load the page again and type the code once more")

// once does what a form wants, unless that form has done it. A form without a name of its own is always done. Whoever has given up meanwhile wants
// nothing any more: he asks again with another form.
func (f *forms) once(ctx context.Context, form, wish string, do func() (string, error)) (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if before, ok := f.done[form]; ok {
		if before.wish != wish {
			return "", errUsedForm
		}
		return before.said, nil
	}
	if err := ctx.Err(); err != nil {
		return "", err
	}
	said, err := do()
	if err != nil || form == "" {
		return said, err
	}
	if f.done == nil {
		f.done = map[string]sent{}
	}
	f.done[form] = sent{wish, said}
	if f.list = append(f.list, form); len(f.list) > formsMax {
		delete(f.done, f.list[0])
		f.list = f.list[1:]
	}
	return said, nil
}
